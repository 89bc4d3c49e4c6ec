// SPDX-License-Identifier: Apache-2.0
// Archives that try to leave the tree. Each is refused, or its entry lands in the tree; nothing
// beside the tree is ever touched.

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "driver/archive/apply.h"
#include "driver/archive/apply_fixture.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gtest/gtest.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ApplyEscapeTest : public ApplyTest {
 protected:
  // The archive is refused before the entry that tries has changed anything.
  void ExpectRefused(const TarBuilder& archive) {
    EXPECT_THAT(Apply(archive), FailsWithCode(absl::StatusCode::kInvalidArgument));
    ExpectOutsideUntouched();
  }
  std::string OutsidePath() const { return absl::StrCat(temp_.path(), "/outside"); }
};

TarItem Item(std::string name, char type, std::string link = "") {
  TarItem item;
  item.name = std::move(name);
  item.type = type;
  item.link = std::move(link);
  return item;
}

TEST_P(ApplyEscapeTest, NamesWithDotsAreRefused) {
  for (const char* name :
       {"..", "../outside/canary", "../outside/new", "../new", "/../new", "a/../../outside/canary",
        "./../outside/canary", "a/b/../../../new", "../outside/.wh.canary", "../.wh.outside",
        "../.wh..wh..opq", "a/../../outside/.wh..wh..opq", "../tree/inside"}) {
    for (const char type : {'0', '1', '2', '3', '4', '5', '6'}) {
      ExpectRefused(TarBuilder().Add(Item(name, type, "target")));
    }
    TarItem pax = Item("harmless", '0');
    pax.pax = {{"path", name}};
    ExpectRefused(TarBuilder().Add(pax));
    TarItem gnu = Item("././@LongLink", 'L');
    gnu.data = name;
    ExpectRefused(TarBuilder().Add(gnu).File("harmless"));
  }
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(ApplyEscapeTest, AbsoluteNamesAreInTheTree) {
  EXPECT_THAT(Apply(TarBuilder().File("/outside/canary", "x").File(OutsidePath() + "/canary", "x")),
              IsOk());
  EXPECT_EQ(Contents("outside/canary"), "x");
  EXPECT_EQ(Contents(OutsidePath().substr(1) + "/canary"), "x");
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, HardLinksOutAreRefused) {
  for (const char* target : {"../outside/canary", "/../outside/canary", "a/../../outside/canary",
                             "..", ".", "/", "../", "a/.."}) {
    ExpectRefused(TarBuilder().HardLink("link", target));
  }
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(ApplyEscapeTest, HardLinksToAbsoluteNamesAreInTheTree) {
  EXPECT_THAT(Apply(TarBuilder().HardLink("link", OutsidePath() + "/canary")),
              FailsWithErrno(ENOENT));
  ExpectOutsideUntouched();
}

// A container may have made them, and then they belong to its layer.
TEST_P(ApplyEscapeTest, SymbolicLinksWhoseTextLeavesTheTreeAreKeptAndLeadNowhereOutside) {
  for (const std::string target : {"..", "../outside", "../../outside", "a/../../outside",
                                   "/../outside", "../../../../../../etc/passwd"}) {
    EXPECT_THAT(Apply(TarBuilder().Symlink("link", target)), IsOk());
    EXPECT_EQ(root_->ReadLink("link").value_or(""), target);
    // In the tree where that is, or nowhere.
    Apply(TarBuilder().File("link/canary", "x")).IgnoreError();
    Apply(TarBuilder().HardLink("new", "link/canary")).IgnoreError();
    Apply(TarBuilder().File("link/.wh..wh..opq")).IgnoreError();
    ExpectOutsideUntouched();
    ASSERT_THAT(Apply(TarBuilder().File(".wh.link")), IsOk());
  }
}

// ---- Links that are in the tree already, however they came there.

TEST_P(ApplyEscapeTest, NothingIsWrittenThroughALinkOnTheWay) {
  const std::vector<std::string> targets = {"../outside", "../../outside", OutsidePath(),
                                            "/../outside"};
  for (const std::string& target : targets) {
    ASSERT_THAT(root_->MakeSymlink(target, "link"), IsOk());
    for (const TarBuilder& archive :
         {TarBuilder().File("link/canary", "x"), TarBuilder().File("link/new", "x"),
          TarBuilder().File("link/a/b/c", "x"), TarBuilder().Symlink("link/canary", "x"),
          TarBuilder().Directory("link/canary"), TarBuilder().Directory("link/new"),
          TarBuilder().File("file").HardLink("link/canary", "file"),
          TarBuilder().HardLink("new", "link/canary"), TarBuilder().Add(Item("link/p", '6')),
          TarBuilder().File("link/.wh..wh..opq")}) {
      // There is no such directory inside the tree.
      EXPECT_THAT(Apply(archive), FailsWithErrno(ENOENT)) << target;
      ExpectOutsideUntouched();
    }
    EXPECT_THAT(Apply(TarBuilder().File("link/.wh.canary")), IsOk());
    EXPECT_THAT(Apply(TarBuilder().File(".wh.link")), IsOk());
    ExpectOutsideUntouched();
  }
}

TEST_P(ApplyEscapeTest, ALinkAtTheEndOfANameIsReplacedNotFollowed) {
  for (const std::string& target :
       {std::string("../outside/canary"), OutsidePath() + "/canary", std::string("../outside")}) {
    for (const TarItem& item :
         {Item("link", '0'), Item("link", '5'), Item("link", '2', "other"), Item("link", '6')}) {
      ASSERT_THAT(root_->MakeSymlink(target, "link"), IsOk());
      EXPECT_THAT(Apply(TarBuilder().Add(item)), IsOk());
      ExpectOutsideUntouched();
      EXPECT_NE(root_->ReadLink("link").value_or(""), target);
      ASSERT_THAT(Apply(TarBuilder().File(".wh.link")), IsOk());
    }
  }
}

TEST_P(ApplyEscapeTest, ADirectoryDoesNotMergeWithWhatALinkLeadsTo) {
  ASSERT_THAT(root_->MakeSymlink("../outside", "link"), IsOk());
  EXPECT_THAT(Apply(TarBuilder().Directory("link", 0700).File("link/canary", "x")), IsOk());
  EXPECT_EQ(Contents("link/canary"), "x");
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, AHardLinkToALinkIsTheLinkItself) {
  ASSERT_THAT(root_->MakeSymlink("../outside/canary", "link"), IsOk());
  EXPECT_THAT(Apply(TarBuilder().HardLink("new", "link")), IsOk());
  EXPECT_EQ(Stat("new").type, sys::FileType::kSymlink);
  // Not written through either.
  EXPECT_THAT(Apply(TarBuilder().File("new", "x")), IsOk());
  EXPECT_EQ(Contents("new"), "x");
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, TakingThingsAwayDoesNotFollowLinks) {
  ASSERT_THAT(root_->MakeDir("d", 0755), IsOk());
  ASSERT_THAT(root_->MakeSymlink("../../outside", "d/link"), IsOk());
  ASSERT_THAT(root_->MakeSymlink(OutsidePath() + "/canary", "d/file"), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File("d/.wh..wh..opq")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("d"));
  ASSERT_THAT(root_->MakeSymlink("../../outside", "d/link"), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File("d", "now a file")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("d"));
  ASSERT_THAT(root_->MakeSymlink("../outside", "link"), IsOk());
  EXPECT_THAT(Apply(TarBuilder().File(".wh..wh..opq")), IsOk());
  EXPECT_THAT(Names(), IsEmpty());
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, ALinkThatTheArchiveMakesIsFollowedInsideOnly) {
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("a")
                        .Symlink("a/up", "..")
                        .Symlink("a/abs", "/")
                        .File("a/up/one", "1")),
              IsOk());
  EXPECT_THAT(Apply(TarBuilder().File("a/abs/a/up/a/two", "2")), IsOk());
  EXPECT_EQ(Contents("one"), "1");
  EXPECT_EQ(Contents("a/two"), "2");
  EXPECT_THAT(Apply(TarBuilder().Symlink("abs", OutsidePath()).File("abs/canary", "x")),
              FailsWithErrno(ENOENT));
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, ADirectoryThatBecomesALinkIsLookedForAgain) {
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("a")
                        .File("a/one", "1")
                        .Symlink("a", OutsidePath())
                        .File("a/canary", "x")),
              FailsWithErrno(ENOENT));
  ExpectOutsideUntouched();
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("b")
                        .Directory("c")
                        .File("b/one", "1")
                        .File(".wh.b")
                        .Symlink("b", "c")
                        .File("b/two", "2")),
              IsOk());
  EXPECT_EQ(Contents("c/two"), "2");
}

