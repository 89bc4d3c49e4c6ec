// SPDX-License-Identifier: Apache-2.0
// Tests of the joining of paths.

#include "sys/path_label.h"

#include "gtest/gtest.h"

namespace dmkit::sys {
namespace {

TEST(PathLabelTest, RelativePathsHangBelowTheDirectory) {
  EXPECT_EQ(PathLabel("/a", "b/c"), "/a/b/c");
  EXPECT_EQ(PathLabel("/", "b"), "/b");
}

TEST(PathLabelTest, AbsolutePathsStay) { EXPECT_EQ(PathLabel("/a", "/b"), "/b"); }

TEST(PathLabelTest, TheDirectoryItself) {
  EXPECT_EQ(PathLabel("/a", "."), "/a");
  EXPECT_EQ(PathLabel("/a", ""), "/a");
  EXPECT_EQ(PathLabel("/", "."), "/");
}

}  // namespace
}  // namespace dmkit::sys
