// SPDX-License-Identifier: Apache-2.0
// Open counts, claims and deferred removal.

#include <cerrno>
#include <string>
#include <vector>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

using Lines = std::vector<std::string>;

class DmOpenTest : public DmTest {
 protected:
  uint32_t Opens(absl::string_view name) { return machine_.Status(name).U32(kOpenCountAt); }
  bool Exists(absl::string_view name) { return machine_.dm->FindByName(name) != nullptr; }
  // Closes as a call of a process does, so that what it queued is done.
  void Close(BlockHandle& handle) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    handle.Reset();
  }
};

TEST_P(DmOpenTest, EachOpenCounts) {
  machine_.Activate("a", 8, "zero", "");
  BlockHandle first, second;
  ASSERT_EQ(machine_.Open("a", &first), 0);
  ASSERT_EQ(machine_.Open("a", &second), 0);
  EXPECT_EQ(Opens("a"), 2u);
  EXPECT_EQ(machine_.Remove("a"), -EBUSY);
  Close(first);
  Close(second);
  EXPECT_EQ(machine_.Remove("a"), 0);
}

TEST_P(DmOpenTest, TablesOfOneDeviceShareAnOpenInEachMode) {
  machine_.Activate("a", 64, "zero", "");
  const std::string below = machine_.Number("a");
  machine_.Activate("b", 8, "linear", below + " 0");
  EXPECT_EQ(Opens("a"), 1u);
  ASSERT_EQ(machine_.Load("b", 8, "linear", below + " 8"), 0);
  EXPECT_EQ(Opens("a"), 1u);
  ASSERT_EQ(machine_.Load("b", 8, "linear", below + " 8", kReadOnlyFlag), 0);
  EXPECT_EQ(Opens("a"), 2u);
  machine_.Activate("c", 8, "linear", below + " 0");
  EXPECT_EQ(Opens("a"), 3u);
  EXPECT_EQ(machine_.device("a").Holders().size(), 2u);
  ASSERT_EQ(machine_.Clear("b"), 0);
  ASSERT_EQ(machine_.Remove("b"), 0);
  ASSERT_EQ(machine_.Remove("c"), 0);
  EXPECT_EQ(Opens("a"), 0u);
}

TEST_P(DmOpenTest, ClaimsOfOthersAndOfTablesExcludeEachOther) {
  machine_.Activate("a", 64, "zero", "");
  const std::string below = machine_.Number("a");
  ASSERT_EQ(machine_.Create("b"), 0);
  const int somebody = 0;
  BlockHandle handle;
  ASSERT_EQ(machine_.Open("a", &handle, &somebody), 0);
  EXPECT_EQ(machine_.Load("b", 8, "linear", below + " 0"), -EBUSY);
  Close(handle);
  // The claim is taken by the load.
  EXPECT_EQ(machine_.Load("b", 8, "linear", below + " 0"), 0);
  EXPECT_EQ(machine_.Open("a", &handle, &somebody), -EBUSY);
  EXPECT_EQ(machine_.Open("a", &handle), 0);
}

TEST_P(DmOpenTest, TwoDevicesMayUseEachOtherAndAreBusyUntilATableGoes) {
  machine_.Activate("p", 64, "zero", "");
  machine_.Activate("q", 8, "linear", machine_.Number("p") + " 0");
  ASSERT_EQ(machine_.Load("p", 8, "linear", machine_.Number("q") + " 0"), 0);
  EXPECT_EQ(machine_.Remove("p"), -EBUSY);
  EXPECT_EQ(machine_.Remove("q"), -EBUSY);
  ASSERT_EQ(machine_.Clear("p"), 0);
  EXPECT_EQ(machine_.Remove("q"), 0);
  EXPECT_EQ(machine_.Remove("p"), 0);
}

TEST_P(DmOpenTest, CircleOfTablesDoesNoIo) {
  machine_.Activate("p", 64, "zero", "");
  machine_.Activate("q", 8, "linear", machine_.Number("p") + " 0");
  ASSERT_EQ(machine_.Load("p", 8, "linear", machine_.Number("q") + " 0"), 0);
  ASSERT_EQ(machine_.Resume("p"), 0);
  std::string bytes(512, '\0');
  const Scheduler::Call call(machine_.core.scheduler, 1);
  EXPECT_EQ(machine_.device("p").Read(0, absl::MakeSpan(&bytes[0], bytes.size())), -EIO);
}

