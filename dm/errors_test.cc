// SPDX-License-Identifier: Apache-2.0
// Tests of refusals in words.

#include "dm/errors.h"

#include <cerrno>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(RefusalTest, NamesCommandObjectErrnoAndWhatToDo) {
  const absl::Status status = Refusal(Command::kDevRemove, "dm device \"web\"", EBUSY);
  EXPECT_THAT(status, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(status.message()),
              AllOf(StartsWith("DM_DEV_REMOVE dm device \"web\": "), HasSubstr("(EBUSY); "),
                    HasSubstr("open count")));
}

TEST(RefusalTest, WithoutAnObjectThereIsNoGap) {
  EXPECT_THAT(std::string(Refusal(Command::kRemoveAll, "", EIO).message()),
              StartsWith("DM_REMOVE_ALL: "));
}

TEST(HintTest, TheSameErrnoMeansDifferentThings) {
  EXPECT_THAT(std::string(Hint(Command::kDevCreate, EBUSY)), HasSubstr("exists"));
  EXPECT_THAT(std::string(Hint(Command::kTableLoad, EINVAL)), HasSubstr("kernel log"));
  EXPECT_THAT(std::string(Hint(Command::kDevCreate, ENXIO)), HasSubstr("minor"));
  EXPECT_THAT(std::string(Hint(Command::kDevStatus, ENXIO)), HasSubstr("no such device"));
}

TEST(HintTest, MissingPrivilegeIsNamedForEveryCommand) {
  for (const CommandFacts& facts : AllCommands()) {
    EXPECT_THAT(std::string(Hint(facts.command, EACCES)), HasSubstr("root")) << facts.name;
  }
}

TEST(HintTest, NothingIsInventedForAnUnknownCause) {
  EXPECT_EQ(Hint(Command::kDevStatus, EIO), "");
  EXPECT_EQ(WithHint(sys::ErrnoStatus(EIO, "x"), ""), sys::ErrnoStatus(EIO, "x"));
  EXPECT_TRUE(WithHint(absl::OkStatus(), "hint").ok());
}

}  // namespace
}  // namespace dmkit::dm
