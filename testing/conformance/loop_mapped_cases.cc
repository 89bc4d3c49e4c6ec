// SPDX-License-Identifier: Apache-2.0
// Loop devices under a mapped device, which holds them exclusively.

#include <cerrno>
#include <string>

#include "testing/conformance/dm_request.h"
#include "testing/conformance/guarded_ioctl.h"
#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopMapped : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    path_ = File("f", kMiB);
    Attach(0, path_);
    ASSERT_EQ(Call(DM_DEV_CREATE_CMD, DmRequest().Name("a")), 0);
    ASSERT_EQ(Call(DM_TABLE_LOAD_CMD, DmRequest().Name("a").Target(0, 8, "linear", "7:0 0")), 0);
    ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, DmRequest().Name("a")), 0);
  }
  void TearDown() override {
    Unmap();
    LoopTest::TearDown();
  }

  int Call(uint32_t number, DmRequest request) {
    const FilePtr control = Open("/dev/mapper/control", kReadWrite);
    return GuardedIoctl(*control, _IOWR(DM_IOCTL, number, struct dm_ioctl), request.bytes());
  }
  void Unmap() {
    if (!is_mapped_) return;
    is_mapped_ = false;
    EXPECT_EQ(Call(DM_DEV_REMOVE_CMD, DmRequest().Name("a")), 0);
  }

  std::string path_;
  bool is_mapped_ = true;
};

TEST_F(LoopMapped, AnotherBlockSizeGivesEbusy) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_BLOCK_SIZE, 512), -EBUSY);
}

TEST_F(LoopMapped, StatusCapacityAndDirectIoCanBeSet) {
  const FilePtr loop = Loop(0);
  loop_info64 info{};
  info.lo_sizelimit = 8192;
  EXPECT_EQ(SetStatus(*loop, info), 0);
  EXPECT_EQ(SizeOf(*loop), 8192u);
  EXPECT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(Value(*loop, LOOP_SET_DIRECT_IO, 1), 0);
}

TEST_F(LoopMapped, DetachesWhenTheMappedDeviceIsGone) {
  EXPECT_EQ(Detach(*Loop(0)), 0);
  EXPECT_EQ(FlagsOf(*Loop(0)), uint32_t{LO_FLAGS_AUTOCLEAR});
  Unmap();
  EXPECT_TRUE(IsDetachedInTime(0));
}

}  // namespace
}  // namespace dmkit::conformance
