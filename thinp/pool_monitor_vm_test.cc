// SPDX-License-Identifier: Apache-2.0
// What the monitor tells of a pool that a kernel has, and that nothing falls between two looks.

#include <cerrno>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "thinp/pool.h"
#include "thinp/pool_monitor.h"
#include "thinp/pool_vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;

// Longer than any test here should take, and than the model's time goes on by itself.
constexpr absl::Duration kLong = absl::Minutes(5);

class PoolMonitorVmTest : public PoolFixture {
 protected:
  // Events alone end a wait, unless a test says otherwise.
  PoolMonitor Watch(const PoolLimits& limits = {0, 0},
                    absl::Duration interval = absl::InfiniteDuration()) {
    return PoolMonitor::Open(host(), Name(kPoolName), {limits, interval}).value();
  }

  // What is to be told now, as words.
  std::string Told(PoolMonitor& monitor) { return Words(monitor.Next(absl::InfinitePast())); }

  // What is told in time: an event that was lost would come at the deadline only.
  std::string ToldInTime(PoolMonitor& monitor) {
    const absl::Time start = plain_host().clock->Now();
    std::string words = Words(monitor.Next(start + kLong));
    EXPECT_LT(plain_host().clock->Now() - start, kLong / 2);
    return words;
  }

  static std::string Words(const absl::StatusOr<std::vector<PoolEvent>>& events) {
    EXPECT_THAT(events, IsOk());
    std::vector<std::string> words;
    for (const PoolEvent& event : *events) {
      words.emplace_back(PoolEventName(event.kind));
      if (event.kind == PoolEventKind::kModeChanged) {
        absl::StrAppend(&words.back(), "=", PoolModeName(event.sight->status.mode));
      }
    }
    return absl::StrJoin(words, " ");
  }

  // A thin device of twice the pool's size.
  sys::DeviceNumber AddThin(Pool& pool, uint32_t id) {
    EXPECT_THAT(pool.CreateThin(Id(id)), IsOk());
    return ActivateThinId(pool, id);
  }
  // Maps the blocks [from, to) of it.
  void Map(sys::DeviceNumber thin, uint64_t from, uint64_t to) {
    EXPECT_THAT(Fill(thin, from * kBlockBytes, (to - from) * kBlockBytes, 'x'), IsOk());
  }
  // Writes where there is no room any more.
  void WriteTooMuch(sys::DeviceNumber thin) {
    EXPECT_FALSE(Fill(thin, kDataBytes, kBlockBytes, 'x').ok());
  }
  ThinPoolParams FailingWhenFull() {
    ThinPoolParams with = params();
    with.features.error_if_no_space = true;
    return with;
  }
};

TEST_F(PoolMonitorVmTest, AHealthyPoolHasNothingToTell) {
  Pool pool = Make();
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "");
  ASSERT_TRUE(monitor.sight().has_value());
  EXPECT_EQ(monitor.sight()->name, kPoolName);
  EXPECT_EQ(monitor.sight()->low_water_mark, sys::DataBlocks{4});
  EXPECT_EQ(monitor.sight()->block_size, kBlockSizeMin);
  EXPECT_EQ(monitor.sight()->status.total_data, sys::DataBlocks{kBlocks});
}

TEST_F(PoolMonitorVmTest, NextEndsAtTheDeadline) {
  Pool pool = Make();
  PoolMonitor monitor = Watch();
  const absl::Time deadline = plain_host().clock->Now() + absl::Milliseconds(50);
  EXPECT_EQ(Words(monitor.Next(deadline)), "");
  EXPECT_GE(plain_host().clock->Now(), deadline);
}

TEST_F(PoolMonitorVmTest, LowDataIsToldOncePerCrossing) {
  Pool pool = Make();
  const sys::DeviceNumber thin = AddThin(pool, 1);
  PoolMonitor monitor = Watch({0, 0}, absl::ZeroDuration());
  Map(thin, 0, kBlocks - 5);
  EXPECT_EQ(Told(monitor), "");
  Map(thin, kBlocks - 5, kBlocks - 4);
  EXPECT_EQ(Told(monitor), "low_data");
  Map(thin, kBlocks - 4, kBlocks - 1);
  EXPECT_EQ(Told(monitor), "") << "it is still low";
  DeactivateThinId(1);
  ASSERT_THAT(pool.Delete(Id(1)), IsOk());
  EXPECT_EQ(Told(monitor), "");
  Map(AddThin(pool, 2), 0, kBlocks - 2);
  EXPECT_EQ(Told(monitor), "low_data");
}

// The kernel has no event for it: the interval ends the wait.
TEST_F(PoolMonitorVmTest, APercentageIsFoundByLookingNowAndThen) {
  Pool pool = Make();
  const sys::DeviceNumber thin = AddThin(pool, 1);
  PoolMonitor monitor = Watch({50, 0}, absl::Milliseconds(20));
  EXPECT_EQ(Told(monitor), "");
  Map(thin, 0, kBlocks / 2 + 1);
  EXPECT_EQ(ToldInTime(monitor), "low_data");
}

TEST_F(PoolMonitorVmTest, LowMetadataIsToldOnce) {
  Pool pool = Make();
  const ThinPoolStatus status = pool.Status().value();
  const uint64_t total = status.total_metadata_blocks;
  // Not low yet; a hundredth of the blocks less is.
  const auto percent = static_cast<uint32_t>((total - status.used_metadata_blocks) * 100 / total);
  PoolMonitor monitor = Watch({0, percent}, absl::ZeroDuration());
  EXPECT_EQ(Told(monitor), "");
  // Each device has a tree of its own.
  for (uint32_t id = 1; id <= total / 50; ++id) ASSERT_THAT(pool.CreateThin(Id(id)), IsOk());
  EXPECT_EQ(Told(monitor), "low_metadata");
  EXPECT_EQ(Told(monitor), "");
}

