// SPDX-License-Identifier: Apache-2.0
// Tests of layer archives: what is in them, and that they are the same each time. On directories of
// this machine, in the C locale; none needs privileges.

#include "driver/archive/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/options.h"
#include "driver/archive/test_archive.h"
#include "driver/archive/test_tree.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::FileType;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() : older_(Open(older_dir_.path())), newer_(Open(newer_dir_.path())) {}

  TestTree Open(const std::string& path) { return TestTree(*linux_.host().root->OpenDir(path)); }
  void BothFile(const std::string& path) {
    older_.File(path, "same");
    newer_.File(path, "same");
  }
  void BothDirectory(const std::string& path) {
    older_.Directory(path);
    newer_.Directory(path);
  }
  std::string ExportBytes() {
    sys::StringSink sink;
    EXPECT_THAT(ExportChanges(newer_.dir(), &older_.dir(), options_, sink), IsOk());
    return sink.data();
  }
  TestArchive Export() {
    TestArchive archive = ReadTestArchive(ExportBytes());
    EXPECT_EQ(archive.error, "");
    return archive;
  }
  absl::Status ExportStatus() {
    sys::StringSink sink;
    return ExportChanges(newer_.dir(), &older_.dir(), options_, sink);
  }

  sys::TempDir older_dir_;
  sys::TempDir newer_dir_;
  sys::LinuxHost linux_;
  TestTree older_;
  TestTree newer_;
  ArchiveOptions options_;
};

TEST_F(ExportTest, EqualTreesGiveAnArchiveWithoutEntries) {
  BothFile("f");
  const std::string bytes = ExportBytes();
  EXPECT_THAT(ReadTestArchive(bytes).entries, IsEmpty());
  EXPECT_EQ(bytes, std::string(1024, '\0'));
}

TEST_F(ExportTest, TheRootIsNotAnEntry) {
  newer_.File("f", "x");
  EXPECT_THAT(Export().Names(), ElementsAre("f"));
}

TEST_F(ExportTest, AFileHasItsContentsModeOwnerAndTimeToTheNanosecond) {
  newer_.File("f", "contents", 04751);
  const auto stat = newer_.dir().StatLink("f");
  const TestArchive archive = Export();
  const TestEntry* const file = archive.Find("f");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->type, static_cast<uint32_t>(AE_IFREG));
  EXPECT_EQ(file->data, "contents");
  EXPECT_EQ(file->mode, 04751u);
  EXPECT_EQ(file->uid, stat->uid);
  EXPECT_EQ(file->gid, stat->gid);
  EXPECT_EQ(file->owner_names, "");
  EXPECT_EQ(file->mtime, 1700000000);
  EXPECT_EQ(file->mtime_ns, 123456789);
  EXPECT_FALSE(file->has_atime);
}

TEST_F(ExportTest, ATimeBefore1970IsInWholeSeconds) {
  newer_.File("f", "x");
  newer_.Touch("f", absl::FromUnixNanos(-1500000000));
  const TestArchive archive = Export();
  EXPECT_EQ(archive.Find("f")->mtime, -2);
  EXPECT_EQ(archive.Find("f")->mtime_ns, 0);
}

TEST_F(ExportTest, KindsOtherThanFilesKeepWhatMakesThem) {
  newer_.Directory("d", 01777);
  newer_.Symlink("link", "../\xe9 target");
  newer_.Node("fifo", FileType::kFifo);
  const TestArchive archive = Export();
  EXPECT_THAT(archive.Names(), ElementsAre("d/", "fifo", "link"));
  EXPECT_EQ(archive.Find("d/")->mode, 01777u);
  EXPECT_EQ(archive.Find("link")->symlink, "../\xe9 target");
  EXPECT_EQ(archive.Find("fifo")->type, static_cast<uint32_t>(AE_IFIFO));
}

