// SPDX-License-Identifier: Apache-2.0
// LOOP_GET_STATUS, LOOP_GET_STATUS64, LOOP_SET_STATUS64.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "testing/conformance/guarded_ioctl.h"
#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr unsigned long kGetRequests[] = {LOOP_GET_STATUS64, LOOP_GET_STATUS};

class LoopStatus : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    path_ = File("f", kMiB);
    Attach(0, path_);
  }

  void TearDown() override {
    loop_.reset();
    LoopTest::TearDown();
  }

  // Old status of loop0 in `info`.
  int GetOld(loop_info* info) {
    std::string bytes(sizeof(*info), '\0');
    const int result = GuardedIoctl(*Loop(0), LOOP_GET_STATUS, bytes);
    std::memcpy(info, bytes.data(), sizeof(*info));
    return result;
  }
  int SetFlags(uint32_t flags) {
    loop_info64 info{};
    info.lo_flags = flags;
    return SetStatus(*loop_, info);
  }

  std::string path_;
  FilePtr loop_;
};

TEST_F(LoopStatus, AnUnboundDeviceGivesEnxio) {
  EXPECT_EQ(StatusError(*Loop(1)), -ENXIO);
  EXPECT_EQ(SetStatus(*Loop(1), {}), -ENXIO);
  std::string old(sizeof(loop_info), '\0');
  EXPECT_EQ(GuardedIoctl(*Loop(1), LOOP_GET_STATUS, old), -ENXIO);
  EXPECT_EQ(GuardedIoctl(*Loop(1), LOOP_SET_STATUS, old), -ENXIO);
}

TEST_F(LoopStatus, NoMemoryGivesEinvalBeforeTheStateIsLookedAt) {
  for (const unsigned long request : kGetRequests) {
    EXPECT_EQ(Value(*Loop(1), request, 0), -EINVAL) << request;
    EXPECT_EQ(Value(*Loop(0), request, 0), -EINVAL) << request;
  }
}

TEST_F(LoopStatus, MemoryThatCannotBeWrittenGivesEfault) {
  for (const unsigned long request : kGetRequests) {
    EXPECT_EQ(Value(*Loop(0), request, 1), -EFAULT) << request;
    EXPECT_EQ(Value(*Loop(1), request, 1), -ENXIO) << request;
  }
}

TEST_F(LoopStatus, ReadOnlyMemoryIsEnoughForSettingOnly) {
  std::string bytes(sizeof(loop_info64), '\0');
  EXPECT_EQ(HalfReadOnlyIoctl(*Loop(0), LOOP_SET_STATUS64, 0, bytes), 0);
  EXPECT_EQ(HalfReadOnlyIoctl(*Loop(0), LOOP_GET_STATUS64, 0, bytes), -EFAULT);
  bytes.assign(sizeof(uint64_t), '\0');
  EXPECT_EQ(HalfReadOnlyIoctl(*Loop(0), BLKGETSIZE64, 0, bytes), -EFAULT);
}

