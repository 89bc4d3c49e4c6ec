// SPDX-License-Identifier: Apache-2.0
// LOOP_CHANGE_FD, LOOP_SET_CAPACITY, LOOP_SET_DIRECT_IO, LOOP_SET_BLOCK_SIZE, and io.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopOther : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    path_ = File("f", kMiB);
  }
  int ChangeFd(sys::File& loop, const sys::File& backing) {
    return Value(loop, LOOP_CHANGE_FD, static_cast<uint64_t>(backing.descriptor()));
  }

  std::string path_;
};

using LoopChangeFd = LoopOther;
using LoopSetCapacity = LoopOther;
using LoopSetDirectIo = LoopOther;
using LoopSetBlockSize = LoopOther;
using LoopIo = LoopOther;

TEST_F(LoopChangeFd, AnUnboundDeviceGivesEnxio) {
  EXPECT_EQ(ChangeFd(*Loop(0), *Open(path_)), -ENXIO);
}

TEST_F(LoopChangeFd, AClosedDescriptorGivesEbadf) {
  EXPECT_EQ(Value(*Loop(0), LOOP_CHANGE_FD, 4000), -EBADF);
}

TEST_F(LoopChangeFd, AWritableDeviceGivesEinval) {
  Attach(0, path_);
  EXPECT_EQ(ChangeFd(*Loop(0), *Open(path_)), -EINVAL);
}

TEST_F(LoopChangeFd, AnotherSizeGivesEinval) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(path_)), 0);
  EXPECT_EQ(ChangeFd(*loop, *Open(File("g", 2 * kMiB))), -EINVAL);
}

TEST_F(LoopChangeFd, AReadOnlyDeviceTakesAFileOfTheSameSize) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(path_)), 0);
  const std::string other = File("g", kMiB);
  // A writable descriptor is taken as well; the device stays read-only.
  EXPECT_EQ(ChangeFd(*loop, *Open(other, kReadWrite)), 0);
  EXPECT_EQ(Attribute(0, "loop/backing_file"), other);
  EXPECT_TRUE(IsReadOnly(*loop));
}

TEST_F(LoopSetCapacity, AnUnboundDeviceGivesEnxio) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_CAPACITY), -ENXIO);
}

TEST_F(LoopSetCapacity, TakesTheFilesNewSize) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  Resize(path_, 3 * kMiB);
  ASSERT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(SizeOf(*loop), 3 * kMiB);
}

TEST_F(LoopSetCapacity, Shrinks) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  Resize(path_, 4096);
  ASSERT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(SizeOf(*loop), 4096u);
}

TEST_F(LoopSetCapacity, KeepsOffsetAndLimit) {
  const FilePtr loop = Loop(0);
  loop_config config{};
  config.info.lo_offset = 4096;
  config.info.lo_sizelimit = 8192;
  ASSERT_EQ(Configure(*loop, *Open(path_, kReadWrite), config), 0);
  Resize(path_, 3 * kMiB);
  ASSERT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(SizeOf(*loop), 8192u);
}

TEST_F(LoopSetDirectIo, AnUnboundDeviceGivesEnxio) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_DIRECT_IO, 1), -ENXIO);
}

TEST_F(LoopSetDirectIo, OffIsWhatItIsAtFirst) {
  Attach(0, path_);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_DIRECT_IO, 0), 0);
  EXPECT_EQ(FlagsOf(*Loop(0)), 0u);
}

TEST_F(LoopSetDirectIo, OnSetsTheFlag) {
  Attach(0, path_);
  ASSERT_EQ(Value(*Loop(0), LOOP_SET_DIRECT_IO, 1), 0);
  EXPECT_EQ(FlagsOf(*Loop(0)), uint32_t{LO_FLAGS_DIRECT_IO});
  EXPECT_EQ(Attribute(0, "loop/dio"), "1");
}

TEST_F(LoopSetDirectIo, AnOffsetThatIsNotAlignedGivesEinval) {
  const FilePtr loop = Loop(0);
  loop_config config{};
  config.info.lo_offset = 100;
  ASSERT_EQ(Configure(*loop, *Open(path_, kReadWrite), config), 0);
  EXPECT_EQ(Value(*loop, LOOP_SET_DIRECT_IO, 1), -EINVAL);
}