TEST_F(ExportTest, WhatIsGoneIsAnEmptyWhiteoutWithNothingToItsName) {
  BothDirectory("d");
  older_.File("d/f", "x", 0777);
  older_.Directory("gone");
  older_.File("gone/f", "x");
  const TestArchive archive = Export();
  EXPECT_THAT(archive.Names(), ElementsAre("d/", "d/.wh.f", ".wh.gone"));
  const TestEntry* const whiteout = archive.Find("d/.wh.f");
  EXPECT_EQ(whiteout->type, static_cast<uint32_t>(AE_IFREG));
  EXPECT_EQ(whiteout->mode, 0u);
  EXPECT_EQ(whiteout->size, 0);
  EXPECT_EQ(whiteout->mtime, 0);
}

TEST_F(ExportTest, AChangedFileThatIsNamedAsAWhiteoutIsRefused) {
  newer_.Directory("d");
  newer_.File("d/.wh.f", "x");
  const absl::Status status = ExportStatus();
  EXPECT_THAT(status, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/d/.wh.f"));
}

TEST_F(ExportTest, ARemovedFileThatIsNamedAsAWhiteoutIsRefused) {
  older_.File(".wh.f", "x");
  EXPECT_THAT(ExportStatus(), FailsWithErrno(EINVAL));
}

TEST_F(ExportTest, AnUnchangedFileThatIsNamedAsAWhiteoutIsInNobodysWay) {
  BothFile(".wh.f");
  newer_.File("g", "x");
  EXPECT_THAT(Export().Names(), ElementsAre("g"));
}

TEST_F(ExportTest, FilesOfAufsAreLeftOutWithAWarning) {
  std::vector<std::string> warnings;
  options_.warn = [&warnings](absl::string_view text) { warnings.emplace_back(text); };
  newer_.Directory("d");
  newer_.File("d/.wh..wh..opq", "");
  newer_.File(".wh..wh.aufs", "");
  newer_.Directory("lost+found");
  EXPECT_THAT(Export().Names(), ElementsAre("d/"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/.wh..wh.aufs"), HasSubstr("/d/.wh..wh..opq")));
}

TEST_F(ExportTest, AUsersFileThatIsNamedAlmostAsOneOfAufsIsRefusedAndNotLeftOut) {
  newer_.Directory("d");
  newer_.File("d/.wh..wh.aufs", "");
  EXPECT_THAT(ExportStatus(), FailsWithErrno(EINVAL));
}

TEST_F(ExportTest, ASocketIsLeftOutWithAWarning) {
  std::vector<std::string> warnings;
  options_.warn = [&warnings](absl::string_view text) { warnings.emplace_back(text); };
  newer_.Node("socket", FileType::kSocket);
  EXPECT_THAT(Export().Names(), IsEmpty());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/socket")));
}

TEST_F(ExportTest, ASocketInThePlaceOfAFileRemovesThat) {
  older_.File("f", "x");
  newer_.Node("f", FileType::kSocket);
  older_.Node("s", FileType::kSocket);
  newer_.Node("s", FileType::kSocket);
  newer_.Touch("s", TestTree::Epoch() + absl::Seconds(1));
  EXPECT_THAT(Export().Names(), ElementsAre(".wh.f"));
}

TEST_F(ExportTest, NamesAreBytesInTheLocaleOfAMinimalHost) {
  const std::string long_name(255, 'n');
  const std::vector<std::string> names = {"Latin-1 \xe4\xf6\xfc",
                                          "UTF-8 \xc3\xa4\xe6\x97\xa5",
                                          "cut \xc3",
                                          "line\nbreak and \x1b",
                                          "space = %41 \\",
                                          long_name,
                                          std::string(255, '\xff')};
  for (const std::string& name : names) newer_.File(name, name);
  newer_.Symlink("to Latin-1", names[0]);
  const TestArchive archive = Export();
  for (const std::string& name : names) {
    ASSERT_NE(archive.Find(name), nullptr) << name;
    EXPECT_EQ(archive.Find(name)->data, name);
  }
  EXPECT_EQ(archive.Find("to Latin-1")->symlink, names[0]);
}

TEST_F(ExportTest, PathsMayBeLongerThanTheKernelTakesAtOnce) {
  const std::string name(250, 'd');
  std::unique_ptr<sys::Dir> dir = *newer_.dir().OpenDir(".");
  std::string path;
  for (int depth = 0; depth < 20; ++depth) {
    ASSERT_THAT(dir->MakeDir(name, 0755), IsOk());
    dir = *dir->OpenDir(name);
    path += name + "/";
  }
  ASSERT_THAT(dir->MakeNode("f", FileType::kRegular, {}, 0600), IsOk());
  ASSERT_THAT(dir->MakeLink("f", "g"), IsOk());
  const TestArchive archive = Export();
  EXPECT_NE(archive.Find(path), nullptr);
  EXPECT_NE(archive.Find(path + "f"), nullptr);
  ASSERT_NE(archive.Find(path + "g"), nullptr);
  EXPECT_EQ(archive.Find(path + "g")->hard_link, path + "f");
}

TEST_F(ExportTest, AllXattrsAreKeptAsBytesAndInOneSpelling) {
  newer_.File("f", "x");
  const std::string value("\0\xff=\n", 4);
  const absl::Status set = newer_.dir().SetXattr("f", "user.bytes", value);
  if (sys::GetErrno(set) == ENOTSUP) GTEST_SKIP() << "this filesystem has no user xattrs";
  ASSERT_THAT(set, IsOk());
  ASSERT_THAT(newer_.dir().SetXattr("f", "user.empty", ""), IsOk());
  const std::string bytes = ExportBytes();
  EXPECT_THAT(ReadTestArchive(bytes).Find("f")->xattrs,
              ElementsAre(Pair("user.bytes", value), Pair("user.empty", "")));
  EXPECT_THAT(bytes, HasSubstr("SCHILY.xattr.user.bytes="));
  EXPECT_THAT(bytes, Not(HasSubstr("LIBARCHIVE")));
}

TEST_F(ExportTest, AnXattrAloneIsAChange) {
  BothFile("f");
  const absl::Status set = newer_.dir().SetXattr("f", "user.a", "1");
  if (sys::GetErrno(set) == ENOTSUP) GTEST_SKIP() << "this filesystem has no user xattrs";
  ASSERT_THAT(set, IsOk());
  EXPECT_THAT(Export().Names(), ElementsAre("f"));
  ASSERT_THAT(older_.dir().SetXattr("f", "user.a", "2"), IsOk());
  EXPECT_THAT(Export().Names(), ElementsAre("f"));
  ASSERT_THAT(older_.dir().SetXattr("f", "user.a", "1"), IsOk());
  EXPECT_THAT(Export().Names(), IsEmpty());
}

TEST_F(ExportTest, TheSameTreesGiveTheSameBytes) {
  sys::TempDir other_dir;
  TestTree other = Open(other_dir.path());
  const std::vector<std::string> names = {"b", "a", "\xc3\xa4", "z/1", "z/2"};
  newer_.Directory("z");
  other.Directory("z");
  for (size_t i = 0; i < names.size(); ++i) {
    newer_.File(names[i], names[i]);
    other.File(names[names.size() - 1 - i], names[names.size() - 1 - i]);
  }
  newer_.Link("a", "z/3");
  other.Link("a", "z/3");
  newer_.Touch("z");
  other.Touch("z");
  sys::StringSink sink;
  ASSERT_THAT(ExportChanges(other.dir(), &older_.dir(), options_, sink), IsOk());
  EXPECT_EQ(sink.data(), ExportBytes());
}

TEST_F(ExportTest, ProgressComesEveryMebibyteAndAtTheEnd) {
  std::vector<uint64_t> told;
  options_.progress = [&told](uint64_t bytes) { told.push_back(bytes); };
  newer_.File("f", std::string(3 << 20, 'x'));
  const std::string bytes = ExportBytes();
  ASSERT_EQ(told.size(), 4u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_GE(told[i], (i + 1) << 20);
  EXPECT_EQ(told.back(), bytes.size());
}

}  // namespace
}  // namespace dmkit::driver