TEST_P(ApplyEscapeTest, TimesOfDirectoriesDoNotFollowLinks) {
  TarItem dir = Item("d", '5');
  dir.modified = 5;
  EXPECT_THAT(Apply(TarBuilder().Add(dir).Symlink("d", OutsidePath())), IsOk());
  EXPECT_THAT(Apply(TarBuilder().Directory("x").Add(Item("x/d", '5')).Symlink("x", OutsidePath())),
              IsOk());
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, TheRootCannotBeReplaced) {
  for (const char* name : {".", "./", "/", "a/..", "./."}) {
    for (const char type : {'0', '1', '2', '3', '6'}) {
      const auto result = Apply(TarBuilder().Add(Item(name, type, "x")));
      // A regular file whose name ends with a slash is a directory.
      if (type == '0' && std::string(name).back() == '/') {
        EXPECT_THAT(result, IsOk());
      } else {
        EXPECT_THAT(result, FailsWithCode(absl::StatusCode::kInvalidArgument)) << name << type;
      }
    }
  }
  ExpectOutsideUntouched();
}

TEST_P(ApplyEscapeTest, WhiteoutsOfDotsAreRefused) {
  ASSERT_THAT(root_->MakeDir("d", 0755), IsOk());
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."}) {
    ExpectRefused(TarBuilder().File(name));
  }
  EXPECT_THAT(Names(), ElementsAre("d"));
}

TEST_P(ApplyEscapeTest, AufsLinksStayInTheirPlace) {
  // AUFS's links are stored by their last name only, and never under one of the archive's choice.
  EXPECT_THAT(Apply(TarBuilder().File(".wh..wh.plnk/a/../../canary", "x")), IsOk());
  ExpectRefused(TarBuilder().File(".wh..wh.plnk/../../outside/canary", "x"));
  EXPECT_THAT(
      Apply(TarBuilder().File(".wh..wh.plnk/x", "x").HardLink("l", ".wh..wh.plnk/../../outside")),
      FailsWithCode(absl::StatusCode::kInvalidArgument));
  ExpectOutsideUntouched();
  EXPECT_THAT(Names(), ElementsAre("canary"));
}

INSTANTIATE_TEST_SUITE_P(All, ApplyEscapeTest,
                         testing::Values(Where::kOpenat2, Where::kWalk, Where::kModel), WhereName);

}  // namespace
}  // namespace dmkit::driver
