// SPDX-License-Identifier: Apache-2.0
// Pools of the admin: which are taken, and that they stay his.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/pool.h"
#include "thinp/refusal_vm_fixture.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class GivenPoolVmTest : public RefusalFixture {
 protected:
  void SetUp() override {
    MakePool();
    options().pool = PoolOptions();
    options().pool.given_pool = "given-pool";
  }
  void TearDown() override {
    if (HasStore()) TakeDown();
    Remove("given-pool");
    DeviceSetFixture::TearDown();
  }
  void MakePool(const std::string& whose = "") {
    ThinPoolParams params;
    params.data = Attach(whose + "data", 64 * kMiB).info.device;
    params.metadata = Attach(whose + "metadata", 4 * kMiB).info.device;
    params.block_size = kBlockSizeMin;
    params.features.error_if_no_space = true;
    ASSERT_THAT(Pool::Create(plain(), Name("given-pool"), Uuid("TEST-" + whose + "given-pool"),
                             sys::Sectors{64 * kMiB / 512}, params),
                IsOk());
  }
  absl::Status SendGiven(const std::string& message) { return Send(Name("given-pool"), message); }
};

TEST_F(GivenPoolVmTest, EmptyPoolIsTakenAndNeverTakenDown) {
  Open();
  Add("a");
  Activate("a");
  Snapshot("b", "a");
  ExpectClean();
  EXPECT_TRUE(set().pool().params().features.error_if_no_space) << "its table is the admin's";
  TakeDown();
  EXPECT_THAT(MappedDevices(), ElementsAre("given-pool"));
  Open();
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
  EXPECT_THAT(set().Delete("a"), IsOk());
  ExpectClean();
}

TEST_F(GivenPoolVmTest, AnotherPoolOfTheSameNameIsNotUsed) {
  Open();
  Close();
  ASSERT_THAT(plain().Rename(Name("given-pool"), Name("away"), dm::UdevCookie()), IsOk());
  MakePool("other-");
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("TEST-other-given-pool"));
  ASSERT_THAT(plain().Remove(Name("given-pool"), dm::RemoveOptions()), IsOk());
  ASSERT_THAT(plain().Rename(Name("away"), Name("given-pool"), dm::UdevCookie()), IsOk());
  Open();
}

TEST_F(GivenPoolVmTest, UsedPoolIsRefused) {
  ASSERT_THAT(SendGiven("set_transaction_id 0 7"), IsOk());
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("transaction id 7"));
  ASSERT_THAT(SendGiven("set_transaction_id 7 0"), IsOk());
  ASSERT_THAT(SendGiven("create_thin 0"), IsOk());
  const auto pool = Pool::Adopt(plain(), Name("given-pool"));
  ASSERT_THAT(pool, IsOk());
  const auto thin = dm::CreateDevice(plain(), {Name("given-thin"), Uuid("TEST-given-thin"),
                                               pool->ThinTable(Id(0), sys::Sectors{2048}), false});
  ASSERT_THAT(thin, IsOk());
  ASSERT_THAT(Fill(thin->device, 0, 4096, 'x'), IsOk());
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("1 data blocks"));
  EXPECT_EQ(Read(thin->device, 0, 4096), std::string(4096, 'x'));
  Remove("given-thin");
}

TEST_F(GivenPoolVmTest, WhatIsNoPoolOrMissingIsRefused) {
  options().pool.given_pool = "given-linear";
  const absl::Status missing = TryOpen();
  EXPECT_THAT(missing, FailsWithErrno(ENXIO));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("given-linear"));
  ExpectNothingMade();
  MakeLinear("given-linear", Attach("image", kMiB));
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("no thin pool"));
  options().pool.given_pool = "a/b";
  Refusal(kInvalidArgument);
}

TEST_F(GivenPoolVmTest, PoolThatIsNotWritableIsRefused) {
  auto pool = Pool::Adopt(plain(), Name("given-pool"));
  ASSERT_THAT(pool, IsOk());
  ThinPoolParams params = pool->params();
  params.features.read_only = true;
  ASSERT_THAT(pool->Reload(params), IsOk());
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("mode ro"));
}

TEST_F(GivenPoolVmTest, PoolThatIsDownIsSaidToBeDown) {
  Open();
  Add("a");
  Remove("given-pool");
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithErrno(ENXIO));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("given-pool"));
  EXPECT_THAT(MappedDevices(), IsEmpty());
}

TEST_F(GivenPoolVmTest, MetadataSnapshotOfSomebodyElseIsLeftToHim) {
  Open();
  Add("a");
  ASSERT_THAT(SendGiven("reserve_metadata_snap"), IsOk());
  const auto held = set().pool().Status()->held_metadata_root;
  const auto report = set().Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->contents_problem, FailsWithErrno(EBUSY));
  EXPECT_EQ(set().pool().Status()->held_metadata_root, held);
  Add("b");
  ASSERT_THAT(SendGiven("release_metadata_snap"), IsOk());
  ExpectClean();
}

TEST_F(GivenPoolVmTest, OurOwnMetadataSnapshotThatACrashLeftIsReleased) {
  Open();
  Add("a");
  for (uint64_t stop = 1; !HasFailure(); ++stop) {
    faulty().SetPlan(sys::FaultyHost::StopAt(stop));
    const bool done = set().Contents().ok();
    faulty().SetPlan(nullptr);
    Open();
    ExpectClean(absl::StrCat("stopped at call ", stop));
    if (done) break;
  }
}

}  // namespace
}  // namespace dmkit::thinp
