// SPDX-License-Identifier: Apache-2.0
// Tests of durable replacement on this machine's files, with every call failing and every call
// being the last one.

#include "sys/durable.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;

constexpr size_t kSizeMax = 1 << 20;

// One directory of this machine, seen through a host that may fail.
class DurableTest : public ::testing::Test {
 protected:
  DurableTest() : faulty_(linux_.host()), dir_(*faulty_.host().root->OpenDir(temp_.path())) {
    faulty_.SetPlan(nullptr);
  }

  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto entries = linux_.host().root->List(temp_.path());
    EXPECT_THAT(entries, IsOk());
    for (const DirEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  std::string LogText() const { return absl::StrJoin(faulty_.Log(), "\n"); }

  TempDir temp_;
  LinuxHost linux_;
  FaultyHost faulty_;
  std::unique_ptr<Dir> dir_;
};

using ReplaceFileTest = DurableTest;
using RemoveFileTest = DurableTest;
using ReadFileTest = DurableTest;
using MakeDirsTest = DurableTest;

TEST_F(ReplaceFileTest, MakesTheFileAndReplacesIt) {
  EXPECT_THAT(ReplaceFileDurably(*dir_, "state", "old"), IsOk());
  EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds("old"));
  EXPECT_THAT(ReplaceFileDurably(*dir_, "state", "n"), IsOk());
  EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds("n"));
  EXPECT_THAT(ReplaceFileDurably(*dir_, "state", ""), IsOk());
  EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds(""));
  EXPECT_THAT(Names(), ElementsAre("state"));
}

TEST_F(ReplaceFileTest, SyncsTheFileThenRenamesThenSyncsTheDirectory) {
  ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
  const std::string file = temp_.path() + "/state";
  const std::string temporary = temp_.path() + "/.state.tmp";
  EXPECT_THAT(
      faulty_.Log(),
      ElementsAre("OpenFile " + temporary, "WriteAt " + temporary, "Sync " + temporary,
                  absl::StrCat("Rename ", temporary, " to ", file), "Sync " + temp_.path()));
}

TEST_F(ReplaceFileTest, CostsTwoFsyncsOrNone) {
  ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
  EXPECT_EQ(faulty_.CountOf("Sync"), 2u);
  faulty_.SetPlan(nullptr);
  ASSERT_THAT(ReplaceFile(*dir_, "state", "x"), IsOk());
  EXPECT_EQ(faulty_.CountOf("Sync"), 0u);
}

TEST_F(ReplaceFileTest, FileIsForItsOwnerOnly) {
  ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
  const auto stat = dir_->Stat("state");
  ASSERT_THAT(stat, IsOk());
  EXPECT_EQ(stat->mode, 0600u);
}

TEST_F(ReplaceFileTest, EveryCallFailsOnceAndTheFileIsOldOrNew) {
  for (uint64_t number = 1;; ++number) {
    faulty_.SetPlan(nullptr);
    ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "old"), IsOk());
    faulty_.SetPlan(FaultyHost::FailCall(number, ENOSPC));
    const absl::Status status = ReplaceFileDurably(*dir_, "state", "new");
    SCOPED_TRACE(LogText());
    if (faulty_.calls() < number) {
      EXPECT_THAT(status, IsOk());
      EXPECT_EQ(number, 6u);
      break;
    }
    EXPECT_THAT(status, FailsWithErrno(ENOSPC));
    EXPECT_THAT(Names(), ElementsAre("state"));
    faulty_.SetPlan(nullptr);
    // Only the directory's fsync, the last call, comes after the rename.
    const std::string expected = number == 5 ? "new" : "old";
    EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds(expected));
    EXPECT_EQ(faulty_.open_handles(), 1u);
  }
}

TEST_F(ReplaceFileTest, AStopAtAnyCallLeavesOldOrNewAndTheNextCallCleansUp) {
  for (uint64_t number = 1; number <= 6; ++number) {
    faulty_.SetPlan(nullptr);
    ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "old"), IsOk());
    faulty_.SetPlan(FaultyHost::StopAt(number));
    const absl::Status status = ReplaceFileDurably(*dir_, "state", "new");
    SCOPED_TRACE(LogText());
    EXPECT_EQ(status.ok(), number == 6);
    faulty_.SetPlan(nullptr);
    EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds(AnyOf("old", "new")));
    EXPECT_THAT(ReplaceFileDurably(*dir_, "state", "newer"), IsOk());
    EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds("newer"));
    EXPECT_THAT(Names(), ElementsAre("state"));
  }
}

