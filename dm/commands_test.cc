// SPDX-License-Identifier: Apache-2.0
// Tests of the table of commands, against the kernel's own constants and lists.

#include "dm/commands.h"

#include <set>
#include <string>

#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

std::set<std::string> NamesWhere(bool (*holds)(const CommandFacts&)) {
  std::set<std::string> names;
  for (const CommandFacts& facts : AllCommands()) {
    if (holds(facts)) names.insert(std::string(facts.name));
  }
  return names;
}

TEST(CommandsTest, ThereAreEighteenAndEachIsFoundByItsNumber) {
  ASSERT_EQ(AllCommands().size(), 18u);
  for (uint32_t number = 0; number < 18; ++number) {
    ASSERT_NE(FindCommand(number), nullptr);
    EXPECT_EQ(static_cast<uint32_t>(FindCommand(number)->command), number);
    EXPECT_EQ(&FactsOf(static_cast<Command>(number)), FindCommand(number));
  }
  EXPECT_EQ(FindCommand(18), nullptr);
  EXPECT_EQ(FindCommand(0xffffffff), nullptr);
}

TEST(CommandsTest, RequestCodesAreTheKernelHeaders) {
  EXPECT_EQ(RequestCode(Command::kVersion), DM_VERSION);
  EXPECT_EQ(RequestCode(Command::kDevWait), DM_DEV_WAIT);
  EXPECT_EQ(RequestCode(Command::kTargetMsg), DM_TARGET_MSG);
  EXPECT_EQ(RequestCode(Command::kGetTargetVersion), DM_GET_TARGET_VERSION);
}

TEST(CommandsTest, RequestCodesAreFoundByTypeAndNumberOnly) {
  EXPECT_EQ(FindRequestCode(DM_DEV_STATUS)->command, Command::kDevStatus);
  EXPECT_EQ(FindRequestCode(0xfd07)->command, Command::kDevStatus);
  EXPECT_EQ(FindRequestCode(_IOR(0xfd, 7, uint64_t))->command, Command::kDevStatus);
  EXPECT_EQ(FindRequestCode(DM_MPATH_PROBE_PATHS), nullptr);
  EXPECT_EQ(FindRequestCode(_IO(0x4c, 7)), nullptr);
  EXPECT_EQ(FindRequestCode(0), nullptr);
}

TEST(CommandsTest, HeaderOnlyCommandsAreThoseOfTheKernel) {
  EXPECT_THAT(
      NamesWhere([](const CommandFacts& f) { return f.request == RequestForm::kHeaderOnly; }),
      ::testing::ElementsAre("DM_DEV_ARM_POLL", "DM_DEV_CREATE", "DM_DEV_REMOVE", "DM_DEV_STATUS",
                             "DM_DEV_SUSPEND", "DM_REMOVE_ALL", "DM_TABLE_CLEAR"));
}

TEST(CommandsTest, OnlyCommandsThatChangeNothingAreRepeated) {
  EXPECT_THAT(NamesWhere([](const CommandFacts& f) { return f.repeat_on_buffer_full; }),
              ::testing::ElementsAre("DM_DEV_WAIT", "DM_GET_TARGET_VERSION", "DM_LIST_DEVICES",
                                     "DM_LIST_VERSIONS", "DM_TABLE_DEPS", "DM_TABLE_STATUS"));
}

TEST(CommandsTest, ThreeCommandsCarryACookieAndOneAnEventNumber) {
  EXPECT_THAT(
      NamesWhere([](const CommandFacts& f) { return f.event_field == EventField::kCookie; }),
      ::testing::ElementsAre("DM_DEV_REMOVE", "DM_DEV_RENAME", "DM_DEV_SUSPEND"));
  EXPECT_THAT(
      NamesWhere([](const CommandFacts& f) { return f.event_field == EventField::kEventNumber; }),
      ::testing::ElementsAre("DM_DEV_WAIT"));
}

TEST(CommandsTest, ThreeCommandsCopyNoHeaderBack) {
  EXPECT_THAT(NamesWhere([](const CommandFacts& f) { return f.reply == ReplyForm::kVersionOnly; }),
              ::testing::ElementsAre("DM_DEV_SET_GEOMETRY", "DM_REMOVE_ALL", "DM_VERSION"));
}

}  // namespace
}  // namespace dmkit::dm
