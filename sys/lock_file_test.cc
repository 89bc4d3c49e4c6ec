// SPDX-License-Identifier: Apache-2.0
// Tests of the lock on this machine's files. The clock jumps: no test waits.

#include "sys/lock_file.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class JumpingClock : public Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override { now_ += duration; }

 private:
  absl::Time now_ = absl::UnixEpoch();
};

Host WithClock(Host host, Clock& clock) {
  host.clock = &clock;
  return host;
}

class LockFileTest : public ::testing::Test {
 protected:
  LockFileTest()
      : faulty_(WithClock(linux_.host(), clock_)),
        host_(faulty_.host()),
        dir_(*host_.root->OpenDir(temp_.path())) {
    faulty_.SetPlan(nullptr);
  }

  absl::StatusOr<HeldLock> Acquire(absl::string_view what,
                                   absl::Duration patience = absl::Seconds(5)) {
    return AcquireLock(host_, *dir_, "set.lock", what, patience);
  }
  absl::StatusOr<std::string> Text() { return ReadFile(*dir_, "set.lock", 4096); }
  // What a holder writes: its line, then as many line feeds as make 256 bytes.
  static std::string Padded(std::string line) {
    line.resize(256, '\n');
    return line;
  }
  std::string LogText() const { return absl::StrJoin(faulty_.Log(), "\n"); }

  TempDir temp_;
  LinuxHost linux_;
  JumpingClock clock_;
  FaultyHost faulty_;
  Host host_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(LockFileTest, FileNamesItsHolder) {
  const absl::StatusOr<HeldLock> lock = Acquire("dmkit create web");
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(Text(), IsOkAndHolds(
                          Padded(absl::StrCat(host_.processes->ProcessId(), " dmkit create web"))));
}

TEST_F(LockFileTest, FileRemovedByItsHolderIsNotTheLockAnyMore) {
  const Host honest = WithClock(linux_.host(), clock_);
  const auto honest_dir = honest.root->OpenDir(temp_.path());
  ASSERT_THAT(honest_dir, IsOk());
  absl::StatusOr<HeldLock> first =
      AcquireLock(honest, **honest_dir, "set.lock", "the first", absl::ZeroDuration());
  ASSERT_THAT(first, IsOk());
  faulty_.SetPlan([&](const SeamCall& call) {
    // Another process waits with the old file open while the holder removes it and ends.
    if (call.method == "TryLock" && first.ok()) {
      (*honest_dir)->Unlink("set.lock").IgnoreError();
      first = absl::CancelledError();
    }
    return 0;
  });
  const absl::StatusOr<HeldLock> second = Acquire("the second");
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(faulty_.CountOf("TryLock"), 2u);
  EXPECT_THAT(Acquire("the third", absl::ZeroDuration()), FailsWithErrno(ETIMEDOUT));
}

TEST_F(LockFileTest, ShorterTextLeavesNothingOfTheLongerOne) {
  { const absl::StatusOr<HeldLock> first = Acquire("a rather long description of the work"); }
  ASSERT_THAT(Acquire("ls"), IsOk());
  EXPECT_THAT(Text(), IsOkAndHolds(Padded(absl::StrCat(host_.processes->ProcessId(), " ls"))));
}

TEST_F(LockFileTest, TextIsOneShortPrintableLine) {
  ASSERT_THAT(Acquire(absl::StrCat("a\nb\x1b", std::string(5000, 'x'))), IsOk());
  const absl::StatusOr<std::string> text = Text();
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr(" a\\x0ab\\x1bxxx"));
  EXPECT_EQ(text->find('\n'), text->size() - 1);
  EXPECT_EQ(text->size(), 256u);
}

TEST_F(LockFileTest, SecondCallTimesOutAndNamesTheHolder) {
  const absl::StatusOr<HeldLock> first = Acquire("dmkit create web");
  ASSERT_THAT(first, IsOk());
  const absl::Time start = clock_.Now();
  const absl::StatusOr<HeldLock> second = Acquire("dmkit rm web", absl::Seconds(7));
  EXPECT_THAT(second, FailsWithErrno(ETIMEDOUT));
  EXPECT_EQ(clock_.Now() - start, absl::Seconds(7));
  EXPECT_THAT(
      std::string(second.status().message()),
      AllOf(HasSubstr("set.lock"), HasSubstr(absl::StrCat("process ", host_.processes->ProcessId(),
                                                          " (dmkit create web)"))));
  // The loser has not put itself into the file.
  EXPECT_THAT(Text(), IsOkAndHolds(HasSubstr("create web")));
}

