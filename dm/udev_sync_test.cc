// SPDX-License-Identifier: Apache-2.0
// One operation's cookie: whatever is wrong with udevd, the operation goes on and comes to an end.

#include "dm/udev_sync.h"

#include <cerrno>
#include <utility>

#include "absl/time/time.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedHost;
using ::testing::SizeIs;

constexpr uint32_t kShared = 0x0d4d4321;

class UdevSyncTest : public ::testing::Test {
 protected:
  UdevSyncTest() { scripted_.StartUdevd(); }

  UdevSync Open(const UdevOptions& options = {}) {
    return UdevSync::Open(scripted_.host(), options);
  }
  UdevSync OpenShared() {
    UdevOptions options;
    options.shared_cookie = kShared;
    return Open(options);
  }
  int32_t PutShared(int32_t value) {
    const int32_t id = scripted_.semaphores.Create(kShared).value();
    sets()[id].value = value;
    return id;
  }
  // udevd completes a cookie whenever it is waited for.
  void LetUdevdWork() {
    scripted_.semaphores.on_wait = [this](int32_t id) {
      if (sets()[id].value > 0) --sets()[id].value;
    };
  }
  std::map<int32_t, testing::ScriptedSemaphores::Set>& sets() { return scripted_.semaphores.sets; }
  int32_t Value() { return sets().begin()->second.value; }

  // An operation that must neither wait nor leave anything, and whose cookie must be flags alone.
  void ExpectNoWait(UdevSync sync) {
    EXPECT_FALSE(sync.active());
    EXPECT_EQ(sync.Begin().value, kUdevPrimarySource);
    sync.Done(true);
    EXPECT_TRUE(sync.Wait());
    EXPECT_EQ(sync.warning(), "");
    EXPECT_THAT(scripted_.semaphores.waits, IsEmpty());
    EXPECT_THAT(sets(), IsEmpty());
  }
  // Whether udevd makes links for an operation that no uevent tells of yet.
  bool UdevdMakesLinks(UdevUse use, uint32_t flags = 0) {
    UdevOptions options;
    options.use = use;
    options.flags = flags;
    UdevSync sync = Open(options);
    EXPECT_FALSE(sync.uevent_sent());
    return sync.UdevdMakesLinks();
  }

  ScriptedHost scripted_;
};

TEST_F(UdevSyncTest, AnOperationWaitsForItsUevent) {
  UdevSync sync = Open();
  EXPECT_TRUE(sync.active());
  EXPECT_THAT(sync.semaphore_status(), IsOk());
  const UdevCookie cookie = sync.Begin();
  EXPECT_EQ(cookie.value & 0xffff0000, kUdevPrimarySource);
  EXPECT_EQ(0x0d4d0000 | (cookie.value & 0xffff), sets().begin()->second.key);
  EXPECT_EQ(Value(), 2);
  sync.Done(true);
  EXPECT_EQ(Value(), 2) << "udevd will count it down";
  LetUdevdWork();
  EXPECT_TRUE(sync.Wait());
  EXPECT_EQ(sync.warning(), "");
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(1));
  EXPECT_THAT(sets(), IsEmpty());
  EXPECT_TRUE(sync.Wait()) << "repeatable";
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(1));
}

TEST_F(UdevSyncTest, FlagsOfTheCallerGoWithTheCookie) {
  UdevOptions options;
  options.flags = kUdevDisableLibraryFallback | kUdevLowPriority;
  UdevSync sync = Open(options);
  EXPECT_EQ(sync.Begin().value >> 16,
            (kUdevDisableLibraryFallback | kUdevLowPriority | kUdevPrimarySource) >> 16);
}

TEST_F(UdevSyncTest, WithoutAUeventThereIsNothingToWaitFor) {
  UdevSync sync = Open();
  sync.Begin();
  sync.Done(false);
  EXPECT_EQ(Value(), 1);
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, SeveralIoctlsCanBeWaitedForTogether) {
  UdevSync sync = Open();
  const UdevCookie first = sync.Begin();
  sync.Done(true);
  EXPECT_EQ(sync.Begin(), first);
  sync.Done(true);
  EXPECT_EQ(Value(), 3);
  LetUdevdWork();
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(2));
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, ANotifyThatCameBeforeTheWaitCounts) {
  UdevSync sync = Open();
  const UdevCookie cookie = sync.Begin();
  sync.Done(true);
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), cookie.value), IsOk());
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, NobodyWaitsWhereUdevdCannotNotify) {
  const auto without = [this](const char* path) {
    scripted_.StartUdevd();
    scripted_.root.Unlink(path).IgnoreError();
    ExpectNoWait(Open());
  };
  without("/run/udev/control");
  without("/lib/udev/rules.d/95-dm-notify.rules");
  without("/sbin/dmsetup");
  scripted_.StartUdevd();
  scripted_.KillUdevd();
  ExpectNoWait(Open());
  scripted_.StartUdevd();
  scripted_.root.links["/proc/self/ns/ipc"] = "ipc:[4026532001]";
  ExpectNoWait(Open());
}

