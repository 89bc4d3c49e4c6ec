// SPDX-License-Identifier: Apache-2.0
// Programs in processes of their own.

#include "testing/model/process/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

#include "sys/status_matchers.h"
#include "testing/model/process/clock.h"

namespace dmkit::model {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;

class RunnerTest : public ::testing::Test, public ChildProcesses {
 protected:
  RunnerTest() {
    programs_["/bin/true"] = [](const sys::Host&, const std::vector<std::string>&) {
      return sys::ProcessResult();
    };
  }

  int StartChild(const Identity& parent, sys::Host* host) override {
    EXPECT_EQ(parent.id, process_.id);
    living_.insert(++children_);
    host->clock = &clock_;
    return children_;
  }
  void EndChild(int child) override { EXPECT_EQ(living_.erase(child), 1u); }

  const Program* Lookup(absl::string_view name, std::string* path) const {
    const auto found = programs_.find(std::string(name));
    if (found == programs_.end()) return nullptr;
    *path = found->first;
    return &found->second;
  }

  Core core_{Linux612(), 1};
  const Identity process_{7, 1000};
  ModelClock clock_{core_, process_};
  std::map<std::string, Program> programs_;
  int children_ = 0;
  std::set<int> living_;
  ModelProcesses processes_{
      core_, [this](absl::string_view name, std::string* path) { return Lookup(name, path); },
      *this, process_};
};

TEST_F(RunnerTest, AProcessKnowsItsNumberAndItsUser) {
  EXPECT_EQ(processes_.ProcessId(), 7);
  EXPECT_EQ(processes_.EffectiveUserId(), 1000u);
  EXPECT_THAT(processes_.LockMemory(), IsOk());
  EXPECT_THAT(processes_.UnlockMemory(), IsOk());
}

TEST_F(RunnerTest, AProgramGetsItsArgumentsAndGivesItsStatusAndOutput) {
  programs_["/bin/echo"] = [this](const sys::Host& host, const std::vector<std::string>& argv) {
    EXPECT_EQ(host.clock, &clock_);
    EXPECT_EQ(living_.size(), 1u);
    return sys::ProcessResult{3, argv.at(1)};
  };
  const auto result = processes_.Run({"/bin/echo", "word"}, absl::Seconds(1));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_status, 3);
  EXPECT_EQ(result->output, "word");
  EXPECT_TRUE(living_.empty());
}

TEST_F(RunnerTest, TheLast64KibOfTheOutputAreKept) {
  programs_["/bin/yes"] = [](const sys::Host&, const std::vector<std::string>&) {
    return sys::ProcessResult{0, "lost" + std::string(65535, 'y') + "\n"};
  };
  EXPECT_EQ(processes_.Run({"/bin/yes"}, absl::Seconds(1))->output, std::string(65535, 'y') + "\n");
}

TEST_F(RunnerTest, AProgramThatSleepsPastItsTimeoutIsKilled) {
  programs_["/bin/sleep"] = [](const sys::Host& host, const std::vector<std::string>&) {
    host.clock->Sleep(absl::Seconds(2));
    return sys::ProcessResult();
  };
  EXPECT_THAT(processes_.Run({"/bin/sleep"}, absl::Seconds(3)), IsOk());
  EXPECT_THAT(processes_.Run({"/bin/sleep"}, absl::Seconds(1)), FailsWithErrno(ETIMEDOUT));
  EXPECT_TRUE(living_.empty());
}

TEST_F(RunnerTest, AProgramThatHangsIsKilledAtItsTimeout) {
  programs_["/bin/hang"] = [this](const sys::Host&, const std::vector<std::string>&) {
    const Scheduler::Call call(core_.scheduler, children_);
    EXPECT_NE(core_.scheduler.Wait(WaitKind::kInterruptible, "a test", [] { return false; }), 0);
    return sys::ProcessResult();
  };
  const absl::Time start = clock_.Now();
  EXPECT_THAT(processes_.Run({"/bin/hang"}, absl::Minutes(1)), FailsWithErrno(ETIMEDOUT));
  EXPECT_GE(clock_.Now() - start, absl::Minutes(1));
  EXPECT_LT(clock_.Now() - start, absl::Minutes(2));
}

TEST_F(RunnerTest, ATimeoutOfAProgramThatEndedDoesNothing) {
  ASSERT_THAT(processes_.Run({"/bin/true"}, absl::Seconds(1)), IsOk());
  clock_.Sleep(absl::Seconds(5));
}

TEST_F(RunnerTest, WhatIsNoProgramIsRefusedWithoutAProcess) {
  EXPECT_THAT(processes_.Find("/bin/true"), IsOkAndHolds(std::string("/bin/true")));
  EXPECT_THAT(processes_.Find("/bin/false"), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Find(absl::string_view("/bin/true\0x", 11)), FailsWithErrno(EINVAL));
  EXPECT_THAT(processes_.Run({}, absl::Seconds(1)), FailsWithErrno(EINVAL));
  EXPECT_THAT(processes_.Run({"/bin/false"}, absl::Seconds(1)), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Run({"/bin/true", std::string(1, '\0')}, absl::Seconds(1)),
              FailsWithErrno(EINVAL));
  EXPECT_EQ(children_, 0);
}

}  // namespace
}  // namespace dmkit::model
