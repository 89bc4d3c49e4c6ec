// SPDX-License-Identifier: Apache-2.0
// What is made of an archive's entries. Opaque whiteouts and AUFS: apply_whiteout_test.cc. What
// must not happen: apply_escape_test.cc.

#include "driver/archive/apply.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "driver/archive/apply_fixture.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TarItem Item(std::string name, char type = '0', std::string link = "") {
  TarItem item;
  item.name = std::move(name);
  item.type = type;
  item.link = std::move(link);
  return item;
}

TEST_P(ApplyTest, FilesOfEachKindAreMade) {
  TarItem file = Item("d/f");
  file.data = "data";
  file.mode = 06751;
  TarItem fifo = Item("d/p", '6');
  fifo.mode = 0620;
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("d", 01770)
                        .Add(file)
                        .Symlink("d/s", "f")
                        .HardLink("h", "d/f")
                        .Add(fifo)),
              IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "d/f", "d/p", "d/s", "h"));
  EXPECT_EQ(Stat("d").mode, 01770u);
  EXPECT_EQ(Contents("d/f"), "data");
  EXPECT_EQ(Stat("d/f").mode, 06751u);
  EXPECT_EQ(Stat("d/f").uid, geteuid());
  EXPECT_EQ(root_->ReadLink("d/s").value_or(""), "f");
  EXPECT_EQ(Stat("h").inode, Stat("d/f").inode);
  EXPECT_EQ(Stat("d/p").type, sys::FileType::kFifo);
  EXPECT_EQ(Stat("d/p").mode, 0620u);
}

TEST_P(ApplyTest, DeviceNodesAreMade) {
  if (GetParam() != Where::kModel) GTEST_SKIP() << "needs the right to make device nodes";
  TarItem block = Item("b", '4');
  block.device_major = 8;
  block.device_minor = 300;
  block.mode = 0660;
  EXPECT_THAT(Apply(TarBuilder().File("c", "a file").Add(block).Add(Item("c", '3'))), IsOk());
  EXPECT_EQ(Stat("b").type, sys::FileType::kBlockDevice);
  EXPECT_EQ(Stat("b").rdevice, (sys::DeviceNumber{8, 300}));
  EXPECT_EQ(Stat("b").mode, 0660u);
  EXPECT_EQ(Stat("c").type, sys::FileType::kCharDevice);
}

TEST_P(ApplyTest, ADeviceNodeTakesThePlaceOfAFileAndTheOtherWayRound) {
  if (GetParam() != Where::kModel) GTEST_SKIP() << "needs the right to make device nodes";
  EXPECT_THAT(Apply(TarBuilder().File("x", "data").Add(Item("x", '4')).File("x", "new")), IsOk());
  EXPECT_EQ(Stat("x").type, sys::FileType::kRegular);
  EXPECT_EQ(Contents("x"), "new");
}

TEST_P(ApplyTest, MissingDirectoriesAreMadeWithMode0755) {
  EXPECT_THAT(Apply(TarBuilder().File("a/b/c", "data")), IsOk());
  EXPECT_EQ(Stat("a").mode, 0755u);
  EXPECT_EQ(Stat("a/b").mode, 0755u);
  EXPECT_EQ(Contents("a/b/c"), "data");
}

TEST_P(ApplyTest, TimesAreThoseOfTheArchive) {
  TarItem file = Item("d/f");
  file.pax = {{"mtime", "1500000000.123456789"}};
  TarItem dir = Item("d/", '5');
  dir.modified = 1400000000;
  TarItem root = Item("./", '5');
  root.modified = 1300000000;
  TarItem link = Item("d/s", '2', "f");
  link.modified = 1200000000;
  // The directories come first, what is put into them would change their times.
  EXPECT_THAT(Apply(TarBuilder().Add(root).Add(dir).Add(file).Add(link)), IsOk());
  EXPECT_EQ(Stat("d/f").modified, absl::FromUnixNanos(1500000000123456789));
  EXPECT_EQ(Stat("d/s").modified, absl::FromUnixSeconds(1200000000));
  EXPECT_EQ(Stat("d").modified, absl::FromUnixSeconds(1400000000));
  EXPECT_EQ(Stat(".").modified, absl::FromUnixSeconds(1300000000));
}

TEST_P(ApplyTest, TheRootTakesTheEntryOfItsOwn) {
  Put(*root_, "kept", "data");
  EXPECT_THAT(Apply(TarBuilder().Directory("./", 0711)), IsOk());
  EXPECT_EQ(Stat(".").mode, 0711u);
  EXPECT_THAT(Names(), ElementsAre("kept"));
}