TEST_F(UdevSyncTest, WithoutSemaphoresTheOperationGoesOn) {
  for (const int error : {ENOSPC, ENOMEM, ENOSYS, EEXIST, EACCES}) {
    scripted_.semaphores.create_error = error;
    UdevSync sync = Open();
    EXPECT_THAT(sync.semaphore_status(), FailsWithErrno(error));
    ExpectNoWait(std::move(sync));
  }
}

TEST_F(UdevSyncTest, WhoDoesNotWantToWaitDoesNot) {
  UdevOptions options;
  options.use = UdevUse::kNever;
  sys::FaultyHost counted(scripted_.host());
  ExpectNoWait(UdevSync::Open(counted.host(), options));
  EXPECT_EQ(counted.calls(), 0u);
}

TEST_F(UdevSyncTest, UdevdMakesLinksAlsoWhereItIsNotWaitedFor) {
  EXPECT_TRUE(UdevdMakesLinks(UdevUse::kAuto));
  EXPECT_TRUE(UdevdMakesLinks(UdevUse::kNever));
  EXPECT_FALSE(UdevdMakesLinks(UdevUse::kDisabled));
  EXPECT_FALSE(UdevdMakesLinks(UdevUse::kAuto, kUdevDisableDmRules));
  scripted_.semaphores.create_error = ENOSPC;
  EXPECT_TRUE(UdevdMakesLinks(UdevUse::kAuto));
  ASSERT_THAT(scripted_.root.Unlink("/lib/udev/rules.d/95-dm-notify.rules"), IsOk());
  EXPECT_TRUE(UdevdMakesLinks(UdevUse::kAuto));
  scripted_.KillUdevd();
  EXPECT_FALSE(UdevdMakesLinks(UdevUse::kAuto));
  EXPECT_FALSE(UdevdMakesLinks(UdevUse::kNever));
}

TEST_F(UdevSyncTest, DisabledMeansThatTheRulesLeaveTheDeviceAlone) {
  UdevOptions options;
  options.use = UdevUse::kDisabled;
  options.flags = kUdevDisableLibraryFallback | kUdevLowPriority;
  UdevSync sync = Open(options);
  EXPECT_FALSE(sync.active());
  EXPECT_EQ(sync.Begin().value, kUdevPrimarySource | kUdevLowPriority | kUdevDisableDmRules |
                                    kUdevDisableSubsystemRules);
}

TEST_F(UdevSyncTest, ALateUdevdIsWarnedOf) {
  UdevOptions options;
  options.patience = absl::Seconds(5);
  UdevSync sync = Open(options);
  sync.Begin();
  sync.Done(true);
  const absl::Time start = scripted_.clock.Now();
  EXPECT_FALSE(sync.Wait());
  EXPECT_EQ(scripted_.clock.Now() - start, absl::Seconds(5));
  EXPECT_THAT(sync.warning(), HasSubstr("0xd4d1234 was not completed by udevd within 5s"));
  EXPECT_THAT(sets(), IsEmpty());
  EXPECT_FALSE(sync.Wait()) << "it is told again, without another wait";
}

TEST_F(UdevSyncTest, AUdevdThatIsKilledInTheMiddleIsWarnedOf) {
  UdevSync sync = Open();
  sync.Begin();
  sync.Done(true);
  scripted_.semaphores.on_wait = [this](int32_t) { scripted_.KillUdevd(); };
  EXPECT_FALSE(sync.Wait());
  EXPECT_THAT(sync.warning(), HasSubstr("has ended"));
  EXPECT_THAT(scripted_.semaphores.waits, SizeIs(1));
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, AMiscountIsWarnedOf) {
  UdevSync sync = Open();
  const UdevCookie cookie = sync.Begin();
  sync.Done(true);
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), cookie.value), IsOk());
  EXPECT_THAT(CompleteUdevCookie(scripted_.host(), cookie.value), IsOk());
  EXPECT_FALSE(sync.Wait());
  EXPECT_THAT(sync.warning(), HasSubstr("too often"));
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, ASemaphoreThatIsGoneBeforeTheIoctlIsNotCounted) {
  UdevSync sync = Open();
  sets().clear();
  EXPECT_EQ(sync.Begin().value, kUdevPrimarySource);
  EXPECT_FALSE(sync.active());
  sync.Done(true);
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(scripted_.semaphores.waits, IsEmpty());
}