TEST_F(LoopSetBlockSize, AnUnboundDeviceGivesEnxio) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_BLOCK_SIZE, 512), -ENXIO);
}

TEST_F(LoopSetBlockSize, ChangesTheLogicalBlockSize) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, 4096), 0);
  EXPECT_EQ(BlockBytesOf(*loop), 4096u);
}

TEST_F(LoopSetBlockSize, IsAPowerOfTwoUpToAPage) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  for (const uint64_t wrong : {1u, 256u, 1000u, 8192u}) {
    EXPECT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, wrong), -EINVAL) << wrong;
    EXPECT_EQ(BlockBytesOf(*loop), 512u) << wrong;
  }
  for (const uint32_t right : {1024u, 2048u, 4096u, 512u}) {
    EXPECT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, right), 0) << right;
    EXPECT_EQ(BlockBytesOf(*loop), right);
  }
}

TEST_F(LoopSetBlockSize, ZeroIsTheDefaultSince612) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, 4096), 0);
  EXPECT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, 0), is_6_1() ? -EINVAL : 0);
  EXPECT_EQ(BlockBytesOf(*loop), is_6_1() ? 4096u : 512u);
}

TEST_F(LoopSetBlockSize, IsCutToThirtyTwoBitsSince612) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  EXPECT_EQ(Value(*loop, LOOP_SET_BLOCK_SIZE, (uint64_t{1} << 32) + 1024), is_6_1() ? -EINVAL : 0);
  EXPECT_EQ(BlockBytesOf(*loop), is_6_1() ? 512u : 1024u);
}

TEST_F(LoopSetBlockSize, ADeviceThatSomebodyElseHoldsGivesEbusy) {
  Attach(0, path_);
  const FilePtr holder = HeldLoop(0);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_BLOCK_SIZE, 512), -EBUSY);
}

TEST_F(LoopIo, AnUnknownCommandGivesEinval) { EXPECT_EQ(Value(*Loop(0), 0x4cff), -EINVAL); }

TEST_F(LoopIo, WhatIsWrittenStandsInTheFile) {
  loop_config config{};
  config.info.lo_offset = 4096;
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Configure(*loop, *Open(path_, kReadWrite), config), 0);
  ASSERT_TRUE(loop->WriteAt(512, std::string(512, 'x')).ok());
  ASSERT_TRUE(loop->Sync().ok());
  std::string bytes(512, '\0');
  const auto got = Open(path_)->ReadAt(4096 + 512, absl::MakeSpan(&bytes[0], bytes.size()));
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(bytes, std::string(512, 'x'));
}

TEST_F(LoopIo, AReadOnlyDeviceOpensForWritingAndGivesEpermForWrites) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(path_)), 0);
  const FilePtr other = Loop(0, kReadWrite);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(sys::GetErrno(other->WriteAt(0, std::string(512, 'x'))), EPERM);
}

TEST_F(LoopIo, FlushOfADeviceThatWasNeverBoundSucceeds) {
  const FilePtr control = Control();
  ASSERT_EQ(Value(*control, LOOP_CTL_ADD, 11), 11);
  EXPECT_TRUE(Loop(11)->Sync().ok());
}

TEST_F(LoopIo, FlushOfADetachedDeviceGivesEioSince612) {
  Attach(0, path_);
  ASSERT_EQ(Detach(*Loop(0)), 0);
  ASSERT_TRUE(IsDetachedInTime(0));
  EXPECT_EQ(sys::GetErrno(Loop(0)->Sync()), is_6_1() ? 0 : EIO);
}

TEST_F(LoopIo, AnUnboundDeviceHasSizeZero) { EXPECT_EQ(SizeOf(*Loop(0)), 0u); }

TEST_F(LoopChangeFd, SendsAChangeEventAlsoWhenItFails) {
  Attach(0, path_);
  TakeUevents();
  EXPECT_EQ(ChangeFd(*Loop(0), *Open(path_)), -EINVAL);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"change loop0"});
}

