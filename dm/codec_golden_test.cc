// SPDX-License-Identifier: Apache-2.0
// The codec against bytes that real kernels wrote: testdata/README.md says how they were taken.

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/codec_header.h"
#include "dm/codec_reply.h"
#include "dm/codec_request.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

constexpr size_t kGoldens = 73;

struct Golden {
  uint32_t command = 0;
  std::string error;
  std::string request;
  std::string reply;
};

// The lines of a hexadecimal dump behind "<what> <size>"; lines of zeros are left out of the file.
std::string ReadHex(std::istream& file, size_t size) {
  std::string bytes(size, '\0');
  while (file.peek() >= '0' && file.peek() <= '9') {
    std::string offset, digits;
    file >> offset >> digits >> std::ws;
    const std::string line = absl::HexStringToBytes(digits);
    bytes.replace(std::stoul(offset, nullptr, 16), line.size(), line);
  }
  return bytes;
}

std::map<std::string, Golden> ReadGoldens(const std::string& kernel) {
  std::ifstream file("dm/testdata/golden_" + kernel + ".txt");
  std::map<std::string, Golden> goldens;
  std::string word, name;
  while (file >> word) {
    if (word == "#") {
      std::getline(file, word);
    } else if (word == "case") {
      file >> name;
    } else if (word == "command") {
      file >> goldens[name].command;
    } else if (word == "error") {
      file >> goldens[name].error;
    } else if (word == "request" || word == "reply") {
      size_t size = 0;
      file >> size >> std::ws;
      // "reply" starts with no digit, and so does "end".
      (word == "request" ? goldens[name].request : goldens[name].reply) = ReadHex(file, size);
    }
  }
  return goldens;
}

class GoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    goldens_ = ReadGoldens(GetParam());
    ASSERT_EQ(goldens_.size(), kGoldens);
    kernel_ = GetParam() == "6_1" ? Version{4, 47, 0} : Version{4, 48, 0};
  }

  static bool IsPoisoned(const std::string& name) { return absl::EndsWith(name, "_poisoned"); }

  template <typename T>
  T Decoded(const std::string& name) {
    const Golden& golden = goldens_.at(name);
    const auto raw = RawReply::Parse(static_cast<Command>(golden.command), golden.reply);
    if (!raw.ok()) {
      ADD_FAILURE() << name << ": " << raw.status();
      return T();
    }
    const auto reply = DecodeReply(*raw);
    if (!reply.ok() || !std::holds_alternative<T>(*reply)) {
      ADD_FAILURE() << name << ": " << reply.status();
      return T();
    }
    return std::get<T>(*reply);
  }

  std::map<std::string, Golden> goldens_;
  Version kernel_;
};

TEST_P(GoldenTest, RequestsDecodeAndEncodeToTheSameBytes) {
  // What this library would not send: another version, flags without a meaning, no valid name, two
  // keys.
  const std::set<std::string> foreign = {
      "version_newer_minor", "version_other_major", "unknown_command",     "create_no_name",
      "create_slash",        "status_two_keys",     "status_unknown_flags"};
  size_t checked = 0;
  for (const auto& [name, golden] : goldens_) {
    if (foreign.count(name) != 0 || IsPoisoned(name)) continue;
    SCOPED_TRACE(name);
    const auto request = DecodeRequest(static_cast<Command>(golden.command), golden.request);
    ASSERT_THAT(request, IsOk());
    EXPECT_EQ(EncodeRequest(*request, golden.request.size()).value(), golden.request);
    ++checked;
  }
  EXPECT_EQ(checked, kGoldens - foreign.size() - 4);
}

TEST_P(GoldenTest, RepliesDecodeAndEncodeToTheSameBytes) {
  size_t checked = 0;
  for (const auto& [name, golden] : goldens_) {
    if (golden.error != "0" || IsPoisoned(name) || absl::EndsWith(name, "_full")) continue;
    SCOPED_TRACE(name);
    const auto command = static_cast<Command>(golden.command);
    const auto raw = RawReply::Parse(command, golden.reply);
    ASSERT_THAT(raw, IsOk());
    const auto reply = DecodeReply(*raw);
    ASSERT_THAT(reply, IsOk());
    const auto encoded = EncodeReply(command, *reply, kernel_, golden.request);
    ASSERT_THAT(encoded, IsOk());
    EXPECT_EQ(absl::BytesToHexString(*encoded), absl::BytesToHexString(golden.reply));
    ++checked;
  }
  EXPECT_EQ(checked, 48u);
}

