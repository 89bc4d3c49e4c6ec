// SPDX-License-Identifier: Apache-2.0
// Tests of what counts as a change, on directories of this machine. None needs privileges.

#include "driver/archive/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/archive/test_tree.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::FileStat;
using ::dmkit::sys::FileType;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ChangesTest : public ::testing::Test {
 protected:
  ChangesTest()
      : counted_(linux_.host()), older_(Open(older_dir_.path())), newer_(Open(newer_dir_.path())) {}

  TestTree Open(const std::string& path) { return TestTree(*counted_.host().root->OpenDir(path)); }
  // The same in both trees.
  void BothFile(const std::string& path, const std::string& contents = "same") {
    older_.File(path, contents);
    newer_.File(path, contents);
  }
  void BothDirectory(const std::string& path) {
    older_.Directory(path);
    newer_.Directory(path);
  }
  std::vector<std::string> Changes() { return ListChanges(newer_.dir(), &older_.dir()); }

  sys::TempDir older_dir_;
  sys::TempDir newer_dir_;
  sys::LinuxHost linux_;
  sys::FaultyHost counted_;
  TestTree older_;
  TestTree newer_;
};

constexpr absl::Duration kNs = absl::Nanoseconds(1);

TEST_F(ChangesTest, LettersAreDockers) {
  EXPECT_EQ(ChangeLetter(ChangeKind::kModify), 'C');
  EXPECT_EQ(ChangeLetter(ChangeKind::kAdd), 'A');
  EXPECT_EQ(ChangeLetter(ChangeKind::kDelete), 'D');
}

TEST_F(ChangesTest, EqualTreesHaveNoChanges) {
  BothDirectory("etc");
  BothFile("etc/hosts");
  older_.Symlink("etc/link", "hosts");
  newer_.Symlink("etc/link", "hosts");
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ChangesTest, WithoutAParentEverythingIsAdded) {
  newer_.Directory("d");
  newer_.File("d/f", "x");
  newer_.File("a", "x");
  EXPECT_THAT(ListChanges(newer_.dir(), nullptr), ElementsAre("A /a", "A /d", "A /d/f"));
}

TEST_F(ChangesTest, SiblingsComeInTheOrderOfTheirBytesAndDirectoriesBeforeTheirContents) {
  for (const char* name : {"b", "a.txt", "\xc3\xa9", "\xe9", "Z"}) newer_.File(name, "x");
  newer_.Directory("a");
  newer_.File("a/z", "x");
  EXPECT_THAT(Changes(),
              ElementsAre("A /Z", "A /a", "A /a/z", "A /a.txt", "A /b", "A /\xc3\xa9", "A /\xe9"));
}

TEST_F(ChangesTest, OfARemovedDirectoryOnlyItsNameIsTold) {
  older_.Directory("gone");
  older_.Directory("gone/sub");
  older_.File("gone/sub/f", "x");
  EXPECT_THAT(Changes(), ElementsAre("D /gone"));
}

TEST_F(ChangesTest, EveryDirectoryAboveAChangeIsModifiedButNotTheRoot) {
  BothDirectory("a");
  BothDirectory("a/b");
  BothFile("a/b/f");
  BothDirectory("a/quiet");
  newer_.File("a/b/f", "other contents");
  newer_.File("a/b/g", "x");
  EXPECT_THAT(Changes(), ElementsAre("C /a", "C /a/b", "C /a/b/f", "A /a/b/g"));
}

TEST_F(ChangesTest, ADirectoryIsToldOnceBeforeItsFirstChange) {
  BothDirectory("a");
  older_.File("a/1", "x");
  newer_.File("a/2", "x");
  EXPECT_THAT(newer_.dir().SetMode("a", 0700), IsOk());
  EXPECT_THAT(Changes(), ElementsAre("C /a", "D /a/1", "A /a/2"));
}

