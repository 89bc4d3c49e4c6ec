// SPDX-License-Identifier: Apache-2.0
// A device that fails for some of the time.

#include "testing/model/flakey.h"

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class FlakeyTest : public DmTest {
 protected:
  FlakeyTest() { RegisterFlakey(*machine_.dm); }

  int Write(char fill) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return machine_.device("a").Write(0, std::string(kSectorBytes, fill));
  }
  // What is read, or '!' for an error.
  char Read() {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    std::string bytes(kSectorBytes, '?');
    const int error = machine_.device("a").Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
    return error == 0 ? bytes[0] : '!';
  }
  int Flush() {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return machine_.device("a").Flush();
  }
  void Sleep(int seconds) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.Advance(absl::Seconds(seconds));
  }
};

TEST_P(FlakeyTest, WithoutFeaturesEverythingFailsWhileItIsDown) {
  machine_.Activate("a", 8, "flakey", "8:0 16 10 5");
  EXPECT_EQ(Write('x'), 0);
  Sleep(10);
  EXPECT_EQ(Write('y'), -EIO);
  EXPECT_EQ(Read(), '!');
  EXPECT_EQ(Flush(), -EIO);
  Sleep(5);
  EXPECT_EQ(Read(), 'x');
  EXPECT_EQ(Write('z'), 0);
}

TEST_P(FlakeyTest, AreaBehindEverythingFailsAndTouchesNothing) {
  machine_.disk->Resize(0);
  machine_.Activate("a", 8, "flakey", "8:0 36028797018963968 10 5");
  machine_.disk->Resize(1 << 20);
  EXPECT_EQ(Write('x'), -EIO);
  EXPECT_EQ(Read(), '!');
  EXPECT_EQ(Flush(), 0);
}

TEST_P(FlakeyTest, ErrorWritesLetsReadsThrough) {
  machine_.Activate("a", 8, "flakey", "8:0 0 0 3600 1 error_writes");
  EXPECT_EQ(Write('y'), -EIO);
  EXPECT_EQ(Flush(), -EIO);
  EXPECT_EQ(Read(), '\0');
}

TEST_P(FlakeyTest, DropWritesLosesThemSilently) {
  machine_.Activate("a", 8, "flakey", "8:0 0 0 3600 1 Drop_Writes");
  EXPECT_EQ(Write('y'), 0);
  EXPECT_EQ(Flush(), 0);
  EXPECT_EQ(Read(), '\0');
}

TEST_P(FlakeyTest, ErrorReadsIsKnownSince66) {
  ASSERT_EQ(machine_.Create("a"), 0);
  const int error = machine_.Load("a", 8, "flakey", "8:0 0 0 3600 1 error_reads");
  EXPECT_EQ(error, is_6_1() ? -EINVAL : 0);
  if (is_6_1()) return;
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(Read(), '!');
  EXPECT_EQ(Write('y'), 0);
}

TEST_P(FlakeyTest, TheTableShowsItsFeatures) {
  machine_.Activate("a", 8, "flakey", "8:0 16 0 3600 1 error_writes");
  EXPECT_EQ(machine_.Table("a").Targets().at(0),
            std::string("0 8 flakey 8:0 16 0 3600 1 error_writes") + (is_6_1() ? " " : ""));
  machine_.Activate("b", 8, "flakey", "8:0 16 1 0");
  EXPECT_EQ(
      machine_.Table("b").Targets().at(0),
      is_6_1() ? "0 8 flakey 8:0 16 1 0 0 " : "0 8 flakey 8:0 16 1 0 2 error_reads error_writes");
}

TEST_P(FlakeyTest, WrongWordsAreRefused) {
  ASSERT_EQ(machine_.Create("a"), 0);
  for (const char* words :
       {"", "8:0 0 1", "8:0 x 1 1", "8:0 0 -1 1", "8:0 0 1 x", "8:0 0 0 0", "8:0 0 4294967295 1",
        "8:0 0 1 1 2 drop_writes", "8:0 0 1 1 x", "8:0 0 1 1 12", "8:0 0 1 1 1 word",
        "8:0 0 1 1 2 drop_writes drop_writes", "8:0 0 1 1 2 drop_writes error_writes",
        "8:0 0 1 1 2 error_writes drop_writes"}) {
    EXPECT_EQ(machine_.Load("a", 8, "flakey", words), -EINVAL) << words;
  }
}

DMKIT_ON_BOTH_KERNELS(FlakeyTest);

}  // namespace
}  // namespace dmkit::model
