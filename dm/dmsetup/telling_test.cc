// SPDX-License-Identifier: Apache-2.0
// What commands tell where dmsetup's own output on a real kernel, see golden_test.cc, cannot be the
// measure: programs of --exec, errors in the middle, what is not supported.

#include <cerrno>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/dmsetup/commands_fixture.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::dmsetup {
namespace {

using testing::CommandsTest;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Keeps the words of programs, and lets each print them.
class Programs : public sys::Processes {
 public:
  explicit Programs(sys::Processes* inner) : inner_(inner) {}

  std::vector<std::string> lines;
  int error = 0;

  absl::StatusOr<sys::ProcessResult> Run(const std::vector<std::string>& argv,
                                         absl::Duration) override {
    lines.push_back(absl::StrJoin(argv, "|"));
    if (error != 0) return sys::ErrnoStatus(error, argv[0]);
    sys::ProcessResult result;
    result.exit_status = 3;
    result.output = absl::StrCat("ran ", argv[0], "\n");
    return result;
  }
  absl::StatusOr<std::string> Find(absl::string_view program) override {
    return inner_->Find(program);
  }
  int32_t ProcessId() override { return inner_->ProcessId(); }
  uint32_t EffectiveUserId() override { return inner_->EffectiveUserId(); }
  absl::Status LockMemory() override { return inner_->LockMemory(); }
  absl::Status UnlockMemory() override { return inner_->UnlockMemory(); }

 private:
  sys::Processes* const inner_;
};

class TellingTest : public CommandsTest {
 protected:
  TellingTest() : programs_(host_.processes) { host_.processes = &programs_; }
  ~TellingTest() override { CleanUp(); }

  Programs programs_;
};

// The models have no crypt.
TEST_F(CommandsTest, ATableShowsKeysOnlyWhenAskedFor) {
  dm::testing::ScriptedHost scripted;
  scripted.responder = [](const Request& request) {
    Reply reply = dm::testing::ScriptedHost::Succeed(request);
    if (auto* const table = std::get_if<TableReply>(&reply)) {
      table->targets = {{sys::Sectors(0), sys::Sectors(8), "crypt", "aes 00ff 0 7:0 0"}};
    }
    return reply;
  };
  host_ = scripted.host();
  EXPECT_EQ(Dmsetup({"table", "a"}), 0);
  EXPECT_EQ(out_, "0 8 crypt aes 0000 0 7:0 0\n");
  EXPECT_EQ(Dmsetup({"table", "a", "--showkeys"}), 0);
  EXPECT_EQ(out_, "0 8 crypt aes 00ff 0 7:0 0\n");
  EXPECT_EQ(Dmsetup({"table", "a", "--concise"}), 0);
  EXPECT_THAT(out_, HasSubstr(",0 8 crypt aes 0000 0 7:0 0"));
  EXPECT_EQ(Dmsetup({"status", "a"}), 0);
  EXPECT_EQ(out_, "0 8 crypt aes 00ff 0 7:0 0\n");
}

TEST_F(TellingTest, ExecRunsAProgramOnEachNode) {
  Quiet({"create", "a b", "--table", "0 8 zero"});
  Quiet({"create", "c", "--table", "0 8 error"});
  EXPECT_EQ(Dmsetup({"ls", "--exec", " look  -x\tat "}), 0);
  EXPECT_THAT(programs_.lines,
              ElementsAre("look|-x|at|/dev/mapper/a b", "look|-x|at|/dev/mapper/c"));
  EXPECT_EQ(out_, "ran look\nran look\n");
  EXPECT_EQ(err_, "");
}

TEST_F(TellingTest, ExecMakesTheNodeFirst) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/a"), sys::IsOk());
  EXPECT_EQ(Dmsetup({"status", "a", "--exec", "look"}), 0);
  EXPECT_THAT(Node("a"), sys::IsOk());
}

TEST_F(TellingTest, ExecOnlyWhereATargetIsOfTheType) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"create", "c", "--table", "0 8 error"});
  EXPECT_EQ(Dmsetup({"table", "--target", "error", "--exec", "look", "-v"}), 0);
  EXPECT_THAT(programs_.lines, ElementsAre("look|/dev/mapper/c"));
  EXPECT_THAT(out_, StartsWith("Name:              c\n"));
  EXPECT_THAT(out_, EndsWith("\n0 8 error \n\nran look\n"));
}

TEST_F(TellingTest, ProgramThatIsNotThereIsNoFailure) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  programs_.error = ENOENT;
  Quiet({"ls", "--exec", "nothing"});
}