// ---- What is there already.

TEST_P(ApplyTest, DirectoriesMergeAndTakeTheNewMetadata) {
  ASSERT_THAT(root_->MakeDir("d", 0700), IsOk());
  Put(*root_, "d/kept", "old");
  EXPECT_THAT(Apply(TarBuilder().Directory("d", 0751).File("d/new")), IsOk());
  EXPECT_THAT(Names(), ElementsAre("d", "d/kept", "d/new"));
  EXPECT_EQ(Stat("d").mode, 0751u);
}

TEST_P(ApplyTest, AnythingElseIsReplaced) {
  const std::vector<TarItem> kinds = {Item("x"), Item("x", '5'), Item("x", '2', "t"),
                                      Item("x", '6'), Item("x", '1', "other")};
  for (const TarItem& before : kinds) {
    for (const TarItem& after : kinds) {
      ASSERT_THAT(Apply(TarBuilder().File("other").File("t", "target").Add(before)), IsOk());
      if (before.type == '5') {
        ASSERT_THAT(Apply(TarBuilder().File("x/old")), IsOk());
      }
      ASSERT_THAT(Apply(TarBuilder().Add(after)), IsOk()) << before.type << after.type;
      EXPECT_EQ(Contents("t"), "target");
      EXPECT_EQ(Exists("x/old"), before.type == '5' && after.type == '5');
      EXPECT_EQ(Stat("x").links, after.type == '1' || after.type == '5' ? 2u : 1u)
          << before.type << after.type;
      ASSERT_THAT(Apply(TarBuilder().File(".wh.x")), IsOk());
    }
  }
}

TEST_P(ApplyTest, AReplacedFileLeavesItsOtherNamesAlone) {
  EXPECT_THAT(Apply(TarBuilder().File("a", "old").HardLink("b", "a").File("a", "new")), IsOk());
  EXPECT_EQ(Contents("a"), "new");
  EXPECT_EQ(Contents("b"), "old");
}

// ---- Hard links.

TEST_P(ApplyTest, HardLinksReachFilesOfLowerLayersAndThroughSymbolicLinks) {
  Put(*root_, "low", "data");
  EXPECT_THAT(Apply(TarBuilder()
                        .Directory("d")
                        .Symlink("s", "d")
                        .HardLink("s/h", "low")
                        .HardLink("h2", "s/h")
                        .HardLink("low", "low")
                        .HardLink("h2", "d/h")),
              IsOk());
  EXPECT_EQ(Stat("low").links, 3u);
  EXPECT_EQ(Contents("d/h"), "data");
}

TEST_P(ApplyTest, AHardLinkToNothingFailsAndRemovesNothing) {
  Put(*root_, "kept", "data");
  EXPECT_THAT(Apply(TarBuilder().HardLink("kept", "missing")), FailsWithErrno(ENOENT));
  EXPECT_EQ(Contents("kept"), "data");
  EXPECT_THAT(Apply(TarBuilder().HardLink("x", "missing/y")), FailsWithErrno(ENOENT));
  EXPECT_THAT(Apply(TarBuilder().Directory("d").HardLink("x", "d")), FailsWithErrno(EPERM));
}

// ---- Extended attributes.

TEST_P(ApplyTest, AllRecordedXattrsAreSet) {
  TarItem file = Item("f");
  file.data = "data";
  file.mode = 0400;
  file.pax = {{"SCHILY.xattr.user.a", std::string("1\0\n=", 4)}, {"SCHILY.xattr.user.b", "2"}};
  TarItem dir = Item("d", '5');
  dir.pax = {{"SCHILY.xattr.user.c", "3"}};
  const auto result = Apply(TarBuilder().Add(file).Add(dir));
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->warnings, IsEmpty());
  EXPECT_THAT(root_->ListXattrs("f"), IsOkAndHolds(ElementsAre("user.a", "user.b")));
  EXPECT_THAT(root_->GetXattr("f", "user.a"), IsOkAndHolds(std::string("1\0\n=", 4)));
  EXPECT_THAT(root_->GetXattr("d", "user.c"), IsOkAndHolds("3"));
}

