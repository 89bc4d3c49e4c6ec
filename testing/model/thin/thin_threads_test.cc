// SPDX-License-Identifier: Apache-2.0
// Writes that wait for room in a pool, with another thread to end the wait.

#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class ThinThreadsTest : public ThinTest {
 protected:
  void SetUp() override {
    MakePool(2);
    MakeThin("a", "1");
    ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.SetBlocking(Blocking::kSleep);
  }

  // A thread with a write that waits; its result goes to `error`.
  std::thread StartWriter(int& error) {
    std::thread writer([this, &error] { error = Write("a", 4 * kBlock, 1, 'w'); });
    // Only a write that found no room brings the pool there.
    while (!absl::StartsWith(Mode(), "out_of_data_space")) {
    }
    return writer;
  }
};

TEST_P(ThinThreadsTest, GrowthLetsTheWriteGoOn) {
  int error = 1;
  std::thread writer = StartWriter(error);
  EXPECT_EQ(ReloadPool(4), 0);
  writer.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(Read("a", 4 * kBlock, 2), "w.");
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
}

TEST_P(ThinThreadsTest, TimeoutEndsTheWait) {
  int error = 1;
  std::thread writer = StartWriter(error);
  Advance(absl::Seconds(61));
  writer.join();
  EXPECT_EQ(error, -ENOSPC);
}

TEST_P(ThinThreadsTest, FreedBlockEndsTheWait) {
  int error = 1;
  std::thread writer = StartWriter(error);
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
  Advance(absl::Seconds(2));
  writer.join();
  EXPECT_EQ(error, 0);
}

TEST_P(ThinThreadsTest, SuspendOfThePoolTakesTheWriteBackUntilItsResume) {
  int error = 1;
  std::thread writer = StartWriter(error);
  EXPECT_EQ(machine_.Suspend("pool"), 0);
  // With the timer gone too.
  Advance(absl::Hours(1));
  EXPECT_EQ(error, 1);
  EXPECT_EQ(ReloadPool(4), 0);
  writer.join();
  EXPECT_EQ(error, 0);
}

TEST_P(ThinThreadsTest, SuspendWithoutFlushTakesTheWriteBack) {
  int error = 1;
  std::thread writer = StartWriter(error);
  EXPECT_EQ(machine_.Suspend("a", kNoFlushFlag), 0);
  EXPECT_EQ(ReloadPool(4), 0);
  EXPECT_EQ(machine_.Resume("a"), 0);
  writer.join();
  EXPECT_EQ(error, 0);
}

TEST_P(ThinThreadsTest, SuspendThatFlushesWaitsForTheWrite) {
  int error = 1;
  DmControl file(*machine_.dm, OpenMode(), "");
  std::thread writer = StartWriter(error);
  int suspended = 1;
  std::thread suspender([this, &file, &suspended] {
    DmBytes bytes(kStructBytes);
    bytes.Name("a").Flags(kSuspendFlag | kSkipLockFsFlag);
    suspended =
        machine_.CallOn(file, kDevSuspend, absl::MakeSpan(&bytes.bytes()[0], bytes.bytes().size()));
  });
  Advance(absl::Seconds(61));
  writer.join();
  suspender.join();
  EXPECT_EQ(error, -ENOSPC);
  EXPECT_EQ(suspended, 0);
}

TEST_P(ThinThreadsTest, PoolThatBecomesReadOnlyFailsTheWrite) {
  int error = 1;
  std::thread writer = StartWriter(error);
  FailMetadata(true);
  EXPECT_EQ(Send("create_thin 9"), 0);
  writer.join();
  // The pool remembers that it had no space.
  EXPECT_EQ(error, -ENOSPC);
  EXPECT_TRUE(absl::StartsWith(Mode(), "ro "));
}

TEST_P(ThinThreadsTest, RemovalWaitsForTheCommitThatIsOnItsWay) {
  bool is_waiting = false;
  bool is_free = false;
  Scheduler& scheduler = machine_.core.scheduler;
  metadata_->SetFault([&](const Io& io) {
    if (io.kind == IoKind::kRead) return 0;
    is_waiting = true;
    return scheduler.Wait(WaitKind::kUninterruptible, "a slow disk", [&] { return is_free; });
  });
  const auto is_so = [&](const std::function<bool()>& condition) {
    const Scheduler::Call call(scheduler, 1);
    return condition();
  };
  std::thread worker([this] { Advance(absl::Seconds(2)); });
  while (!is_so([&] { return is_waiting; })) {
  }
  DmControl file(*machine_.dm, OpenMode(), "");
  int errors = 0;
  std::thread remover([&] {
    for (const char* name : {"a", "pool"}) {
      DmBytes bytes(kStructBytes);
      bytes.Name(name);
      errors += machine_.CallOn(file, kDevRemove,
                                absl::MakeSpan(&bytes.bytes()[0], bytes.bytes().size()));
    }
  });
  while (is_so([&] { return machine_.dm->FindByName("a") != nullptr; })) {
  }
  is_so([&] { return is_free = true; });
  worker.join();
  remover.join();
  EXPECT_EQ(errors, 0);
  metadata_->SetFault(nullptr);
}

TEST_P(ThinThreadsTest, PowerLossEndsTheWait) {
  int error = 1;
  std::thread writer = StartWriter(error);
  pools_->LosePower();
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.LosePower();
  }
  writer.join();
  EXPECT_EQ(error, -EINTR);
}

DMKIT_ON_BOTH_KERNELS(ThinThreadsTest);

}  // namespace
}  // namespace dmkit::model
