// SPDX-License-Identifier: Apache-2.0
// Trees deeper than there are descriptors, with paths longer than the kernel takes at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/rooted_tree.h"
#include "driver/archive/test_tree.h"
#include "driver/archive/testdata/tar_builder.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::IsEmpty;

constexpr char kName[] = "directory";
// A path of ten thousand bytes. Deeper ones would be a danger to whoever has to clear up after us.
constexpr int kDepth = 1000;
// What a walk over two trees may hold; a process has 1024 by default.
constexpr uint64_t kHandlesMax = 300;

class DeepTreeTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const auto* temp : {&older_temp_, &newer_temp_}) {
      const auto root = linux_.host().root->OpenDir(temp->path());
      EXPECT_THAT(RootedTree(**root).Remove(**root, kName), IsOk());
    }
  }

  std::unique_ptr<sys::Dir> Open(const sys::TempDir& temp) {
    return *counted_.host().root->OpenDir(temp.path());
  }

  // Makes what is missing of the directories, and calls `at` in each.
  void GoDown(const sys::TempDir& temp, const std::function<void(int depth, TestTree& at)>& at) {
    TestTree tree(*linux_.host().root->OpenDir(temp.path()));
    for (int depth = 1; depth <= kDepth; ++depth) {
      if (!tree.dir().Stat(kName).ok()) tree.Directory(kName);
      tree = TestTree(*tree.dir().OpenDir(kName));
      at(depth, tree);
    }
  }

  static std::string PathAt(int depth) {
    std::string path;
    for (int i = 0; i < depth; ++i) absl::StrAppend(&path, "/", kName);
    return path;
  }

  std::string Export(sys::Dir& newer, sys::Dir* older) {
    sys::StringSink out;
    EXPECT_THAT(ExportChanges(newer, older, ArchiveOptions(), out), IsOk());
    return out.data();
  }
  absl::Status Apply(sys::Dir& root, const std::string& archive) {
    sys::StringSource in(archive);
    return ApplyArchive(root, in, ArchiveOptions()).status();
  }

  sys::TempDir older_temp_;
  sys::TempDir newer_temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost counted_{linux_.host()};
};

TEST_F(DeepTreeTest, ChangeAtTheBottomIsToldWithAllAboveItAndFewHandles) {
  GoDown(older_temp_, [](int, TestTree&) {});
  GoDown(newer_temp_, [](int depth, TestTree& at) {
    if (depth == kDepth) at.File("new", "x");
  });
  const auto newer = Open(newer_temp_);
  const auto older = Open(older_temp_);
  uint64_t told = 0;
  uint64_t handles = 0;
  std::string last;
  const absl::Status walked = WalkChanges(
      *newer, older.get(),
      [&](const Change& change, sys::Dir& dir, const std::string& name, const sys::FileStat* stat) {
        ++told;
        handles = std::max(handles, counted_.open_handles());
        last = absl::StrCat(std::string(1, ChangeLetter(change.kind)), " ", change.path);
        const auto now = dir.StatLink(name);
        EXPECT_TRUE(now.ok() && now->inode == stat->inode) << told;
        return absl::OkStatus();
      });
  EXPECT_THAT(walked, IsOk());
  EXPECT_EQ(told, uint64_t{kDepth + 1});
  EXPECT_EQ(last, absl::StrCat("A ", PathAt(kDepth), "/new"));
  EXPECT_LE(handles, kHandlesMax);
}

TEST_F(DeepTreeTest, DeepLayerLeavesAsAnArchiveAndArrives) {
  GoDown(newer_temp_, [](int depth, TestTree& at) {
    if (depth % 100 == 0) at.File("file", absl::StrCat(depth));
    if (depth == kDepth) at.Link("file", "same");
  });
  {
    const auto newer = Open(newer_temp_);
    const auto copy = Open(older_temp_);
    const std::string archive = Export(*newer, nullptr);
    EXPECT_THAT(Apply(*copy, archive), IsOk());
    EXPECT_THAT(ListChanges(*newer, copy.get()), IsEmpty());
    EXPECT_THAT(ListChanges(*copy, newer.get()), IsEmpty());
  }
  GoDown(older_temp_, [](int depth, TestTree& at) {
    if (depth < kDepth) return;
    EXPECT_EQ(at.dir().StatLink("file")->inode, at.dir().StatLink("same")->inode);
  });
}

TEST_F(DeepTreeTest, WhatIsRemovedAndAddedAtTheBottomArrives) {
  for (const auto* temp : {&older_temp_, &newer_temp_}) {
    GoDown(*temp, [&](int depth, TestTree& at) {
      if (depth == kDepth) at.File(temp == &older_temp_ ? "gone" : "new", "x");
    });
  }
  const auto newer = Open(newer_temp_);
  const auto older = Open(older_temp_);
  EXPECT_THAT(Apply(*older, Export(*newer, older.get())), IsOk());
  EXPECT_THAT(ListChanges(*newer, older.get()), IsEmpty());
}

TEST_F(DeepTreeTest, WhiteoutsTakeDeepTreesAway) {
  for (const char* whiteout : {".wh.directory", ".wh..wh..opq"}) {
    GoDown(older_temp_, [](int depth, TestTree& at) {
      if (depth % 100 == 0) at.File("file", "x");
    });
    const auto older = Open(older_temp_);
    EXPECT_THAT(Apply(*older, TarBuilder().File(whiteout).Finish()), IsOk());
    EXPECT_THAT(older->List("."), sys::IsOkAndHolds(IsEmpty())) << whiteout;
  }
}

}  // namespace
}  // namespace dmkit::driver
