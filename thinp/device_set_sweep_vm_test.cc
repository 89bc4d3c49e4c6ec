// SPDX-License-Identifier: Apache-2.0
// Every call that an operation makes fails once, and is once the last one before a crash. After
// each, an honest start finds a store in order: what was reported done is there, the rest is absent
// or complete, nothing is suspended, nothing is leaked. CRASH_SAFETY.md says what each point leads
// to.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

// LOOP_CTL_REMOVE.
constexpr unsigned long kRemoveLoop = 0x4c81;
// TARGET_MSG; the second one of each change moves the transaction id.
constexpr char kMessageRequest[] = "0xc138fd0e";

enum class Trouble { kFault, kCrash };

// Calls that leave files and devices as they are, as the log shows them: requests are DEV_STATUS,
// TABLE_STATUS, LOOP_GET_STATUS64 and those for a block device's size.
bool ChangesNothing(const std::string& call) {
  for (const char* start : {"Stat ", "StatLink ", "ReadAt ", "List ", "ReadLink ", "Fill", "Sync ",
                            "TryLock ", "Ioctl 0xc138fd07", "Ioctl 0xc138fd0c", "Ioctl 0x4c05",
                            "Ioctl 0x1268", "Ioctl 0x80081272"}) {
    if (absl::StartsWith(call, start)) return true;
  }
  return false;
}

std::string TroubleName(const ::testing::TestParamInfo<Trouble>& info) {
  return info.param == Trouble::kFault ? "Fault" : "Crash";
}

class DeviceSetSweepVmTest : public DeviceSetFixture,
                             public ::testing::WithParamInterface<Trouble> {
 protected:
  // In memory: what a sweep costs is mostly fsyncs otherwise. And without the loop devices that
  // nobody uses, which every look-up of a file asks one by one.
  void SetUp() override {
    ASSERT_THAT(plain_host().mounts->Mount({"none", dir(), "tmpfs", 0, ""}), IsOk());
    const auto control = plain_host().root->OpenFile("/dev/loop-control", sys::OpenOptions());
    ASSERT_THAT(control, IsOk());
    for (uint64_t number = 0; number < 32; ++number) {
      (*control)->IoctlValue(kRemoveLoop, number).status().IgnoreError();
    }
  }
  void TearDown() override {
    DeviceSetFixture::TearDown();
    EXPECT_THAT(plain_host().mounts->Unmount(dir(), sys::UnmountMode::kNormal), IsOk());
  }

  // Runs `operation` with trouble at its call 1, 2, ... until it needs fewer calls. `prepare` comes
  // before, `verify` after the trouble; it is told whether the operation reported success. A crash
  // right after a call that changes nothing is the same as one before it, and is left out.
  void Sweep(const std::function<void(uint64_t call)>& prepare,
             const std::function<absl::Status()>& operation,
             const std::function<void(uint64_t call, bool reported)>& verify) {
    prepare(0);
    faulty().SetPlan(nullptr);
    ASSERT_THAT(operation(), IsOk());
    const std::vector<std::string> calls = faulty().Log();
    verify(0, true);
    for (uint64_t call = 1; !HasFailure(); ++call) {
      const bool crash = GetParam() == Trouble::kCrash;
      if (crash && call > 1 && call <= calls.size() && ChangesNothing(calls[call - 2])) continue;
      prepare(call);
      faulty().SetPlan(crash ? sys::FaultyHost::StopAt(call)
                             : sys::FaultyHost::FailCall(call, EIO));
      const absl::Status status = operation();
      const bool reached = faulty().calls() >= call;
      const std::string at = reached ? faulty().Log()[call - 1] : "the end";
      faulty().SetPlan(nullptr);
      SCOPED_TRACE(absl::StrCat("call ", call, ": ", at, ": ", status.ToString()));
      if (!status.ok()) {
        EXPECT_THAT(status, FailsWithErrno(EIO)) << "not the first error";
      }
      if (!reached) {
        EXPECT_THAT(status, IsOk());
      }
      verify(call, status.ok());
      if (!reached) break;
    }
  }

  // A new start, with nothing failing.
  void Restart() {
    Open();
    ASSERT_TRUE(HasStore());
    ExpectClean();
    EXPECT_THAT(LoopFiles(), SizeIs(2));
  }

  bool IsThere(const std::string& name) {
    const absl::Status found = set().Find(name).status();
    if (!found.ok()) {
      EXPECT_THAT(found, FailsWithErrno(ENOENT));
    }
    return found.ok();
  }

  std::string NameAt(uint64_t call) { return absl::StrCat("at-", call); }
};