// u::rwx u:0:rwx g::r-x m::rwx o::r-x; a user namespace may know no other user.
const std::string kDefaultAcl(
    "\x02\0\0\0"
    "\x01\0\x07\0\xff\xff\xff\xff"
    "\x02\0\x07\0\0\0\0\0"
    "\x04\0\x05\0\xff\xff\xff\xff"
    "\x10\0\x07\0\xff\xff\xff\xff"
    "\x20\0\x05\0\xff\xff\xff\xff",
    44);

TEST_P(ApplyTest, FilesGetNoAclFromTheirDirectory) {
  TarItem dir;
  dir.name = "d/";
  dir.type = '5';
  dir.mode = 0775;
  dir.pax = {{"SCHILY.xattr.system.posix_acl_default", kDefaultAcl}};
  TarItem file;
  file.name = "d/f";
  file.mode = 0664;
  TarItem pipe = file;
  pipe.name = "d/p";
  pipe.type = '6';
  EXPECT_THAT(Apply(TarBuilder().Add(dir).Add(file).Directory("d/d").Add(pipe)), IsOk());
  for (const char* name : {"d/f", "d/d", "d/p"}) {
    EXPECT_THAT(root_->ListXattrs(name), IsOkAndHolds(ElementsAre())) << name;
  }
}

TEST_P(ApplyTest, AMergedDirectoryLosesTheXattrsThatItsEntryDoesNotHave) {
  ASSERT_THAT(root_->MakeDir("d", 0755), IsOk());
  ASSERT_THAT(root_->SetXattr("d", "user.old", "1"), IsOk());
  ASSERT_THAT(root_->SetXattr("d", "user.both", "1"), IsOk());
  TarItem dir = Item("d", '5');
  dir.pax = {{"SCHILY.xattr.user.both", "2"}};
  EXPECT_THAT(Apply(TarBuilder().Add(dir)), IsOk());
  EXPECT_THAT(root_->ListXattrs("d"), IsOkAndHolds(ElementsAre("user.both")));
  EXPECT_THAT(root_->GetXattr("d", "user.both"), IsOkAndHolds("2"));
}

TEST_P(ApplyTest, XattrsThatTheFilesystemDoesNotHaveAreOneWarning) {
  Fail("SetXattr", ENOTSUP);
  TarItem file = Item("f");
  file.pax = {{"SCHILY.xattr.user.a", "1"}, {"SCHILY.xattr.user.b", "2"}};
  const auto result = Apply(TarBuilder().Add(file).File("g"));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->warnings.size(), 1u);
  EXPECT_THAT(result->warnings[0], HasSubstr("2 extended attributes"));
  EXPECT_THAT(result->warnings[0], HasSubstr("user.a of f"));
  Fail("SetXattr", EPERM);
  EXPECT_THAT(Apply(TarBuilder().Add(file)), FailsWithErrno(EPERM));
}

// ---- Names and contents.

TEST_P(ApplyTest, NamesAreBytes) {
  const std::string longest(255, 'n');
  const std::string deep = absl::StrCat(longest, "/", longest, "/", longest, "/\xff");
  EXPECT_THAT(Apply(TarBuilder()
                        .File("caf\xc3\xa9", "utf-8")
                        .File("cafe\xcc\x81", "decomposed")
                        .File("caf\xe9", "latin-1")
                        .File(" \n\\*", "odd")
                        .File(deep, "deep")
                        .Symlink("s", std::string(1000, 't'))),
              IsOk());
  EXPECT_EQ(Contents("caf\xc3\xa9"), "utf-8");
  EXPECT_EQ(Contents("cafe\xcc\x81"), "decomposed");
  EXPECT_EQ(Contents("caf\xe9"), "latin-1");
  EXPECT_EQ(Contents(" \n\\*"), "odd");
  EXPECT_EQ(Contents(deep), "deep");
  EXPECT_EQ(root_->ReadLink("s").value_or(""), std::string(1000, 't'));
}

