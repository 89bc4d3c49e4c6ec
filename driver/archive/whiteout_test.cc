// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/whiteout.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "driver/archive/layer_path.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;

TEST(WhiteoutTest, NamesAreClassified) {
  const struct {
    const char* name;
    WhiteoutKind kind;
    const char* target;
  } kCases[] = {
      {"a/b", WhiteoutKind::kNone, ""},
      {"a/.wh", WhiteoutKind::kNone, ""},
      {"a.wh.b", WhiteoutKind::kNone, ""},
      {".wh.a/b", WhiteoutKind::kNone, ""},
      {".wh.a", WhiteoutKind::kRemove, "a"},
      {"a/.wh.b", WhiteoutKind::kRemove, "b"},
      {"a/.wh.b/", WhiteoutKind::kRemove, "b"},
      {"a/.wh.\xff", WhiteoutKind::kRemove, "\xff"},
      {"a/.wh...a", WhiteoutKind::kRemove, "..a"},
      // AUFS's names are its own only in the root.
      {"a/.wh..wh.b", WhiteoutKind::kRemove, ".wh.b"},
      {".wh..wh..opq", WhiteoutKind::kOpaque, ""},
      {"a/b/.wh..wh..opq", WhiteoutKind::kOpaque, ""},
      {".wh..wh.aufs", WhiteoutKind::kAufsOther, ""},
      {".wh..wh.orph/x", WhiteoutKind::kAufsOther, ""},
      {".wh..wh.plnk", WhiteoutKind::kAufsOther, ""},
      {".wh..wh.plnk/a/b", WhiteoutKind::kAufsOther, ""},
      {".wh..wh.plnk/123.456", WhiteoutKind::kAufsLink, "123.456"},
      {"/.wh..wh.plnk/123.456", WhiteoutKind::kAufsLink, "123.456"},
  };
  for (const auto& wanted : kCases) {
    const absl::StatusOr<Whiteout> whiteout = ClassifyWhiteout(*ParseLayerPath(wanted.name));
    ASSERT_THAT(whiteout, IsOk()) << wanted.name;
    EXPECT_EQ(whiteout->kind, wanted.kind) << wanted.name;
    EXPECT_EQ(whiteout->target, wanted.target) << wanted.name;
  }
}

TEST(WhiteoutTest, WhiteoutsOfNothingAreRefused) {
  // They would take the directory itself, or the one around it.
  for (const char* name : {".wh.", ".wh..", ".wh...", "a/.wh.", "a/.wh..", "a/.wh...", "a/b/.wh./",
                           "./.wh..", "/.wh..."}) {
    EXPECT_THAT(ClassifyWhiteout(*ParseLayerPath(name)),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << name;
  }
}

}  // namespace
}  // namespace dmkit::driver
