// SPDX-License-Identifier: Apache-2.0

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

constexpr unsigned long kRoSet = _IO(0x12, 93);
constexpr unsigned long kRoGet = _IO(0x12, 94);
constexpr unsigned long kFlushBuffers = _IO(0x12, 97);
constexpr unsigned long kGetSize64 = _IOR(0x12, 114, size_t);
constexpr unsigned long kDiscard = _IO(0x12, 119);
constexpr unsigned long kZeroOut = _IO(0x12, 127);
constexpr unsigned long kGetGeometry = 0x0301;

class BlockIoctlTest : public DmTest {
 protected:
  int Ioctl(BlockDevice& device, unsigned long request, std::string& memory, uint32_t user = 0,
            bool writable = true) {
    TestProcess process(user);
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return BlockIoctl(device, {process, writable, nullptr}, request,
                      UserMemory(absl::MakeSpan(&memory[0], memory.size())));
  }
  int Range(unsigned long request, uint64_t start, uint64_t length, bool writable = true) {
    const uint64_t range[2] = {start, length};
    std::string memory(reinterpret_cast<const char*>(range), sizeof(range));
    return Ioctl(*machine_.disk, request, memory, 0, writable);
  }
  uint64_t Number(BlockDevice& device, unsigned long request) {
    std::string memory(8, '\0');
    EXPECT_EQ(Ioctl(device, request, memory), 0);
    uint64_t value = 0;
    std::memcpy(&value, memory.data(), sizeof(value));
    return value;
  }
};

TEST_P(BlockIoctlTest, SizeIsInBytes) {
  EXPECT_EQ(Number(*machine_.disk, kGetSize64), 8192 * kSectorBytes);
  std::string small(7, '\0');
  EXPECT_EQ(Ioctl(*machine_.disk, kGetSize64, small), -EFAULT);
}

TEST_P(BlockIoctlTest, ReadOnlyIsSetByRootWithoutAUevent) {
  std::string on("\1\0\0\0", 4);
  EXPECT_EQ(Ioctl(*machine_.disk, kRoSet, on, /*user=*/1000), -EACCES);
  EXPECT_EQ(Number(*machine_.disk, kRoGet), 0u);
  EXPECT_EQ(Ioctl(*machine_.disk, kRoSet, on), 0);
  EXPECT_EQ(Number(*machine_.disk, kRoGet), 1u);
  EXPECT_TRUE(machine_.TakeUevents().empty());
}

TEST_P(BlockIoctlTest, DiscardChecksItsRange) {
  EXPECT_EQ(Range(kDiscard, 0, 4096), 0);
  EXPECT_EQ(Range(kDiscard, 0, 4096, /*writable=*/false), -EBADF);
  EXPECT_EQ(Range(kDiscard, 1, 512), -EINVAL);
  EXPECT_EQ(Range(kDiscard, 0, 511), -EINVAL);
  EXPECT_EQ(Range(kDiscard, 8192 * kSectorBytes, 512), -EINVAL);
  EXPECT_EQ(Range(kDiscard, ~uint64_t{511}, 512), -EINVAL);
  EXPECT_EQ(Range(kDiscard, 0, 0), -EINVAL);
  machine_.disk->SetReadOnly(true);
  EXPECT_EQ(Range(kDiscard, 0, 4096), -EPERM);
  EXPECT_EQ(Range(kDiscard, 8192 * kSectorBytes, 512), is_6_1() ? -EINVAL : -EPERM);
  machine_.disk->SetReadOnly(false);
  machine_.disk->mutable_limits().logical_block_bytes = 4096;
  EXPECT_EQ(Range(kDiscard, 0, 512), -EINVAL);
  machine_.disk->mutable_limits().max_discard_sectors = 0;
  EXPECT_EQ(Range(kDiscard, 0, 4096), -EOPNOTSUPP);
  EXPECT_EQ(Range(kDiscard, 0, 4096, /*writable=*/false), is_6_1() ? -EBADF : -EOPNOTSUPP);
}

