// SPDX-License-Identifier: Apache-2.0

#include "thinp/names.h"

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::IsOk;
using ::testing::MatchesRegex;

constexpr char kSet[] = "0123abcd-4567-4890-8bcd-ef0123456789";

TEST(IdentityTest, NameHasTheStartOfTheSetUuidAndUuidHasAllOfIt) {
  const auto identity = Identity(kSet, "web.1");
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->name.text(), "dmkit-0123abcd-web.1");
  EXPECT_EQ(identity->uuid.text(), "DMKIT-0123abcd-4567-4890-8bcd-ef0123456789-web.1");
}

TEST(IdentityTest, PoolAndProbeHaveOne) {
  EXPECT_EQ(Identity(kSet, kPoolDevice)->name.text(), "dmkit-0123abcd-pool");
  EXPECT_EQ(Identity(kSet, kProbeDevice)->name.text(), "dmkit-0123abcd-.probe");
}

TEST(IdentityTest, LongestNameFillsTheUuid) {
  const auto identity = Identity(kSet, std::string(kDeviceNameBytesMax, 'x'));
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->uuid.text().size(), 128u);
}

TEST(IdentityTest, RefusesWhatNoDmNameCanHold) {
  using namespace std::string_literals;
  for (const std::string& name :
       {""s, std::string(kDeviceNameBytesMax + 1, 'x'), "a/b"s, "/"s, "a\0b"s}) {
    EXPECT_THAT(Identity(kSet, name), FailsWithCode(absl::StatusCode::kInvalidArgument)) << name;
  }
}

TEST(CheckDeviceNameTest, TakesNamesOfLayers) {
  for (const std::string& name : {std::string("base"), std::string("a"), std::string("pool2"),
                                  std::string("x.tmp"), std::string(kDeviceNameBytesMax, 'x')}) {
    EXPECT_THAT(CheckDeviceName(name), IsOk()) << name;
  }
}

TEST(CheckDeviceNameTest, RefusesReservedNamesAndWhatIsNoName) {
  using namespace std::string_literals;
  for (const std::string& name : {""s, "pool"s, "."s, ".."s, ".probe"s, ".a.tmp"s, "a/b"s,
                                  "../set"s, "a\0b"s, std::string(kDeviceNameBytesMax + 1, 'x')}) {
    EXPECT_THAT(CheckDeviceName(name), FailsWithCode(absl::StatusCode::kInvalidArgument)) << name;
  }
}

TEST(DeviceOfSetTest, InvertsIdentity) {
  const dm::DeviceIdentity identity = *Identity(kSet, "web-1");
  EXPECT_EQ(DeviceOfSet(identity.uuid.text(), kSet), std::optional<absl::string_view>("web-1"));
}

TEST(DeviceOfSetTest, KnowsOnlyDevicesOfItsSet) {
  for (const absl::string_view uuid :
       {"", "DMKIT-", "LVM-0123abcd", "DMKIT-0123abcd-4567-4890-8bcd-ef0123456789",
        "DMKIT-0123abcd-4567-4890-8bcd-ef012345678a-web",
        "dmkit-0123abcd-4567-4890-8bcd-ef0123456789-web",
        "XDMKIT-0123abcd-4567-4890-8bcd-ef0123456789-web"}) {
    EXPECT_EQ(DeviceOfSet(uuid, kSet), std::nullopt) << uuid;
  }
}

TEST(FormatUuidTest, IsOfVersionFourWithAllOtherBitsRandom) {
  EXPECT_EQ(FormatUuid(std::string(16, '\xff')), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(FormatUuid(std::string(16, '\0')), "00000000-0000-4000-8000-000000000000");
  EXPECT_THAT(FormatUuid("0123456789abcdef"), MatchesRegex("30313233-3435-4637-b839-6162636465.*"));
}

}  // namespace
}  // namespace dmkit::thinp
