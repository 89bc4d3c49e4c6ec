// SPDX-License-Identifier: Apache-2.0
// Each report as text and as JSON.

#include "driver/cli/format.h"

#include <string>

#include "absl/strings/string_view.h"
#include "driver/cli/json.h"
#include "driver/report.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Report>
Report Make(absl::string_view text) {
  Report report;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(std::string(text), &report));
  return report;
}

TEST(FormatTest, LayerList) {
  const auto list = Make<report::LayerList>(R"pb(
    layers { id: "debian" size_bytes: 10737418240 mapped_bytes: 196608 ready: true }
    layers {
      id: "web"
      parent: "debian"
      size_bytes: 10737418240
      mapped_bytes: 1310720
      ready: true
      mount_path: "/var/lib/dmkit/mnt/web/rootfs"
      mount_count: 1
    }
    layers {
      id: "db"
      parent: "debian"
      size_bytes: 21474836480
      ready: true
      mount_path: "/var/lib/dmkit/mnt/db/rootfs"
      mount_count: 3
    }
    layers { id: "late" parent: "old" parent_removed: true size_bytes: 10737418240 }
  )pb");
  EXPECT_EQ(FormatText(list),
            "LAYER          SIZE     MAPPED   MOUNTED\n"
            "debian         10.74GB  196.6kB  -\n"
            "  db           21.47GB  -        /var/lib/dmkit/mnt/db/rootfs (3 gets)\n"
            "  web          10.74GB  1.311MB  /var/lib/dmkit/mnt/web/rootfs\n"
            "old (removed)  -        -        -\n"
            "  late         10.74GB  -        incomplete\n");
}

TEST(FormatTest, QuarantinedIsListedWithAdvice) {
  const auto list = Make<report::LayerList>(R"pb(
    layers { id: "a" parent: "lost" size_bytes: 1024 ready: true }
    quarantined { object: "devices/lost" problem: "cut off" advice: "restore it" }
    quarantined { object: "devices/x\n" problem: "empty" }
  )pb");
  EXPECT_EQ(FormatText(list),
            "LAYER                SIZE     MAPPED  MOUNTED\n"
            "lost (not readable)  -        -       -\n"
            "  a                  1.024kB  -       -\n"
            "\n"
            "Quarantined, not usable:\n"
            "devices/lost: cut off\n"
            "  what to do: restore it\n"
            "devices/x\\x0a: empty\n");
}

TEST(FormatTest, EmptyLayerListIsAHeading) {
  EXPECT_EQ(FormatText(report::LayerList()), "LAYER  SIZE  MAPPED  MOUNTED\n");
  EXPECT_EQ(ToJson(report::LayerList()), "{\"layers\":[],\"quarantined\":[]}\n");
}

TEST(FormatTest, Layer) {
  const auto layer = Make<report::Layer>(R"pb(
    id: "web"
    parent: "debian"
    size_bytes: 10737418240
    mapped_bytes: 65536
    filesystem: "ext4"
    thin_id: 7
    device_name: "dmkit-0123abcd-web"
    device_number: "254:3"
    mount_path: "/var/lib/dmkit/mnt/web/rootfs"
    mount_count: 2
    created_unix_seconds: 1700000000
    ready: true
  )pb");
  EXPECT_EQ(FormatText(layer),
            "Id: web\n"
            "Parent: debian\n"
            "Ready: yes\n"
            "Created: 2023-11-14T22:13:20+00:00\n"
            "Size: 10.74GB\n"
            "Mapped: 65.54kB\n"
            "Filesystem: ext4\n"
            "Thin id: 7\n"
            "Device name: dmkit-0123abcd-web\n"
            "Device number: 254:3\n"
            "Mounted at: /var/lib/dmkit/mnt/web/rootfs\n"
            "Gets: 2\n");
  EXPECT_EQ(ToJson(layer),
            "{\"id\":\"web\",\"parent\":\"debian\",\"parent_removed\":false,"
            "\"size_bytes\":\"10737418240\",\"filesystem\":\"ext4\","
            "\"thin_id\":7,\"device_name\":\"dmkit-0123abcd-web\",\"device_number\":\"254:3\","
            "\"mount_path\":\"/var/lib/dmkit/mnt/web/rootfs\",\"mount_count\":2,"
            "\"created_unix_seconds\":\"1700000000\",\"ready\":true,"
            "\"mapped_bytes\":\"65536\"}\n");
}

