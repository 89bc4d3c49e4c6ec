// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/rooted_tree.h"

#include <cerrno>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;

// "outside" lies beside the root "tree"; the parameter is the errno of openat2, 0 where it works.
class RootedTreeTest : public testing::TestWithParam<int> {
 protected:
  RootedTreeTest() : faulty_(linux_.host()) {
    if (GetParam() != 0) {
      faulty_.SetPlan(sys::FaultyHost::FailMatching("OpenDirInRoot", "", GetParam()));
    }
    above_ = *faulty_.host().root->OpenDir(temp_.path());
    EXPECT_THAT(above_->MakeDir("tree", 0755), IsOk());
    EXPECT_THAT(above_->MakeDir("outside", 0755), IsOk());
    root_ = *above_->OpenDir("tree");
    for (const char* dir : {"a", "a/b", "a/b/c", "etc"}) {
      EXPECT_THAT(root_->MakeDir(dir, 0755), IsOk());
    }
    Touch(*root_, "file");
  }

  static void Touch(sys::Dir& dir, const std::string& name) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    EXPECT_THAT(dir.OpenFile(name, options), IsOk());
  }
  uint64_t InodeOf(const std::string& path) {
    const absl::StatusOr<sys::FileStat> stat = root_->Stat(path);
    EXPECT_THAT(stat, IsOk()) << path;
    return stat.ok() ? stat->inode : 0;
  }
  // The inode that Open finds, and the one that Stat finds in its handle.
  uint64_t Opened(const std::string& path) {
    RootedTree tree(*root_);
    const absl::StatusOr<RootedTree::Place> place = tree.Open(path);
    EXPECT_THAT(place, IsOk()) << path;
    if (!place.ok()) return 0;
    EXPECT_EQ(place->dir->Stat(".")->inode, place->inode);
    return place->inode;
  }
  absl::Status OpenStatus(const std::string& path) {
    return RootedTree(*root_).Open(path).status();
  }
  void Link(const std::string& target, const std::string& path) {
    ASSERT_THAT(root_->MakeSymlink(target, path), IsOk());
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost faulty_;
  std::unique_ptr<sys::Dir> above_;
  std::unique_ptr<sys::Dir> root_;
};

TEST_P(RootedTreeTest, DirectoriesAreFound) {
  EXPECT_EQ(Opened(""), InodeOf("."));
  EXPECT_EQ(Opened("a"), InodeOf("a"));
  EXPECT_EQ(Opened("a/b/c"), InodeOf("a/b/c"));
}

TEST_P(RootedTreeTest, SymbolicLinksAreFollowedAsIfTheRootWereSlash) {
  Link("b/c", "a/plain");
  Link("/etc", "a/absolute");
  Link("../etc/.//.", "a/up");
  Link("../../../../../etc", "a/b/above");
  Link("/", "a/slash");
  Link("..", "a/parent");
  Link("/a/absolute", "twice");
  Link("a/b/../../a/b/above/../a", "through");
  EXPECT_EQ(Opened("a/plain"), InodeOf("a/b/c"));
  EXPECT_EQ(Opened("a/absolute"), InodeOf("etc"));
  EXPECT_EQ(Opened("a/up"), InodeOf("etc"));
  EXPECT_EQ(Opened("a/b/above"), InodeOf("etc"));
  EXPECT_EQ(Opened("a/slash"), InodeOf("."));
  EXPECT_EQ(Opened("a/slash/a/parent/a/b"), InodeOf("a/b"));
  EXPECT_EQ(Opened("twice"), InodeOf("etc"));
  EXPECT_EQ(Opened("through"), InodeOf("a"));
}

