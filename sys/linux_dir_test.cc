// SPDX-License-Identifier: Apache-2.0
// Tests of directory handles on this machine. None needs privileges.

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A name with a NUL inside.
const absl::string_view kWithNul("a\0b", 3);

class LinuxDirTest : public ::testing::Test {
 protected:
  LinuxDirTest() : root_(*linux_.host().root), dir_(*root_.OpenDir(temp_.path())) {}

  absl::Status MakeFile(absl::string_view name, absl::string_view contents = "x") {
    return ReplaceFile(*dir_, name, contents);
  }
  std::vector<std::string> Names(Dir& dir) {
    std::vector<std::string> names;
    const auto entries = dir.List(".");
    EXPECT_THAT(entries, IsOk());
    for (const DirEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }

  TempDir temp_;
  LinuxHost linux_;
  Dir& root_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(LinuxDirTest, OpensWhatIsThere) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  ASSERT_THAT(dir_->MakeDir("sub", 0700), IsOk());
  EXPECT_THAT(dir_->OpenFile("file", OpenOptions()), IsOk());
  EXPECT_THAT(dir_->OpenFile(temp_.path() + "/file", OpenOptions()), IsOk());
  EXPECT_THAT(dir_->OpenDir("sub"), IsOk());
  EXPECT_THAT(dir_->OpenDir("."), IsOk());
}

TEST_F(LinuxDirTest, RootTakesPathsWithAndWithoutASlash) {
  const std::string path = temp_.path() + "/file";
  ASSERT_THAT(MakeFile("file"), IsOk());
  EXPECT_THAT(root_.Stat(path), IsOk());
  EXPECT_THAT(root_.Stat(path.substr(1)), IsOk());
}

TEST_F(LinuxDirTest, OpenRefusesWhatDoesNotFit) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("file", "link"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("loop", "loop"), IsOk());
  OpenOptions exclusive;
  exclusive.create = true;
  exclusive.exclusive = true;
  OpenOptions no_follow;
  no_follow.no_follow = true;
  OpenOptions write;
  write.access = Access::kReadWrite;
  EXPECT_THAT(dir_->OpenFile("missing", OpenOptions()), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->OpenFile("", OpenOptions()), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->OpenFile("file/x", OpenOptions()), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->OpenFile("file", exclusive), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->OpenFile("link", no_follow), FailsWithErrno(ELOOP));
  EXPECT_THAT(dir_->OpenFile("loop", OpenOptions()), FailsWithErrno(ELOOP));
  EXPECT_THAT(dir_->OpenFile(".", write), FailsWithErrno(EISDIR));
  EXPECT_THAT(dir_->OpenFile(std::string(256, 'x'), OpenOptions()), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(dir_->OpenFile(kWithNul, OpenOptions()), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->OpenDir("file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->OpenDir("missing"), FailsWithErrno(ENOENT));
}

TEST_F(LinuxDirTest, ErrorsNameOperationAndWholePath) {
  EXPECT_EQ(dir_->OpenFile("missing", OpenOptions()).status().message(),
            "open " + temp_.path() + "/missing: No such file or directory (ENOENT)");
  EXPECT_EQ(root_.Unlink("nonexistent/x").message(),
            "unlink /nonexistent/x: No such file or directory (ENOENT)");
}

TEST_F(LinuxDirTest, OpeningAFifoWithoutAWriterDoesNotWaitWhenToldSo) {
  ASSERT_THAT(dir_->MakeNode("fifo", FileType::kFifo, {}, 0600), IsOk());
  OpenOptions options;
  options.nonblock = true;
  EXPECT_THAT(dir_->OpenFile("fifo", options), IsOk());
}

TEST_F(LinuxDirTest, CreateObeysTheMode) {
  OpenOptions options;
  options.create = true;
  options.mode = 0640;
  ASSERT_THAT(dir_->OpenFile("file", options), IsOk());
  const auto stat = dir_->Stat("file");
  ASSERT_THAT(stat, IsOk());
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(stat->mode, 0640u & ~mask);
}

TEST_F(LinuxDirTest, ListSortsByBytesAndTellsTypes) {
  ASSERT_THAT(MakeFile("b"), IsOk());
  ASSERT_THAT(dir_->MakeDir("\xff", 0700), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("x", "B"), IsOk());
  ASSERT_THAT(dir_->MakeNode("a-fifo", FileType::kFifo, {}, 0600), IsOk());
  ASSERT_THAT(MakeFile(".hidden"), IsOk());
  const auto entries = dir_->List(".");
  ASSERT_THAT(entries, IsOk());
  std::vector<FileType> types;
  for (const DirEntry& entry : *entries) types.push_back(entry.type);
  EXPECT_THAT(Names(*dir_), ElementsAre(".hidden", "B", "a-fifo", "b", "\xff"));
  EXPECT_THAT(types, ElementsAre(FileType::kRegular, FileType::kSymlink, FileType::kFifo,
                                 FileType::kRegular, FileType::kDirectory));
}

TEST_F(LinuxDirTest, ListOfAnEmptyDirectoryIsEmpty) { EXPECT_THAT(Names(*dir_), IsEmpty()); }

TEST_F(LinuxDirTest, ListSeesManyEntriesAndCanBeRepeated) {
  for (int i = 0; i < 2000; ++i) ASSERT_THAT(MakeFile(std::to_string(i)), IsOk());
  EXPECT_EQ(Names(*dir_).size(), 2000u);
  EXPECT_EQ(Names(*dir_).size(), 2000u);
}

TEST_F(LinuxDirTest, ListRefusesWhatIsNoDirectory) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  EXPECT_THAT(dir_->List("file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->List("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->List(""), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->List(kWithNul), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, StatFollowsLinksAndStatLinkDoesNot) {
  ASSERT_THAT(MakeFile("file", "hello"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("file", "link"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("missing", "dangling"), IsOk());
  EXPECT_EQ(dir_->Stat("link")->type, FileType::kRegular);
  EXPECT_EQ(dir_->Stat("link")->size_bytes, 5u);
  EXPECT_EQ(dir_->StatLink("link")->type, FileType::kSymlink);
  EXPECT_EQ(dir_->StatLink("dangling")->type, FileType::kSymlink);
  EXPECT_THAT(dir_->Stat("dangling"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->Stat(""), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->Stat("file/"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->Stat(kWithNul), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->StatLink("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->StatLink(kWithNul), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, StatOfADeviceNodeTellsItsNumber) {
  const auto stat = root_.Stat("/dev/null");
  ASSERT_THAT(stat, IsOk());
  EXPECT_EQ(stat->type, FileType::kCharDevice);
  EXPECT_EQ(stat->rdevice, (DeviceNumber{1, 3}));
}

TEST_F(LinuxDirTest, LinksReadBackWhole) {
  // Filesystems differ in the length that they take, but not below this one.
  for (const std::string& target :
       {std::string("file"), std::string("/a/b c"), std::string(1000, 'x')}) {
    ASSERT_THAT(dir_->MakeSymlink(target, "link"), IsOk());
    EXPECT_THAT(dir_->ReadLink("link"), IsOkAndHolds(target));
    ASSERT_THAT(dir_->Unlink("link"), IsOk());
  }
}

TEST_F(LinuxDirTest, LinksAreRefusedWhereTheyCannotBe) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  EXPECT_THAT(dir_->ReadLink("file"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->ReadLink("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeSymlink("x", "file"), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->MakeSymlink("x", "missing/link"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeSymlink("", "link"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeSymlink(std::string(5000, 'x'), "link"), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(dir_->MakeSymlink(kWithNul, "link"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->MakeSymlink("x", kWithNul), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, RenameReplaces) {
  ASSERT_THAT(MakeFile("a", "new"), IsOk());
  ASSERT_THAT(MakeFile("b", "old"), IsOk());
  EXPECT_THAT(dir_->Rename("a", "b"), IsOk());
  EXPECT_THAT(Names(*dir_), ElementsAre("b"));
  EXPECT_THAT(ReadFile(*dir_, "b", 10), IsOkAndHolds("new"));
}

TEST_F(LinuxDirTest, RenameRefuses) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  ASSERT_THAT(MakeDirs(*dir_, "full/sub", 0700), IsOk());
  ASSERT_THAT(dir_->MakeDir("dir", 0700), IsOk());
  EXPECT_THAT(dir_->Rename("missing", "x"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->Rename("file", "dir"), FailsWithErrno(EISDIR));
  EXPECT_THAT(dir_->Rename("dir", "file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->Rename("dir", "full"), FailsWithErrno(ENOTEMPTY));
  EXPECT_THAT(dir_->Rename("full", "full/sub/x"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->Rename("file", kWithNul), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->Rename(kWithNul, "x"), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, RemovesFilesAndDirectoriesApart) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  ASSERT_THAT(MakeDirs(*dir_, "dir/sub", 0700), IsOk());
  EXPECT_THAT(dir_->Unlink("dir"), FailsWithErrno(EISDIR));
  EXPECT_THAT(dir_->RemoveDir("file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->RemoveDir("dir"), FailsWithErrno(ENOTEMPTY));
  EXPECT_THAT(dir_->RemoveDir("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->Unlink("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->Unlink(kWithNul), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->Unlink("file"), IsOk());
  EXPECT_THAT(dir_->RemoveDir("dir/sub"), IsOk());
  EXPECT_THAT(dir_->RemoveDir("dir"), IsOk());
  EXPECT_THAT(Names(*dir_), IsEmpty());
}

TEST_F(LinuxDirTest, MakeDirRefuses) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  EXPECT_THAT(dir_->MakeDir("file", 0700), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->MakeDir(".", 0700), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->MakeDir("missing/sub", 0700), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeDir("", 0700), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeDir(kWithNul, 0700), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, NodesGetTheirModeWhateverTheUmask) {
  const mode_t before = umask(0777);
  const absl::Status fifo = dir_->MakeNode("fifo", FileType::kFifo, {}, 0666);
  const absl::Status file = dir_->MakeNode("file", FileType::kRegular, {}, 0604);
  const absl::Status socket = dir_->MakeNode("socket", FileType::kSocket, {}, 0600);
  umask(before);
  ASSERT_THAT(fifo, IsOk());
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(socket, IsOk());
  EXPECT_EQ(dir_->Stat("fifo")->mode, 0666u);
  EXPECT_EQ(dir_->Stat("fifo")->type, FileType::kFifo);
  EXPECT_EQ(dir_->Stat("file")->mode, 0604u);
  EXPECT_EQ(dir_->Stat("file")->type, FileType::kRegular);
  EXPECT_EQ(dir_->Stat("socket")->type, FileType::kSocket);
}

TEST_F(LinuxDirTest, DeviceNodesCarryTheirNumber) {
  // What mknod of a device asks for is not only the user id, so it is tried.
  const absl::Status made = dir_->MakeNode("null", FileType::kCharDevice, DeviceNumber{1, 3}, 0666);
  if (GetErrno(made) == EPERM) GTEST_SKIP() << "needs CAP_MKNOD";
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(dir_->Stat("null")->rdevice, (DeviceNumber{1, 3}));
  EXPECT_EQ(dir_->Stat("null")->mode, 0666u);
  ASSERT_THAT(dir_->MakeNode("disk", FileType::kBlockDevice, DeviceNumber{4095, 1048575}, 0600),
              IsOk());
  EXPECT_EQ(dir_->Stat("disk")->rdevice, (DeviceNumber{4095, 1048575}));
  EXPECT_THAT(dir_->MakeNode("x", FileType::kBlockDevice, DeviceNumber{4096, 0}, 0600),
              FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->MakeNode("x", FileType::kBlockDevice, DeviceNumber{1, 1048576}, 0600),
              FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, MakeNodeRefuses) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  EXPECT_THAT(dir_->MakeNode("x", FileType::kDirectory, {}, 0600), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->MakeNode("x", FileType::kSymlink, {}, 0600), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->MakeNode("file", FileType::kFifo, {}, 0666), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->MakeNode("missing/x", FileType::kFifo, {}, 0600), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeNode(kWithNul, FileType::kFifo, {}, 0600), FailsWithErrno(EINVAL));
  EXPECT_EQ(dir_->Stat("file")->mode, 0600u) << "EEXIST changed somebody's file";
}

TEST_F(LinuxDirTest, SetModeFollowsLinks) {
  ASSERT_THAT(MakeFile("file"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("file", "link"), IsOk());
  EXPECT_THAT(dir_->SetMode("link", 04751), IsOk());
  EXPECT_EQ(dir_->Stat("file")->mode, 04751u);
  EXPECT_THAT(dir_->SetMode("missing", 0600), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->SetMode(kWithNul, 0600), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, SetOwnerTakesTheLinkItself) {
  ASSERT_THAT(dir_->MakeSymlink("missing", "dangling"), IsOk());
  EXPECT_THAT(dir_->SetOwner("dangling", geteuid(), getegid()), IsOk());
  EXPECT_THAT(dir_->SetOwner("missing", geteuid(), getegid()), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->SetOwner(kWithNul, geteuid(), getegid()), FailsWithErrno(EINVAL));
}

TEST_F(LinuxDirTest, SpaceAndSyncWork) {
  const auto space = dir_->Space();
  ASSERT_THAT(space, IsOk());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  EXPECT_THAT(dir_->Sync(), IsOk());
  EXPECT_THAT(dir_->SyncFilesystem(), IsOk());
}

TEST_F(LinuxDirTest, AHandleOutlivesItsName) {
  ASSERT_THAT(dir_->MakeDir("a", 0700), IsOk());
  const auto inner = dir_->OpenDir("a");
  ASSERT_THAT(inner, IsOk());
  ASSERT_THAT(dir_->Rename("a", "b"), IsOk());
  EXPECT_THAT(ReplaceFile(**inner, "file", "x"), IsOk());
  EXPECT_THAT(dir_->Stat("b/file"), IsOk());
  ASSERT_THAT(dir_->Unlink("b/file"), IsOk());
  ASSERT_THAT(dir_->RemoveDir("b"), IsOk());
  EXPECT_THAT(ReplaceFile(**inner, "file", "x"), FailsWithErrno(ENOENT));
}

}  // namespace
}  // namespace dmkit::sys