TEST_F(ReplaceFileTest, FirstErrorWinsOverTheCleanUp) {
  faulty_.SetPlan([](const SeamCall& call) {
    if (call.method == "WriteAt") return ENOSPC;
    return call.method == "Unlink" ? EIO : 0;
  });
  const absl::Status status = ReplaceFileDurably(*dir_, "state", "x");
  EXPECT_THAT(status, FailsWithErrno(ENOSPC));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("EIO"));
}

TEST_F(ReplaceFileTest, ReplacesAnythingThatLiesInTheWayOfTheTemporaryFile) {
  ASSERT_THAT(dir_->MakeSymlink("/nonexistent/file", ".state.tmp"), IsOk());
  EXPECT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
  EXPECT_THAT(ReadFile(*dir_, "state", kSizeMax), IsOkAndHolds("x"));
  EXPECT_THAT(Names(), ElementsAre("state"));
}

TEST_F(ReplaceFileTest, PathsAreRefusedBeforeAnyCall) {
  for (const absl::string_view name : {"", ".", "..", "/", "/state", "a/state", "../state", "a/"}) {
    EXPECT_THAT(ReplaceFileDurably(*dir_, name, "x"),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << name;
    EXPECT_THAT(ReplaceFile(*dir_, name, "x"), FailsWithCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(RemoveFileDurably(*dir_, name), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(faulty_.calls(), 0u);
}

TEST_F(ReplaceFileTest, ADirectoryIsNotReplaced) {
  ASSERT_THAT(dir_->MakeDir("state", 0700), IsOk());
  EXPECT_THAT(ReplaceFileDurably(*dir_, "state", "x"), FailsWithErrno(EISDIR));
  EXPECT_THAT(Names(), ElementsAre("state"));
}

TEST_F(RemoveFileTest, RemovesAndSyncsOnce) {
  ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
  faulty_.SetPlan(nullptr);
  EXPECT_THAT(RemoveFileDurably(*dir_, "state"), IsOk());
  EXPECT_THAT(faulty_.Log(), ElementsAre(absl::StrCat("Unlink ", temp_.path(), "/state"),
                                         absl::StrCat("Sync ", temp_.path())));
  EXPECT_THAT(Names(), ElementsAre());
}

TEST_F(RemoveFileTest, AMissingFileIsSyncedAllTheSame) {
  EXPECT_THAT(RemoveFileDurably(*dir_, "state"), IsOk());
  EXPECT_EQ(faulty_.CountOf("Sync"), 1u);
}

TEST_F(RemoveFileTest, EveryFailureIsReported) {
  for (uint64_t number = 1; number <= 2; ++number) {
    ASSERT_THAT(ReplaceFileDurably(*dir_, "state", "x"), IsOk());
    faulty_.SetPlan(FaultyHost::FailCall(number, EIO));
    EXPECT_THAT(RemoveFileDurably(*dir_, "state"), FailsWithErrno(EIO)) << LogText();
    faulty_.SetPlan(nullptr);
  }
}

TEST_F(RemoveFileTest, ADirectoryIsNotRemoved) {
  ASSERT_THAT(dir_->MakeDir("state", 0700), IsOk());
  EXPECT_THAT(RemoveFileDurably(*dir_, "state"), FailsWithErrno(EISDIR));
}

TEST_F(ReadFileTest, ReadsFilesOfAllSizes) {
  for (const size_t size : {0u, 1u, 65535u, 65536u, 65537u, 200000u}) {
    const std::string contents(size, 'x');
    ASSERT_THAT(ReplaceFile(*dir_, "file", contents), IsOk());
    EXPECT_THAT(ReadFile(*dir_, "file", kSizeMax), IsOkAndHolds(contents));
    EXPECT_THAT(ReadFile(*dir_, "file", size), IsOkAndHolds(contents));
    EXPECT_THAT(ReadFile(*dir_, "file", ~size_t{0}), IsOkAndHolds(contents));
  }
}

TEST_F(ReadFileTest, ReadsFilesThatDoNotKnowTheirSize) {
  const auto status = ReadFile(*faulty_.host().root, "/proc/self/status", kSizeMax);
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(*status, ::testing::HasSubstr("VmSize"));
}

TEST_F(ReadFileTest, RefusesFilesThatAreTooLarge) {
  for (const size_t size : {1u, 65536u, 65537u, 200000u}) {
    ASSERT_THAT(ReplaceFile(*dir_, "file", std::string(size, 'x')), IsOk());
    EXPECT_THAT(ReadFile(*dir_, "file", size - 1), FailsWithErrno(EFBIG));
    EXPECT_THAT(ReadFile(*dir_, "file", 0), FailsWithErrno(EFBIG));
  }
}

TEST_F(ReadFileTest, RefusesWhatIsNoFile) {
  ASSERT_THAT(dir_->MakeDir("dir", 0700), IsOk());
  ASSERT_THAT(dir_->MakeNode("fifo", FileType::kFifo, {}, 0600), IsOk());
  EXPECT_THAT(ReadFile(*dir_, "missing", kSizeMax), FailsWithErrno(ENOENT));
  EXPECT_THAT(ReadFile(*dir_, "dir", kSizeMax), FailsWithErrno(EISDIR));
  EXPECT_THAT(ReadFile(*dir_, "fifo", kSizeMax), FailsWithErrno(ESPIPE));
  EXPECT_THAT(ReadFile(*dir_, "", kSizeMax), FailsWithErrno(ENOENT));
}

TEST_F(ReadFileTest, EveryFailureIsReported) {
  ASSERT_THAT(ReplaceFile(*dir_, "file", std::string(100000, 'x')), IsOk());
  for (uint64_t number = 1; number <= 3; ++number) {
    faulty_.SetPlan(FaultyHost::FailCall(number, EIO));
    EXPECT_THAT(ReadFile(*dir_, "file", kSizeMax), FailsWithErrno(EIO)) << LogText();
    EXPECT_EQ(faulty_.open_handles(), 1u);
  }
}

TEST_F(MakeDirsTest, MakesWhatIsMissing) {
  EXPECT_THAT(MakeDirs(*dir_, "a/b/c", 0700), IsOk());
  const auto stat = dir_->Stat("a/b/c");
  ASSERT_THAT(stat, IsOk());
  EXPECT_EQ(stat->type, FileType::kDirectory);
  EXPECT_EQ(stat->mode, 0700u);
  EXPECT_THAT(MakeDirs(*dir_, "a/b/d", 0700), IsOk());
}

TEST_F(MakeDirsTest, IsSafeToRepeat) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(MakeDirs(*dir_, "a/b", 0700), IsOk());
    EXPECT_THAT(MakeDirs(*dir_, temp_.path() + "/x//y/", 0700), IsOk());
    EXPECT_THAT(MakeDirs(*dir_, "/", 0700), IsOk());
    EXPECT_THAT(MakeDirs(*dir_, ".", 0700), IsOk());
    EXPECT_THAT(MakeDirs(*dir_, "a/./b/../b", 0700), IsOk());
  }
  EXPECT_THAT(Names(), ElementsAre("a", "x"));
}

TEST_F(MakeDirsTest, FollowsALinkToADirectory) {
  ASSERT_THAT(dir_->MakeDir("real", 0700), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("real", "link"), IsOk());
  EXPECT_THAT(MakeDirs(*dir_, "link", 0700), IsOk());
  EXPECT_THAT(MakeDirs(*dir_, "link/a", 0700), IsOk());
}

TEST_F(MakeDirsTest, RefusesWhatIsInTheWay) {
  ASSERT_THAT(ReplaceFile(*dir_, "file", "x"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("missing", "dangling"), IsOk());
  EXPECT_THAT(MakeDirs(*dir_, "file", 0700), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(MakeDirs(*dir_, "file/", 0700), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(MakeDirs(*dir_, "file/a/b", 0700), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(MakeDirs(*dir_, "dangling", 0700), FailsWithErrno(ENOENT));
  EXPECT_THAT(MakeDirs(*dir_, "", 0700), FailsWithErrno(ENOENT));
  EXPECT_THAT(MakeDirs(*dir_, std::string(300, 'x') + "/a", 0700), FailsWithErrno(ENAMETOOLONG));
}

TEST_F(MakeDirsTest, EveryFailureIsReported) {
  for (uint64_t number = 1;; ++number) {
    faulty_.SetPlan(FaultyHost::FailCall(number, EIO));
    const absl::Status status = MakeDirs(*dir_, absl::StrCat("dir", number, "/a/b"), 0700);
    if (faulty_.calls() < number) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    EXPECT_THAT(status, FailsWithErrno(EIO)) << LogText();
  }
}

}  // namespace
}  // namespace dmkit::sys
