// SPDX-License-Identifier: Apache-2.0

#include "driver/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ProgramTest : public ::testing::Test {
 protected:
  absl::Status Shell(const std::string& script) {
    return RunToSuccess(host_, {"sh", "-c", script}).status();
  }

  sys::LinuxHost linux_;
  const sys::Host host_ = linux_.host();
};

TEST_F(ProgramTest, OneThatIsMissingIsToldWithItsPackage) {
  EXPECT_THAT(CheckProgram(host_, "sh", "dash"), sys::IsOk());
  const absl::Status missing = CheckProgram(host_, "no-such-program", "no-package");
  EXPECT_THAT(missing, sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("no-such-program"), HasSubstr("no-package")));
}

TEST_F(ProgramTest, ErrorsOfLookingAndRunningComeOut) {
  sys::FaultyHost faulty(host_);
  faulty.SetPlan([](const sys::SeamCall&) { return EACCES; });
  EXPECT_THAT(CheckProgram(faulty.host(), "sh", "dash"), sys::FailsWithErrno(EACCES));
  EXPECT_THAT(RunProgram(faulty.host(), {"sh"}), sys::FailsWithErrno(EACCES));
  EXPECT_THAT(RunToSuccess(faulty.host(), {"sh"}), sys::FailsWithErrno(EACCES));
}

TEST_F(ProgramTest, OutputOfOneThatSucceedsIsAsItWas) {
  EXPECT_THAT(RunToSuccess(host_, {"sh", "-c", "echo one; echo two"}),
              sys::IsOkAndHolds(std::string("one\ntwo\n")));
}

TEST_F(ProgramTest, FailureIsToldWithArgumentsStatusAndWordsInOnePrintableLine) {
  const absl::Status failed = Shell("printf '  one \\n\\n\\033[31mtwo\\b\\b\\r\\n'; exit 32");
  EXPECT_THAT(failed, sys::FailsWithCode(absl::StatusCode::kUnknown));
  const std::string message(failed.message());
  EXPECT_THAT(message, AllOf(HasSubstr("run sh -c printf"), HasSubstr("exit status 32: one | ")));
  EXPECT_THAT(message, AllOf(HasSubstr("[31mtwo"), ::testing::Not(HasSubstr("\033"))));
  EXPECT_THAT(std::string(Shell("exit 1").message()), EndsWith("exit status 1: it said nothing"));
}

TEST_F(ProgramTest, LongOutputIsCutInTheMiddle) {
  const std::string message(
      Shell("echo what is wrong; printf '%060000d' 0; echo; echo last words; exit 1").message());
  EXPECT_THAT(message, AllOf(HasSubstr("what is wrong"), EndsWith("last words")));
  EXPECT_LT(message.size(), 1000u);
}

}  // namespace
}  // namespace dmkit::driver
