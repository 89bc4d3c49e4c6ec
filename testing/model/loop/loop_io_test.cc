// SPDX-License-Identifier: Apache-2.0
// What io on a loop device does to its file.

#include "testing/model/loop/loop_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::Values;

class LoopIoTest : public BothLoopTest {};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopIoTest, Values(&Linux61(), &Linux612()), ProfileName);

std::string Content(const FakeInode& inode, uint64_t offset, size_t length) {
  std::string content(length, '\1');
  inode.bytes.Read(offset, absl::MakeSpan(&content[0], length));
  return content;
}

TEST_P(LoopIoTest, BytesLieBehindTheOffset) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Offset(100)), 0);
  const std::string data(512, 'x');
  EXPECT_EQ(device().Write(512, data), 0);
  EXPECT_EQ(Content(*file, 612, 512), data);
  std::string back(512, '\0');
  EXPECT_EQ(device().Read(512, absl::MakeSpan(&back[0], back.size())), 0);
  EXPECT_EQ(back, data);
}

TEST_P(LoopIoTest, FlushAndForcedWriteSyncTheFile) {
  Bind();
  ASSERT_EQ(device().Write(0, std::string(512, 'a')), 0);
  EXPECT_FALSE(file->bytes.is_synced());
  EXPECT_EQ(device().Flush(), 0);
  EXPECT_TRUE(file->bytes.is_synced());
  ASSERT_EQ(device().Write(0, std::string(512, 'b'), /*fua=*/true), 0);
  EXPECT_TRUE(file->bytes.is_synced());
}

TEST_P(LoopIoTest, ReadOnlyDeviceFailsWritesAndTakesFlushesWithoutASync) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(1)), 0);
  EXPECT_EQ(device().Write(0, std::string(512, 'a')), -EIO);
  EXPECT_EQ(device().Discard(0, 4096), -EIO);
  const int syncs = file->syncs;
  EXPECT_EQ(device().Flush(), 0);
  EXPECT_EQ(file->syncs, syncs);
}

TEST_P(LoopIoTest, DiscardPunchesAHole) {
  Bind();
  ASSERT_EQ(device().Write(0, std::string(8192, 'a')), 0);
  EXPECT_EQ(device().Discard(0, 4096), 0);
  EXPECT_EQ(file->bytes.allocated(), 4096u);
}

TEST_P(LoopIoTest, DiscardThatTheFileCannotDoIsTriedAgainOnTheOldKernelOnly) {
  Bind();
  file->punch_error = -EOPNOTSUPP;
  EXPECT_EQ(device().Discard(0, 4096), -EOPNOTSUPP);
  EXPECT_EQ(device().limits().max_discard_sectors == 0, is_new());
  file->punch_error = -ENOSPC;
  EXPECT_EQ(device().Discard(0, 4096), is_new() ? -EOPNOTSUPP : -EIO);
}

TEST_P(LoopIoTest, ZeroesAreWrittenWhereNoHoleCanBePunched) {
  Bind();
  file->punch_error = -EOPNOTSUPP;
  ASSERT_EQ(device().Write(0, std::string(4096, 'a')), 0);
  Io io;
  io.kind = IoKind::kWriteZeroes;
  io.length = 1024;
  EXPECT_EQ(device().Submit(io), 0);
  EXPECT_EQ(Content(*file, 0, 1025), std::string(1024, '\0') + "a");
}

TEST_P(LoopIoTest, FileWithoutSpaceIsEnospcOnTheNewKernel) {
  Bind();
  file->write_error = -ENOSPC;
  EXPECT_EQ(device().Write(0, std::string(512, 'a')), is_new() ? -ENOSPC : -EIO);
  file->write_error = -EROFS;
  EXPECT_EQ(device().Write(0, std::string(512, 'a')), -EIO);
}

TEST_P(LoopIoTest, FileThatBecameShorterReadsAsZerosOrFails) {
  Bind();
  file->bytes.Write(0, std::string(1000, 'a'));
  file->bytes.Resize(1000);
  std::string seen(4096, 'x');
  EXPECT_EQ(device().Read(0, absl::MakeSpan(&seen[0], seen.size())), is_new() ? -EIO : 0);
  const std::string start(1000, is_new() ? 'a' : '\0');
  EXPECT_EQ(seen, start + std::string(3096, '\0'));
}

TEST_P(LoopIoTest, WriteOnlyFileCanBeReadOnTheNewKernelOnly) {
  AddFile(20, 4096, {false, true, false, false});
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Call(0x4C00, 20), 0);
  EXPECT_EQ(FlagsOf(), 0u);
  std::string seen(512, 'x');
  EXPECT_EQ(device().Read(0, absl::MakeSpan(&seen[0], seen.size())), is_new() ? 0 : -EIO);
}

TEST_P(LoopIoTest, UnboundDeviceHasNoBytes) {
  ASSERT_EQ(Open(0), 0);
  std::string seen(512, 'x');
  EXPECT_EQ(device().Read(0, absl::MakeSpan(&seen[0], seen.size())), -EIO);
  EXPECT_EQ(device().Flush(), 0);
}

TEST_P(LoopIoTest, DiscardsOfALoopOnADiskAreTheDisks) {
  Disk disk(*core, {8, 0}, "sda", 1 << 20);
  disk.mutable_limits().max_discard_sectors = 0;
  Opener opener;
  BlockHandle handle;
  ASSERT_EQ(OpenBlockDevice(*core, {8, 0}, opener, &handle), 0);
  process.files[11] =
      std::make_shared<FakeNode>(OpenMode{true, true, false, false}, std::move(handle));
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Call(0x4C00, 11), 0);
  process.files.erase(11);
  EXPECT_EQ(device().sectors(), 2048u);
  EXPECT_EQ(device().Discard(0, 4096), -EOPNOTSUPP);
  SetStatus(InfoBytes().Flags(4));
  nodes.clear();
}

}  // namespace
}  // namespace dmkit::model
