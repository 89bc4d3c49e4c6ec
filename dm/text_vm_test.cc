// SPDX-License-Identifier: Apache-2.0
// Text beside that of dmsetup, on a real kernel.

#include <optional>
#include <string>
#include <vector>

#include "dm/activate.h"
#include "dm/codec_testing.h"
#include "dm/keys.h"
#include "dm/nodes.h"
#include "dm/text.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using testing::Line;
using ::testing::SizeIs;
using testing::VmTest;

// BLKRAGET of <linux/fs.h>.
constexpr unsigned long kGetReadAhead = 0x1263;

class TextVmTest : public VmTest {
 protected:
  absl::StatusOr<DeviceInfo> Create(absl::string_view name, std::vector<TableLine> table) {
    return CreateDevice(dm_, {TestName(name), TestUuid(name), std::move(table)});
  }
  DeviceDetails Details(const DmName& name) {
    DeviceDetails details{dm_.Info(name).value(), std::nullopt};
    const auto node = OpenNode(details.info.device, sys::Access::kReadOnly);
    if (!node.ok()) return details;
    char buffer[sizeof(long)] = {};
    if (!(*node)->Ioctl(kGetReadAhead, absl::MakeSpan(buffer)).ok()) return details;
    details.read_ahead = static_cast<uint8_t>(buffer[0]) | static_cast<uint32_t>(buffer[1]) << 8;
    return details;
  }
  static std::string Lines(const TableReply& device) {
    std::string text;
    for (const TargetStatus& target : device.targets) {
      absl::StrAppend(&text, FormatTarget(target), "\n");
    }
    return text.empty() ? "\n" : text;
  }
  std::string Dmsetup(std::vector<std::string> words) {
    // Without what it says on standard error about nodes that are not there.
    words.insert(words.begin(), {"sh", "-c", "exec dmsetup \"$@\" 2>/dev/null", "sh"});
    return OutputOf(words);
  }
};

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
  for (const ListedDevice& device : list) {
    const DmName name = DmName::Create(device.name).value();
    // dmsetup opens the node of each device for its read-ahead, by name.
    if (device.name != TestName("bare").text()) {
      ASSERT_THAT(EnsureMapperNode(host_, name, device.device), IsOk());
    }
    EXPECT_EQ(Lines(dm_.Status(name, {}).value()), Dmsetup({"status", device.name}));
    EXPECT_EQ(Lines(dm_.Table(name, {}).value()), Dmsetup({"table", device.name}));
    EXPECT_EQ(FormatDetail(Details(name)), Dmsetup({"info", "--manglename", "none", device.name}));
  }
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
    TableReply table = dm_.Table(TestName(name), {}).value();
    ASSERT_THAT(table.targets, SizeIs(1)) << name;
    EXPECT_THAT(table.targets[0].text, HasSubstr(key));
    EXPECT_EQ(Lines(table), Dmsetup({"table", "--showkeys", TestName(name).text()}));
    HideKeys(table);
    const std::string hidden = Lines(table);
    EXPECT_THAT(hidden, ::testing::Not(HasSubstr(key)));
    EXPECT_EQ(hidden, Dmsetup({"table", TestName(name).text()}));
  }
}

}  // namespace
}  // namespace dmkit::dm