TEST_F(ChangesTest, TheRootItselfIsNeverTold) {
  EXPECT_THAT(newer_.dir().SetMode(".", 0711), IsOk());
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ChangesTest, TouchingADirectoryIsNoChange) {
  BothDirectory("d");
  newer_.Touch("d", TestTree::Epoch() + absl::Hours(1));
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(ChangesTest, ModeCountsForFilesAndDirectories) {
  BothDirectory("d");
  BothFile("f");
  EXPECT_THAT(newer_.dir().SetMode("d", 01755), IsOk());
  EXPECT_THAT(newer_.dir().SetMode("f", 04644), IsOk());
  EXPECT_THAT(Changes(), ElementsAre("C /d", "C /f"));
}

TEST_F(ChangesTest, SizeAndTimeCountForFiles) {
  BothFile("size");
  BothFile("time");
  newer_.File("size", "longer contents");
  newer_.Touch("time", TestTree::Epoch() + kNs);
  EXPECT_THAT(Changes(), ElementsAre("C /size", "C /time"));
}

TEST_F(ChangesTest, WithoutNanosecondsOnOneSideTheSecondsDecide) {
  const absl::Time second = absl::FromUnixSeconds(1700000000);
  for (const char* name : {"equal", "later"}) BothFile(name);
  older_.Touch("equal", second);
  newer_.Touch("equal", second + 5 * kNs);
  older_.Touch("later", second);
  newer_.Touch("later", second + absl::Seconds(1));
  EXPECT_THAT(Changes(), ElementsAre("C /later"));
}

TEST_F(ChangesTest, AFileWrittenAgainWithinItsWholeSecondIsFoundByItsContents) {
  const absl::Time second = absl::FromUnixSeconds(1700000000);
  older_.File("f", "one");
  newer_.File("f", "two");
  older_.Touch("f", second);
  newer_.Touch("f", second + kNs);
  EXPECT_THAT(Changes(), ElementsAre("C /f"));
}

TEST_F(ChangesTest, ContentsAreNotReadWhereTheTimesAreTheSame) {
  older_.File("f", "one");
  newer_.File("f", "two");
  counted_.SetPlan(nullptr);
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_EQ(counted_.CountOf("OpenFile"), 0u);
}

TEST_F(ChangesTest, TheTargetOfASymlinkCountsAlsoWhenItIsAsLong) {
  older_.Symlink("same", "target");
  newer_.Symlink("same", "target");
  older_.Symlink("turned", "one");
  newer_.Symlink("turned", "two");
  EXPECT_THAT(Changes(), ElementsAre("C /turned"));
}

TEST_F(ChangesTest, AFileInThePlaceOfADirectoryIsOneModification) {
  older_.Directory("d");
  older_.File("d/f", "x");
  newer_.File("d", "x");
  EXPECT_THAT(Changes(), ElementsAre("C /d"));
}

TEST_F(ChangesTest, ADirectoryInThePlaceOfAFileIsAModificationWithAdditions) {
  older_.File("f", "x");
  newer_.Directory("f");
  newer_.File("f/inside", "x");
  EXPECT_THAT(Changes(), ElementsAre("C /f", "A /f/inside"));
}

TEST_F(ChangesTest, ADirectoryInThePlaceOfALinkToItIsAModification) {
  BothDirectory("real");
  BothFile("real/f");
  older_.Symlink("d", "real");
  newer_.Directory("d");
  newer_.File("d/f", "same");
  EXPECT_THAT(Changes(), ElementsAre("C /d", "A /d/f"));
}

TEST_F(ChangesTest, FifosAndSocketsCountTheirTimeToo) {
  for (TestTree* tree : {&older_, &newer_}) {
    tree->Node("fifo", FileType::kFifo);
    tree->Node("socket", FileType::kSocket);
    tree->Node("quiet", FileType::kSocket);
  }
  newer_.Touch("fifo", TestTree::Epoch() + kNs);
  newer_.Touch("socket", TestTree::Epoch() + kNs);
  EXPECT_THAT(Changes(), ElementsAre("C /fifo", "C /socket"));
}

TEST_F(ChangesTest, ANewNameOfAnUnchangedFileIsJustAdded) {
  BothFile("f");
  newer_.Link("f", "g");
  EXPECT_THAT(Changes(), ElementsAre("A /g"));
}

TEST_F(ChangesTest, LostAndFoundOfTheRootIsNotOfTheLayer) {
  newer_.Directory("lost+found");
  newer_.Directory("sub");
  newer_.Directory("sub/lost+found");
  older_.Directory("lost+found");
  older_.File("lost+found/x", "x");
  EXPECT_THAT(Changes(), ElementsAre("A /sub", "A /sub/lost+found"));
}

TEST_F(ChangesTest, FilesOfAufsAreNotOfTheLayerButOtherWhiteoutNamesAre) {
  newer_.Directory("d");
  newer_.File("d/.wh..wh..opq", "");
  newer_.File("d/.wh..wh.x", "");
  newer_.Directory(".wh..wh.plnk");
  older_.File(".wh..wh.aufs", "");
  newer_.File(".wh.f", "");
  newer_.File(".who", "");
  EXPECT_THAT(Changes(), ElementsAre("A /.wh.f", "A /.who", "A /d", "A /d/.wh..wh.x"));
}

TEST_F(ChangesTest, AnErrorOfTheVisitorEndsTheWalk) {
  newer_.File("a", "x");
  newer_.File("b", "x");
  int visits = 0;
  const absl::Status status =
      WalkChanges(newer_.dir(), nullptr,
                  [&visits](const Change&, sys::Dir&, const std::string&, const sys::FileStat*) {
                    ++visits;
                    return sys::ErrnoStatus(EPIPE, "visit");
                  });
  EXPECT_THAT(status, FailsWithErrno(EPIPE));
  EXPECT_EQ(visits, 1);
}

TEST_F(ChangesTest, TheVisitorGetsTheDirectoryAndTheFile) {
  newer_.Directory("d");
  newer_.File("d/f", "four");
  BothDirectory("e");
  older_.File("e/gone", "x");
  int looked = 0;
  const auto visit = [&looked](const Change& change, sys::Dir& dir, const std::string& name,
                               const FileStat* stat) {
    if (change.path == "/d/f") {
      EXPECT_EQ(name, "f");
      EXPECT_EQ(dir.StatLink(name)->inode, stat->inode);
      EXPECT_EQ(stat->size_bytes, 4u);
      ++looked;
    }
    if (change.path == "/e") {
      EXPECT_EQ(change.kind, ChangeKind::kModify);
      EXPECT_EQ(dir.StatLink(name)->inode, stat->inode);
      ++looked;
    }
    if (change.path == "/e/gone") {
      EXPECT_EQ(stat, nullptr);
      EXPECT_THAT(dir.StatLink(name), FailsWithErrno(ENOENT));
      ++looked;
    }
    return absl::OkStatus();
  };
  EXPECT_THAT(WalkChanges(newer_.dir(), &older_.dir(), visit), IsOk());
  EXPECT_EQ(looked, 3);
}

TEST_F(ChangesTest, AFileThatVanishesDuringTheWalkIsNotThere) {
  newer_.File("f", "x");
  BothFile("g");
  newer_.File("h", "x");
  counted_.SetPlan([this](const sys::SeamCall& call) {
    const std::string newer = newer_dir_.path();
    return call.method == "StatLink" && (call.object == newer + "/f" || call.object == newer + "/g")
               ? ENOENT
               : 0;
  });
  EXPECT_THAT(Changes(), ElementsAre("D /g", "A /h"));
}

TEST_F(ChangesTest, AnUnreadableDirectoryIsAnError) {
  newer_.Directory("d");
  counted_.SetPlan(sys::FaultyHost::FailMatching("List", newer_dir_.path() + "/d", EACCES));
  EXPECT_THAT(ChangesSize(newer_.dir(), nullptr), FailsWithErrno(EACCES));
}

TEST_F(ChangesTest, ASnapshotCostsOneStatForEachNameAndNoXattrs) {
  newer_.Directory("d");
  for (int i = 0; i < 100; ++i) newer_.File(absl::StrCat("d/f", i), "x");
  counted_.SetPlan(nullptr);
  // The tree beside itself has all inode numbers and times of a snapshot.
  TestTree again = Open(newer_dir_.path());
  EXPECT_THAT(ListChanges(newer_.dir(), &again.dir()), IsEmpty());
  EXPECT_EQ(counted_.CountOf("StatLink"), 2u * 101);
  EXPECT_EQ(counted_.CountOf("ListXattrs"), 0u);
  EXPECT_LE(counted_.calls(), 2u * 101 + 8);
}

TEST_F(ChangesTest, SizeCountsChangedFilesAndNoDirectories) {
  BothFile("same", "12345");
  newer_.Directory("d");
  newer_.File("d/f", "123");
  newer_.Symlink("link", "1234567");
  older_.File("gone", "12");
  EXPECT_THAT(ChangesSize(newer_.dir(), &older_.dir()), IsOkAndHolds(uint64_t{10}));
  EXPECT_THAT(ChangesSize(newer_.dir(), nullptr), IsOkAndHolds(uint64_t{15}));
}

TEST_F(ChangesTest, SizeCountsAFileWithSeveralNamesOnce) {
  newer_.File("a", "12345");
  newer_.Link("a", "b");
  newer_.Link("a", "c");
  EXPECT_THAT(ChangesSize(newer_.dir(), &older_.dir()), IsOkAndHolds(uint64_t{5}));
}

TEST_F(ChangesTest, ListsWhatAMutatedTreeHas) {
  for (const char* dir : {"dir1", "dir2", "dir3", "dir4"}) BothDirectory(dir);
  for (const char* file : {"file1", "file2", "file3", "dir1/file1", "dir3/file1"}) BothFile(file);
  older_.Symlink("link1", "file1");
  newer_.Symlink("link1", "file2");
  // A directory removed, one changed to a file, one touched, one with another mode.
  newer_.Remove("dir1");
  newer_.Remove("dir2");
  newer_.File("dir2", "now a file");
  newer_.Touch("dir3", TestTree::Epoch() + absl::Hours(1));
  EXPECT_THAT(newer_.dir().SetMode("dir4", 0777), IsOk());
  // A file removed, one rewritten, one changed to a directory, one added.
  newer_.Remove("file1");
  newer_.File("file2", "other contents");
  newer_.Remove("file3");
  newer_.Directory("file3");
  newer_.File("file4", "x");
  EXPECT_THAT(Changes(), ElementsAre("D /dir1", "C /dir2", "C /dir4", "D /file1", "C /file2",
                                     "C /file3", "A /file4", "C /link1"));
}

}  // namespace
}  // namespace dmkit::driver