TEST(FormatTest, LayerThatIsNotActive) {
  const auto layer = Make<report::Layer>(R"pb(
    id: "web"
    parent: "old"
    parent_removed: true
    size_bytes: 1000
    filesystem: "xfs"
    thin_id: 1
    device_name: "d"
  )pb");
  EXPECT_EQ(FormatText(layer),
            "Id: web\n"
            "Parent: old (removed)\n"
            "Ready: no\n"
            "Size: 1kB\n"
            "Mapped: -\n"
            "Filesystem: xfs\n"
            "Thin id: 1\n"
            "Device name: d\n"
            "Device number: none, not active\n"
            "Mounted at: -\n"
            "Gets: 0\n");
  EXPECT_THAT(ToJson(layer), Not(HasSubstr("mapped_bytes")));
}

TEST(FormatTest, DriverStatus) {
  const auto status = Make<report::DriverStatus>(R"pb(
    rows { name: "Pool Name" value: "dmkit-0123abcd-pool" }
    rows { name: "Data file" value: "/dev/loop0\n" }
    rows { name: "Empty" }
  )pb");
  EXPECT_EQ(FormatText(status),
            "Pool Name: dmkit-0123abcd-pool\nData file: /dev/loop0\\x0a\nEmpty:\n");
  EXPECT_EQ(ToJson(status),
            "{\"rows\":[{\"name\":\"Pool Name\",\"value\":\"dmkit-0123abcd-pool\"},"
            "{\"name\":\"Data file\",\"value\":\"/dev/loop0\\n\"},"
            "{\"name\":\"Empty\",\"value\":\"\"}]}\n");
}

constexpr absl::string_view kPool = R"pb(
  name: "dmkit-0123abcd-pool"
  uuid: "DMKIT-x-pool"
  device_number: "254:0"
  mode: "rw"
  transaction_id: 5
  block_size_bytes: 65536
  used_data_bytes: 1310720
  total_data_bytes: 107374182400
  used_metadata_bytes: 4096
  total_metadata_bytes: 2147483648
  discard: "discard_passdown"
  data_backing: "/r/pool/data"
  metadata_backing: "/r/pool/metadata"
)pb";

TEST(FormatTest, PoolStatus) {
  const auto status = Make<report::PoolStatus>(kPool);
  EXPECT_EQ(FormatText(status),
            "Name: dmkit-0123abcd-pool\n"
            "UUID: DMKIT-x-pool\n"
            "Device number: 254:0\n"
            "Mode: rw\n"
            "Needs check: no\n"
            "Transaction id: 5\n"
            "Block size: 65.54kB\n"
            "Data used: 1.311MB of 107.4GB\n"
            "Metadata used: 4.096kB of 2.147GB\n"
            "Discard: discard_passdown\n"
            "When full: queue\n"
            "Data on: /r/pool/data\n"
            "Metadata on: /r/pool/metadata\n");
  EXPECT_EQ(ToJson(status),
            "{\"name\":\"dmkit-0123abcd-pool\",\"uuid\":\"DMKIT-x-pool\","
            "\"device_number\":\"254:0\",\"mode\":\"rw\",\"needs_check\":false,"
            "\"transaction_id\":\"5\",\"block_size_bytes\":\"65536\","
            "\"used_data_bytes\":\"1310720\",\"total_data_bytes\":\"107374182400\","
            "\"used_metadata_bytes\":\"4096\",\"total_metadata_bytes\":\"2147483648\","
            "\"discard\":\"discard_passdown\",\"error_if_no_space\":false,"
            "\"data_backing\":\"/r/pool/data\",\"metadata_backing\":\"/r/pool/metadata\"}\n");
}

