// SPDX-License-Identifier: Apache-2.0
// Pools as lvm2 maps them: its tables are imitated. An unused pool VG-LV is the thin-pool device
// itself; one with volumes is VG-LV-tpool below a linear device VG-LV, and lvm2 counts its
// transaction id.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/device_number.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/pool.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr char kUuid[] = "LVM-Zpz0mMHuC6ZgZGb0Cqa3uXHVLQL2RUqXk3K4nY1xSUWeShvW0vTqGQsFRWTy3fFk";

class LvmPoolVmTest : public DeviceSetFixture {
 protected:
  LvmPoolVmTest() { options().pool = PoolOptions(); }

  void TearDown() override {
    faulty().SetPlan(nullptr);
    if (HasStore()) TakeDown();
    DropPool();
    DeviceSetFixture::TearDown();
  }

  // As lvm2 activates it: with the layer on top, or without.
  void MakePool(bool layered) {
    if (data_ == nullptr) {
      data_ = &Attach("lvm-data", 64 * kMiB);
      metadata_ = &Attach("lvm-metadata", 4 * kMiB);
    }
    ThinPoolParams params;
    params.data = data_->info.device;
    params.metadata = metadata_->info.device;
    params.block_size = sys::Sectors{1024};
    params.features.skip_block_zeroing = true;
    const sys::Sectors length{64 * kMiB / 512};
    const std::string suffix = layered ? "-tpool" : "";
    const auto pool = Pool::Create(plain(), Name("vg-thinpool" + suffix),
                                   Uuid(absl::StrCat(kUuid, suffix)), length, params);
    ASSERT_THAT(pool, IsOk());
    layered_ = layered;
    there_ = true;
    if (!layered) return;
    const std::string line = absl::StrCat(sys::FormatDeviceNumber(pool->device()), " 0");
    ASSERT_THAT(dm::CreateDevice(
                    plain(), {Name("vg-thinpool"),
                              Uuid(kUuid),
                              {{sys::Sectors{0}, length, *dm::TargetType::Create("linear"), line}},
                              false}),
                IsOk());
  }
  void DropPool() {
    if (!there_) return;
    RemoveLvm("vg-thinpool", kUuid);
    if (layered_) RemoveLvm("vg-thinpool-tpool", absl::StrCat(kUuid, "-tpool"));
    there_ = false;
  }
  void RemoveLvm(const std::string& name, const std::string& uuid) {
    EXPECT_THAT(dm::RemoveDevice(plain(), {Name(name), Uuid(uuid)}, absl::Seconds(5),
                                 /*deferred=*/false),
                IsOk());
  }
  absl::Status SendGiven(const std::string& message) {
    return Send(Name(layered_ ? "vg-thinpool-tpool" : "vg-thinpool"), message);
  }

 private:
  loop::AttachedLoop* data_ = nullptr;
  loop::AttachedLoop* metadata_ = nullptr;
  bool layered_ = false;
  bool there_ = false;
};

TEST_F(LvmPoolVmTest, UnusedPoolIsTakenByItsNameAndLeftWhenTheSetIsTakenDown) {
  MakePool(/*layered=*/false);
  options().pool.given_pool = "vg-thinpool";
  Open();
  Add("a");
  Activate("a");
  ExpectClean();
  TakeDown();
  EXPECT_THAT(MappedDevices(), ::testing::ElementsAre("vg-thinpool"));
}

TEST_F(LvmPoolVmTest, LinearDeviceOnTopStandsForThePoolBelowIt) {
  MakePool(/*layered=*/true);
  for (const char* name : {"vg-thinpool", "vg-thinpool-tpool"}) {
    options().pool.given_pool = name;
    Open();
    EXPECT_EQ(set().pool().name().text(), "vg-thinpool-tpool") << name;
  }
  Add("a");
  ExpectClean();
}

TEST_F(LvmPoolVmTest, PoolIsKnownAgainWhenLvmMapsItInTheOtherWay) {
  MakePool(/*layered=*/true);
  options().pool.given_pool = "vg-thinpool";
  Open();
  Add("a");
  for (const bool layered : {false, true}) {
    TakeDown();
    DropPool();
    MakePool(layered);
    Open();
    EXPECT_THAT(set().Find("a"), IsOk());
    ExpectClean();
  }
}

TEST_F(LvmPoolVmTest, PoolInWhichLvmCountsTransactionsIsRefusedSayingSo) {
  MakePool(/*layered=*/true);
  ASSERT_THAT(SendGiven("create_thin 1"), IsOk());
  ASSERT_THAT(SendGiven("set_transaction_id 0 1"), IsOk());
  options().pool.given_pool = "vg-thinpool";
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr("transaction id 1"), HasSubstr("lvm2"), HasSubstr("lvcreate")));
}

TEST_F(LvmPoolVmTest, PoolOfAnotherUuidUnderTheSameNameIsRefused) {
  MakePool(/*layered=*/false);
  options().pool.given_pool = "vg-thinpool";
  Open();
  Add("a");
  Close();
  DropPool();
  const loop::AttachedLoop& metadata = Attach("other-metadata", 4 * kMiB);
  ThinPoolParams params;
  params.data = Attach("other-data", 64 * kMiB).info.device;
  params.metadata = metadata.info.device;
  params.block_size = sys::Sectors{1024};
  ASSERT_THAT(Pool::Create(plain(), Name("vg-thinpool"), Uuid("LVM-another"),
                           sys::Sectors{64 * kMiB / 512}, params),
              IsOk());
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), AllOf(HasSubstr(kUuid), HasSubstr("LVM-another")));
  RemoveLvm("vg-thinpool", "LVM-another");
}

TEST_F(LvmPoolVmTest, MissingPoolAndOneThatIsNoneAreSaid) {
  options().pool.given_pool = "vg-thinpool";
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENXIO));
  MakeLinear("vg-linear", Attach("linear", 4 * kMiB));
  options().pool.given_pool = "vg-linear";
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("linear"));
}

TEST_F(LvmPoolVmTest, GivenPoolIsNotResized) {
  MakePool(/*layered=*/false);
  options().pool.given_pool = "vg-thinpool";
  Open();
  const absl::Status grown = set().GrowPool();
  EXPECT_THAT(grown, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(grown.message()), HasSubstr("lvextend"));
}

}  // namespace
}  // namespace dmkit::thinp