INSTANTIATE_TEST_SUITE_P(Calls, DeviceSetSweepVmTest,
                         ::testing::Values(Trouble::kFault, Trouble::kCrash), TroubleName);

TEST_P(DeviceSetSweepVmTest, OpenOfANewStore) {
  Sweep([&](uint64_t call) { options().root = absl::StrCat(dir(), "/store-", call); },
        [&] { return TryOpen(); },
        [&](uint64_t, bool reported) {
          if (!reported && !*SetExists(plain_host(), options().root)) {
            EXPECT_THAT(MappedDevices(), IsEmpty()) << "no store, but a device";
            EXPECT_THAT(LoopFiles(), IsEmpty()) << "no store, but a loop device";
          }
          Restart();
          TakeDown();
          EXPECT_THAT(MappedDevices(), IsEmpty());
          EXPECT_THAT(LoopFiles(), IsEmpty());
        });
}

TEST_P(DeviceSetSweepVmTest, OpenOfAKnownStoreThatIsDown) {
  Open();
  Add("a");
  Sweep([&](uint64_t) { TakeDown(); }, [&] { return TryOpen(); },
        [&](uint64_t, bool) {
          Restart();
          EXPECT_TRUE(IsThere("a"));
        });
}

TEST_P(DeviceSetSweepVmTest, AddThin) {
  Open();
  std::string name;
  Sweep([&](uint64_t call) { name = NameAt(call); },
        [&] { return set().AddThin(name, kDeviceSize, {}).status(); },
        [&](uint64_t, bool reported) {
          Restart();
          if (reported) {
            EXPECT_TRUE(IsThere(name));
          }
          if (!IsThere(name)) Add(name);
          ExpectClean();
        });
}

TEST_P(DeviceSetSweepVmTest, AddSnapshotOfAnActiveOrigin) {
  Open();
  Add("origin");
  sys::DeviceNumber origin;
  std::string name;
  std::string data;
  Sweep(
      [&](uint64_t call) {
        name = NameAt(call);
        data = std::string(4096, static_cast<char>('a' + call % 26));
        origin = Activate("origin");
        ASSERT_THAT(Fill(origin, 0, 4096, data[0]), IsOk());
      },
      [&] { return set().AddSnapshot(name, "origin", kDeviceSize, {}).status(); },
      [&](uint64_t, bool reported) {
        Restart();
        ASSERT_THAT(Fill(origin, 0, 4096, '-'), IsOk()) << "the origin is usable";
        if (reported) {
          EXPECT_TRUE(IsThere(name));
        }
        if (!IsThere(name)) return;
        EXPECT_EQ(Read(Activate(name), 0, 4096), data);
        Deactivate(name);
      });
}

TEST_P(DeviceSetSweepVmTest, DeleteOfAnActiveDevice) {
  Open();
  Sweep(
      [&](uint64_t) {
        if (!IsThere("a")) Add("a");
        Activate("a");
      },
      [&] { return set().Delete("a"); },
      [&](uint64_t, bool reported) {
        Restart();
        if (reported) {
          EXPECT_FALSE(IsThere("a"));
        }
        if (!IsThere("a")) {
          EXPECT_FALSE(IsActive("a"));
        }
      });
}