TEST(FormatTest, PoolEvent) {
  const auto event = Make<report::PoolEvent>(R"pb(
    unix_milliseconds: 1500
    event: "mode"
    name: "dmkit-0123abcd-pool\n"
    uuid: "DMKIT-x-pool"
    device_number: "254:0"
    event_nr: 3
    mode: "ro"
    mode_before: "rw"
    needs_check: true
    used_data_bytes: 1310720
    total_data_bytes: 107374182400
    used_metadata_bytes: 4096
    total_metadata_bytes: 2147483648
  )pb");
  EXPECT_EQ(FormatText(event),
            "1970-01-01T00:00:01+00:00 mode: dmkit-0123abcd-pool\\x0a: mode ro (was rw), needs "
            "check, data 1.311MB of 107.4GB, metadata 4.096kB of 2.147GB\n");
  EXPECT_EQ(ToJson(event),
            "{\"unix_milliseconds\":\"1500\",\"event\":\"mode\","
            "\"name\":\"dmkit-0123abcd-pool\\n\",\"uuid\":\"DMKIT-x-pool\","
            "\"device_number\":\"254:0\",\"event_nr\":3,\"mode\":\"ro\","
            "\"mode_before\":\"rw\",\"needs_check\":true,\"used_data_bytes\":\"1310720\","
            "\"total_data_bytes\":\"107374182400\",\"used_metadata_bytes\":\"4096\","
            "\"total_metadata_bytes\":\"2147483648\"}\n");
  EXPECT_EQ(FormatText(Make<report::PoolEvent>(R"pb(event: "gone")pb")),
            "1970-01-01T00:00:00+00:00 gone\n");
}

TEST(FormatTest, PoolCheck) {
  report::PoolCheck check;
  *check.mutable_pool() = Make<report::PoolStatus>(kPool);
  check.set_clean(true);
  EXPECT_EQ(FormatText(check), "dmkit-0123abcd-pool: mode rw, nothing is wrong\n");
  EXPECT_THAT(ToJson(check), HasSubstr("\"clean\":true,\"problems\":[]}"));

  check.set_clean(false);
  check.mutable_pool()->set_needs_check(true);
  *check.add_problems() = Make<report::Problem>(R"pb(object: "thin id 9"
                                                     problem: "no layer owns it"
                                                     advice: "delete it")pb");
  EXPECT_EQ(FormatText(check),
            "dmkit-0123abcd-pool: mode rw, needs check, problems: 1\n"
            "thin id 9: no layer owns it\n"
            "  what to do: delete it\n");
  EXPECT_THAT(ToJson(check), HasSubstr("\"clean\":false,\"problems\":[{\"object\":\"thin id 9\","
                                       "\"problem\":\"no layer owns it\","
                                       "\"advice\":\"delete it\"}]}"));
}

TEST(FormatTest, VersionInfo) {
  auto version = Make<report::VersionInfo>(R"pb(version: "1.2.3" commit: "abc")pb");
  EXPECT_EQ(FormatText(version),
            "dmkit: 1.2.3\ncommit: abc\ndevice-mapper interface: not available\n");
  EXPECT_EQ(ToJson(version), "{\"version\":\"1.2.3\",\"commit\":\"abc\",\"dm_interface\":\"\"}\n");
  version.set_dm_interface("4.48.0");
  EXPECT_THAT(FormatText(version), HasSubstr("\ndevice-mapper interface: 4.48.0\n"));
}

TEST(FormatTest, MountedIsThePathAsItIs) {
  const auto mounted = Make<report::Mounted>(R"pb(id: "web" path: "/r \\x/rootfs")pb");
  EXPECT_EQ(FormatText(mounted), "/r \\x/rootfs\n");
  EXPECT_EQ(ToJson(mounted), "{\"id\":\"web\",\"path\":\"/r \\\\x/rootfs\"}\n");
}

TEST(FormatTest, ExistsIsSilentAsText) {
  const auto exists = Make<report::Exists>(R"pb(id: "web" exists: true)pb");
  EXPECT_EQ(FormatText(exists), "");
  EXPECT_EQ(ToJson(exists), "{\"id\":\"web\",\"exists\":true}\n");
}

TEST(FormatTest, LoopDevices) {
  const auto list = Make<report::LoopDeviceList>(R"pb(
    devices { number: 0 path: "/dev/loop0" backing_file: "/r/pool/data" autoclear: true }
    devices {
      number: 12
      path: "/dev/loop12"
      backing_file: "/\033"
      offset_bytes: 1048576
      size_limit_bytes: 512
      read_only: true
      direct_io: true
    }
  )pb");
  EXPECT_EQ(FormatText(list),
            "DEVICE       OFFSET   LIMIT  READ-ONLY  AUTOCLEAR  DIRECT-IO  FILE\n"
            "/dev/loop0   0        0      no         yes        no         /r/pool/data\n"
            "/dev/loop12  1048576  512    yes        no         yes        /\\x1b\n");
  EXPECT_EQ(FormatText(list.devices(1)), "/dev/loop12\n");
  EXPECT_EQ(ToJson(list.devices(0)),
            "{\"number\":0,\"path\":\"/dev/loop0\",\"backing_file\":\"/r/pool/data\","
            "\"offset_bytes\":\"0\",\"size_limit_bytes\":\"0\",\"read_only\":false,"
            "\"autoclear\":true,\"direct_io\":false}\n");
}