TEST_F(LoopChangeFd, TakesFilesAndDevicesOnly) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(path_)), 0);
  EXPECT_EQ(ChangeFd(*loop, *Open("/dev/null")), -EINVAL);
  EXPECT_EQ(ChangeFd(*loop, *loop), -EBADF);
  EXPECT_EQ(ChangeFd(*loop, *Loop(1)), -EINVAL);
}

TEST_F(LoopSetCapacity, SendsAResizeEventWhenTheSizeIsAnother) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  TakeUevents();
  ASSERT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"change loop0"});
  Resize(path_, 4096);
  ASSERT_EQ(Value(*loop, LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"change loop0 RESIZE=1"});
}

TEST_F(LoopSetCapacity, AHolderDoesNotKeepItOut) {
  Attach(0, path_);
  const FilePtr holder = HeldLoop(0);
  Resize(path_, 2 * kMiB);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_CAPACITY), 0);
  EXPECT_EQ(SizeOf(*holder), 2 * kMiB);
}

TEST_F(LoopSetCapacity, NobodyNeedsAWritableDescriptor) {
  AsNobody("/dev/loop0", kRead,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_CAPACITY), -EPERM); });
  Attach(0, path_);
  AsNobody("/dev/loop0", kReadWrite,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_CAPACITY), 0); });
}

TEST_F(LoopSetDirectIo, OffClearsTheFlag) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Value(*loop, LOOP_SET_DIRECT_IO, 1), 0);
  ASSERT_EQ(Value(*loop, LOOP_SET_DIRECT_IO, 0), 0);
  EXPECT_EQ(FlagsOf(*loop), 0u);
}

TEST_F(LoopSetDirectIo, AHolderDoesNotKeepItOut) {
  Attach(0, path_);
  const FilePtr holder = HeldLoop(0);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_DIRECT_IO, 1), 0);
}

TEST_F(LoopSetDirectIo, NobodyNeedsAWritableDescriptor) {
  AsNobody("/dev/loop0", kRead,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_DIRECT_IO, 1), -EPERM); });
  Attach(0, path_);
  AsNobody("/dev/loop0", kReadWrite,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_DIRECT_IO, 1), 0); });
}

TEST_F(LoopSetBlockSize, NobodyNeedsAWritableDescriptor) {
  AsNobody("/dev/loop0", kRead,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_BLOCK_SIZE, 512), -EPERM); });
  Attach(0, path_);
  AsNobody("/dev/loop0", kReadWrite,
           [](sys::File& loop) { EXPECT_EQ(Value(loop, LOOP_SET_BLOCK_SIZE, 512), 0); });
}

TEST_F(LoopSetBlockSize, TheHolderItselfMaySetIt) {
  Attach(0, path_);
  const FilePtr holder = HeldLoop(0);
  EXPECT_EQ(Value(*holder, LOOP_SET_BLOCK_SIZE, 4096), 0);
  EXPECT_EQ(BlockBytesOf(*holder), 4096u);
}

TEST_F(LoopSetBlockSize, AHolderIsLookedAtBeforeTheState) {
  const FilePtr holder = HeldLoop(0);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_BLOCK_SIZE, 512), -EBUSY);
}

TEST_F(LoopIo, TheFilesSizeIsTakenWhenItIsAttached) {
  Attach(0, path_);
  Resize(path_, 2 * kMiB);
  EXPECT_EQ(SizeOf(*Loop(0)), kMiB);
}

TEST_F(LoopIo, ReadsBehindTheEndOfAFileThatShrankAreZerosOn61) {
  Attach(0, path_);
  Resize(path_, 4096);
  std::string bytes(512, 'x');
  const auto got = Loop(0)->ReadAt(kMiB / 2, absl::MakeSpan(&bytes[0], bytes.size()));
  EXPECT_EQ(sys::GetErrno(got.status()), is_6_1() ? 0 : EIO);
  EXPECT_EQ(bytes, std::string(512, is_6_1() ? '\0' : 'x'));
}

}  // namespace
}  // namespace dmkit::conformance