TEST_F(LoopStatus, AllFieldsAreWritten) {
  loop_info64 info{};
  ASSERT_EQ(GetStatus(*Loop(0), &info), 0);
  const auto file = host().root->Stat(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(info.lo_inode, file->inode);
  EXPECT_EQ(info.lo_rdevice, 0u);
  EXPECT_EQ(info.lo_offset, 0u);
  EXPECT_EQ(info.lo_sizelimit, 0u);
  EXPECT_EQ(info.lo_number, 0u);
  EXPECT_EQ(info.lo_encrypt_type, 0u);
  EXPECT_EQ(info.lo_encrypt_key_size, 0u);
  EXPECT_EQ(info.lo_flags, 0u);
  EXPECT_EQ(info.lo_init[0], 0u);
  EXPECT_EQ(info.lo_init[1], 0u);
  for (const uint8_t byte : info.lo_crypt_name) EXPECT_EQ(byte, 0);
  for (const uint8_t byte : info.lo_encrypt_key) EXPECT_EQ(byte, 0);
}

TEST_F(LoopStatus, TheOldFormHasTheSameOffset) {
  loop_info64 info{};
  info.lo_offset = 4096;
  ASSERT_EQ(SetStatus(*Loop(0), info), 0);
  loop_info old{};
  ASSERT_EQ(GetOld(&old), 0);
  EXPECT_EQ(old.lo_offset, 4096);
}

TEST_F(LoopStatus, AnOffsetTooLargeForTheOldFormGivesEoverflow) {
  loop_info64 info{};
  info.lo_offset = uint64_t{1} << 31;
  ASSERT_EQ(SetStatus(*Loop(0), info), 0);
  loop_info old{};
  EXPECT_EQ(GetOld(&old), -EOVERFLOW);
}

TEST_F(LoopStatus, SettingReplacesOffsetAndLimit) {
  const FilePtr loop = Loop(0);
  loop_info64 info{};
  info.lo_offset = 4096;
  info.lo_sizelimit = 8192;
  ASSERT_EQ(SetStatus(*loop, info), 0);
  EXPECT_EQ(SizeOf(*loop), 8192u);
  ASSERT_EQ(SetStatus(*loop, {}), 0);
  EXPECT_EQ(SizeOf(*loop), kMiB);
}

TEST_F(LoopStatus, AutoclearAndPartscanCanBeSetAndNothingElse) {
  loop_ = Loop(0);
  ASSERT_EQ(SetFlags(0xff), 0);
  EXPECT_EQ(FlagsOf(*loop_), uint32_t{LO_FLAGS_AUTOCLEAR} | LO_FLAGS_PARTSCAN);
  // Only one of them goes again; left set, the other would detach at the close.
  ASSERT_EQ(SetFlags(0), 0);
  EXPECT_EQ(FlagsOf(*loop_), uint32_t{LO_FLAGS_PARTSCAN});
}

TEST_F(LoopStatus, ReadOnlyStaysWhatItWas) {
  ASSERT_EQ(Detach(*Loop(0)), 0);
  ASSERT_TRUE(IsDetachedInTime(0));
  loop_ = Loop(0);
  ASSERT_EQ(SetFd(*loop_, *Open(path_, kRead)), 0);
  ASSERT_EQ(SetFlags(0), 0);
  EXPECT_EQ(FlagsOf(*loop_), uint32_t{LO_FLAGS_READ_ONLY});
}

TEST_F(LoopStatus, SettingWrongValuesChangesNothing) {
  const FilePtr loop = Loop(0);
  loop_info64 info{};
  info.lo_offset = uint64_t{1} << 63;
  EXPECT_EQ(SetStatus(*loop, info), -EOVERFLOW);
  info.lo_offset = 4096;
  info.lo_sizelimit = uint64_t{1} << 63;
  EXPECT_EQ(SetStatus(*loop, info), -EOVERFLOW);
  info.lo_sizelimit = 8192;
  info.lo_encrypt_key_size = 33;
  EXPECT_EQ(SetStatus(*loop, info), -EINVAL);
  info.lo_encrypt_key_size = 0;
  info.lo_encrypt_type = 1;
  EXPECT_EQ(SetStatus(*loop, info), -EINVAL);
  EXPECT_EQ(SizeOf(*loop), kMiB);
  ASSERT_EQ(GetStatus(*loop, &info), 0);
  EXPECT_EQ(info.lo_offset, 0u);
  EXPECT_EQ(info.lo_sizelimit, 0u);
}

TEST_F(LoopStatus, RootMaySetItReadOnly) { EXPECT_EQ(SetStatus(*Loop(0, kRead), {}), 0); }

TEST_F(LoopStatus, SettingMemoryThatCannotBeReadGivesEfault) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_STATUS64, 0), -EFAULT);
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_STATUS, 0), -EFAULT);
}

TEST_F(LoopStatus, SettingWhatIsThereLeavesTheSize) {
  const FilePtr loop = Loop(0);
  Resize(path_, 2 * kMiB);
  ASSERT_EQ(SetStatus(*loop, {}), 0);
  EXPECT_EQ(SizeOf(*loop), kMiB);
}

TEST_F(LoopStatus, AnotherOffsetTakesTheFilesNewSize) {
  const FilePtr loop = Loop(0);
  Resize(path_, 2 * kMiB);
  loop_info64 info{};
  info.lo_offset = 512;
  ASSERT_EQ(SetStatus(*loop, info), 0);
  EXPECT_EQ(SizeOf(*loop), 2 * kMiB - 512);
}

