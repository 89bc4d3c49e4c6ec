// SPDX-License-Identifier: Apache-2.0
// Tests of what copying a tree needs of this machine: extended attributes, times, links, holes, and
// paths that stay below a directory. None needs privileges; the temporary directory must lie on a
// filesystem with attributes of users.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;

const absl::string_view kWithNul("a\0b", 3);

class LinuxTreeTest : public ::testing::Test {
 protected:
  LinuxTreeTest() : dir_(*linux_.host().root->OpenDir(temp_.path())) {}

  std::unique_ptr<File> Make(absl::string_view name) {
    OpenOptions options;
    options.access = Access::kReadWrite;
    options.create = true;
    return *dir_->OpenFile(name, options);
  }
  // "4096-8192 16384-16390"
  static std::string Ranges(File& file) {
    std::vector<std::string> ranges;
    uint64_t at = 0;
    while (true) {
      const absl::StatusOr<std::optional<File::DataRange>> range = file.NextData(at);
      EXPECT_THAT(range, IsOk());
      if (!range.ok() || !range->has_value()) break;
      ranges.push_back(absl::StrCat((*range)->begin, "-", (*range)->end));
      at = (*range)->end;
    }
    return absl::StrJoin(ranges, " ");
  }

  TempDir temp_;
  LinuxHost linux_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(LinuxTreeTest, XattrsComeBackAsTheyWereSet) {
  Make("file");
  const std::string bytes("\0\xff\n=", 4);
  EXPECT_THAT(dir_->ListXattrs("file"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(dir_->SetXattr("file", "user.b", bytes), IsOk());
  EXPECT_THAT(dir_->SetXattr("file", "user.a", ""), IsOk());
  EXPECT_THAT(dir_->SetXattr("file", "user.c", std::string(2000, 'x')), IsOk());
  EXPECT_THAT(dir_->ListXattrs("file"), IsOkAndHolds(ElementsAre("user.a", "user.b", "user.c")));
  EXPECT_THAT(dir_->GetXattr("file", "user.a"), IsOkAndHolds(""));
  EXPECT_THAT(dir_->GetXattr("file", "user.b"), IsOkAndHolds(bytes));
  EXPECT_THAT(dir_->GetXattr("file", "user.c"), IsOkAndHolds(std::string(2000, 'x')));
  EXPECT_THAT(dir_->SetXattr("file", "user.a", "new"), IsOk());
  EXPECT_THAT(dir_->GetXattr("file", "user.a"), IsOkAndHolds("new"));
  EXPECT_THAT(dir_->RemoveXattr("file", "user.b"), IsOk());
  EXPECT_THAT(dir_->RemoveXattr("file", "user.c"), IsOk());
  EXPECT_THAT(dir_->ListXattrs("file"), IsOkAndHolds(ElementsAre("user.a")));
}

TEST_F(LinuxTreeTest, XattrsAreFoundByAbsolutePathsAndOfTheDirectoryItself) {
  Make("file");
  EXPECT_THAT(dir_->SetXattr(temp_.path() + "/file", "user.a", "1"), IsOk());
  EXPECT_THAT(dir_->GetXattr("./file", "user.a"), IsOkAndHolds("1"));
  EXPECT_THAT(dir_->SetXattr(".", "user.of_dir", "2"), IsOk());
  EXPECT_THAT(linux_.host().root->GetXattr(temp_.path(), "user.of_dir"), IsOkAndHolds("2"));
}

TEST_F(LinuxTreeTest, LongListsOfXattrsAreWhole) {
  Make("file");
  std::vector<std::string> names;
  for (int i = 10; i < 20; ++i) {
    names.push_back(absl::StrCat("user.", std::string(200, 'n'), i));
    ASSERT_THAT(dir_->SetXattr("file", names.back(), "v"), IsOk());
  }
  EXPECT_THAT(dir_->ListXattrs("file"), IsOkAndHolds(Eq(names)));
}

TEST_F(LinuxTreeTest, XattrsThatCannotBeAreRefused) {
  Make("file");
  EXPECT_THAT(dir_->GetXattr("file", "user.no"), FailsWithErrno(ENODATA));
  EXPECT_THAT(dir_->RemoveXattr("file", "user.no"), FailsWithErrno(ENODATA));
  EXPECT_THAT(dir_->SetXattr("file", "user.", "v"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->SetXattr("file", "", "v"), FailsWithErrno(ERANGE));
  EXPECT_THAT(dir_->SetXattr("file", "user." + std::string(251, 'n'), "v"), FailsWithErrno(ERANGE));
  EXPECT_THAT(dir_->SetXattr("file", "nobody.knows", "v"), FailsWithErrno(ENOTSUP));
  EXPECT_THAT(dir_->SetXattr("file", "user.a", std::string(65537, 'x')), FailsWithErrno(E2BIG));
  EXPECT_THAT(dir_->SetXattr("file", absl::StrCat("user.", kWithNul), "v"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->GetXattr("file", absl::StrCat("user.", kWithNul)), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->ListXattrs(kWithNul), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->ListXattrs(""), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->ListXattrs("no"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->GetXattr("file/x", "user.a"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(dir_->ListXattrs("file"), IsOkAndHolds(IsEmpty()));
}

TEST_F(LinuxTreeTest, XattrsOfSymbolicLinksAreNotThoseOfTheirTargets) {
  Make("file");
  ASSERT_THAT(dir_->SetXattr("file", "user.a", "v"), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("file", "link"), IsOk());
  EXPECT_THAT(dir_->ListXattrs("link"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(dir_->GetXattr("link", "user.a"), FailsWithErrno(ENODATA));
  EXPECT_THAT(dir_->SetXattr("link", "user.b", "v"), FailsWithErrno(EPERM));
}

TEST_F(LinuxTreeTest, TimesAreSetToTheNanosecond) {
  Make("file");
  ASSERT_THAT(dir_->MakeSymlink("file", "link"), IsOk());
  const absl::Time modified = absl::FromUnixSeconds(981173106) + absl::Nanoseconds(123456789);
  EXPECT_THAT(dir_->SetTimes("file", absl::UnixEpoch(), modified), IsOk());
  const auto file = dir_->StatLink("file");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->modified, modified);
  EXPECT_GT(file->changed, modified);
  const absl::Time before = absl::FromUnixNanos(-5000000001);
  EXPECT_THAT(dir_->SetTimes("link", before, before), IsOk());
  EXPECT_EQ(dir_->StatLink("link")->modified, before);
  EXPECT_EQ(dir_->Stat("link")->modified, modified);
  EXPECT_THAT(dir_->SetTimes("no", before, before), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->SetTimes("", before, before), FailsWithErrno(ENOENT));
}

TEST_F(LinuxTreeTest, AHardLinkIsTheSameFile) {
  Make("file");
  EXPECT_THAT(dir_->MakeLink("file", "second"), IsOk());
  EXPECT_EQ(dir_->Stat("file")->inode, dir_->Stat("second")->inode);
  EXPECT_EQ(dir_->Stat("file")->links, 2u);
  ASSERT_THAT(dir_->MakeSymlink("nowhere", "link"), IsOk());
  EXPECT_THAT(dir_->MakeLink("link", "link2"), IsOk());
  EXPECT_THAT(dir_->ReadLink("link2"), IsOkAndHolds("nowhere"));
  EXPECT_THAT(dir_->MakeLink("file", "second"), FailsWithErrno(EEXIST));
  EXPECT_THAT(dir_->MakeLink("no", "third"), FailsWithErrno(ENOENT));
  EXPECT_THAT(dir_->MakeLink(".", "third"), FailsWithErrno(EPERM));
  EXPECT_THAT(dir_->MakeLink("file", kWithNul), FailsWithErrno(EINVAL));
  EXPECT_THAT(dir_->MakeLink("/proc/self/status", "third"), FailsWithErrno(EXDEV));
}

TEST_F(LinuxTreeTest, OpenDirNoFollowRefusesLinks) {
  ASSERT_THAT(dir_->MakeDir("sub", 0700), IsOk());
  ASSERT_THAT(dir_->MakeSymlink("sub", "link"), IsOk());
  EXPECT_THAT(dir_->OpenDirNoFollow("sub"), IsOk());
  EXPECT_THAT(dir_->OpenDirNoFollow("link"), AnyOf(FailsWithErrno(ENOTDIR), FailsWithErrno(ELOOP)));
  EXPECT_THAT(dir_->OpenDir("link"), IsOk());
  EXPECT_THAT(dir_->OpenDirNoFollow("no"), FailsWithErrno(ENOENT));
}

TEST_F(LinuxTreeTest, OpenDirInRootStaysBelow) {
  ASSERT_THAT(dir_->MakeDir("jail", 0700), IsOk());
  ASSERT_THAT(dir_->MakeDir("jail/in", 0700), IsOk());
  ASSERT_THAT(dir_->MakeDir("etc", 0700), IsOk());
  const auto jail = dir_->OpenDir("jail");
  ASSERT_THAT(jail, IsOk());
  const uint64_t top = (*jail)->Stat(".")->inode;
  const uint64_t in = (*jail)->Stat("in")->inode;
  const auto inode = [&jail](absl::string_view path) {
    const auto dir = (*jail)->OpenDirInRoot(path);
    EXPECT_THAT(dir, IsOk()) << path;
    return dir.ok() ? (*dir)->Stat(".")->inode : 0;
  };
  ASSERT_THAT((*jail)->MakeSymlink("../../..", "up"), IsOk());
  ASSERT_THAT((*jail)->MakeSymlink("/in", "absolute"), IsOk());
  ASSERT_THAT((*jail)->MakeSymlink("../etc", "out"), IsOk());
  ASSERT_THAT((*jail)->MakeSymlink("loop", "loop"), IsOk());
  EXPECT_EQ(inode("in"), in);
  EXPECT_EQ(inode("/in"), in);
  EXPECT_EQ(inode(".."), top);
  EXPECT_EQ(inode("../../in"), in);
  EXPECT_EQ(inode("up"), top);
  EXPECT_EQ(inode("up/in/.."), top);
  EXPECT_EQ(inode("absolute"), in);
  EXPECT_EQ(inode("/"), top);
  EXPECT_THAT((*jail)->OpenDirInRoot("out"), FailsWithErrno(ENOENT));
  EXPECT_THAT((*jail)->OpenDirInRoot("up/etc"), FailsWithErrno(ENOENT));
  EXPECT_THAT((*jail)->OpenDirInRoot("loop"), FailsWithErrno(ELOOP));
  EXPECT_THAT((*jail)->OpenDirInRoot(""), FailsWithErrno(ENOENT));
  EXPECT_THAT((*jail)->OpenDirInRoot("no"), FailsWithErrno(ENOENT));
}

TEST_F(LinuxTreeTest, DataIsFoundBetweenHoles) {
  const auto file = Make("file");
  EXPECT_EQ(Ranges(*file), "");
  ASSERT_THAT(file->WriteAt(uint64_t{1} << 20, std::string(65536, 'x')), IsOk());
  ASSERT_THAT(file->WriteAt(uint64_t{4} << 20, "tail"), IsOk());
  ASSERT_THAT(file->Truncate(uint64_t{8} << 20), IsOk());
  const auto first = file->NextData(5);
  ASSERT_THAT(first, IsOk());
  ASSERT_TRUE(first->has_value());
  EXPECT_LE((*first)->begin, uint64_t{1} << 20);
  EXPECT_GE((*first)->end, (uint64_t{1} << 20) + 65536);
  const auto inside = file->NextData((uint64_t{1} << 20) + 7);
  ASSERT_THAT(inside, IsOk());
  EXPECT_EQ((*inside)->begin, (uint64_t{1} << 20) + 7);
  EXPECT_THAT(file->NextData(uint64_t{8} << 20), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(file->NextData(~uint64_t{0}), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(LinuxTreeTest, WhatKnowsNoHolesIsAllData) {
  const auto null = linux_.host().root->OpenFile("/dev/null", OpenOptions());
  ASSERT_THAT(null, IsOk());
  EXPECT_EQ(Ranges(**null), "");
  const auto status = linux_.host().root->OpenFile("/proc/self/status", OpenOptions());
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(Ranges(**status), "") << "says that it is empty";
}

}  // namespace
}  // namespace dmkit::sys