TEST(JsonTest, DmDevices) {
  const auto list = Make<report::DmDeviceList>(R"pb(
    devices {
      name: "a"
      device_number: "254:0"
      active_table: true
      open_count: -1
      event_nr: 4294967295
      target_count: 1
      targets { length_sectors: 8 type: "zero" }
    }
  )pb");
  EXPECT_EQ(ToJson(list),
            "{\"devices\":[{\"name\":\"a\",\"uuid\":\"\",\"device_number\":\"254:0\","
            "\"suspended\":false,\"read_only\":false,\"active_table\":true,"
            "\"inactive_table\":false,\"open_count\":-1,\"event_nr\":4294967295,"
            "\"target_count\":1,\"targets\":[{\"start_sector\":\"0\",\"length_sectors\":\"8\","
            "\"type\":\"zero\",\"text\":\"\"}],\"deferred_remove\":false,\"used\":[]}],"
            "\"rows\":[]}\n");
}

TEST(JsonTest, DmTargetsAndMessageReply) {
  EXPECT_EQ(ToJson(Make<report::DmTargetVersionList>(
                R"pb(targets { type: "linear" version: "1.4.0" })pb")),
            "{\"targets\":[{\"type\":\"linear\",\"version\":\"1.4.0\"}]}\n");
  EXPECT_EQ(ToJson(Make<report::DmMessageReply>(R"pb(name: "a" reply: "x\ny")pb")),
            "{\"name\":\"a\",\"reply\":\"x\\ny\"}\n");
}

TEST(JsonTest, BytesThatAreNotUtf8AreEscapedAtAnyDepth) {
  report::DmDeviceList list;
  list.add_devices()->set_name("a\xff");
  list.mutable_devices(0)->add_targets()->set_text("\xc3");
  const std::string json = ToJson(list);
  EXPECT_THAT(json, HasSubstr("\"name\":\"a\\\\xff\""));
  EXPECT_THAT(json, HasSubstr("\"text\":\"\\\\xc3\""));
}

TEST(FormatTest, ImportTellsWhatItFoundAndWhatItCannotUse) {
  report::ImportReport import;
  import.set_docker_root("/var/lib/docker/devicemapper");
  import.set_root("/var/lib/old");
  import.set_dry_run(true);
  import.set_block_size_bytes(65536);
  import.set_transaction_id(7);
  report::Layer& layer = *import.add_layers();
  layer.set_id("2af9");
  layer.set_size_bytes(1000000000);
  layer.set_ready(true);
  report::Problem& problem = *import.add_problems();
  problem.set_object("metadata/2afa");
  problem.set_problem("it is no JSON");
  problem.set_advice("restore it");
  EXPECT_EQ(FormatText(import),
            "Docker store: /var/lib/docker/devicemapper\n"
            "Store: /var/lib/old\n"
            "Writable: no\n"
            "Dry run: nothing was made or written\n"
            "Block size: 65.54kB\n"
            "Transaction id: 7\n"
            "\n"
            "LAYER  SIZE  MAPPED  MOUNTED\n"
            "2af9   1GB   -       -\n"
            "\n"
            "Not usable:\n"
            "metadata/2afa: it is no JSON\n"
            "  what to do: restore it\n");
}

TEST(FormatTest, GarbageNamesWhatIsFreedAndWhatIsNot) {
  report::GarbageReport garbage;
  EXPECT_EQ(FormatText(garbage), "");
  garbage.add_freed("web");
  report::Problem& problem = *garbage.add_left();
  problem.set_object("db");
  problem.set_problem("it is in use");
  EXPECT_EQ(FormatText(garbage), "freed: web\nleft: db: it is in use\n");
}

TEST(FormatTest, SizeOfChangesIsANumber) {
  report::ChangesSize size;
  size.set_bytes(5000000000);
  EXPECT_EQ(FormatText(size), "5000000000\n");
}

TEST(JsonTest, ControlCharactersAreEscaped) {
  report::Mounted mounted;
  mounted.set_path(std::string("\x1b\0\"", 3));
  EXPECT_THAT(ToJson(mounted), HasSubstr("\"path\":\"\\u001b\\u0000\\\"\""));
}

}  // namespace
}  // namespace dmkit::driver::cli