TEST_P(DeviceSetSweepVmTest, Activate) {
  Open();
  const proto::DeviceState device = Add("a");
  const std::string node = "/dev/mapper/" + SetName("a");
  Sweep([&](uint64_t) { Deactivate("a"); }, [&] { return set().Activate(device).status(); },
        [&](uint64_t, bool reported) {
          if (reported) {
            EXPECT_TRUE(IsActive("a"));
          }
          Restart();
          EXPECT_THAT(Fill(Activate("a"), 0, 4096, 'x'), IsOk());
          EXPECT_TRUE(Exists(node));
          Deactivate("a");
          EXPECT_FALSE(Exists(node));
        });
}

TEST_P(DeviceSetSweepVmTest, SetSizeAndActivateAgain) {
  Open();
  Add("a");
  uint64_t size = kDeviceSize.count();
  const sys::DeviceNumber device = Activate("a");
  Sweep([&](uint64_t) { size += 65536; },
        [&]() -> absl::Status {
          DMKIT_RETURN_IF_ERROR(set().SetSize("a", sys::Bytes{size}));
          DMKIT_ASSIGN_OR_RETURN(const proto::DeviceState state, set().Find("a"));
          return set().Activate(state).status();
        },
        [&](uint64_t, bool reported) {
          Open();
          EXPECT_EQ(Activate("a"), device);
          ExpectClean();
          const uint64_t found = set().Find("a")->size_bytes();
          if (reported) {
            EXPECT_EQ(found, size);
          }
          EXPECT_THAT(sys::BlockSize(*Hold(device)), IsOkAndHolds(sys::Bytes{found}));
        });
}

// Only a crash makes a rollback guess which device is ours.
class CrashSweepVmTest : public DeviceSetSweepVmTest {};

INSTANTIATE_TEST_SUITE_P(Calls, CrashSweepVmTest, ::testing::Values(Trouble::kCrash), TroubleName);

// Ids that somebody else has taken are found out one after the other, and never deleted, wherever a
// rollback has to guess.
TEST_P(CrashSweepVmTest, AddThinWhereTheNextIdIsTaken) {
  Open();
  std::string name;
  uint32_t taken = 0;
  Sweep(
      [&](uint64_t call) {
        name = NameAt(call);
        // As if the ids could be trusted still.
        proto::TransactionState record;
        record.set_transaction_id(PoolTransaction());
        taken = 1000 + 10 * static_cast<uint32_t>(call);
        record.set_next_thin_id(taken);
        ASSERT_THAT(Files().WriteTransaction(record), IsOk());
        ASSERT_THAT(SendPool(absl::StrCat("create_thin ", taken)), IsOk());
        ASSERT_THAT(dm::CreateDevice(plain(),
                                     {Name("other"), Uuid("TEST-other"),
                                      set().pool().ThinTable(Id(taken), sys::Sectors{128}), false}),
                    IsOk());
        ASSERT_THAT(Fill(plain().Info(Name("other"))->device, 0, 65536, 'x'), IsOk());
        Remove("other");
      },
      [&] { return set().AddThin(name, kDeviceSize, {}).status(); },
      [&](uint64_t, bool reported) {
        Open();
        EXPECT_THAT(*set().Contents(), Contains(Key(taken))) << "it was not ours to delete";
        ASSERT_THAT(SendPool(absl::StrCat("delete ", taken)), IsOk());
        ExpectClean();
        if (reported) {
          EXPECT_TRUE(IsThere(name));
        }
      });
}

