// SPDX-License-Identifier: Apache-2.0
// Calls that wait, with another thread to end them.

#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class DmThreadsTest : public DmTest {
 protected:
  DmThreadsTest() {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.SetBlocking(Blocking::kSleep);
  }

  // A thread that waits for an event of `name`, whose number is 0, and gets `reply` and the errno.
  std::thread StartWaiter(absl::string_view name, DmBytes& reply, int& error) {
    reply.Name(name);
    auto file = std::make_unique<DmControl>(*machine_.dm, OpenMode(), "");
    std::thread waiter([this, file = std::move(file), &reply, &error] {
      error =
          machine_.CallOn(*file, kDevWait, absl::MakeSpan(&reply.bytes()[0], reply.bytes().size()));
    });
    DmDevice& device = machine_.device(name);
    while (true) {
      const Scheduler::Call call(machine_.core.scheduler, 1);
      if (device.waiters() == 1) return waiter;
    }
  }
};

TEST_P(DmThreadsTest, RenameWakesAWaiter) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes reply, rename;
  int error = 1;
  std::thread waiter = StartWaiter("a", reply, error);
  EXPECT_EQ(machine_.Call(kDevRename, rename.Name("a").Text("b")), 0);
  waiter.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(reply.U32(kEventAt), 1u);
}

TEST_P(DmThreadsTest, RemoveWakesAWaiterWhoGetsTheStatusOfTheDyingTable) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes reply;
  int error = 1;
  std::thread waiter = StartWaiter("a", reply, error);
  EXPECT_EQ(machine_.Remove("a"), 0);
  waiter.join();
  EXPECT_EQ(error, 0);
  EXPECT_EQ(reply.Targets().size(), 1u);
}

TEST_P(DmThreadsTest, RemoveOfATablelessDeviceWaitsForTheWaiterButItsNameIsFree) {
  ASSERT_EQ(machine_.Create("a"), 0);
  DmBytes reply;
  int error = 1;
  DmControl file(*machine_.dm, OpenMode(), "");
  std::thread waiter = StartWaiter("a", reply, error);
  int removed = 1;
  std::thread remover([this, &file, &removed] {
    DmBytes bytes(kStructBytes);
    bytes.Name("a");
    removed =
        machine_.CallOn(file, kDevRemove, absl::MakeSpan(&bytes.bytes()[0], bytes.bytes().size()));
  });
  while (machine_.Create("a") == -EBUSY) {
  }
  // The old one still has its minor.
  EXPECT_EQ(machine_.device("a").number().minor, 1u);
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.Interrupt(machine_.root.id());
  }
  waiter.join();
  remover.join();
  EXPECT_EQ(error, -EINTR);
  EXPECT_EQ(removed, 0);
}

TEST_P(DmThreadsTest, ResumeLetsAWaitingReadGoOn) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  int error = 1;
  std::thread reader([this, &error] {
    std::string bytes(512, '?');
    const Scheduler::Call call(machine_.core.scheduler, 1);
    error = machine_.device("a").Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
  });
  EXPECT_EQ(machine_.Resume("a"), 0);
  reader.join();
  EXPECT_EQ(error, 0);
}

TEST_P(DmThreadsTest, AnyNumberOfReadsMayWait) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  constexpr size_t kReaders = 300;
  std::vector<int> errors(kReaders, 1);
  std::vector<std::thread> readers;
  size_t waiting = 0;
  for (int& error : errors) {
    readers.emplace_back([this, &error, &waiting] {
      std::string bytes(512, '?');
      const Scheduler::Call call(machine_.core.scheduler, 1);
      ++waiting;
      error = machine_.device("a").Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
    });
  }
  const auto are_waiting = [&] {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return waiting == kReaders;
  };
  while (!are_waiting()) {
  }
  EXPECT_EQ(machine_.Resume("a"), 0);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(errors, std::vector<int>(kReaders, 0));
}

DMKIT_ON_BOTH_KERNELS(DmThreadsTest);

}  // namespace
}  // namespace dmkit::model
