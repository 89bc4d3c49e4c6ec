// SPDX-License-Identifier: Apache-2.0
// Whole devices on a real kernel: nodes, data, reloads, and text beside that of dmsetup.

#include <cerrno>
#include <string>
#include <vector>

#include "dm/activate.h"
#include "dm/codec_testing.h"
#include "dm/nodes.h"
#include "dm/targets/error.h"
#include "dm/text.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;
using testing::Line;
using ::testing::SizeIs;
using testing::VmTest;

class ActivateVmTest : public VmTest {
 protected:
  absl::StatusOr<DeviceInfo> Create(absl::string_view name, std::vector<TableLine> table) {
    return CreateDevice(dm_, {TestName(name), TestUuid(name), std::move(table)});
  }
  absl::Status Remove(absl::string_view name, bool deferred = false) {
    return RemoveDevice(dm_, {TestName(name), TestUuid(name)}, absl::Seconds(5), deferred);
  }
  static std::string MapperPath(absl::string_view name) {
    return absl::StrCat("/dev/mapper/", MangledName(TestName(name)));
  }
  absl::StatusOr<std::string> Read(sys::File& file, uint64_t offset, size_t size) {
    std::string text(size, '?');
    const auto got = file.ReadAt(offset, absl::MakeSpan(&text[0], size));
    if (!got.ok()) return got.status();
    return text.substr(0, *got);
  }
};

TEST_F(ActivateVmTest, CreateMakesNodesAndRemoveTakesThem) {
  const auto info = Create("a b", {ZeroLine(0, 8)});
  ASSERT_THAT(info, IsOk());
  const auto node = host_.root->StatLink(MapperPath("a b"));
  ASSERT_THAT(node, IsOk());
  EXPECT_EQ(node->type, sys::FileType::kBlockDevice);
  EXPECT_EQ(node->rdevice, info->device);
  EXPECT_EQ(node->mode, 0600u);
  EXPECT_THAT(Remove("a b"), IsOk());
  EXPECT_THAT(host_.root->StatLink(MapperPath("a b")), FailsWithErrno(ENOENT));
  EXPECT_THAT(host_.root->StatLink(absl::StrCat("/dev/dm-", info->device.minor)),
              FailsWithErrno(ENOENT));
  EXPECT_THAT(Remove("a b"), IsOk()) << "repeatable";
}

