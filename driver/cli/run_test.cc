// SPDX-License-Identifier: Apache-2.0
// Commands through a host that fails on purpose: nothing of this machine is changed.

#include "driver/cli/run.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/cli/commands.h"
#include "driver/cli/other_user.h"
#include "driver/cli/output.h"
#include "driver/cli/parse.h"
#include "driver/cli/streams.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/string_stream.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RunTest : public ::testing::Test {
 protected:
  // Runs the command as user `user`.
  Outcome RunAs(uint32_t user, const std::vector<std::string>& words) {
    sys::Host host = faulty_.host();
    OtherUser processes(host.processes, user);
    host.processes = &processes;
    Streams streams;
    streams.in = &in_;
    streams.out = &out_;
    streams.err = &err_;
    streams.in_is_terminal = terminal_;
    streams.out_is_terminal = terminal_;
    return cli::Run(Parse(words), host, streams);
  }

  void WithoutDeviceMapper() {
    faulty_.SetPlan([](const sys::SeamCall& call) {
      return call.object.find("/dev/mapper") == std::string::npos ? 0 : ENODEV;
    });
  }

  bool terminal_ = false;
  sys::StringSource in_{""};
  sys::StringSink out_;
  sys::StringSink err_;
  sys::LinuxHost linux_;
  sys::FaultyHost faulty_{linux_.host()};
  sys::TempDir temp_;
  const std::string root_ = absl::StrCat("--root=", temp_.path(), "/none");
};

TEST_F(RunTest, WrongUsageTouchesNothing) {
  const Outcome outcome = RunAs(0, {"frobnicate"});
  EXPECT_EQ(outcome.exit_status, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("usage: dmkit"));
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_EQ(faulty_.calls(), 0u);
}

