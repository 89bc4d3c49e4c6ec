// SPDX-License-Identifier: Apache-2.0
// Cookies and what becomes of their semaphores.

#include "dm/udev_cookies.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/scripted_host.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/fake_stop_signals.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Le;
using testing::ScriptedHost;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);

class UdevCookiesTest : public ::testing::Test {
 protected:
  UdevCookiesTest() { scripted_.StartUdevd(); }
  UdevSemaphore Make() { return CreateUdevCookie(scripted_.host()).value(); }
  // Another semaphore, with any key and value.
  int32_t Put(uint32_t key, int32_t value) {
    const int32_t id = scripted_.semaphores.Create(key).value();
    scripted_.semaphores.sets[id].value = value;
    return id;
  }
  auto& sets() { return scripted_.semaphores.sets; }
  absl::StatusOr<CookieEnd> Await(const UdevSemaphore& semaphore) {
    return AwaitUdevCookie(scripted_.host(), semaphore, kPatience, &stop_);
  }

  ScriptedHost scripted_;
  sys::FakeStopSignals stop_;
};

TEST_F(UdevCookiesTest, ANewCookieHasTheMagicANumberAndTheCountOfItsCreator) {
  const UdevSemaphore made = Make();
  EXPECT_EQ(made.cookie >> 16, 0x0d4du);
  EXPECT_NE(made.cookie & 0xffff, 0u);
  EXPECT_EQ(sets().at(made.id).key, made.cookie);
  EXPECT_EQ(sets().at(made.id).value, 1);
  EXPECT_EQ(FindUdevCookie(scripted_.host(), made.cookie)->id, made.id);
}

TEST_F(UdevCookiesTest, TheNumberZeroAndNumbersInUseAreDrawnAgain) {
  scripted_.random.next = 0xffff;
  Put(0x0d4dffff, 1);
  Put(0x0d4d0001, 1);
  EXPECT_EQ(Make().cookie, 0x0d4d0002u);
}

TEST_F(UdevCookiesTest, DrawingHasAnEnd) {
  scripted_.semaphores.create_error = EEXIST;
  sys::FaultyHost counted(scripted_.host());
  EXPECT_THAT(CreateUdevCookie(counted.host()), FailsWithErrno(EEXIST));
  EXPECT_THAT(counted.calls(), Le(200u));
}

TEST_F(UdevCookiesTest, ExhaustedSemaphoresAreAnError) {
  for (const int error : {ENOSPC, ENOMEM, ENOSYS, EACCES}) {
    scripted_.semaphores.create_error = error;
    EXPECT_THAT(CreateUdevCookie(scripted_.host()), FailsWithErrno(error));
  }
}

TEST_F(UdevCookiesTest, ACreationThatFailsLeavesNothing) {
  sys::FaultyHost faulty(scripted_.host());
  for (uint64_t call = 1;; ++call) {
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const auto made = CreateUdevCookie(faulty.host());
    if (faulty.calls() < call) {
      EXPECT_EQ(call, 5u) << "random, make, set, look";
      break;
    }
    EXPECT_THAT(made, FailsWithErrno(EIO)) << call;
    EXPECT_THAT(sets(), IsEmpty()) << call;
  }
}

TEST_F(UdevCookiesTest, OnlyACookieIsLookedFor) {
  for (const uint32_t cookie : {0u, 0x1234u, 0x00401234u, 0x0d4c1234u, 0xffffffffu}) {
    sys::FaultyHost counted(scripted_.host());
    EXPECT_THAT(FindUdevCookie(counted.host(), cookie), FailsWithErrno(EINVAL)) << cookie;
    EXPECT_EQ(counted.calls(), 0u);
  }
  EXPECT_THAT(FindUdevCookie(scripted_.host(), 0x0d4d9999), FailsWithErrno(ENOENT));
}

TEST_F(UdevCookiesTest, CompletingTakesWhatCameWithTheUevent) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 3;
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), made.cookie), IsOk());
  const uint32_t with_flags = kUdevPrimarySource | kUdevLowPriority | (made.cookie & 0xffff);
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), with_flags), IsOk());
  EXPECT_EQ(sets()[made.id].value, 1);
}

TEST_F(UdevCookiesTest, CompletingFlagsAloneIsNothing) {
  sys::FaultyHost counted(scripted_.host());
  EXPECT_THAT(CompleteUdevCookie(counted.host(), kUdevPrimarySource), IsOk());
  EXPECT_THAT(CompleteUdevCookie(counted.host(), 0), IsOk());
  EXPECT_EQ(counted.calls(), 0u);
}

TEST_F(UdevCookiesTest, CompletingMoreThanThereIsIsAnError) {
  const UdevSemaphore made = Make();
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), made.cookie), IsOk());
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), made.cookie), FailsWithErrno(EAGAIN));
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), made.cookie ^ 1), FailsWithErrno(ENOENT));
}