TEST_F(TellingTest, ExecWithoutAProgramFails) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  EXPECT_EQ(Failure({"ls", "--exec", ""}), "");
  EXPECT_EQ(Failure({"status", "a", "--exec", " \t"}), "");
  std::string many;
  for (int i = 0; i < 256; ++i) many += "x ";
  EXPECT_EQ(Failure({"ls", "--exec", many}), "Too many args to --exec.\n");
  EXPECT_THAT(programs_.lines, IsEmpty());
}

TEST_F(TellingTest, ConciseQuotesWhatWouldEndAField) {
  Quiet({"create", "a,b;c", "-u", "x,y", "--table", "0 8 zero"});
  EXPECT_EQ(Dmsetup({"table", "--concise"}), 0);
  EXPECT_EQ(out_, "a\\,b\\;c,x\\,y,0,rw,0 8 zero \n");
}

TEST_F(TellingTest, TreeIsDrawnInTheCharactersOfTheLocale) {
  Quiet({"create", "a", "--table", "0 8 linear 1:0 0"});
  EXPECT_EQ(Dmsetup({"ls", "--tree"}), 0);
  EXPECT_EQ(out_, "a (253:0)\n `- (1:0)\n");
  environment_.utf8 = true;
  EXPECT_EQ(Dmsetup({"ls", "--tree"}), 0);
  EXPECT_EQ(out_, "a (253:0)\n \u2514\u2500 (1:0)\n");
  EXPECT_EQ(Dmsetup({"ls", "--tree", "-o", "ascii"}), 0);
  EXPECT_EQ(out_, "a (253:0)\n `- (1:0)\n");
}

TEST_F(TellingTest, SelectionIsRefusedWhereItWouldChooseDevices) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  const std::string refusal = "--select is not supported by this program.\n";
  for (const char* command : {"remove", "suspend", "status", "table", "deps", "wipe_table"}) {
    EXPECT_EQ(Dmsetup({command, "-S", "name=b"}), 1);
    EXPECT_EQ(err_, refusal) << command;
    EXPECT_EQ(out_, "") << command;
  }
  EXPECT_EQ(Dmsetup({"info", "-c", "-S", "name=b"}), 1);
  EXPECT_EQ(err_, refusal);
  EXPECT_THAT(Devices(), ElementsAre("a"));
  EXPECT_EQ(Dmsetup({"info", "-c", "-S", "", "--noheadings", "-o", "name"}), 0);
  EXPECT_EQ(out_, "a\n");
  // dmsetup does not look at it here.
  EXPECT_EQ(Dmsetup({"ls", "-S", "name=b"}), 0);
  EXPECT_EQ(out_, "a\t(253:0)\n");
}

TEST_F(TellingTest, StatisticsThatADeviceHasAreRefused) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"info", "-c", "-o", "name,read_count"});
  EXPECT_EQ(Dmsetup({"message", "a", "0", "@stats_create", "-", "8"}), 0);
  EXPECT_EQ(Failure({"info", "-c", "-o", "name,read_count"}),
            "Fields of statistics are not supported by this program.\n");
}

TEST_F(TellingTest, RefusedListEndsTheCommand) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  sys::FaultyHost faulty(host_);
  host_ = faulty.host();
  faulty.SetPlan([](const sys::SeamCall& call) {
    // DM_LIST_DEVICES
    return call.method == "Ioctl" && absl::StartsWith(call.object, "0xc138fd02") ? ENOMEM : 0;
  });
  for (const char* command : {"info", "status", "table", "deps", "ls"}) {
    EXPECT_EQ(Failure({command}),
              "device-mapper: names ioctl on   failed: Cannot allocate memory\n")
        << command;
  }
  faulty.SetPlan(nullptr);
  host_ = kernel_->host();
}

TEST_F(TellingTest, HelpOfFieldsAndAnErrorOfDevicesComeTogether) {
  Quiet({"create", "a", "--notable"});
  EXPECT_EQ(Dmsetup({"info", "-c", "-o", "name,help", "nosuch"}), 1);
  EXPECT_THAT(err_, StartsWith("Mapped Device Name Fields\n"));
  EXPECT_THAT(err_, EndsWith(" \nDevice does not exist.\nCommand failed.\n"));
  EXPECT_EQ(out_, "");
}

TEST_F(TellingTest, HelpWithColumnsHasTheFieldsToo) {
  EXPECT_EQ(Dmsetup({"help", "-c"}), 0);
  EXPECT_THAT(err_, StartsWith("Usage:\n\ndmsetup\n"));
  EXPECT_THAT(err_, HasSubstr("open, rw and uuid.\n\nMapped Device Name Fields\n"));
  EXPECT_THAT(err_, EndsWith("  ?                     - Show help.\n \n"));
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