TEST_P(GoldenTest, RepliesThatDidNotFitAreNotDecoded) {
  for (const char* name :
       {"list_full", "list_versions_full", "targets_full", "deps_full", "message_full"}) {
    SCOPED_TRACE(name);
    const Golden& golden = goldens_.at(name);
    EXPECT_EQ(golden.error, "0");
    const auto raw = RawReply::Parse(static_cast<Command>(golden.command), golden.reply);
    ASSERT_THAT(raw, IsOk());
    EXPECT_TRUE(raw->buffer_full());
    EXPECT_THAT(DecodeReply(*raw), FailsWithCode(absl::StatusCode::kResourceExhausted));
  }
}

TEST_P(GoldenTest, ARefusedCommandChangesNothingButTheVersion) {
  size_t checked = 0;
  for (const auto& [name, golden] : goldens_) {
    if (golden.error == "0") continue;
    SCOPED_TRACE(name);
    EXPECT_EQ(golden.reply.substr(12), golden.request.substr(12));
    EXPECT_EQ(golden.reply.substr(0, 12),
              std::string(reinterpret_cast<const char*>(&kernel_), sizeof(kernel_)));
    ++checked;
  }
  EXPECT_EQ(checked, 16u);
}

TEST_P(GoldenTest, RefusalsHaveTheseErrnos) {
  const std::map<std::string, std::string> expected = {
      {"version_newer_minor", "EINVAL"},
      {"version_other_major", "EINVAL"},
      {"unknown_command", "ENOTTY"},
      {"target_version_unknown", "EINVAL"},
      {"create_taken", "EBUSY"},
      {"create_no_name", "EINVAL"},
      {"create_slash", "EINVAL"},
      {"load_bad_type", "EINVAL"},
      {"load_gap", "EINVAL"},
      {"status_missing", "ENXIO"},
      {"status_two_keys", "EINVAL"},
      {"message_refused", "EINVAL"},
      {"geometry_out_of_range", "EINVAL"},
      {"rename_taken", "EBUSY"},
      {"remove_open", "EBUSY"},
      {"remove_missing", "ENXIO"},
  };
  for (const auto& [name, golden] : goldens_) {
    const auto refusal = expected.find(name);
    EXPECT_EQ(golden.error, refusal == expected.end() ? "0" : refusal->second) << name;
  }
}

TEST_P(GoldenTest, BytesThatTheKernelLeftAloneDoNotMatter) {
  EXPECT_EQ(Decoded<TableReply>("targets_poisoned"), Decoded<TableReply>("targets"));
  EXPECT_EQ(Decoded<ListDevicesReply>("list_poisoned"), Decoded<ListDevicesReply>("list_uuids"));
  EXPECT_EQ(Decoded<TargetVersionsReply>("list_versions_poisoned"),
            Decoded<TargetVersionsReply>("list_versions"));
  EXPECT_EQ(Decoded<DeviceInfo>("status_poisoned"), Decoded<DeviceInfo>("status"));
}

TEST_P(GoldenTest, HeaderOnlyRepliesAre305BytesLong) {
  const Golden& golden = goldens_.at("status_poisoned");
  EXPECT_EQ(DecodeHeader(golden.reply)->data_size, kHeaderBytes);
  EXPECT_EQ(golden.reply.substr(kHeaderBytes), std::string(7, '\x5a'));
}

TEST_P(GoldenTest, AnEmptyListEndsBeforeItsMark) {
  EXPECT_EQ(DecodeHeader(goldens_.at("list_empty").reply)->data_size, kPayloadStart);
  EXPECT_THAT(Decoded<ListDevicesReply>("list_empty").devices, IsEmpty());
}

TEST_P(GoldenTest, ListsTellNameNumberEventsAndUuid) {
  const auto list = Decoded<ListDevicesReply>("list_uuids").devices;
  ASSERT_THAT(list, SizeIs(3));
  EXPECT_EQ(list[0], (ListedDevice{{253, 1}, "linear", 0, "DMKIT-golden-linear"}));
  EXPECT_EQ(list[1], (ListedDevice{{253, 300}, "minor", 0, ""}));
  EXPECT_EQ(list[2], (ListedDevice{{253, 0}, "zero", 0, ""}));
  EXPECT_EQ(Decoded<ListDevicesReply>("list").devices[0].uuid, std::nullopt);
  EXPECT_THAT(Decoded<ListDevicesReply>("list_prefix").devices, SizeIs(1));
}