TEST_F(UdevSyncTest, ASemaphoreThatGoesDuringTheIoctlEndsTheWait) {
  UdevSync sync = Open();
  sync.Begin();
  sets().clear();
  sync.Done(true);
  EXPECT_TRUE(sync.Wait());
  EXPECT_EQ(sync.warning(), "");
}

// Whatever fails, the operation goes on, and no semaphore stays that could be removed.
TEST_F(UdevSyncTest, NoFailureOfACallComesOut) {
  for (const int error : {EINTR, EIDRM, EINVAL, EACCES, EIO}) {
    for (uint64_t call = 1;; ++call) {
      sets().clear();
      scripted_.semaphores.on_wait = [this](int32_t id) { sets()[id].value = 0; };
      sys::FaultyHost faulty(scripted_.host());
      faulty.SetPlan(sys::FaultyHost::FailCall(call, error));
      bool done = false;
      std::string warning;
      {
        UdevSync sync = UdevSync::Open(faulty.host(), UdevOptions());
        EXPECT_NE(sync.Begin().value & kUdevPrimarySource, 0u);
        sync.Done(true);
        done = sync.Wait();
        warning = sync.warning();
      }
      EXPECT_EQ(done, warning.empty());
      if (faulty.calls() < call) {
        EXPECT_GT(call, 8u) << "looks, a semaphore, its counts and its removal";
        break;
      }
      const std::string failed = faulty.Log()[call - 1];
      if (!sets().empty()) {
        EXPECT_THAT(failed, HasSubstr("Remove")) << failed;
      }
    }
  }
}

TEST_F(UdevSyncTest, AForgottenOneLeavesNothing) {
  {
    UdevSync sync = Open();
    sync.Begin();
    EXPECT_THAT(sets(), SizeIs(1));
  }
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, MovingHandsTheSemaphoreOver) {
  UdevSync first = Open();
  first.Begin();
  UdevSync second = std::move(first);
  EXPECT_FALSE(first.active());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(second.active());
  EXPECT_THAT(sets(), SizeIs(1));
  second = Open();
  EXPECT_THAT(sets(), SizeIs(1)) << "the one before is removed";
  UdevSync& same = second;
  second = std::move(same);
  EXPECT_TRUE(second.active());
  EXPECT_TRUE(second.Wait());
  EXPECT_THAT(sets(), IsEmpty());
}

TEST_F(UdevSyncTest, ASharedCookieIsCountedAndLeftToItsOwner) {
  const int32_t id = PutShared(1);
  UdevSync sync = OpenShared();
  EXPECT_TRUE(sync.active());
  EXPECT_FALSE(sync.waits());
  EXPECT_THAT(sync.shared_cookie_status(), IsOk());
  EXPECT_EQ(sync.Begin().value, kUdevPrimarySource | 0x4321);
  sync.Done(true);
  EXPECT_EQ(sets()[id].value, 2);
  sync.Begin();
  sync.Done(false);
  EXPECT_EQ(sets()[id].value, 2) << "no uevent will count this one down";
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(scripted_.semaphores.waits, IsEmpty());
  EXPECT_EQ(sets()[id].value, 2);
}

TEST_F(UdevSyncTest, AForgottenSharedCookieGetsItsCountsBack) {
  const int32_t id = PutShared(1);
  {
    UdevSync sync = OpenShared();
    sync.Begin();
    sync.Done(true);
    sync.Begin();
    EXPECT_EQ(sets()[id].value, 3);
  }
  EXPECT_EQ(sets()[id].value, 2);
}

TEST_F(UdevSyncTest, AWrongSharedCookieIsToldBeforeTheOperation) {
  UdevSync missing = OpenShared();
  EXPECT_THAT(missing.shared_cookie_status(), FailsWithErrno(ENOENT));
  EXPECT_FALSE(missing.active());
  EXPECT_EQ(missing.Begin().value, kUdevPrimarySource);
  UdevOptions options;
  options.shared_cookie = 0x12344321;
  EXPECT_THAT(Open(options).shared_cookie_status(), FailsWithErrno(EINVAL));
}

TEST_F(UdevSyncTest, ASharedCookieMeansNothingWithoutAUdevd) {
  scripted_.root.nodes.erase("/run/udev/control");
  UdevSync sync = OpenShared();
  EXPECT_THAT(sync.shared_cookie_status(), IsOk());
  EXPECT_FALSE(sync.active());
}

}  // namespace
}  // namespace dmkit::dm
