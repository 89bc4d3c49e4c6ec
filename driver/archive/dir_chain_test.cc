// SPDX-License-Identifier: Apache-2.0
// Tests of the way down a tree: how much of it is open, and that closed directories are the same
// when they are opened again.

#include "driver/archive/dir_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver/archive/rooted_tree.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;

class DirChainTest : public ::testing::Test {
 protected:
  static constexpr int kDepth = 300;

  void TearDown() override {
    // The temporary directory's own end does not go that deep.
    EXPECT_THAT(RootedTree(*root_).Remove(*root_, "x"), IsOk());
  }

  // Makes x/x/x/... and goes to its end.
  void GoDown(DirChain& chain) {
    inodes_ = {InodeOf(chain.top())};
    for (int i = 0; i < kDepth; ++i) {
      ASSERT_THAT(chain.top().MakeDir("x", 0755), IsOk());
      ASSERT_THAT(chain.Enter("x"), IsOk());
      inodes_.push_back(InodeOf(chain.top()));
    }
  }
  static uint64_t InodeOf(sys::Dir& dir) { return dir.Stat(".")->inode; }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost counted_{linux_.host()};
  std::unique_ptr<sys::Dir> root_ = *counted_.host().root->OpenDir(temp_.path());
  std::vector<uint64_t> inodes_;  // by depth
};

TEST_F(DirChainTest, FewAreOpenAndTheWayBackIsTheWayDown) {
  DirChain chain(*root_);
  const uint64_t before = counted_.open_handles();
  GoDown(chain);
  EXPECT_EQ(chain.depth(), size_t{kDepth});
  EXPECT_LE(counted_.open_handles() - before, uint64_t{64 + kDepth / 64});
  while (chain.depth() > 0) {
    ASSERT_THAT(chain.Leave(), IsOk());
    EXPECT_EQ(InodeOf(chain.top()), inodes_[chain.depth()]);
    EXPECT_LE(counted_.open_handles() - before, uint64_t{64 + kDepth / 64});
  }
  EXPECT_EQ(counted_.open_handles(), before);
}

TEST_F(DirChainTest, AnyDirectoryOfTheWayCanBeHad) {
  DirChain chain(*root_);
  GoDown(chain);
  const uint64_t before = counted_.open_handles();
  for (size_t depth = 0; depth <= size_t{kDepth}; ++depth) {
    const auto dir = chain.At(depth);
    ASSERT_THAT(dir, IsOk());
    EXPECT_EQ(InodeOf(**dir), inodes_[depth]) << depth;
  }
  for (const size_t depth : std::vector<size_t>{100, 70, 69, 130, 65, 0, 299}) {
    EXPECT_EQ(InodeOf(**chain.At(depth)), inodes_[depth]) << depth;
  }
  EXPECT_LE(counted_.open_handles(), before + 1);
  EXPECT_EQ(InodeOf(chain.top()), inodes_[kDepth]);
}

TEST_F(DirChainTest, GoingInStepsOpensEachDirectoryOnce) {
  DirChain chain(*root_);
  GoDown(chain);
  counted_.SetPlan(nullptr);
  for (size_t depth = 1; depth < 200; ++depth) ASSERT_THAT(chain.At(depth), IsOk());
  EXPECT_LE(counted_.CountOf("OpenDirNoFollow"), 200u);
  while (chain.depth() > 0) ASSERT_THAT(chain.Leave(), IsOk());
  EXPECT_LE(counted_.CountOf("OpenDirNoFollow"), 500u);
}

TEST_F(DirChainTest, ClosedDirectoryThatWasReplacedIsNotTakenForTheSame) {
  DirChain chain(*root_);
  GoDown(chain);
  const auto above = chain.At(69);
  ASSERT_THAT(above, IsOk());
  ASSERT_THAT((*above)->Rename("x", "y"), IsOk());
  ASSERT_THAT((*above)->MakeDir("x", 0755), IsOk());
  EXPECT_THAT(chain.At(70), FailsWithErrno(EBUSY));
  EXPECT_THAT(chain.At(64), IsOk());
}

TEST_F(DirChainTest, WhatIsNoDirectoryIsNotEntered) {
  DirChain chain(*root_);
  ASSERT_THAT(root_->MakeDir("x", 0755), IsOk());
  ASSERT_THAT(root_->MakeSymlink("x", "link"), IsOk());
  EXPECT_FALSE(chain.Enter("link").ok());
  EXPECT_THAT(chain.Enter("none"), FailsWithErrno(ENOENT));
  EXPECT_EQ(chain.depth(), 0u);
  EXPECT_THAT(chain.Enter("x"), IsOk());
}

}  // namespace
}  // namespace dmkit::driver