TEST_P(RootedTreeTest, WhatIsNoDirectoryOfTheTreeIsNotFound) {
  Link("/outside", "out");
  Link("../outside", "up");
  Link(absl::StrCat(temp_.path(), "/outside"), "whole");
  Link("missing", "dangling");
  Link("loop", "loop");
  Link("file", "to_file");
  EXPECT_THAT(OpenStatus("missing"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("a/missing/b"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("dangling"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("out"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("up"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("whole"), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenStatus("file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(OpenStatus("file/a"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(OpenStatus("to_file"), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(OpenStatus("loop"), FailsWithErrno(ELOOP));
  EXPECT_THAT(OpenStatus(std::string(256, 'n')), FailsWithErrno(ENAMETOOLONG));
}

TEST_P(RootedTreeTest, FortyLinksAreTheMost) {
  Link("a", "l0");
  for (int i = 1; i <= 40; ++i) Link(absl::StrCat("l", i - 1), absl::StrCat("l", i));
  EXPECT_EQ(Opened("l39"), InodeOf("a"));
  EXPECT_THAT(OpenStatus("l40"), FailsWithErrno(ELOOP));
}

TEST_P(RootedTreeTest, MissingDirectoriesAreMadeWithMode0755) {
  Link("a", "to_a");
  RootedTree tree(*root_);
  ASSERT_THAT(tree.OpenOrMake("to_a/x/y/z"), IsOk());
  EXPECT_EQ(root_->StatLink("a/x/y/z")->mode, 0755u);
  EXPECT_EQ(root_->StatLink("a/x")->mode, 0755u);
  EXPECT_THAT(tree.OpenOrMake("to_a/x/y/z"), IsOk());
}

TEST_P(RootedTreeTest, WhereASymbolicLinkLeadsIsNotMade) {
  Link("missing", "dangling");
  Link("a/missing/more", "deep");
  Link("../outside/x", "up");
  RootedTree tree(*root_);
  for (const char* path : {"dangling", "dangling/x", "deep", "deep/x", "up", "up/x"}) {
    EXPECT_THAT(tree.OpenOrMake(path), FailsWithErrno(ENOENT)) << path;
  }
  EXPECT_THAT(tree.OpenOrMake("file/x"), FailsWithErrno(ENOTDIR));
  EXPECT_TRUE(above_->List("outside")->empty());
  EXPECT_THAT(root_->StatLink("missing"), FailsWithErrno(ENOENT));
}

TEST_P(RootedTreeTest, TheSameDirectoryIsNotLookedForTwice) {
  RootedTree tree(*root_);
  ASSERT_THAT(tree.Open("a/b"), IsOk());
  const uint64_t calls = faulty_.calls();
  ASSERT_THAT(tree.Open("a/b"), IsOk());
  EXPECT_EQ(faulty_.calls(), calls);
}

TEST_P(RootedTreeTest, ARemovedDirectoryIsLookedForAgain) {
  RootedTree tree(*root_);
  ASSERT_THAT(tree.Open("a/b"), IsOk());
  ASSERT_THAT(tree.Remove(*root_, "a"), IsOk());
  EXPECT_THAT(tree.Open("a/b"), FailsWithErrno(ENOENT));
  EXPECT_THAT(tree.OpenOrMake("a/b"), IsOk());
  EXPECT_EQ(root_->List("a/b")->size(), 0u);
}

TEST_P(RootedTreeTest, RemoveTakesEverythingButWhatLinksLeadTo) {
  Touch(*above_, "outside/canary");
  Link("/etc", "a/b/etc");
  Link("../../../outside", "a/b/outside");
  Touch(*root_, "etc/kept");
  RootedTree tree(*root_);
  EXPECT_THAT(tree.Remove(*root_, "a"), IsOk());
  EXPECT_THAT(tree.Remove(*root_, "a"), IsOk());
  EXPECT_THAT(tree.Remove(*root_, "file"), IsOk());
  EXPECT_EQ(root_->List(".")->size(), 1u);
  EXPECT_THAT(root_->StatLink("etc/kept"), IsOk());
  EXPECT_THAT(above_->StatLink("outside/canary"), IsOk());
}

TEST_P(RootedTreeTest, LinksAreMadeBetweenAnyTwoDirectories) {
  Link("/etc", "a/to_etc");
  Link("../file", "a/to_file");
  RootedTree tree(*root_);
  EXPECT_THAT(tree.Link("", "file", "a/to_etc", "x"), IsOk());
  EXPECT_EQ(InodeOf("etc/x"), InodeOf("file"));
  EXPECT_THAT(tree.Link("a/to_etc", "x", "a/b", "y"), IsOk());
  EXPECT_EQ(InodeOf("a/b/y"), InodeOf("file"));
  // Again, and by another way: it has the name already.
  EXPECT_THAT(tree.Link("etc", "x", "a/b", "y"), IsOk());
  EXPECT_THAT(tree.Link("etc", "x", "etc", "x"), IsOk());
  // The link itself gets a second name.
  EXPECT_THAT(tree.Link("a", "to_file", "a/b", "z"), IsOk());
  EXPECT_EQ(root_->StatLink("a/b/z")->type, sys::FileType::kSymlink);
}

TEST_P(RootedTreeTest, LinksThatCannotBeFail) {
  Touch(*above_, "outside/canary");
  Link("../outside", "up");
  RootedTree tree(*root_);
  EXPECT_THAT(tree.Link("", "missing", "a", "x"), FailsWithErrno(ENOENT));
  EXPECT_THAT(tree.Link("", "file", "missing", "x"), FailsWithErrno(ENOENT));
  EXPECT_THAT(tree.Link("up", "canary", "a", "x"), FailsWithErrno(ENOENT));
  EXPECT_THAT(tree.Link("", "file", "up", "x"), FailsWithErrno(ENOENT));
  EXPECT_THAT(tree.Link("", "file", "a", "b"), FailsWithErrno(EEXIST));
  EXPECT_THAT(tree.Link("", "a", "etc", "x"), FailsWithErrno(EPERM));
}

std::string ErrorName(const testing::TestParamInfo<int>& parameter) {
  return parameter.param == 0 ? "Openat2" : sys::ErrnoName(parameter.param);
}

INSTANTIATE_TEST_SUITE_P(All, RootedTreeTest, testing::Values(0, ENOSYS, EPERM, EAGAIN), ErrorName);

}  // namespace
}  // namespace dmkit::driver
