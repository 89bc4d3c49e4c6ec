// SPDX-License-Identifier: Apache-2.0
// What udevd makes of the uevents of mapped devices.

#include "testing/model/process/udevd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "testing/model/dm_testing.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr uint32_t kPrimarySource = 0x40U << 16;
constexpr uint32_t kDisableDmRules = 0x1U << 16;
constexpr uint32_t kBase = 0x1234;

class UdevdTest : public ::testing::Test, public LinkDirectory {
 protected:
  void MakeLink(absl::string_view name, absl::string_view target) override {
    links_[std::string(name)] = std::string(target);
  }
  void RemoveLink(absl::string_view name, absl::string_view target) override {
    const auto found = links_.find(std::string(name));
    if (found != links_.end() && found->second == target) links_.erase(found);
  }

  // A device with a live table, announced with `cookie`.
  void Activate(absl::string_view name, uint32_t cookie) {
    ASSERT_EQ(machine_.Create(name), 0);
    ASSERT_EQ(machine_.Load(name, 8, "error", ""), 0);
    ASSERT_EQ(machine_.Resume(name, cookie), 0);
    Settle();
  }
  void Settle() {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.Advance(absl::Milliseconds(1));
  }

  DmMachine machine_{Linux612()};
  std::map<std::string, std::string> links_;
  SemaphoreTable semaphores_{machine_.core};
  const Identity root_{};
  Udevd udevd_{machine_.core, semaphores_, *this};
};

TEST_F(UdevdTest, AnAnnouncedDeviceGetsItsLink) {
  Activate("web", kPrimarySource);
  EXPECT_THAT(links_, ElementsAre(Pair("web", "dm-0")));
}

TEST_F(UdevdTest, ALinksNameIsMangled) {
  Activate("a b", kPrimarySource);
  EXPECT_THAT(links_, ElementsAre(Pair("a\\x20b", "dm-0")));
}

TEST_F(UdevdTest, WithoutPrimarySourceOrWithoutTheRulesThereIsNoLink) {
  Activate("a", 0);
  Activate("b", kBase);
  Activate("c", kPrimarySource | kDisableDmRules);
  EXPECT_THAT(links_, ElementsAre());
}

TEST_F(UdevdTest, ARenameMovesTheLink) {
  Activate("web", kPrimarySource);
  DmBytes rename;
  ASSERT_EQ(machine_.Call(kDevRename, rename.Name("web").Event(kPrimarySource).Text("new")), 0);
  Settle();
  EXPECT_THAT(links_, ElementsAre(Pair("new", "dm-0")));
}

TEST_F(UdevdTest, ARemoveTakesTheLinkAway) {
  Activate("web", kPrimarySource);
  ASSERT_EQ(machine_.Remove("web"), 0);
  Settle();
  EXPECT_THAT(links_, ElementsAre());
}

TEST_F(UdevdTest, ACookieIsCountedDownOnceForEachAnnouncedEvent) {
  const int32_t id = semaphores_.Create(root_, 0x0d4d0000 | kBase);
  ASSERT_EQ(semaphores_.SetValue(root_, id, 5), 0);
  Activate("web", kPrimarySource | kBase);
  EXPECT_EQ(semaphores_.Value(root_, id), 4);
  DmBytes remove;
  ASSERT_EQ(machine_.Call(kDevRemove, remove.Name("web").Event(kDisableDmRules | kBase)), 0);
  Settle();
  EXPECT_EQ(semaphores_.Value(root_, id), 3);
}

TEST_F(UdevdTest, AKilledUdevdDoesNothingMore) {
  const int32_t id = semaphores_.Create(root_, 0x0d4d0000 | kBase);
  ASSERT_EQ(semaphores_.SetValue(root_, id, 5), 0);
  udevd_.SetRunning(false);
  Activate("web", kPrimarySource | kBase);
  EXPECT_THAT(links_, ElementsAre());
  EXPECT_EQ(semaphores_.Value(root_, id), 5);
  udevd_.SetRunning(true);
  Activate("new", kPrimarySource | kBase);
  EXPECT_THAT(links_, ElementsAre(Pair("new", "dm-1")));
  EXPECT_EQ(semaphores_.Value(root_, id), 4);
}

TEST_F(UdevdTest, ADiskThatIsNoMappedDeviceIsNoneOfItsBusiness) {
  machine_.disk->Resize(1 << 20);
  Settle();
  EXPECT_THAT(links_, ElementsAre());
}

}  // namespace
}  // namespace dmkit::model
