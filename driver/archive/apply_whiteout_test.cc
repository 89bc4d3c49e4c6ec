// SPDX-License-Identifier: Apache-2.0
// What an archive takes away, and AUFS's own files.

#include <cerrno>
#include <string>
#include <utility>

#include "driver/archive/apply.h"
#include "driver/archive/apply_fixture.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using ApplyWhiteoutTest = ApplyTest;

TEST_P(ApplyWhiteoutTest, AWhiteoutRemovesAFileAndATree) {
  EXPECT_THAT(Apply(TarBuilder().File("f").File("d/e/f").File("d/e/g").File("kept")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File(".wh.f").File("d/.wh.e")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "kept"));
}

TEST_P(ApplyWhiteoutTest, AWhiteoutOfNothingChangesNothing) {
  EXPECT_THAT(Apply(TarBuilder().File(".wh.x").File("a/b/.wh.x").File("f").File("f/.wh.x")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("f"));
}

TEST_P(ApplyWhiteoutTest, AWhiteoutCountsWhateverItsType) {
  EXPECT_THAT(Apply(TarBuilder().File("a").File("b").File("c")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().Directory(".wh.a/").Symlink(".wh.b", "x").HardLink(".wh.c", "x")),
              IsOk());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(ApplyWhiteoutTest, WhatAWhiteoutRemovedCanComeBack) {
  EXPECT_THAT(Apply(TarBuilder().File("d/old")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File(".wh.d").File("d/new", "x")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "d/new"));
}

// Layers, one after the other, with what they leave.
TEST_P(ApplyWhiteoutTest, ASequenceOfLayersLeavesWhatItShould) {
  const auto base = TarBuilder()
                        .File(".baz")
                        .Directory("bar/")
                        .File("bar/bax")
                        .Directory("bar/bay/")
                        .File("baz")
                        .Directory("foo/")
                        .File("foo/.abc")
                        .Directory("foo/.bcd/")
                        .File("foo/.bcd/a")
                        .File("foo/cde/def")
                        .File("foo/cde/efg");
  EXPECT_THAT(Apply(base), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File(".wh.baz").Directory("bar/").File("bar/.wh.bax")), IsOk());
  EXPECT_THAT(Names(), ElementsAre(".baz", "bar", "bar/bay", "foo", "foo/.abc", "foo/.bcd",
                                   "foo/.bcd/a", "foo/cde", "foo/cde/def", "foo/cde/efg"));
  // An opaque directory in front of, between and behind what takes its place.
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("foo/")
                        .File("foo/fgh")
                        .File("foo/cde/def", "new")
                        .File("foo/.wh..wh..opq")
                        .File("foo/.abc", "new")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre(".baz", "bar", "bar/bay", "foo", "foo/.abc", "foo/cde",
                                   "foo/cde/def", "foo/fgh"));
  EXPECT_THAT(Apply(TarBuilder().File("kept").File(".wh..wh..opq").File("bar", "a file now")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("bar", "kept"));
}

TEST_P(ApplyWhiteoutTest, AnOpaqueDirectoryLosesLowerFilesBelowItsNewDirectoriesToo) {
  EXPECT_THAT(Apply(TarBuilder().File("d/sub/low").File("d/sub/deep/low").File("d/low")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().Directory("d/sub").File("d/sub/deep/new").File("d/.wh..wh..opq")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "d/sub", "d/sub/deep", "d/sub/deep/new"));
}

TEST_P(ApplyWhiteoutTest, AnOpaqueDirectoryIsKnownByAnotherNameToo) {
  EXPECT_THAT(Apply(TarBuilder().File("d/low").Symlink("s", "d")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File("s/new").HardLink("s/link", "d/new").File("d/.wh..wh..opq")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "d/link", "d/new", "s"));
}

TEST_P(ApplyWhiteoutTest, AnOpaqueDirectoryThatIsNoneFails) {
  EXPECT_THAT(Apply(TarBuilder().File("f")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File("f/.wh..wh..opq")), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(Names(), ElementsAre("f"));
}

TEST_P(ApplyWhiteoutTest, AnOpaqueRootKeepsLostAndFound) {
  EXPECT_THAT(Apply(TarBuilder().Directory("lost+found").File("d/lost+found/x")), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File(".wh..wh..opq")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("lost+found"));
}

// ---- AUFS.

TEST_P(ApplyWhiteoutTest, FilesOfAufsAreSkippedButCounted) {
  TarItem stashed;
  stashed.name = ".wh..wh.plnk/1.2";
  stashed.data = "data";
  const auto result = Apply(TarBuilder()
                                .File(".wh..wh.aufs", "12345")
                                .Directory(".wh..wh.orph/")
                                .File(".wh..wh.orph/x", "678")
                                .Directory(".wh..wh.plnk/")
                                .Add(stashed)
                                .Symlink(".wh..wh.plnk/3.4", "x")
                                .File("f"));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->bytes, 12u);
  EXPECT_THAT(Names(), ElementsAre("f"));
}

TEST_P(ApplyWhiteoutTest, HardLinksToFilesOfAufsAreThoseFiles) {
  TarItem stashed;
  stashed.name = "./.wh..wh.plnk/1.2";
  stashed.data = "data";
  stashed.mode = 0604;
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("./.wh..wh.plnk/")
                        .Add(stashed)
                        .HardLink("a", "./.wh..wh.plnk/1.2")
                        .HardLink("d/b", ".wh..wh.plnk/1.2")
                        .File(".wh..wh..opq")),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("a", "d", "d/b"));
  EXPECT_EQ(Contents("a"), "data");
  EXPECT_EQ(Stat("a").mode, 0604u);
  EXPECT_EQ(Stat("a").inode, Stat("d/b").inode);
}

TEST_P(ApplyWhiteoutTest, HardLinksToNoFileOfAufsFail) {
  EXPECT_THAT(Apply(TarBuilder().HardLink("a", ".wh..wh.plnk/1.2")), FailsWithErrno(ENOENT));
  EXPECT_THAT(Apply(TarBuilder().File(".wh..wh.plnk/1.2").HardLink("a", ".wh..wh.plnk/3.4")),
              FailsWithErrno(ENOENT));
  EXPECT_THAT(Apply(TarBuilder().File(".wh..wh.aufs").HardLink("a", ".wh..wh.aufs")),
              FailsWithErrno(ENOENT));
  // Nothing of it stays behind, after an error neither.
  EXPECT_THAT(Names(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ApplyWhiteoutTest,
                         testing::Values(Where::kOpenat2, Where::kWalk, Where::kModel), WhereName);

}  // namespace
}  // namespace dmkit::driver
