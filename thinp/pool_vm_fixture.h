// SPDX-License-Identifier: Apache-2.0
// A small pool of 256 blocks on two loop devices, for the tests of the pool itself.

#ifndef DMKIT_THINP_POOL_VM_FIXTURE_H_
#define DMKIT_THINP_POOL_VM_FIXTURE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "loop/loop_device.h"
#include "sys/device_number.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {

inline constexpr char kPoolName[] = "test-pool";
inline constexpr uint64_t kBlockBytes = 64 * 1024;
inline constexpr uint64_t kBlocks = 256;
inline constexpr uint64_t kDataBytes = kBlocks * kBlockBytes;
inline constexpr uint64_t kMetadataBytes = 4 * kMiB;
inline constexpr uint64_t kThinBlocks = 2 * kBlocks;

class PoolFixture : public ThinpVmTest {
 protected:
  void TearDown() override {
    for (const std::string& name : MappedDevices()) {
      if (absl::StartsWith(name, "test-thin-")) Remove(name);
    }
    TakeDown();
    ThinpVmTest::TearDown();
  }

  static sys::Sectors Length() { return sys::Sectors{kDataBytes / sys::kSectorBytes}; }

  // The parameters of the pool; its loop devices are made with the first call.
  ThinPoolParams params() {
    if (data_ == nullptr) {
      data_ = &Attach("data", kDataBytes);
      metadata_ = &Attach("metadata", kMetadataBytes);
    }
    ThinPoolParams params;
    params.data = data_->info.device;
    params.metadata = metadata_->info.device;
    params.block_size = kBlockSizeMin;
    params.low_water_mark = sys::DataBlocks{4};
    params.features.skip_block_zeroing = true;
    return params;
  }
  loop::AttachedLoop& data_loop() { return *data_; }
  loop::AttachedLoop& metadata_loop() { return *metadata_; }

  Pool Make() { return Make(params()); }
  Pool Make(const ThinPoolParams& with) {
    auto pool =
        Pool::Create(dm(), Name(kPoolName), Uuid(absl::StrCat("TEST-", kPoolName)), Length(), with);
    EXPECT_THAT(pool, sys::IsOk());
    return *std::move(pool);
  }
  void TakeDown() { Remove(kPoolName); }

  // A mapped device of twice the pool's size for a thin id.
  sys::DeviceNumber ActivateThinId(const Pool& pool, uint32_t id) {
    const std::string name = absl::StrCat("test-thin-", id);
    const sys::Sectors length{kThinBlocks * kBlockBytes / sys::kSectorBytes};
    const auto info = dm::CreateDevice(
        plain(), {Name(name), Uuid("TEST-" + name), pool.ThinTable(Id(id), length), false});
    EXPECT_THAT(info, sys::IsOk());
    return info.ok() ? info->device : sys::DeviceNumber();
  }
  void DeactivateThinId(uint32_t id) { Remove(absl::StrCat("test-thin-", id)); }

  // Makes the image of `loop` larger, and the loop device with it.
  void GrowImage(const loop::AttachedLoop& loop, const std::string& name, uint64_t size_bytes) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    const auto file = plain_host().root->OpenFile(absl::StrCat(dir(), "/", name), options);
    ASSERT_THAT(file, sys::IsOk());
    ASSERT_THAT((*file)->Truncate(size_bytes), sys::IsOk());
    ASSERT_THAT(loop::UpdateCapacity(plain_host(), loop.info.number), sys::IsOk());
  }

 private:
  loop::AttachedLoop* data_ = nullptr;
  loop::AttachedLoop* metadata_ = nullptr;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_VM_FIXTURE_H_
