// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/progress.h"

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/string_stream.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::IsEmpty;

class FakeClock : public sys::Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration) override { ADD_FAILURE() << "progress waits for nothing"; }
  void Pass(absl::Duration duration) { now_ += duration; }

 private:
  absl::Time now_ = absl::UnixEpoch();
};

class ProgressTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  sys::StringSink err_;
};

TEST_F(ProgressTest, WithoutAStyleNothingIsSaid) {
  {
    Progress progress(Progress::Style::kNone, clock_, err_, "diff", "web");
    clock_.Pass(absl::Seconds(5));
    progress.Report(5000000);
    progress.Done();
  }
  EXPECT_THAT(err_.data(), IsEmpty());
}

TEST_F(ProgressTest, ShortWorkLeavesATerminalAlone) {
  {
    Progress progress(Progress::Style::kTerminal, clock_, err_, "diff", "web");
    clock_.Pass(absl::Milliseconds(999));
    progress.Report(5000000);
    progress.Done();
  }
  EXPECT_THAT(err_.data(), IsEmpty());
}

TEST_F(ProgressTest, TerminalHasOneLineThatIsRemovedAtTheEnd) {
  Progress progress(Progress::Style::kTerminal, clock_, err_, "diff", "web");
  clock_.Pass(absl::Seconds(2));
  progress.Report(5000000);
  clock_.Pass(absl::Milliseconds(100));
  progress.Report(5100000);
  clock_.Pass(absl::Milliseconds(400));
  progress.Report(10000000);
  progress.Done();
  EXPECT_EQ(err_.data(), "\r\x1b[Kdiff web: 5MB, 2.5MB/s\r\x1b[Kdiff web: 10MB, 4MB/s\r\x1b[K");
}

TEST_F(ProgressTest, FailedWorkLeavesNoLineOnATerminal) {
  {
    Progress progress(Progress::Style::kTerminal, clock_, err_, "apply", "web");
    clock_.Pass(absl::Seconds(1));
    progress.Report(1000);
  }
  EXPECT_EQ(err_.data(), "\r\x1b[Kapply web: 1kB, 1kB/s\r\x1b[K");
}

TEST_F(ProgressTest, JsonHasALineASecondAndOneAtTheEnd) {
  Progress progress(Progress::Style::kJson, clock_, err_, "apply", "web");
  progress.Report(1);
  clock_.Pass(absl::Seconds(2));
  progress.Report(5000000);
  clock_.Pass(absl::Milliseconds(500));
  progress.Report(6000000);
  progress.Done();
  EXPECT_EQ(err_.data(),
            "{\"progress\":{\"command\":\"apply\",\"object\":"
            "\"web\",\"bytes\":\"5000000\","
            "\"seconds\":2,\"done\":false}}\n"
            "{\"progress\":{\"command\":\"apply\",\"object\":"
            "\"web\",\"bytes\":\"6000000\","
            "\"seconds\":2.5,\"done\":true}}\n");
}

TEST_F(ProgressTest, JsonOfFailedWorkHasNoLastLine) {
  { Progress progress(Progress::Style::kJson, clock_, err_, "apply", "web"); }
  EXPECT_THAT(err_.data(), IsEmpty());
}

TEST_F(ProgressTest, ClockThatGoesBackIsTaken) {
  Progress progress(Progress::Style::kTerminal, clock_, err_, "diff", "web");
  clock_.Pass(-absl::Seconds(100));
  progress.Report(1000);
  EXPECT_THAT(err_.data(), IsEmpty());
}

}  // namespace
}  // namespace dmkit::driver::cli
