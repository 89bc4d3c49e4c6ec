// SPDX-License-Identifier: Apache-2.0
// Tests of the names that are validated when they are made.

#include "dm/types.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(DmNameTest, KeepsWhatItIsGiven) {
  for (const std::string& text :
       {std::string("a"), std::string("dmkit-01234567-web"), std::string(127, 'x'),
        std::string("with blank\n and \xff"), std::string("..."), std::string("controls")}) {
    const auto name = DmName::Create(text);
    ASSERT_THAT(name, IsOk());
    EXPECT_EQ(name->text(), text);
  }
}

TEST(DmNameTest, RefusesWhatTheKernelWouldRefuseCutOrMistake) {
  for (const std::string& text :
       {std::string(), std::string(128, 'x'), std::string(1000, 'x'), std::string("a/b"),
        std::string("/"), std::string("control"), std::string("."), std::string(".."),
        std::string("a\0b", 3), std::string("\0", 1), std::string("ab\0", 3),
        std::string("dir/control")}) {
    EXPECT_THAT(DmName::Create(text), FailsWithCode(kInvalid)) << text;
  }
}

TEST(DmNameTest, MessagesArePrintable) {
  EXPECT_THAT(std::string(DmName::Create("a/\x1b[1m").status().message()), HasSubstr("\\x1b"));
}

TEST(DmUuidTest, KeepsWhatItIsGiven) {
  for (const std::string& text :
       {std::string("DMKIT-x"), std::string(128, 'u'), std::string("a/b"), std::string(".")}) {
    const auto uuid = DmUuid::Create(text);
    ASSERT_THAT(uuid, IsOk());
    EXPECT_EQ(uuid->text(), text);
  }
}

TEST(DmUuidTest, RefusesEmptyLongAndNul) {
  for (const std::string& text : {std::string(), std::string(129, 'u'), std::string(4096, 'u'),
                                  std::string("a\0", 2), std::string("\0", 1)}) {
    EXPECT_THAT(DmUuid::Create(text), FailsWithCode(kInvalid)) << text.size();
  }
}

TEST(TargetTypeTest, HasAtMostFifteenBytes) {
  EXPECT_THAT(TargetType::Create("thin-pool"), IsOk());
  EXPECT_THAT(TargetType::Create(std::string(15, 't')), IsOk());
  for (const std::string& text :
       {std::string(), std::string(16, 't'), std::string("a\0b", 3), std::string(17, 't')}) {
    EXPECT_THAT(TargetType::Create(text), FailsWithCode(kInvalid)) << text.size();
  }
}

TEST(DescribeTest, NamesTheKeyAndIsPrintable) {
  EXPECT_EQ(Describe(DmName::Create("web").value()), "dm device \"web\"");
  EXPECT_EQ(Describe(DmName::Create("w\nb").value()), "dm device \"w\\x0ab\"");
  EXPECT_EQ(Describe(DmUuid::Create("X").value()), "dm device with uuid \"X\"");
  EXPECT_EQ(Describe(sys::DeviceNumber{253, 7}), "dm device 253:7");
}

TEST(VersionTest, ComparesMajorThenMinorThenPatch) {
  const Version version = {4, 37, 2};
  EXPECT_TRUE(version.IsAtLeast(4, 37, 2));
  EXPECT_TRUE(version.IsAtLeast(4, 36, 9));
  EXPECT_TRUE(version.IsAtLeast(3, 99, 9));
  EXPECT_FALSE(version.IsAtLeast(4, 37, 3));
  EXPECT_FALSE(version.IsAtLeast(4, 38));
  EXPECT_FALSE(version.IsAtLeast(5, 0));
  EXPECT_EQ(FormatVersion(version), "4.37.2");
}

}  // namespace
}  // namespace dmkit::dm