TEST_F(RunTest, WhoIsNotRootIsToldBeforeAnythingIsTouched) {
  for (const CommandSpec& command : AllCommands()) {
    // What dmsetup does without root is dmsetup's own business.
    if (!command.needs_root || command.id == CommandId::kDmsetup) continue;
    std::vector<std::string> words = {std::string(command.word)};
    if (FindCommand("", command.word) != &command) {
      words = {CommandWords(command).substr(0, CommandWords(command).find(' ')), words[0]};
    }
    for (const OperandSpec& operand : command.operands) {
      if (operand.count != Count::kAny) words.push_back("4096");
    }
    const Outcome outcome = RunAs(1000, words);
    EXPECT_EQ(outcome.exit_status, kExitFailed) << CommandWords(command);
    EXPECT_THAT(outcome.err,
                StartsWith(absl::StrCat("dmkit: ", CommandWords(command), ": only root may")));
    EXPECT_THAT(outcome.err, HasSubstr("user id 1000"));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
  EXPECT_EQ(faulty_.calls(), 0u);
}

TEST_F(RunTest, HelpAndVersionAreForAnybody) {
  EXPECT_EQ(RunAs(1000, {"help"}).exit_status, kExitDone);
  EXPECT_EQ(RunAs(1000, {"create", "--help"}).exit_status, kExitDone);
  const Outcome version = RunAs(1000, {"version"});
  EXPECT_EQ(version.exit_status, kExitDone);
  EXPECT_THAT(version.out, HasSubstr("commit: "));
  EXPECT_EQ(faulty_.calls(), 0u);
}

TEST_F(RunTest, HelpIsTextInEitherFormat) {
  EXPECT_EQ(RunAs(0, {"help", "--format=json"}).out, RunAs(0, {"help"}).out);
}

TEST_F(RunTest, MissingDeviceMapperIsNamed) {
  WithoutDeviceMapper();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{root_, "create", "web"}, {root_, "status"}}) {
    const Outcome outcome = RunAs(0, words);
    EXPECT_EQ(outcome.exit_status, kExitFailed) << ::testing::PrintToString(words);
    EXPECT_THAT(outcome.err, StartsWith("dmkit: "));
    EXPECT_THAT(outcome.err, HasSubstr("dm_mod"));
    EXPECT_THAT(outcome.err, HasSubstr("CONFIG_BLK_DEV_DM"));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST_F(RunTest, VersionNeedsNoDeviceMapper) {
  WithoutDeviceMapper();
  const Outcome outcome = RunAs(0, {"version", "--format=json"});
  EXPECT_EQ(outcome.exit_status, kExitDone);
  EXPECT_THAT(outcome.out, HasSubstr("\"dm_interface\":\"\""));
}

TEST_F(RunTest, WithoutAStoreNothingIsMadeButByCreate) {
  WithoutDeviceMapper();
  Outcome outcome = RunAs(0, {root_, "exists", "web"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, IsEmpty());
  outcome = RunAs(0, {root_, "exists", "web", "--format=json"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_EQ(outcome.out, "{\"id\":\"web\",\"exists\":false}\n");
  outcome = RunAs(0, {root_, "ls"});
  EXPECT_EQ(outcome.exit_status, kExitDone);
  EXPECT_THAT(outcome.out, StartsWith("LAYER"));
  EXPECT_THAT(outcome.err, HasSubstr("there are no layers at"));
  EXPECT_EQ(RunAs(0, {root_, "cleanup"}).exit_status, kExitDone);
  EXPECT_EQ(faulty_.CountOf("MakeDir"), 0u);
  EXPECT_EQ(faulty_.CountOf("Ioctl"), 0u);
}

TEST_F(RunTest, ExistsThatCannotBeFoundOutIsNeitherYesNorNo) {
  faulty_.SetPlan([](const sys::SeamCall&) { return EIO; });
  const Outcome outcome = RunAs(0, {root_, "exists", "web"});
  EXPECT_EQ(outcome.exit_status, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("EIO"));
}

TEST_F(RunTest, RelativePathsAreOfTheWorkingDirectory) {
  const Outcome outcome = RunAs(0, {"loop", "detach", "no/such/file"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("/no/such/file"));
  EXPECT_THAT(outcome.err, HasSubstr("ENOENT"));
}

TEST_F(RunTest, RelativePathWithoutProcSaysWhatHelps) {
  faulty_.SetPlan(sys::FaultyHost::FailMatching("ReadLink", "/proc/self/cwd", ENOENT));
  const Outcome outcome = RunAs(0, {"loop", "attach", "file"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("an absolute path"));
}

TEST_F(RunTest, ArchivesAndTerminalsDoNotMix) {
  terminal_ = true;
  Outcome outcome = RunAs(0, {root_, "diff", "web"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("dmkit: diff web: standard output is a terminal"));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{root_, "apply", "web"}, {root_, "apply", "web", "-"}}) {
    outcome = RunAs(0, words);
    EXPECT_EQ(outcome.exit_status, kExitFailed);
    EXPECT_THAT(outcome.err, HasSubstr("dmkit: apply web: standard input is a terminal"));
  }
  EXPECT_EQ(faulty_.CountOf("Ioctl"), 0u);
}

TEST_F(RunTest, ArchiveThatIsNotThereIsToldBeforeTheStoreIsOpened) {
  const Outcome outcome = RunAs(0, {root_, "apply", "web", "/no/such/file"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("/no/such/file"));
  EXPECT_THAT(outcome.err, HasSubstr("ENOENT"));
  EXPECT_EQ(faulty_.CountOf("Ioctl"), 0u);
}

TEST_F(RunTest, ChangesOfNoStorePrintNothing) {
  WithoutDeviceMapper();
  for (const char* command : {"changes", "diff", "diffsize", "apply"}) {
    const Outcome outcome = RunAs(0, {root_, command, "web", "--format=json"});
    EXPECT_EQ(outcome.exit_status, kExitFailed) << command;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, StartsWith("{\"error\":"));
  }
  EXPECT_THAT(out_.data(), IsEmpty());
}

TEST_F(RunTest, AnErrorIsToldAsJsonWhenAskedFor) {
  WithoutDeviceMapper();
  const Outcome outcome = RunAs(0, {root_, "create", "web", "--format=json"});
  EXPECT_EQ(outcome.exit_status, kExitFailed);
  EXPECT_THAT(outcome.err, StartsWith("{\"error\":{\"command\":\"create\""));
  EXPECT_THAT(outcome.err, HasSubstr("\"errno_name\":\"ENODEV\""));
}

}  // namespace
}  // namespace dmkit::driver::cli
