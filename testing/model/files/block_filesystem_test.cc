// SPDX-License-Identifier: Apache-2.0
// What a filesystem on a disk keeps, and what it writes.

#include "absl/strings/str_cat.h"
#include "testing/model/files/block_filesystem_fixture.h"

namespace dmkit::model {
namespace {

uint64_t Written(Disk& disk, const std::function<void()>& what) {
  uint64_t bytes = 0;
  disk.SetFault([&bytes](const Io& io) {
    if (io.kind == IoKind::kWrite) bytes += io.length;
    return 0;
  });
  what();
  disk.SetFault(nullptr);
  return bytes;
}

TEST_F(BlockFilesystemTest, FilesComeBackAfterAnUnmount) {
  Start();
  const std::string large(300000, 'x');
  ASSERT_EQ(WriteFile("a", 0, "hello"), 0);
  ASSERT_EQ(WriteFile("large", 0, large), 0);
  ASSERT_EQ(WriteFile("sparse", uint64_t{1} << 33, "end"), 0);
  Unmount();
  EXPECT_EQ(disk.open_count(), 0u);
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("a"), "hello");
  EXPECT_EQ(Content("large"), large);
  EXPECT_EQ(Find("sparse")->bytes.size(), (uint64_t{1} << 33) + 3);
  EXPECT_EQ(Find("sparse")->bytes.allocated(), 4096u);
  EXPECT_EQ(Find("a")->attributes.mode, 0640u);
}

TEST_F(BlockFilesystemTest, DirectoriesLinksAndHardLinksComeBack) {
  Start();
  ASSERT_EQ(mounted->BeginChange(0, true), 0);
  InodeAttributes attributes;
  attributes.type = sys::FileType::kDirectory;
  InodePtr directory = tree().Make(attributes);
  ASSERT_EQ(tree().Link(tree().root(), "d", directory), 0);
  ASSERT_EQ(WriteFile("f", 0, "x"), 0);
  ASSERT_EQ(tree().Link(directory, "g", Find("f")), 0);
  attributes.type = sys::FileType::kSymlink;
  attributes.symlink_target = "d/g";
  ASSERT_EQ(tree().Link(directory, "s", tree().Make(attributes)), 0);
  directory = nullptr;
  Unmount();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(tree().Lookup(*Find("d"), "g"), Find("f"));
  EXPECT_EQ(Find("f")->links(), 2u);
  EXPECT_EQ(tree().Lookup(*Find("d"), "s")->attributes.symlink_target, "d/g");
}

TEST_F(BlockFilesystemTest, EverythingThatStatAndXattrsShowComesBack) {
  Start();
  std::vector<InodeAttributes> kinds;
  for (const sys::FileType type : {sys::FileType::kRegular, sys::FileType::kFifo,
                                   sys::FileType::kSocket, sys::FileType::kCharDevice}) {
    InodeAttributes attributes;
    attributes.type = type;
    attributes.mode = 06751;
    attributes.uid = 3000000000;
    attributes.gid = 7;
    if (type == sys::FileType::kCharDevice) attributes.rdevice = {10, 200};
    attributes.modified = absl::FromUnixNanos(-5);
    attributes.changed = core.Stamp();
    attributes.xattrs = {{"user.empty", ""}, {"security.capability", std::string("\0\xff", 2)}};
    ASSERT_EQ(mounted->BeginChange(0, true), 0);
    ASSERT_EQ(tree().Link(tree().root(), absl::StrCat("f", kinds.size()), tree().Make(attributes)),
              0);
    kinds.push_back(attributes);
  }
  for (const bool has_power : {true, false}) {
    if (has_power) {
      Unmount();
    } else {
      ASSERT_EQ(Sync(), 0);
      LosePower();
    }
    ASSERT_EQ(Mount(), 0);
    for (size_t i = 0; i < kinds.size(); ++i) {
      const InodeAttributes& seen = Find(absl::StrCat("f", i))->attributes;
      EXPECT_EQ(seen.type, kinds[i].type);
      EXPECT_EQ(seen.mode, kinds[i].mode);
      EXPECT_EQ(seen.uid, kinds[i].uid);
      EXPECT_EQ(seen.gid, kinds[i].gid);
      EXPECT_EQ(seen.rdevice, kinds[i].rdevice);
      EXPECT_EQ(seen.modified, kinds[i].modified);
      EXPECT_EQ(seen.changed, kinds[i].changed);
      EXPECT_EQ(seen.xattrs, kinds[i].xattrs);
    }
  }
}

TEST_F(BlockFilesystemTest, APowerLossTakesXattrsAndNamesThatWereNotSynced) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "x"), 0);
  Find("a")->attributes.xattrs["user.kept"] = "v";
  ASSERT_EQ(Sync(), 0);
  ASSERT_EQ(mounted->BeginChange(100, true), 0);
  Find("a")->attributes.xattrs["user.lost"] = "v";
  ASSERT_EQ(tree().Link(tree().root(), "second", Find("a")), 0);
  LosePower();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Find("a")->attributes.xattrs.count("user.kept"), 1u);
  EXPECT_EQ(Find("a")->attributes.xattrs.count("user.lost"), 0u);
  EXPECT_EQ(Find("a")->links(), 1u);
  EXPECT_EQ(Find("second"), nullptr);
}

TEST_F(BlockFilesystemTest, APowerLossKeepsTheLastSync) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "synced"), 0);
  ASSERT_EQ(Sync(), 0);
  ASSERT_EQ(WriteFile("a", 0, "changed after"), 0);
  ASSERT_EQ(WriteFile("b", 0, "new"), 0);
  LosePower();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("a"), "synced");
  EXPECT_EQ(Content("b"), "(none)");
}

