// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/exec.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ExecTest, ProgramThatEndsWellHasFigures) {
  const auto execution = Execute({"true"});
  ASSERT_TRUE(execution.ok()) << execution.status();
  EXPECT_GT(execution->wall_ms, 0);
  EXPECT_GT(execution->peak_kib, 0);
}

TEST(ExecTest, MemoryThatAProgramTouchesIsCounted) {
  const auto execution = Execute({"sh", "-c", "head -c 33554432 /dev/zero | tail -c 33554432"});
  ASSERT_TRUE(execution.ok()) << execution.status();
  EXPECT_GE(execution->peak_kib, 32 << 10);
}

TEST(ExecTest, ProgramThatFailsIsAnError) {
  EXPECT_THAT(std::string(Execute({"sh", "-c", "exit 3"}).status().message()),
              HasSubstr("exit status 3"));
  EXPECT_THAT(std::string(Execute({"sh", "-c", "kill -9 $$"}).status().message()),
              HasSubstr("killed by signal 9"));
}

TEST(ExecTest, MissingProgramIsAnError) { EXPECT_FALSE(Execute({"no-such-program"}).ok()); }

TEST(ExecTest, BracesAreTheNumberOfTheTime) {
  // Fails unless the word is 1 and then 2.
  const auto text = ExecuteAndReport({{"sh", "-c", "test {} -ge 1 && test {} -le 2"}}, 2, false);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, StartsWith("sh -c test {} -ge 1"));
  EXPECT_THAT(*text, HasSubstr("2 times"));
  EXPECT_FALSE(ExecuteAndReport({{"test", "{}", "-lt", "2"}}, 2, false).ok());
}

TEST(ExecTest, JsonHasTheCommandAndTheFigures) {
  const auto text = ExecuteAndReport({{"true"}}, 3, true);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, StartsWith("{\"command\":\"true\",\"times\":3,\"wall_ms\":{\"median\":"));
}

TEST(ExecTest, CommandsTakeTurns) {
  // Each fails unless the other ran in between.
  const std::string directory = ::testing::TempDir() + "/turns";
  const auto text = ExecuteAndReport({{"mkdir", directory}, {"rmdir", directory}}, 3, false);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, StartsWith("mkdir " + directory));
  EXPECT_THAT(*text, HasSubstr("\nrmdir " + directory));
}

}  // namespace
}  // namespace dmkit::bench