TEST_P(GoldenTest, TheSizeOfAVersionListIsTooLarge) {
  const auto& reply = goldens_.at("list_versions").reply;
  const auto targets = Decoded<TargetVersionsReply>("list_versions").targets;
  EXPECT_THAT(targets, ElementsAre(Field(&TargetVersion::type, "striped"),
                                   Field(&TargetVersion::type, "linear"),
                                   Field(&TargetVersion::type, "error")));
  // 16 bytes, the name, its NUL and 7 more for each; what is used is rounded up to 8 only.
  EXPECT_EQ(DecodeHeader(reply)->data_size, 312u + 3 * 24 + 18);
  EXPECT_THAT(Decoded<TargetVersionsReply>("target_version").targets,
              ElementsAre(TargetVersion{"linear", {1, 4, 0}}));
}

TEST_P(GoldenTest, TablesTellWhatWasLoaded) {
  const TableReply table = Decoded<TableReply>("table");
  EXPECT_EQ(table.info.target_count, 3u);
  EXPECT_THAT(table.targets,
              ElementsAre(TargetStatus{sys::Sectors(0), sys::Sectors(1000), "linear", "1:0 8"},
                          TargetStatus{sys::Sectors(1000), sys::Sectors(24), "error", ""},
                          TargetStatus{sys::Sectors(1024), sys::Sectors(1024), "striped",
                                       "2 128 1:0 2048 1:1 0"}));
  EXPECT_EQ(Decoded<TableReply>("targets").targets[2].text, "2 1:0 1:1 1 AA");
  EXPECT_EQ(Decoded<TableReply>("table_inactive").targets[0].length, sys::Sectors(64));
  EXPECT_THAT(Decoded<TableReply>("ima").targets[0].text,
              ::testing::StartsWith("target_name=linear,"));
  EXPECT_THAT(Decoded<TableReply>("table_of_new").targets, IsEmpty());
}

TEST_P(GoldenTest, DependenciesTellTheLastOneFirst) {
  EXPECT_THAT(Decoded<DependenciesReply>("deps").devices,
              ElementsAre(sys::DeviceNumber{1, 1}, sys::DeviceNumber{1, 0}));
  EXPECT_THAT(Decoded<DependenciesReply>("deps_of_new").devices, IsEmpty());
}

TEST_P(GoldenTest, MessagesAnswerWithTextEmptyTextOrNone) {
  EXPECT_THAT(Decoded<MessageReply>("message_answer").text, Optional(std::string("0")));
  EXPECT_THAT(Decoded<MessageReply>("message_long_answer").text,
              Optional(std::string("0: 0+2048 100 dmkit-golden -\n")));
  EXPECT_THAT(Decoded<MessageReply>("message_empty_answer").text, Optional(std::string()));
  EXPECT_EQ(Decoded<MessageReply>("message_no_answer").text, std::nullopt);
}

TEST_P(GoldenTest, StatesFollowTheCommands) {
  const auto created = Decoded<DeviceInfo>("create");
  EXPECT_FALSE(created.suspended);
  EXPECT_FALSE(created.has_active_table);
  EXPECT_EQ(Decoded<DeviceInfo>("create_minor").device, (sys::DeviceNumber{253, 300}));
  EXPECT_TRUE(Decoded<DeviceInfo>("load_zero").has_inactive_table);
  const auto resumed = Decoded<DeviceInfo>("resume_first");
  EXPECT_TRUE(resumed.has_active_table);
  EXPECT_FALSE(resumed.has_inactive_table);
  EXPECT_TRUE(resumed.uevent_generated);
  EXPECT_TRUE(Decoded<DeviceInfo>("suspend").suspended);
  EXPECT_FALSE(Decoded<DeviceInfo>("resume_again").suspended);
  EXPECT_TRUE(Decoded<DeviceInfo>("status_inactive").read_only);
  EXPECT_FALSE(Decoded<DeviceInfo>("clear").has_inactive_table);
  EXPECT_EQ(Decoded<DeviceInfo>("rename").event_nr, 2u);
  EXPECT_TRUE(Decoded<DeviceInfo>("status_deferred").deferred_remove);
}

TEST_P(GoldenTest, RemovalTellsWhatWasRemoved) {
  const auto deferred = Decoded<DeviceInfo>("remove_deferred");
  EXPECT_TRUE(deferred.exists);
  EXPECT_TRUE(deferred.deferred_remove);
  const auto removed = Decoded<DeviceInfo>("remove");
  EXPECT_FALSE(removed.exists);
  EXPECT_TRUE(removed.uevent_generated);
  EXPECT_EQ(removed.name, "linear");
  EXPECT_EQ(removed.uuid, "DMKIT-golden-linear");
  // It never had a disk, so there was nothing to tell udev.
  EXPECT_FALSE(Decoded<DeviceInfo>("remove_unloaded").uevent_generated);
}

INSTANTIATE_TEST_SUITE_P(Kernels, GoldenTest, ::testing::Values("6_1", "6_12"));

}  // namespace
}  // namespace dmkit::dm
