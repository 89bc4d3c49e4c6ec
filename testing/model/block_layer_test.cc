// SPDX-License-Identifier: Apache-2.0

#include "testing/model/block_layer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "testing/model/dm_testing.h"

namespace dmkit::model {
namespace {

class BlockLayerTest : public ::testing::Test {
 protected:
  BlockHandle Open(const void* claim = nullptr) {
    Opener opener;
    opener.who = "a test";
    opener.claim = claim;
    BlockHandle handle;
    EXPECT_EQ(disk().Open(opener, &handle), 0);
    return handle;
  }
  std::string Direct(uint64_t offset) {
    std::string bytes(512, '?');
    EXPECT_EQ(disk().Read(offset, absl::MakeSpan(&bytes[0], bytes.size())), 0);
    return bytes.substr(0, 4);
  }
  std::string Buffered(uint64_t offset) {
    std::string bytes(4, '?');
    EXPECT_EQ(disk().BufferedRead(offset, absl::MakeSpan(&bytes[0], bytes.size())), 0);
    return bytes;
  }
  static std::string Sector(absl::string_view start) {
    std::string bytes(start);
    bytes.resize(512);
    return bytes;
  }
  Disk& disk() { return *machine_.disk; }

  DmMachine machine_{Linux612()};
  const Scheduler::Call call_{machine_.core.scheduler, 1};
};

TEST_F(BlockLayerTest, WhoOpensItWhileTheLastCloseWritesBackLosesNothing) {
  BlockHandle first = Open();
  BlockHandle second;
  ASSERT_EQ(disk().BufferedWrite(2 * kPageBytes, "old"), 0);
  bool is_first = true;
  disk().SetFault([&](const Io&) {
    if (!std::exchange(is_first, false)) return 0;
    second = Open();
    return disk().BufferedWrite(0, std::string(kPageBytes, 'n'));
  });
  first.Reset();
  EXPECT_EQ(Buffered(0), "nnnn");
  EXPECT_EQ(Direct(0), std::string(4, '\0'));
  disk().SetFault(nullptr);
}

TEST_F(BlockLayerTest, ClaimsExcludeOtherClaimsOnly) {
  const int a = 0, b = 0;
  BlockHandle first = Open(&a);
  BlockHandle again = Open(&a);
  BlockHandle plain = Open();
  EXPECT_EQ(disk().CheckClaim(&a), 0);
  EXPECT_EQ(disk().CheckClaim(&b), -EBUSY);
  BlockHandle refused;
  Opener other;
  other.claim = &b;
  EXPECT_EQ(disk().Open(other, &refused), -EBUSY);
  first.Reset();
  EXPECT_EQ(disk().CheckClaim(&b), -EBUSY);
  again.Reset();
  EXPECT_EQ(disk().Open(other, &refused), 0);
  EXPECT_EQ(disk().open_count(), 2u);
}

TEST_F(BlockLayerTest, MovedFromHandleReleasesNothing) {
  BlockHandle first = Open();
  BlockHandle second = std::move(first);
  EXPECT_EQ(disk().open_count(), 1u);
  BlockHandle& itself = second;
  second = std::move(itself);
  EXPECT_EQ(disk().open_count(), 1u);
  second = Open();
  EXPECT_EQ(disk().open_count(), 1u);
}

TEST_F(BlockLayerTest, IoIsAlignedAndInside) {
  std::string bytes(512, 'x');
  const uint64_t size = disk().sectors() * kSectorBytes;
  EXPECT_EQ(disk().Write(size - 512, bytes), 0);
  EXPECT_EQ(disk().Write(size, bytes), -EIO);
  EXPECT_EQ(disk().Write(~uint64_t{511}, bytes), -EIO);
  EXPECT_EQ(disk().Write(1, bytes), -EINVAL);
  EXPECT_EQ(disk().Write(0, bytes.substr(1)), -EINVAL);
  EXPECT_EQ(disk().BufferedWrite(size - 1, "xy"), -EIO);
  EXPECT_EQ(disk().BufferedWrite(size - 1, "x"), 0);
}

TEST_F(BlockLayerTest, BufferedWritesReachTheDeviceWhenSynced) {
  BlockHandle handle = Open();
  ASSERT_EQ(disk().BufferedWrite(100, "abcd"), 0);
  EXPECT_EQ(Buffered(100), "abcd");
  EXPECT_EQ(Direct(0), std::string(4, '\0'));
  ASSERT_EQ(disk().SyncBuffered(), 0);
  EXPECT_EQ(Direct(0), std::string(4, '\0'));
  std::string bytes(512, '?');
  ASSERT_EQ(disk().Read(0, absl::MakeSpan(&bytes[0], 512)), 0);
  EXPECT_EQ(bytes.substr(100, 4), "abcd");
}

TEST_F(BlockLayerTest, PageThatWasReadStaysUntilTheLastClose) {
  BlockHandle first = Open();
  BlockHandle second = Open();
  EXPECT_EQ(Buffered(0), std::string(4, '\0'));
  ASSERT_EQ(disk().Write(0, Sector("new!")), 0);
  EXPECT_EQ(Buffered(0), std::string(4, '\0'));
  first.Reset();
  EXPECT_EQ(Buffered(0), std::string(4, '\0'));
  second.Reset();
  EXPECT_EQ(Buffered(0), "new!");
}

TEST_F(BlockLayerTest, LastCloseWritesDirtyPages) {
  BlockHandle handle = Open();
  ASSERT_EQ(disk().BufferedWrite(0, "abcd"), 0);
  handle.Reset();
  EXPECT_EQ(Direct(0), "abcd");
}

TEST_F(BlockLayerTest, WriteBackAndForgetTakeARange) {
  BlockHandle handle = Open();
  ASSERT_EQ(disk().BufferedWrite(0, "abcd"), 0);
  ASSERT_EQ(disk().BufferedWrite(8192, "efgh"), 0);
  ASSERT_EQ(disk().WriteBack(0, 4096), 0);
  EXPECT_EQ(Direct(0), "abcd");
  EXPECT_EQ(Direct(8192), std::string(4, '\0'));
  disk().Forget(8192, 1);
  EXPECT_EQ(Buffered(8192), std::string(4, '\0'));
}

TEST_F(BlockLayerTest, PowerLossKeepsWhatWasFlushed) {
  BlockHandle handle = Open();
  ASSERT_EQ(disk().Write(0, Sector("old!")), 0);
  ASSERT_EQ(disk().Flush(), 0);
  ASSERT_EQ(disk().Write(0, Sector("new!")), 0);
  ASSERT_EQ(disk().Write(8192, Sector("fua!"), /*fua=*/true), 0);
  ASSERT_EQ(disk().BufferedWrite(12288, "page"), 0);
  disk().LosePower(Unsynced::kLost);
  EXPECT_EQ(Direct(0), "old!");
  EXPECT_EQ(Direct(8192), "fua!");
  EXPECT_EQ(Buffered(12288), std::string(4, '\0'));
}

TEST_F(BlockLayerTest, FaultsFailChosenIo) {
  disk().SetFault([](const Io& io) { return io.kind == IoKind::kWrite ? -ENOSPC : 0; });
  EXPECT_EQ(disk().Write(0, Sector("x")), -ENOSPC);
  EXPECT_EQ(Direct(0), std::string(4, '\0'));
  ASSERT_EQ(disk().BufferedWrite(0, "abcd"), 0);
  EXPECT_EQ(disk().SyncBuffered(), -ENOSPC);
}

TEST_F(BlockLayerTest, DeletedDiskCannotBeOpened) {
  BlockHandle handle;
  Opener opener;
  EXPECT_EQ(OpenBlockDevice(machine_.core, {8, 16}, opener, &handle), 0);
  handle.Reset();
  machine_.small_disk.reset();
  EXPECT_EQ(OpenBlockDevice(machine_.core, {8, 16}, opener, &handle), -ENXIO);
  EXPECT_EQ(machine_.TakeUevents(), std::vector<std::string>{"remove sdb"});
}

TEST_F(BlockLayerTest, SuppressedUeventsAreNotSent) {
  disk().SuppressUevents(true);
  EXPECT_FALSE(disk().SendUevent("change", {}));
  disk().SuppressUevents(false);
  EXPECT_TRUE(disk().SendUevent("change", {}));
  EXPECT_EQ(machine_.TakeUevents(), std::vector<std::string>{"change sda"});
}

TEST_F(BlockLayerTest, FreezesNest) {
  class Filesystem : public MountedFilesystem {
   public:
    int Freeze() override {
      ++frozen;
      return 0;
    }
    void Thaw() override { --frozen; }
    int frozen = 0;
  };
  Filesystem filesystem;
  EXPECT_EQ(disk().Freeze(), 0);
  disk().Thaw();
  disk().SetFilesystem(&filesystem);
  EXPECT_EQ(disk().Freeze(), 0);
  EXPECT_EQ(disk().Freeze(), 0);
  disk().Thaw();
  EXPECT_EQ(filesystem.frozen, 1);
  disk().Thaw();
  EXPECT_EQ(filesystem.frozen, 0);
}

}  // namespace
}  // namespace dmkit::model
