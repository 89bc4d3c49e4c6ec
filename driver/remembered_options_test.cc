// SPDX-License-Identifier: Apache-2.0
// Tests of what a store keeps of its options, and of what later ones may say.

#include "driver/remembered_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithCode;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

using Words = std::vector<std::string>;

const Words& FirstStart() {
  static const Words* const words = new Words{"dm.fs=xfs",           "dm.mkfsarg=-m",
                                              "dm.mkfsarg=crc=1",    "dm.directlvm_device=/dev/sdb",
                                              "dm.thinp_percent=90", "dm.thinp_metapercent=2"};
  return *words;
}

absl::StatusOr<Options> Later(const Words& words) {
  const thinp::proto::SetLabels labels = ToLabels(*ParseOptions(FirstStart()));
  return WithRemembered(*ParseOptions(words), &labels);
}

TEST(RememberedOptionsTest, WhatIsNotGivenComesFromTheFirstStart) {
  const auto options = Later({});
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->filesystem, Optional(FilesystemType::kXfs));
  EXPECT_THAT(options->mkfs_args, ElementsAre("-m", "crc=1"));
}

TEST(RememberedOptionsTest, TheSameMayBeSaidAgainWholeOrInPart) {
  EXPECT_THAT(Later(FirstStart()), IsOk());
  for (const Words& words :
       {Words{"dm.fs=xfs"}, Words{"dm.mkfsarg=-m", "dm.mkfsarg=crc=1"},
        Words{"dm.directlvm_device=/dev/sdb"},
        Words{"dm.directlvm_device=/dev/sdb", "dm.thinp_autoextend_threshold=80"},
        Words{"dm.directlvm_device=/dev/sdb", "dm.directlvm_device_force=true"}}) {
    EXPECT_THAT(Later(words), IsOk()) << absl::StrJoin(words, " ");
  }
}

TEST(RememberedOptionsTest, AnotherValueIsRefusedWithBoth) {
  const struct {
    Words words;
    const char* wanted;
    const char* known;
  } kCases[] = {
      {{"dm.fs=ext4"}, "ext4", "xfs"},
      {{"dm.mkfsarg=-m"}, "\"-m\"", "-m crc=1"},
      {{"dm.mkfsarg=crc=1", "dm.mkfsarg=-m"}, "crc=1 -m", "-m crc=1"},
      {{"dm.mkfsarg=-m crc=1 "}, "dm.mkfsarg", "-m crc=1"},
      {{"dm.directlvm_device=/dev/sdc"}, "/dev/sdc", "/dev/sdb"},
      {{"dm.directlvm_device=/dev/sdb", "dm.thinp_percent=91", "dm.thinp_metapercent=2"},
       "91%",
       "90%"},
      {{"dm.directlvm_device=/dev/sdb", "dm.thinp_percent=90", "dm.thinp_metapercent=1"},
       "1%",
       "2%"},
      {{"dm.directlvm_device=/dev/sdb", "dm.thinp_autoextend_percent=21"}, "21%", "20%"},
      {{"dm.directlvm_device=/dev/sdb", "dm.thinp_autoextend_threshold=79"}, "79%", "80%"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = Later(c.words).status();
    EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kFailedPrecondition)) << c.wanted;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(c.wanted), HasSubstr(c.known)));
  }
}

TEST(RememberedOptionsTest, StoreOfAnOlderVersionRemembersNothingAndHasNoPoolOfLvm) {
  const auto options = WithRemembered(*ParseOptions({"dm.fs=xfs", "dm.mkfsarg=-m"}), nullptr);
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->mkfs_args, ElementsAre("-m"));
  EXPECT_THAT(WithRemembered(*ParseOptions({"dm.directlvm_device=/dev/sdb"}), nullptr),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace dmkit::driver