TEST_F(LockFileTest, DestructionReleases) {
  { ASSERT_THAT(Acquire("one"), IsOk()); }
  EXPECT_THAT(Acquire("two", absl::ZeroDuration()), IsOk());
}

TEST_F(LockFileTest, MovingKeepsItAndAssigningReleases) {
  absl::StatusOr<HeldLock> first = Acquire("one");
  ASSERT_THAT(first, IsOk());
  std::optional<HeldLock> moved(*std::move(first));
  EXPECT_THAT(Acquire("two", absl::ZeroDuration()), FailsWithErrno(ETIMEDOUT));
  auto other = AcquireLock(host_, *dir_, "other.lock", "x", absl::ZeroDuration());
  ASSERT_THAT(other, IsOk());
  *moved = *std::move(other);
  EXPECT_THAT(Acquire("three", absl::ZeroDuration()), IsOk());
  moved.reset();
  EXPECT_THAT(AcquireLock(host_, *dir_, "other.lock", "y", absl::ZeroDuration()), IsOk());
}

TEST_F(LockFileTest, LocksOfOtherNamesDoNotMeet) {
  const absl::StatusOr<HeldLock> lock = Acquire("one");
  EXPECT_THAT(AcquireLock(host_, *dir_, "layer.lock", "two", absl::ZeroDuration()), IsOk());
}

TEST_F(LockFileTest, FileStaysAndCostsNoFsync) {
  { ASSERT_THAT(Acquire("one"), IsOk()); }
  EXPECT_EQ(faulty_.CountOf("Sync"), 0u);
  EXPECT_EQ(faulty_.CountOf("Unlink"), 0u);
  EXPECT_EQ(faulty_.open_handles(), 1u);
  EXPECT_THAT(dir_->Stat("set.lock"), IsOk());
}

TEST_F(LockFileTest, AnUnintelligibleHolderIsAnotherProcess) {
  const std::string garbage[] = {"",
                                 "\n",
                                 " \n",
                                 " web\n",
                                 "web\n",
                                 "12x web\n",
                                 "-1 web\n",
                                 "99999999999999999999 web\n",
                                 "12 \x1b[31mred\n",
                                 "12 w\xff\n",
                                 std::string(8, '\0'),
                                 std::string(5000, 'x'),
                                 "\n12 web\n"};
  for (const std::string& text : garbage) {
    const absl::StatusOr<HeldLock> first = Acquire("one");
    ASSERT_THAT(first, IsOk());
    OpenOptions options;
    options.access = Access::kReadWrite;
    const auto file = dir_->OpenFile("set.lock", options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(0), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, text), IsOk());
    const absl::Status second = Acquire("two").status();
    EXPECT_THAT(second, FailsWithErrno(ETIMEDOUT));
    EXPECT_THAT(std::string(second.message()), HasSubstr("another process")) << text;
  }
}

TEST_F(LockFileTest, AHolderWithoutALineEndOrWorkIsNamed) {
  for (const absl::string_view text :
       {"12 web", "12 web\nrest of a longer text\n", "12", "12 \n"}) {
    ASSERT_THAT(ReplaceFile(*dir_, "set.lock", text), IsOk());
    const auto file = dir_->OpenFile("set.lock", OpenOptions());
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
    const absl::Status second = Acquire("two").status();
    EXPECT_THAT(std::string(second.message()), HasSubstr("process 12 (")) << text;
    EXPECT_THAT(std::string(second.message()), ::testing::Not(HasSubstr("rest")));
  }
}

TEST_F(LockFileTest, AFullFilesystemDoesNotStopTheLock) {
  { ASSERT_THAT(Acquire("earlier holder"), IsOk()); }
  for (const int error : {ENOSPC, EDQUOT}) {
    faulty_.SetPlan(FaultyHost::FailMatching("WriteAt", "set.lock", error));
    EXPECT_THAT(Acquire("one"), IsOk());
    faulty_.SetPlan(nullptr);
    EXPECT_THAT(Text(), IsOkAndHolds(""));
  }
}

