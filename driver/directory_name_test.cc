// SPDX-License-Identifier: Apache-2.0

#include "driver/directory_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::testing::HasSubstr;

TEST(DirectoryNameTest, SlashesAtTheEndGoAndOthersStay) {
  EXPECT_THAT(CleanDirectory("/a", "root"), sys::IsOkAndHolds(std::string("/a")));
  EXPECT_THAT(CleanDirectory("/a//", "root"), sys::IsOkAndHolds(std::string("/a")));
  EXPECT_THAT(CleanDirectory("//a//b/", "root"), sys::IsOkAndHolds(std::string("//a//b")));
}

TEST(DirectoryNameTest, DotsOfANameAreItsOwn) {
  for (const char* path : {"/.a", "/a.", "/..a", "/a..", "/...", "/a/.b/..c"}) {
    EXPECT_THAT(CleanDirectory(path, "root"), sys::IsOkAndHolds(std::string(path)));
  }
}

TEST(DirectoryNameTest, WhatGoesByDotOrDotDotIsRefusedWithThat) {
  for (const char* path : {"/.", "/./", "//.", "/./.", "/./a", "/a/.", "/a/./b", "/a/.//"}) {
    const auto cleaned = CleanDirectory(path, "root");
    EXPECT_THAT(cleaned, sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(std::string(cleaned.status().message()), HasSubstr("by \".\"")) << path;
  }
  for (const char* path : {"/..", "/../", "/../a", "/a/..", "/a/../", "/a/../b", "/a/b/../..",
                           "/a//..", "/a/../.", "/..//"}) {
    const auto cleaned = CleanDirectory(path, "root");
    EXPECT_THAT(cleaned, sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(std::string(cleaned.status().message()), HasSubstr("by \"..\"")) << path;
  }
}

TEST(DirectoryNameTest, WhatIsNotBelowTheRootDirectoryIsRefusedByItsName) {
  for (const char* path : {"", "/", "///", "a", "a/", "./a", " /a"}) {
    const auto cleaned = CleanDirectory(path, "Docker store");
    EXPECT_THAT(cleaned, sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(std::string(cleaned.status().message()), HasSubstr("Docker store \"")) << path;
  }
}

}  // namespace
}  // namespace dmkit::driver