TEST_F(ActivateVmTest, ACreationThatFailsLeavesNothing) {
  EXPECT_THAT(Create("a", {Line(0, 8, "nosuchtype", "")}), FailsWithErrno(EINVAL));
  EXPECT_THAT(Create("a", {LinearLine(0, kRamSectors + 1, 0)}), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Info(TestName("a")), FailsWithErrno(ENXIO));
  EXPECT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  EXPECT_THAT(Create("a", {ZeroLine(0, 8)}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Info(TestName("a")), IsOk()) << "the first one stays";
}

TEST_F(ActivateVmTest, DataGoesWhereTheTableSays) {
  const auto info = Create("a", {LinearLine(0, 8, 1024), ZeroLine(8, 8),
                                 ErrorTarget().Line(sys::Sectors(16), sys::Sectors(8))});
  ASSERT_THAT(info, IsOk());
  const std::string pattern(4096, 'd');
  {
    const auto device = OpenNode(info->device, sys::Access::kReadWrite);
    ASSERT_THAT(device, IsOk());
    EXPECT_EQ(sys::BlockSize(**device).value(), sys::Bytes(24 * 512));
    ASSERT_THAT((*device)->WriteAt(0, pattern), IsOk());
    ASSERT_THAT((*device)->Sync(), IsOk());
    EXPECT_THAT(Read(**device, 4096, 4096), IsOkAndHolds(std::string(4096, '\0')));
    EXPECT_THAT(Read(**device, 8192, 4096), FailsWithErrno(EIO));
  }
  const auto ram = sys::OpenBlock(host_, kRam, sys::OpenOptions());
  ASSERT_THAT(ram, IsOk());
  EXPECT_THAT(Read(**ram, 1024 * 512, 4096), IsOkAndHolds(pattern));
}

TEST_F(ActivateVmTest, AReadOnlyDeviceTakesNoWrites) {
  const auto info =
      CreateDevice(dm_, {TestName("a"), TestUuid("a"), {LinearLine(0, 8, 0)}, /*read_only=*/true});
  ASSERT_THAT(info, IsOk());
  EXPECT_TRUE(info->read_only);
  const auto device = OpenNode(info->device, sys::Access::kReadWrite);
  ASSERT_THAT(device, IsOk());
  EXPECT_THAT((*device)->WriteAt(0, std::string(512, 'x')), FailsWithErrno(EPERM));
}

TEST_F(ActivateVmTest, ReloadChangesALiveDevice) {
  ASSERT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  const auto reloaded = ReloadDevice(dm_, TestUuid("a"), {ZeroLine(0, 64)});
  ASSERT_THAT(reloaded, IsOk());
  EXPECT_FALSE(reloaded->suspended);
  EXPECT_EQ(dm_.Table(TestName("a"), {})->targets.at(0).length, sys::Sectors(64));
}

TEST_F(ActivateVmTest, AFailedReloadLeavesTheOldTableRunning) {
  ASSERT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  EXPECT_THAT(ReloadDevice(dm_, TestUuid("a"), {LinearLine(0, kRamSectors + 1, 0)}),
              FailsWithErrno(EINVAL));
  EXPECT_THAT(ReloadDevice(dm_, TestUuid("a"), {Line(0, 8, "nosuchtype", "")}),
              FailsWithErrno(EINVAL));
  const auto info = dm_.Info(TestUuid("a"));
  EXPECT_FALSE(info->suspended);
  EXPECT_FALSE(info->has_inactive_table);
  EXPECT_EQ(dm_.Table(TestName("a"), {})->targets.at(0).type, "zero");
}

TEST_F(ActivateVmTest, AnOpenDeviceIsLeftToTheKernelWhenAsked) {
  const auto info = Create("a", {ZeroLine(0, 8)});
  {
    const auto open = OpenNode(info->device, sys::Access::kReadOnly);
    ASSERT_THAT(open, IsOk());
    EXPECT_THAT(RemoveDevice(dm_, {TestName("a"), TestUuid("a")}, absl::Milliseconds(5), false),
                FailsWithErrno(EBUSY));
    EXPECT_THAT(RemoveDevice(dm_, {TestName("a"), TestUuid("a")}, absl::Milliseconds(5), true),
                IsOk());
    EXPECT_THAT(host_.root->StatLink(MapperPath("a")), FailsWithErrno(ENOENT));
  }
  EXPECT_TRUE(IsGoneInTime(TestName("a")));
}

TEST_F(ActivateVmTest, AStrangerWithTheSameNameIsNotTouched) {
  MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(EnsureMapperNode(host_, TestName("a"), dm_.Info(TestName("a"))->device), IsOk());
  EXPECT_THAT(Remove("a"), IsOk()) << "there is no device with our uuid";
  EXPECT_THAT(dm_.Info(TestName("a")), IsOk());
  EXPECT_THAT(host_.root->StatLink(MapperPath("a")), IsOk());
  ASSERT_THAT(RemoveMapperNode(host_, TestName("a")), IsOk());
}

TEST_F(ActivateVmTest, EachIoctlCanBeTraced) {
  struct Lines : sys::TraceSink {
    std::vector<std::string> lines;
    void Line(absl::string_view line) override { lines.emplace_back(line); }
    void Hold() override {}
    void Release() override {}
  } sink;
  DeviceMapper traced = DeviceMapper::Open(linux_.host(&sink)).value();
  ASSERT_THAT(CreateDevice(traced, {TestName("a"), TestUuid("a"), {ZeroLine(0, 8)}}), IsOk());
  ASSERT_THAT(sink.lines, SizeIs(4));
  EXPECT_THAT(sink.lines[2], HasSubstr("table=[0 8 zero]"));
  EXPECT_THAT(sink.lines[3], HasSubstr("flags=ACTIVE_PRESENT|UEVENT_GENERATED"));
}

// BLKRAGET of <linux/fs.h>.
constexpr unsigned long kGetReadAhead = 0x1263;

class TextVmTest : public ActivateVmTest {
 protected:
  DeviceDetails Details(const DmName& name) {
    DeviceDetails details{dm_.Info(name).value(), std::nullopt};
    const auto node = OpenNode(details.info.device, sys::Access::kReadOnly);
    if (!node.ok()) return details;
    char buffer[sizeof(long)] = {};
    if (!(*node)->Ioctl(kGetReadAhead, absl::MakeSpan(buffer)).ok()) return details;
    details.read_ahead = static_cast<uint8_t>(buffer[0]) | static_cast<uint32_t>(buffer[1]) << 8;
    return details;
  }
  std::string Dmsetup(std::vector<std::string> words) {
    // Without what it says on standard error about nodes that are not there.
    words.insert(words.begin(), {"sh", "-c", "exec dmsetup \"$@\" 2>/dev/null", "sh"});
    return OutputOf(words);
  }
};

TEST_F(TextVmTest, WithoutDevicesDmsetupSaysTheSame) {
  EXPECT_EQ(FormatDevices({}), Dmsetup({"ls"}));
  EXPECT_EQ(FormatAllStatus({}), Dmsetup({"status"}));
  EXPECT_EQ(FormatAllTables({}, false), Dmsetup({"table"}));
  EXPECT_EQ(FormatDetails({}), Dmsetup({"info"}));
}

TEST_F(TextVmTest, DmsetupPrintsTheSame) {
  ASSERT_THAT(Create("multi", {LinearLine(0, 8, 16), ZeroLine(8, 8)}), IsOk());
  ASSERT_THAT(Create("with\\x20blank", {ZeroLine(0, 8)}), IsOk());
  ASSERT_THAT(CreateDevice(dm_, {TestName("ro"), TestUuid("ro"), {ZeroLine(0, 8)}, true}), IsOk());
  ASSERT_THAT(dm_.Load(TestName("multi"), {ZeroLine(0, 8)}, {}), IsOk());
  ASSERT_THAT(dm_.Suspend(TestName("ro"), {}), IsOk());
  const auto open = OpenNode(dm_.Info(TestName("ro"))->device, sys::Access::kReadOnly);
  ASSERT_THAT(dm_.Remove(TestName("ro"), {true, {}}), IsOk());
  ASSERT_THAT(dm_.Create(TestName("bare"), {}), IsOk());

  const auto list = dm_.List().value();
  std::vector<TableReply> status, table;
  std::vector<DeviceDetails> details;
  for (const ListedDevice& device : list) {
    const DmName name = DmName::Create(device.name).value();
    // dmsetup opens the node of each device for its read-ahead, by name.
    if (device.name != TestName("bare").text()) {
      ASSERT_THAT(EnsureMapperNode(host_, name, device.device), IsOk());
    }
    status.push_back(dm_.Status(name, {}).value());
    table.push_back(dm_.Table(name, {}).value());
    details.push_back(Details(name));
    EXPECT_EQ(FormatStatus(status.back()), Dmsetup({"status", device.name}));
    EXPECT_EQ(FormatTable(table.back(), false), Dmsetup({"table", device.name}));
  }
  EXPECT_EQ(FormatDevices(list), Dmsetup({"ls"}));
  EXPECT_EQ(FormatAllStatus(status), Dmsetup({"status"}));
  EXPECT_EQ(FormatAllTables(table, false), Dmsetup({"table"}));
  EXPECT_EQ(FormatDetails(details), Dmsetup({"info"}));
  EXPECT_EQ(FormatTargets(dm_.ListVersions().value()), Dmsetup({"targets"}));
  for (const ListedDevice& device : list) {
    ASSERT_THAT(RemoveMapperNode(host_, DmName::Create(device.name).value()), IsOk());
  }
}

TEST_F(TextVmTest, DmsetupHidesTheSameKeys) {
  const std::string key = "000102030405060708090a0b0c0d0e0f";
  const std::string hash = absl::StrCat("hmac(sha256):", key);
  // The superblock of an integrity device is made by the first load, on zeros.
  const auto ram = sys::OpenBlock(host_, kRam, {sys::Access::kReadWrite});
  ASSERT_THAT(ram, IsOk());
  ASSERT_THAT((*ram)->WriteAt(0, std::string(4096, '\0')), IsOk());
  ASSERT_THAT((*ram)->Sync(), IsOk());
  MakeActive("crypt",
             {Line(0, 64, "crypt", absl::StrCat("capi:cbc(aes)-plain64 ", key, " 0 1:1 0"))});
  MakeActive("integrity",
             {Line(0, 1000, "integrity",
                   absl::StrCat("1:0 0 32 J 2 internal_hash:", hash, " journal_mac:", hash))});
  for (absl::string_view name : {"crypt", "integrity"}) {
    const TableReply table = dm_.Table(TestName(name), {}).value();
    ASSERT_THAT(table.targets, SizeIs(1)) << name;
    EXPECT_THAT(table.targets[0].text, HasSubstr(key));
    const std::string hidden = FormatTable(table, false);
    EXPECT_THAT(hidden, ::testing::Not(HasSubstr(key)));
    EXPECT_EQ(hidden, Dmsetup({"table", TestName(name).text()}));
    EXPECT_EQ(FormatTable(table, true), Dmsetup({"table", "--showkeys", TestName(name).text()}));
  }
}

}  // namespace
}  // namespace dmkit::dm