TEST_F(LoopStatus, NobodyNeedsAWritableDescriptorToSet) {
  AsNobody("/dev/loop0", kRead, [](sys::File& loop) {
    EXPECT_EQ(SetStatus(loop, {}), -EPERM);
    EXPECT_EQ(Value(loop, LOOP_SET_STATUS, 0), -EPERM);
    EXPECT_EQ(StatusError(loop), 0);
  });
  AsNobody("/dev/loop0", kReadWrite, [](sys::File& loop) { EXPECT_EQ(SetStatus(loop, {}), 0); });
}

TEST_F(LoopStatus, PermissionComesBeforeMemoryAndState) {
  AsNobody("/dev/loop1", kRead, [](sys::File& loop) {
    EXPECT_EQ(Value(loop, LOOP_SET_STATUS64, 0), -EPERM);
    EXPECT_EQ(SetStatus(loop, {}), -EPERM);
  });
  EXPECT_EQ(Value(*Loop(1), LOOP_SET_STATUS64, 0), -EFAULT);
}

TEST_F(LoopStatus, AnotherSizeIsAResizeEvent) {
  loop_ = Loop(0);
  loop_info64 info{};
  info.lo_sizelimit = 8192;
  TakeUevents();
  ASSERT_EQ(SetStatus(*loop_, info), 0);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"change loop0 RESIZE=1"});
  ASSERT_EQ(SetStatus(*loop_, info), 0);
  EXPECT_TRUE(TakeUevents().empty());
}

TEST_F(LoopStatus, SettingReplacesTheFileName) {
  loop_ = Loop(0);
  loop_info64 info{};
  std::memset(info.lo_file_name, 'n', LO_NAME_SIZE);
  ASSERT_EQ(SetStatus(*loop_, info), 0);
  ASSERT_EQ(GetStatus(*loop_, &info), 0);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(info.lo_file_name)),
            std::string(LO_NAME_SIZE - 1, 'n'));
  ASSERT_EQ(SetStatus(*loop_, {}), 0);
  ASSERT_EQ(GetStatus(*loop_, &info), 0);
  EXPECT_EQ(info.lo_file_name[0], 0);
}

TEST_F(LoopStatus, DirectIoStaysWhatItWas) {
  loop_ = Loop(0);
  ASSERT_EQ(Value(*loop_, LOOP_SET_DIRECT_IO, 1), 0);
  ASSERT_EQ(SetFlags(0), 0);
  EXPECT_EQ(FlagsOf(*loop_), uint32_t{LO_FLAGS_DIRECT_IO});
}

TEST_F(LoopStatus, TheOldFormSetsOffsetFlagsAndName) {
  loop_ = Loop(0);
  loop_info old{};
  old.lo_offset = 4096;
  old.lo_flags = LO_FLAGS_PARTSCAN;
  old.lo_name[0] = 'n';
  std::string bytes(reinterpret_cast<const char*>(&old), sizeof(old));
  ASSERT_EQ(GuardedIoctl(*loop_, LOOP_SET_STATUS, bytes), 0);
  loop_info64 info{};
  ASSERT_EQ(GetStatus(*loop_, &info), 0);
  EXPECT_EQ(info.lo_offset, 4096u);
  EXPECT_EQ(info.lo_flags, uint32_t{LO_FLAGS_PARTSCAN});
  EXPECT_EQ(info.lo_file_name[0], 'n');
}

TEST_F(LoopStatus, AHolderDoesNotKeepItFromBeingSet) {
  const FilePtr holder = HeldLoop(0);
  loop_info64 info{};
  info.lo_sizelimit = 8192;
  loop_ = Loop(0);
  EXPECT_EQ(SetStatus(*loop_, info), 0);
  EXPECT_EQ(SizeOf(*loop_), 8192u);
}

TEST_F(LoopStatus, ALoopOnADeviceTellsItsNumber) {
  const FilePtr loop = Loop(1);
  ASSERT_EQ(SetFd(*loop, *Loop(0)), 0);
  loop_info64 info{};
  ASSERT_EQ(GetStatus(*loop, &info), 0);
  EXPECT_EQ(info.lo_rdevice, 7u << 8);
  EXPECT_EQ(info.lo_number, 1u);
  // The upper one goes first.
  EXPECT_EQ(Detach(*loop), 0);
}

}  // namespace
}  // namespace dmkit::conformance