TEST_P(ApplyTest, NamesThatAreTooLongFailWithEnametoolong) {
  EXPECT_THAT(Apply(TarBuilder().File(std::string(256, 'n'))), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(Apply(TarBuilder().File(std::string(256, 'n') + "/f")), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(Apply(TarBuilder().Directory(std::string(256, 'n'))), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(Apply(TarBuilder().File(std::string(5000, 'n'))), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(Apply(TarBuilder().Symlink("s", std::string(5000, 'n'))),
              FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_P(ApplyTest, HolesStayHoles) {
  TarItem sparse = Item("f");
  sparse.pax = {
      {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "100000000"}};
  sparse.data = "2\n50000000\n4\n100000000\n0\n";
  sparse.data.resize(512, '\0');
  sparse.data += "DATA";
  const auto result = Apply(TarBuilder().Add(sparse));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->bytes, 100000000u);
  EXPECT_EQ(Stat("f").size_bytes, 100000000u);
  EXPECT_LT(Stat("f").allocated_bytes, 1000000u);
  std::string data(6, 'x');
  ASSERT_THAT((*root_->OpenFile("f", {}))->ReadAt(49999999, absl::MakeSpan(&data[0], 6)), IsOk());
  EXPECT_EQ(data, std::string("\0DATA\0", 6));
}

TEST_P(ApplyTest, LargeFilesComeOutWhole) {
  std::string data;
  for (int i = 0; data.size() < 900000; ++i) absl::StrAppend(&data, i, ",");
  const auto result = Apply(TarBuilder().File("f", data).File("g", "next"));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(Contents("f"), data);
  EXPECT_EQ(Contents("g"), "next");
  EXPECT_EQ(result->bytes, data.size() + 4);
}

TEST_P(ApplyTest, PackedArchivesAndWhatFollowsTheEndMarkerAreFine) {
  const std::string archive = TarBuilder().File("f", "data").Finish() + std::string(50000, 'x');
  for (const PackKind kind : {PackKind::kGzip, PackKind::kZstd, PackKind::kXz, PackKind::kBzip2}) {
    EXPECT_THAT(Apply(Pack(kind, archive)), IsOk());
  }
  EXPECT_THAT(Apply(archive), IsOk());
  EXPECT_EQ(Contents("f"), "data");
}

TEST_P(ApplyTest, ApplyingTwiceIsTheSameAsOnce) {
  const TarBuilder archive = TarBuilder()
                                 .Directory("d")
                                 .File("d/f", "data")
                                 .Symlink("s", "d")
                                 .HardLink("s/h", "d/f")
                                 .File("d/.wh.gone");
  EXPECT_THAT(Apply(archive), IsOk());
  const std::vector<std::string> names = Names();
  EXPECT_THAT(Apply(archive), IsOk());
  EXPECT_EQ(Names(), names);
  EXPECT_EQ(Stat("d/f").inode, Stat("d/h").inode);
}

// ---- What fails.

TEST_P(ApplyTest, AnArchiveThatIsCutOffFails) {
  const std::string archive = TarBuilder().File("a", std::string(1000, 'a')).File("b").Finish();
  for (size_t size = 0; size < archive.size() - 1024; size += 128) {
    EXPECT_THAT(Apply(archive.substr(0, size)), FailsWithCode(absl::StatusCode::kDataLoss));
  }
  const std::string packed = Pack(PackKind::kGzip, archive);
  EXPECT_THAT(Apply(packed.substr(0, packed.size() - 1)),
              FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_P(ApplyTest, ErrorsNameTheEntry) {
  const auto result = Apply(TarBuilder().File("f").File("f/below"));
  EXPECT_THAT(result, FailsWithErrno(ENOTDIR));
  EXPECT_THAT(result.status().message(), HasSubstr("apply f/below"));
  EXPECT_THAT(Apply(TarBuilder().Add(Item("f", '7'))), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_P(ApplyTest, AnErrorOfAnyCallComesOut) {
  const TarBuilder archive = TarBuilder()
                                 .Directory("new/d")
                                 .File("new/d/f", "data")
                                 .Symlink("s", "new")
                                 .HardLink("s/h", "new/d/f")
                                 .Add(Item("p", '6'))
                                 .File("new/.wh.p");
  for (const char* method :
       {"MakeDir", "OpenDirNoFollow", "SetOwner", "ListXattrs", "SetMode", "OpenFile", "WriteAt",
        "SetTimes", "MakeSymlink", "MakeLink", "StatLink", "Stat", "MakeNode", "Unlink"}) {
    FailNothing();
    ASSERT_THAT(Apply(TarBuilder().File(".wh..wh..opq")), IsOk());
    Fail(method, EIO);
    EXPECT_THAT(Apply(archive), FailsWithErrno(EIO)) << method;
  }
  EXPECT_EQ(faulty_.open_handles(), 2u);
}

INSTANTIATE_TEST_SUITE_P(All, ApplyTest,
                         testing::Values(Where::kOpenat2, Where::kWalk, Where::kModel), WhereName);

}  // namespace
}  // namespace dmkit::driver