TEST_F(BlockFilesystemTest, NothingReachesTheDeviceByItself) {
  Start();
  const uint64_t bytes = Written(disk, [this] {
    ASSERT_EQ(WriteFile("a", 0, std::string(100000, 'a')), 0);
    core.scheduler.Advance(absl::Hours(1));
  });
  EXPECT_EQ(bytes, 0u);
}

TEST_F(BlockFilesystemTest, OnlyChangedPagesAreWritten) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, std::string(4 << 20, 'a')), 0);
  ASSERT_EQ(Sync(), 0);
  ASSERT_EQ(WriteFile("a", 1 << 20, "b"), 0);
  EXPECT_EQ(Written(disk, [this] { ASSERT_EQ(Sync(), 0); }), kBlockBytes) << "the page only";
  EXPECT_EQ(Written(disk, [this] { ASSERT_EQ(Sync(), 0); }), 0u);
  ASSERT_EQ(WriteFile("c", 0, "c"), 0);
  EXPECT_EQ(Written(disk, [this] { ASSERT_EQ(Sync(), 0); }), 5 * kBlockBytes)
      << "the page, two records, the index and the superblock";
}

TEST_F(BlockFilesystemTest, BlocksOfRemovedFilesAreUsedAgain) {
  Start();
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(WriteFile("a", 0, std::string(1 << 20, 'a')), 0) << i;
    ASSERT_EQ(Sync(), 0);
    ASSERT_EQ(Remove("a"), 0);
    ASSERT_EQ(Sync(), 0);
  }
  EXPECT_LT(disk.contents().allocated(), uint64_t{4} << 20);
}

TEST_F(BlockFilesystemTest, HolesGiveTheirBlocksBack) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, std::string(1 << 20, 'a')), 0);
  ASSERT_EQ(Sync(), 0);
  const uint64_t before = mounted->Space().available_bytes;
  ASSERT_EQ(mounted->BeginChange(0, false), 0);
  Find("a")->bytes.Zero(4096, 512 << 10);
  ASSERT_EQ(Sync(), 0);
  EXPECT_EQ(mounted->Space().available_bytes, before + (512 << 10));
  Unmount();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("a").substr(4096, 512 << 10), std::string(512 << 10, '\0'));
}

TEST_F(BlockFilesystemTest, AFullFilesystemIsEnospcUntilSomethingIsRemoved) {
  Start();
  const std::string part(256 << 10, 'p');
  int error = 0;
  int parts = 0;
  while (error == 0) error = WriteFile("f" + std::to_string(parts++), 0, part);
  EXPECT_EQ(error, -ENOSPC);
  EXPECT_GT(parts, 55);
  EXPECT_FALSE(mounted->is_read_only());
  EXPECT_EQ(Remove("f3"), 0);
  EXPECT_EQ(WriteFile("again", 0, part), 0);
  EXPECT_EQ(Sync(), 0);
  Unmount();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("again"), part);
  EXPECT_EQ(Content("f3"), "(none)");
}

TEST_F(BlockFilesystemTest, ManyFilesComeBack) {
  Start();
  for (int i = 0; i < 1500; ++i) {
    ASSERT_EQ(WriteFile("file with quite a long name " + std::to_string(i), 0, "x"), 0) << i;
  }
  for (int i = 0; i < 1500; i += 3) {
    ASSERT_EQ(Remove("file with quite a long name " + std::to_string(i)), 0);
  }
  Unmount();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(tree().root()->entries().size(), 1000u);
  EXPECT_EQ(Content("file with quite a long name 1499"), "x");
}

TEST_F(BlockFilesystemTest, WithDiscardFreedBlocksGoBackToTheDevice) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  ASSERT_EQ(Mount("discard"), 0);
  ASSERT_EQ(WriteFile("a", 0, std::string(1 << 20, 'a')), 0);
  ASSERT_EQ(Sync(), 0);
  ASSERT_GT(disk.contents().allocated(), uint64_t{1} << 20);
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Sync(), 0);
  EXPECT_LT(disk.contents().allocated(), uint64_t{64} << 10);
}

TEST_F(BlockFilesystemTest, AFilesystemGrowsWithItsDevice) {
  Start();
  const uint64_t before = mounted->Space().total_bytes;
  GrownBlocks blocks;
  EXPECT_EQ(GrowMounted(disk, "ext4", &blocks), 0);
  EXPECT_EQ(blocks.after, kDiskBytes / 4096);
  disk.Resize(2 * kDiskBytes);
  EXPECT_EQ(mounted->Space().total_bytes, before);
  EXPECT_EQ(GrowMounted(disk, "ext4", &blocks), 0);
  EXPECT_EQ(blocks.after, 2 * kDiskBytes / 4096);
  EXPECT_EQ(mounted->Space().total_bytes, before + kDiskBytes);
  ASSERT_EQ(WriteFile("a", 0, std::string(20 << 20, 'a')), 0);
  LosePower();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(mounted->Space().total_bytes, before + kDiskBytes);
  disk.Resize(kDiskBytes);
  EXPECT_EQ(GrowMounted(disk, "ext4", &blocks), -EINVAL);
  EXPECT_EQ(GrowMounted(disk, "xfs", &blocks), -EINVAL);
  LosePower();
  EXPECT_EQ(GrowMounted(disk, "ext4", &blocks), -EINVAL);
}

}  // namespace
}  // namespace dmkit::model