TEST_F(UdevCookiesTest, CompletingWhatIsRemovedMeanwhileIsAsIfItHadBeenGone) {
  const UdevSemaphore made = Make();
  sys::FaultyHost faulty(scripted_.host());
  for (const int error : {EIDRM, EINVAL}) {
    faulty.SetPlan(sys::FaultyHost::FailMatching("Add", "", error));
    EXPECT_THAT(CompleteUdevCookie(faulty.host(), made.cookie), FailsWithErrno(ENOENT));
  }
}

TEST_F(UdevCookiesTest, AWaitEndsWhenUdevdHasCountedDown) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 3;
  int looks = 0;
  scripted_.semaphores.on_wait = [&](int32_t id) {
    if (++looks > 2) --sets()[id].value;
  };
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kCompleted));
  EXPECT_EQ(looks, 4) << "two slices for nothing, then each count";
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevCookiesTest, AWaitHasADeadline) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 2;
  const absl::Time start = scripted_.clock.Now();
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kLate));
  EXPECT_EQ(scripted_.clock.Now() - start, kPatience);
  EXPECT_THAT(scripted_.semaphores.waits, Each(Le(absl::Milliseconds(500))));
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevCookiesTest, TheTimeThatLooksAtUdevdTakeCounts) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 2;
  constexpr absl::Duration kLook = absl::Seconds(10);
  sys::FaultyHost slow(scripted_.host());
  slow.SetPlan([&](const sys::SeamCall& call) {
    if (call.method == "Stat") scripted_.clock.Sleep(kLook);
    return 0;
  });
  const absl::Time start = scripted_.clock.Now();
  EXPECT_THAT(AwaitUdevCookie(slow.host(), made, kPatience, &stop_),
              IsOkAndHolds(CookieEnd::kLate));
  EXPECT_LE(scripted_.clock.Now() - start, kPatience + kLook);
}

TEST_F(UdevCookiesTest, WithoutPatienceAWaitIsALook) {
  for (const absl::Duration patience : {absl::ZeroDuration(), -absl::Seconds(5)}) {
    const UdevSemaphore made = Make();
    sets()[made.id].value = 2;
    EXPECT_THAT(AwaitUdevCookie(scripted_.host(), made, patience, &stop_),
                IsOkAndHolds(CookieEnd::kLate));
    EXPECT_THAT(AwaitUdevCookie(scripted_.host(), Make(), patience, &stop_),
                IsOkAndHolds(CookieEnd::kCompleted));
  }
  EXPECT_THAT(scripted_.semaphores.waits, Each(absl::ZeroDuration()));
}

TEST_F(UdevCookiesTest, AUdevdThatIsKilledIsNotWaitedFor) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 2;
  scripted_.semaphores.on_wait = [this](int32_t) { scripted_.KillUdevd(); };
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kNoUdevd));
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(1));
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevCookiesTest, AProcessThatIsAskedToEndRemovesTheSemaphoreFirst) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 2;
  stop_.answers_until_stop = 3;
  scripted_.semaphores.on_wait = [this](int32_t) { EXPECT_TRUE(stop_.held); };
  stop_.on_release = [this] { EXPECT_THAT(sets(), IsEmpty()); };
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kStopped));
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(4));
  EXPECT_FALSE(stop_.held);
}

TEST_F(UdevCookiesTest, AWaitThatHasEndedHoldsNoSignals) {
  EXPECT_THAT(Await(Make()), IsOkAndHolds(CookieEnd::kCompleted));
  EXPECT_EQ(stop_.holds, 1);
  EXPECT_FALSE(stop_.held);
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("WaitForZero", "", EIO));
  EXPECT_THAT(AwaitUdevCookie(faulty.host(), Make(), kPatience, &stop_), FailsWithErrno(EIO));
  EXPECT_EQ(stop_.holds, 2);
  EXPECT_FALSE(stop_.held);
  const UdevSemaphore late = Make();
  sets()[late.id].value = 2;
  stop_.error = EIO;
  EXPECT_THAT(Await(late), IsOkAndHolds(CookieEnd::kLate)) << "signals that cannot be asked for";
}

TEST_F(UdevCookiesTest, ASemaphoreThatAnAdministratorRemovesEndsTheWait) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 2;
  scripted_.semaphores.on_wait = [this](int32_t id) { sets().erase(id); };
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kCompleted));
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kCompleted)) << "gone before the wait";
}

TEST_F(UdevCookiesTest, AMiscountedSemaphoreIsNotWaitedFor) {
  const UdevSemaphore made = Make();
  sets()[made.id].value = 0;
  EXPECT_THAT(Await(made), IsOkAndHolds(CookieEnd::kMiscounted));
  EXPECT_THAT(scripted_.semaphores.waits, IsEmpty());
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevCookiesTest, AWaitThatFailsRemovesTheSemaphore) {
  sys::FaultyHost faulty(scripted_.host());
  for (const char* method : {"Add", "WaitForZero"}) {
    for (const int error : {EINTR, EACCES, EIO}) {
      faulty.SetPlan(sys::FaultyHost::FailMatching(method, "", error));
      EXPECT_THAT(AwaitUdevCookie(faulty.host(), Make(), kPatience, &stop_), FailsWithErrno(error));
      EXPECT_THAT(sets(), IsEmpty()) << method;
    }
  }
  const UdevSemaphore made = Make();
  faulty.SetPlan(sys::FaultyHost::FailMatching("Remove", "", EPERM));
  EXPECT_THAT(AwaitUdevCookie(faulty.host(), made, kPatience, &stop_), FailsWithErrno(EPERM));
}