TEST_F(PoolMonitorVmTest, OutOfDataSpaceAndItsEndAreTold) {
  Pool pool = Make(FailingWhenFull());
  const sys::DeviceNumber thin = AddThin(pool, 1);
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "");
  Map(thin, 0, kBlocks);
  WriteTooMuch(thin);
  EXPECT_EQ(ToldInTime(monitor), "out_of_data_space low_data");
  EXPECT_EQ(Told(monitor), "");
  DeactivateThinId(1);
  ASSERT_THAT(pool.Delete(Id(1)), IsOk());
  // The pool changes its mode with its next commit, of which the monitor makes none.
  ASSERT_THAT(pool.CommittedStatus(), IsOk());
  EXPECT_EQ(ToldInTime(monitor), "mode=rw");
  EXPECT_EQ(Told(monitor), "");
}

TEST_F(PoolMonitorVmTest, AFailedCommitIsAModeAndNeedsCheck) {
  ThinPoolParams with = params();
  MakeLinear("wrapped", metadata_loop());
  with.metadata = plain().Info(Name("wrapped"))->device;
  Pool pool = Make(with);
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "");
  FailWrites("wrapped", metadata_loop());
  EXPECT_FALSE(pool.CreateThin(Id(1)).ok());
  EXPECT_EQ(ToldInTime(monitor), "mode=ro needs_check");
  EXPECT_EQ(Told(monitor), "");
}

TEST_F(PoolMonitorVmTest, AMissingPoolIsGoneUntilItIsMade) {
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "gone");
  EXPECT_EQ(monitor.sight(), std::nullopt);
  EXPECT_EQ(Told(monitor), "");
  Pool pool = Make();
  EXPECT_EQ(ToldInTime(monitor), "back");
  TakeDown();
  EXPECT_EQ(ToldInTime(monitor), "gone");
  EXPECT_EQ(Told(monitor), "");
}

TEST_F(PoolMonitorVmTest, APoolThatWasMadeAnewBetweenTwoLooksWasGone) {
  Pool pool = Make();
  const sys::DeviceNumber thin = AddThin(pool, 1);
  Map(thin, 0, kBlocks - 1);
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "low_data");
  DeactivateThinId(1);
  TakeDown();
  Pool again = Make();
  EXPECT_EQ(Told(monitor), "gone back low_data");
}

TEST_F(PoolMonitorVmTest, ADeviceWithAnotherTableIsNoPool) {
  Pool pool = Make();
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "");
  FailAll(kPoolName);
  EXPECT_EQ(ToldInTime(monitor), "gone");
}

TEST_F(PoolMonitorVmTest, AnEventEndsAWaitWithoutADeadline) {
  Pool pool = Make(FailingWhenFull());
  const sys::DeviceNumber thin = AddThin(pool, 1);
  PoolMonitor monitor = Watch();
  EXPECT_EQ(Told(monitor), "");
  kernel().LetCallsSleep();
  // The kernel looks at the mark before it takes a block.
  std::thread writer([&] { Map(thin, 0, kBlocks - 3); });
  EXPECT_EQ(Words(monitor.Next(absl::InfiniteFuture())), "low_data");
  writer.join();
}

// Whatever calls the monitor is between: the pool's end is told at once, and once.
TEST_F(PoolMonitorVmTest, NoEventIsLostBetweenTwoCallsAndNoneIsToldTwice) {
  // A wait that the noise ends, an arming, two ioctls of a look, and the next wait.
  constexpr uint64_t kPlaces = 5;
  for (uint64_t place = 1; place <= kPlaces; ++place) {
    SCOPED_TRACE(place);
    Pool pool = Make();
    PoolMonitor monitor = Watch();
    EXPECT_EQ(Told(monitor), "");
    // What makes the monitor arm and look once before.
    MakeLinear(absl::StrCat("noise-", place), data_loop());
    bool has_happened = false;
    faulty().SetPlan([&](const sys::SeamCall& call) {
      if (call.number != place) return 0;
      has_happened = true;
      TakeDown();
      return 0;
    });
    EXPECT_EQ(ToldInTime(monitor), "gone");
    EXPECT_TRUE(has_happened);
    EXPECT_EQ(Told(monitor), "");
    faulty().SetPlan(nullptr);
  }
}

// What was refused is done by the next call.
TEST_F(PoolMonitorVmTest, ARefusalComesThroughAndTakesNoEventAway) {
  constexpr uint64_t kCalls = 3;  // the wait, the arming and the status
  for (uint64_t call = 1; call <= kCalls; ++call) {
    SCOPED_TRACE(call);
    Pool pool = Make();
    PoolMonitor monitor = Watch();
    EXPECT_EQ(Told(monitor), "");
    FailAll(kPoolName);
    faulty().SetPlan(sys::FaultyHost::FailCall(call, EIO));
    EXPECT_THAT(monitor.Next(absl::InfinitePast()), FailsWithErrno(EIO));
    faulty().SetPlan(nullptr);
    EXPECT_EQ(Told(monitor), "gone");
    TakeDown();
  }
}

TEST_F(PoolMonitorVmTest, ItNeedsADeviceMapper) {
  faulty().SetPlan(sys::FaultyHost::FailMatching("Ioctl", "/dev/mapper/control", EACCES));
  EXPECT_THAT(PoolMonitor::Open(host(), Name(kPoolName), {}), FailsWithErrno(EACCES));
}

}  // namespace
}  // namespace dmkit::thinp