// The same for a snapshot; the other's device is younger than any snapshot of ours but this one.
TEST_P(CrashSweepVmTest, AddSnapshotWhereTheNextIdIsTaken) {
  Open();
  Add("origin");
  Snapshot("earlier", "origin");
  std::string name;
  uint32_t taken = 0;
  Sweep(
      [&](uint64_t call) {
        name = NameAt(call);
        proto::TransactionState record;
        record.set_transaction_id(PoolTransaction());
        taken = 1000 + 10 * static_cast<uint32_t>(call);
        record.set_next_thin_id(taken);
        ASSERT_THAT(Files().WriteTransaction(record), IsOk());
        ASSERT_THAT(SendPool(absl::StrCat("create_thin ", taken)), IsOk());
      },
      [&] { return set().AddSnapshot(name, "origin", kDeviceSize, {}).status(); },
      [&](uint64_t, bool reported) {
        Open();
        EXPECT_THAT(*set().Contents(), Contains(Key(taken))) << "it was not ours to delete";
        ASSERT_THAT(SendPool(absl::StrCat("delete ", taken)), IsOk());
        ExpectClean();
        if (reported) {
          EXPECT_TRUE(IsThere(name));
        }
      });
}

// ---- A crash on top of a crash: every call of the repair is once the last one, too.

class RepairSweepVmTest : public DeviceSetSweepVmTest {
 protected:
  // Nothing works from the `count`th call of `method` on an object with `object` in it on.
  static sys::FaultyHost::Plan StopAtNth(std::string method, std::string object, int count) {
    return [=, seen = 0](const sys::SeamCall& call) mutable {
      if (call.method == method && absl::StrContains(call.object, object)) ++seen;
      return seen >= count ? EIO : 0;
    };
  }
  void Interrupt(const sys::FaultyHost::Plan& plan, const std::function<absl::Status()>& change) {
    faulty().SetPlan(plan);
    EXPECT_FALSE(change().ok());
    faulty().SetPlan(nullptr);
  }
};

INSTANTIATE_TEST_SUITE_P(Calls, RepairSweepVmTest,
                         ::testing::Values(Trouble::kFault, Trouble::kCrash), TroubleName);

TEST_P(RepairSweepVmTest, OfASnapshot) {
  Open();
  Add("origin");
  Sweep(
      [&](uint64_t) {
        Activate("origin");
        // The origin is suspended and the snapshot is there, but nobody knows.
        Interrupt(
            [seen = 0](const sys::SeamCall& call) mutable {
              if (seen != 0) return EIO;
              if (absl::StrContains(call.object, kMessageRequest)) ++seen;
              return 0;
            },
            [&] { return set().AddSnapshot("a", "origin", kDeviceSize, {}).status(); });
        ASSERT_THAT(SuspendedDevices(), SizeIs(1));
      },
      // A start survives a repair that does not work; the change after it does not.
      [&]() -> absl::Status {
        DMKIT_RETURN_IF_ERROR(TryOpen());
        return set().AddThin("b", kDeviceSize, {}).status();
      },
      [&](uint64_t, bool reported) {
        Restart();
        EXPECT_FALSE(IsThere("a"));
        if (reported) {
          EXPECT_TRUE(IsThere("b"));
        }
        if (IsThere("b")) {
          EXPECT_THAT(set().Delete("b"), IsOk());
        }
      });
}

TEST_P(RepairSweepVmTest, OfACreateThatOnlyTheTransactionIdIsMissing) {
  Open();
  Sweep(
      [&](uint64_t) {
        Interrupt(StopAtNth("Ioctl", kMessageRequest, 2),
                  [&] { return set().AddThin("a", kDeviceSize, {}).status(); });
        ASSERT_TRUE(Exists(StatePath("devices/a")));
      },
      [&] { return TryOpen(); },
      [&](uint64_t, bool) {
        Restart();
        EXPECT_FALSE(IsThere("a"));
      });
}

TEST_P(RepairSweepVmTest, OfADelete) {
  Open();
  Sweep(
      [&](uint64_t) {
        Add("a");
        // The thin device is gone, its state file is not.
        Interrupt(StopAtNth("Unlink", "/devices/a", 1), [&] { return set().Delete("a"); });
        ASSERT_TRUE(Exists(StatePath("devices/a")));
      },
      [&] { return TryOpen(); },
      [&](uint64_t, bool) {
        Restart();
        EXPECT_FALSE(IsThere("a")) << "a deletion is carried forward";
      });
}

}  // namespace
}  // namespace dmkit::thinp