TEST_F(UdevCookiesTest, AListingHasCookiesOnly) {
  Put(0x12345678, 4);
  const UdevSemaphore made = Make();
  scripted_.clock.Sleep(absl::Seconds(7));
  ASSERT_THAT(scripted_.semaphores.Add(made.id, 1), IsOk());
  Put(0x0d4c1234, 1);
  const auto list = ListUdevCookies(scripted_.host());
  ASSERT_THAT(list, IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ(list->front().cookie, made.cookie);
  EXPECT_EQ(list->front().id, made.id);
  EXPECT_EQ(list->front().value, 2);
  EXPECT_EQ(list->front().last_operation, absl::UnixEpoch() + absl::Seconds(7));
  EXPECT_EQ(list->front().changed, absl::UnixEpoch());
}

TEST_F(UdevCookiesTest, ACookieThatGoesWhileItIsListedIsLeftOut) {
  Make();
  Make();
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("Value", "id 0", EINVAL));
  EXPECT_THAT(ListUdevCookies(faulty.host()), IsOkAndHolds(SizeIs(1)));
  faulty.SetPlan(sys::FaultyHost::FailMatching("ListSets", "", ENOSYS));
  EXPECT_THAT(ListUdevCookies(faulty.host()), FailsWithErrno(ENOSYS));
}

TEST_F(UdevCookiesTest, CompletingAllTakesCookiesThatAreOldEnough) {
  const int32_t stranger = Put(0x12345678, 1);
  Make();
  const UdevSemaphore counted = Make();
  scripted_.clock.Sleep(absl::Minutes(10));
  ASSERT_THAT(scripted_.semaphores.Add(counted.id, 1), IsOk());
  const UdevSemaphore young = Make();
  scripted_.clock.Sleep(absl::Minutes(4));
  auto cleanup = CompleteAllUdevCookies(scripted_.host(), absl::Minutes(5));
  ASSERT_THAT(cleanup, IsOk());
  EXPECT_EQ(cleanup->removed, 1u);
  EXPECT_EQ(cleanup->skipped, 2u);
  EXPECT_EQ(sets().count(young.id), 1u);
  cleanup = CompleteAllUdevCookies(scripted_.host(), absl::ZeroDuration());
  ASSERT_THAT(cleanup, IsOk());
  EXPECT_EQ(cleanup->removed, 2u);
  EXPECT_EQ(cleanup->skipped, 0u);
  EXPECT_THAT(sets(), SizeIs(1));
  EXPECT_EQ(sets().count(stranger), 1u);
}

TEST_F(UdevCookiesTest, CompletingAllGoesOnAfterOneThatStays) {
  const UdevSemaphore theirs = Make();
  Make();
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("Remove", absl::StrCat("id ", theirs.id), EPERM));
  const auto cleanup = CompleteAllUdevCookies(faulty.host(), absl::ZeroDuration());
  ASSERT_THAT(cleanup, IsOk());
  EXPECT_EQ(cleanup->removed, 1u);
  ASSERT_THAT(cleanup->kept, SizeIs(1));
  EXPECT_EQ(cleanup->kept.front().cookie, theirs.cookie);
}

TEST_F(UdevCookiesTest, FlagsHaveTheNamesThatTheRulesRead) {
  EXPECT_THAT(UdevFlagNames(0x0d4d), IsEmpty());
  EXPECT_THAT(UdevFlagNames(kUdevPrimarySource | 0x1234),
              ElementsAre("DM_UDEV_PRIMARY_SOURCE_FLAG"));
  EXPECT_THAT(
      UdevFlagNames(0xffff0000),
      ElementsAre("DM_UDEV_DISABLE_DM_RULES_FLAG", "DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG",
                  "DM_UDEV_DISABLE_DISK_RULES_FLAG", "DM_UDEV_DISABLE_OTHER_RULES_FLAG",
                  "DM_UDEV_LOW_PRIORITY_FLAG", "DM_UDEV_DISABLE_LIBRARY_FALLBACK_FLAG",
                  "DM_UDEV_PRIMARY_SOURCE_FLAG", "DM_UDEV_FLAG7", "DM_SUBSYSTEM_UDEV_FLAG0",
                  "DM_SUBSYSTEM_UDEV_FLAG1", "DM_SUBSYSTEM_UDEV_FLAG2", "DM_SUBSYSTEM_UDEV_FLAG3",
                  "DM_SUBSYSTEM_UDEV_FLAG4", "DM_SUBSYSTEM_UDEV_FLAG5", "DM_SUBSYSTEM_UDEV_FLAG6",
                  "DM_SUBSYSTEM_UDEV_FLAG7"));
}

}  // namespace
}  // namespace dmkit::dm
