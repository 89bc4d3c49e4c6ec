// SPDX-License-Identifier: Apache-2.0
// Every call that an operation makes fails once, and is once the last one before a crash. After
// each, an honest start finds a store in order: what was reported done is there, the rest is absent
// or complete, nothing is suspended, nothing is leaked. CRASH_SAFETY.md says what each point leads
// to.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/sweep_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Key;

class DeviceSetSweepVmTest : public SweepFixture {};

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
        if (HasFailure()) return;  // a suspended origin would keep us waiting
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
          DMKIT_RETURN_IF_ERROR(set().SetSize("a", sys::Bytes{size}, {}));
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
class CrashSweepVmTest : public SweepFixture {};

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

}  // namespace
}  // namespace dmkit::thinp