TEST_F(LockFileTest, EveryCallFailsOnceAndNothingStaysLocked) {
  for (uint64_t number = 1;; ++number) {
    faulty_.SetPlan(FaultyHost::FailCall(number, EIO));
    const absl::Status status = Acquire("one").status();
    SCOPED_TRACE(LogText());
    if (faulty_.calls() < number) {
      EXPECT_THAT(status, IsOk());
      EXPECT_EQ(number, 6u);
      break;
    }
    EXPECT_THAT(status, FailsWithErrno(EIO));
    EXPECT_EQ(faulty_.open_handles(), 1u);
    faulty_.SetPlan(nullptr);
    EXPECT_THAT(Acquire("two", absl::ZeroDuration()), IsOk());
  }
}

TEST_F(LockFileTest, AnUnreadableHolderStillTimesOut) {
  const absl::StatusOr<HeldLock> first = Acquire("one");
  faulty_.SetPlan(FaultyHost::FailMatching("ReadAt", "", EIO));
  EXPECT_THAT(Acquire("two"), FailsWithErrno(ETIMEDOUT));
}

TEST_F(LockFileTest, AStoppedWorldReleases) {
  {
    const absl::StatusOr<HeldLock> lock = Acquire("one");
    ASSERT_THAT(lock, IsOk());
    faulty_.SetPlan(FaultyHost::StopAt(1));
  }
  faulty_.SetPlan(nullptr);
  EXPECT_THAT(Acquire("two", absl::ZeroDuration()), IsOk());
}

TEST_F(LockFileTest, RefusesWhatIsNoPlaceForALock) {
  ASSERT_THAT(dir_->MakeDir("dir", 0700), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("set.lock", "link"), IsOk());
  const auto acquire = [this](absl::string_view name) {
    return AcquireLock(host_, *dir_, name, "x", absl::ZeroDuration()).status();
  };
  EXPECT_THAT(acquire("dir"), FailsWithErrno(EISDIR));
  EXPECT_THAT(acquire("link"), FailsWithErrno(ELOOP));
  EXPECT_THAT(acquire("missing/set.lock"), FailsWithErrno(ENOENT));
  EXPECT_THAT(acquire(""), FailsWithErrno(ENOENT));
}

TEST_F(LockFileTest, HolderIsFoundWhileItHoldsTheLock) {
  EXPECT_THAT(FindLockHolder(*dir_, "set.lock"), IsOkAndHolds(std::nullopt)) << "no file";
  {
    const absl::StatusOr<HeldLock> lock = Acquire("diff web");
    ASSERT_THAT(lock, IsOk());
    const auto holder = FindLockHolder(*dir_, "set.lock");
    ASSERT_THAT(holder, IsOk());
    EXPECT_EQ(holder->value_or(""),
              absl::StrCat("process ", host_.processes->ProcessId(), " (diff web)"));
  }
  EXPECT_THAT(FindLockHolder(*dir_, "set.lock"), IsOkAndHolds(std::nullopt)) << "released";
}

TEST_F(LockFileTest, WhoAsksForTheHolderIsNotTakenForOneByOthersWhoAsk) {
  ASSERT_THAT(Acquire("x"), IsOk());
  OpenOptions options;
  const auto asking = dir_->OpenFile("set.lock", options);
  ASSERT_THAT(asking, IsOk());
  ASSERT_THAT((*asking)->TryLock(LockMode::kShared), IsOkAndHolds(true));
  EXPECT_THAT(FindLockHolder(*dir_, "set.lock"), IsOkAndHolds(std::nullopt));
}

TEST_F(LockFileTest, HolderThatCannotBeLookedForIsAnError) {
  ASSERT_THAT(Acquire("x"), IsOk());
  for (const char* call : {"OpenFile", "TryLock"}) {
    faulty_.SetPlan(FaultyHost::FailMatching(call, "", EIO));
    EXPECT_THAT(FindLockHolder(*dir_, "set.lock"), FailsWithErrno(EIO)) << call;
  }
}

}  // namespace
}  // namespace dmkit::sys