TEST_P(DmOpenTest, DeferredRemoveHappensAtTheLastClose) {
  machine_.Activate("a", 8, "zero", "");
  BlockHandle first, second;
  ASSERT_EQ(machine_.Open("a", &first), 0);
  machine_.TakeUevents();
  DmBytes bytes(kStructBytes);
  EXPECT_EQ(machine_.Call(kDevRemove, bytes.Name("a").Flags(kDeferredRemoveFlag).Event(5)), 0);
  EXPECT_EQ(bytes.flags(), kDeferredRemoveFlag);
  EXPECT_EQ(machine_.Remove("a", kDeferredRemoveFlag), 0);
  // Nothing else has changed: it takes opens, tables and names.
  EXPECT_NE(machine_.Status("a").flags() & kDeferredRemoveFlag, 0u);
  ASSERT_EQ(machine_.Open("a", &second), 0);
  ASSERT_EQ(machine_.Load("a", 16, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Remove("a"), -EBUSY);
  machine_.TakeUevents();
  Close(first);
  EXPECT_TRUE(Exists("a"));
  Close(second);
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(machine_.TakeUevents(), Lines{"remove dm-0"});
}

TEST_P(DmOpenTest, CancelledDeferredRemoveDoesNotHappen) {
  machine_.Activate("a", 8, "zero", "");
  BlockHandle handle;
  ASSERT_EQ(machine_.Open("a", &handle), 0);
  ASSERT_EQ(machine_.Remove("a", kDeferredRemoveFlag), 0);
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kTargetMsg, bytes.Name("a").Message(0, "@cancel_deferred_remove")), 0);
  EXPECT_EQ(bytes.flags() & kDeferredRemoveFlag, 0u);
  Close(handle);
  EXPECT_TRUE(Exists("a"));
}

TEST_P(DmOpenTest, DeferredStackUnwinds) {
  machine_.Activate("a", 64, "zero", "");
  machine_.Activate("b", 8, "linear", machine_.Number("a") + " 0");
  ASSERT_EQ(machine_.Remove("a", kDeferredRemoveFlag), 0);
  EXPECT_TRUE(Exists("a"));
  ASSERT_EQ(machine_.Remove("b"), 0);
  EXPECT_FALSE(Exists("a"));
}

TEST_P(DmOpenTest, RemoveAllLeavesOpenOnesOrMarksThem) {
  for (const char* name : {"a", "b"}) machine_.Activate(name, 8, "zero", "");
  BlockHandle handle;
  ASSERT_EQ(machine_.Open("a", &handle), 0);
  DmBytes plain(kStructBytes), deferred(kStructBytes);
  EXPECT_EQ(machine_.Call(kRemoveAll, plain), 0);
  EXPECT_TRUE(Exists("a"));
  EXPECT_FALSE(Exists("b"));
  EXPECT_EQ(machine_.Call(kRemoveAll, deferred.Flags(kDeferredRemoveFlag)), 0);
  EXPECT_TRUE(Exists("a"));
  Close(handle);
  EXPECT_FALSE(Exists("a"));
}

TEST_P(DmOpenTest, PowerLossLeavesNothing) {
  machine_.Activate("a", 64, "linear", "8:0 0");
  machine_.Activate("b", 8, "linear", machine_.Number("a") + " 0");
  ASSERT_EQ(machine_.Load("a", 8, "linear", machine_.Number("b") + " 0"), 0);
  machine_.control.reset();
  machine_.dm.reset();
  EXPECT_EQ(machine_.disk->open_count(), 0u);
  EXPECT_EQ(machine_.core.blocks.List().size(), 2u);
  machine_.dm = std::make_unique<DmCore>(machine_.core);
  machine_.control = std::make_unique<DmControl>(*machine_.dm, OpenMode(), "");
  machine_.Activate("a", 64, "linear", "8:0 0");
}

DMKIT_ON_BOTH_KERNELS(DmOpenTest);

}  // namespace
}  // namespace dmkit::model
