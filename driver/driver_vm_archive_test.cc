// SPDX-License-Identifier: Apache-2.0
// Layer archives of real layers: on a snapshot, with the inode numbers and times of its parent, the
// walk may look away from most files, and must not look away from one too many.

#include <cstdint>
#include <string>
#include <utility>

#include "driver/archive/random_tree.h"
#include "driver/archive/round_trip.h"
#include "driver/archive/test_tree.h"
#include "driver/driver_vm_fixture.h"

namespace dmkit::driver {
namespace {

using ::testing::IsEmpty;

class LayerArchiveTest : public DriverVmTest {
 protected:
  // The rootfs of a layer that stays mounted.
  TestTree Mounted(const std::string& id) {
    auto path = driver_->Get(id);
    EXPECT_THAT(path, sys::IsOk());
    return TestTree(*host().root->OpenDir(*path));
  }
  void PutAndRemove(const std::string& id) {
    EXPECT_THAT(driver_->Put(id, /*all=*/true), sys::IsOk());
    EXPECT_THAT(driver_->Remove(id), sys::IsOk());
  }
};

TEST_F(LayerArchiveTest, OfASnapshotNothingIsToldAndNoXattrIsRead) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("parent", {}), sys::IsOk());
  {
    TestTree parent = Mounted("parent");
    RandomTree(parent, 1, /*as_root=*/true).Grow(60);
  }
  ASSERT_THAT(driver.Create("layer", {"parent"}), sys::IsOk());
  {
    TestTree parent = Mounted("parent");
    TestTree layer = Mounted("layer");
    counted_.SetPlan(nullptr);
    EXPECT_THAT(ListChanges(layer.dir(), &parent.dir()), IsEmpty());
    EXPECT_EQ(counted_.CountOf("ListXattrs"), 0u);
    EXPECT_EQ(counted_.CountOf("OpenFile"), 0u);
  }
  PutAndRemove("layer");
  PutAndRemove("parent");
}

TEST_F(LayerArchiveTest, AnExportAppliedToASnapshotOfTheParentIsTheLayer) {
  Driver& driver = Open();
  for (uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
    ASSERT_THAT(driver.Create("parent", {}), sys::IsOk());
    TestTree grown = Mounted("parent");
    RandomTree random(grown, seed, /*as_root=*/true);
    random.Grow(30);
    for (const char* id : {"layer", "copy"}) {
      ASSERT_THAT(driver.Create(id, {"parent"}), sys::IsOk());
    }
    TestTree layer = Mounted("layer");
    RandomTree(layer, random).Mutate(seed + 1, 15);
    RoundTrip(std::move(grown), std::move(layer), Mounted("copy"), seed).Check();
    for (const char* id : {"copy", "layer", "parent"}) PutAndRemove(id);
  }
}

}  // namespace
}  // namespace dmkit::driver