TEST_P(BlockIoctlTest, ZeroOutForgetsThePageCache) {
  Opener opener;
  BlockHandle handle;
  ASSERT_EQ(machine_.disk->Open(opener, &handle), 0);
  ASSERT_EQ(machine_.disk->BufferedWrite(0, "abcd"), 0);
  EXPECT_EQ(Range(kZeroOut, 0, 4096), 0);
  std::string bytes(4, '?');
  ASSERT_EQ(machine_.disk->BufferedRead(0, absl::MakeSpan(&bytes[0], 4)), 0);
  EXPECT_EQ(bytes, std::string(4, '\0'));
  EXPECT_EQ(Range(kZeroOut, 0, 4096, /*writable=*/false), -EBADF);
  EXPECT_EQ(Range(kZeroOut, 0, 0), -EINVAL);
  EXPECT_EQ(Range(kZeroOut, 0, 100), -EINVAL);
  EXPECT_EQ(Range(kZeroOut, 8192 * kSectorBytes - 512, 1024), -EINVAL);
}

TEST_P(BlockIoctlTest, FlushOfBuffersShowsWhatWasWrittenBelow) {
  Opener opener;
  BlockHandle handle;
  ASSERT_EQ(machine_.disk->Open(opener, &handle), 0);
  std::string bytes(4, '?');
  ASSERT_EQ(machine_.disk->BufferedRead(0, absl::MakeSpan(&bytes[0], 4)), 0);
  ASSERT_EQ(machine_.disk->Write(0, std::string(512, 'x')), 0);
  std::string none;
  EXPECT_EQ(Ioctl(*machine_.disk, kFlushBuffers, none, /*user=*/1000), -EACCES);
  EXPECT_EQ(Ioctl(*machine_.disk, kFlushBuffers, none), 0);
  ASSERT_EQ(machine_.disk->BufferedRead(0, absl::MakeSpan(&bytes[0], 4)), 0);
  EXPECT_EQ(bytes, "xxxx");
}

TEST_P(BlockIoctlTest, GeometryOfAMappedDeviceCanBeRead) {
  machine_.Activate("a", 64, "zero", "");
  DmBytes set;
  ASSERT_EQ(machine_.Call(kSetGeometry, set.Name("a").Text("300 2 3 4")), 0);
  std::string memory(16, '?');
  EXPECT_EQ(Ioctl(machine_.device("a"), kGetGeometry, memory), 0);
  EXPECT_EQ(memory, std::string("\2\3\x2c\1\0\0\0\0\4\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(Ioctl(*machine_.disk, kGetGeometry, memory), -ENOTTY);
}

TEST_P(BlockIoctlTest, LinearPassesUnknownIoctlsToItsDevice) {
  class Speaking : public Disk {
   public:
    using Disk::Disk;
    int DriverIoctl(const IoctlContext&, unsigned long, UserMemory) override { return 7; }
  };
  Speaking speaking(machine_.core, {8, 32}, "sdc", 64 * kSectorBytes);
  std::string none;
  machine_.Activate("whole", 64, "linear", "8:32 0");
  EXPECT_EQ(Ioctl(machine_.device("whole"), 0x4c05, none, /*user=*/1000), 7);
  machine_.Activate("part", 8, "linear", "8:32 8");
  EXPECT_EQ(Ioctl(machine_.device("part"), 0x4c05, none, /*user=*/1000), -ENOTTY);
  EXPECT_EQ(Ioctl(machine_.device("part"), 0x4c05, none), 7);
  ASSERT_EQ(machine_.Suspend("part"), 0);
  EXPECT_EQ(Ioctl(machine_.device("part"), 0x4c05, none), -EAGAIN);
  machine_.Activate("zero", 8, "zero", "");
  EXPECT_EQ(Ioctl(machine_.device("zero"), 0x4c05, none), -ENOTTY);
  for (const char* name : {"whole", "part"}) ASSERT_EQ(machine_.Remove(name), 0);
}

DMKIT_ON_BOTH_KERNELS(BlockIoctlTest);

}  // namespace
}  // namespace dmkit::model
