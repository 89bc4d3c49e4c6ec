// SPDX-License-Identifier: Apache-2.0
// Tests of what an export makes of files with several names, files with holes, large files, and
// files that change or fail under its hands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/test_archive.h"
#include "driver/archive/test_tree.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Calls a function before each write.
class HookedSink : public sys::ByteSink {
 public:
  explicit HookedSink(std::function<absl::Status()> hook) : hook_(std::move(hook)) {}
  absl::Status Write(absl::string_view data) override {
    DMKIT_RETURN_IF_ERROR(hook_());
    return kept_.Write(data);
  }
  const std::string& data() const { return kept_.data(); }

 private:
  std::function<absl::Status()> hook_;
  sys::StringSink kept_;
};

class ExportFilesTest : public ::testing::Test {
 protected:
  ExportFilesTest()
      : counted_(linux_.host()), older_(Open(older_dir_.path())), newer_(Open(newer_dir_.path())) {}

  TestTree Open(const std::string& path) { return TestTree(*counted_.host().root->OpenDir(path)); }
  // "f", "g -> f": the entries and what they link to.
  std::vector<std::string> Entries() {
    sys::StringSink sink;
    EXPECT_THAT(ExportTo(sink), IsOk());
    const TestArchive archive = ReadTestArchive(sink.data());
    EXPECT_EQ(archive.error, "");
    std::vector<std::string> lines;
    for (const TestEntry& entry : archive.entries) {
      lines.push_back(entry.hard_link.empty() ? entry.name
                                              : absl::StrCat(entry.name, " -> ", entry.hard_link));
    }
    return lines;
  }
  absl::Status ExportTo(sys::ByteSink& sink) {
    return ExportChanges(newer_.dir(), &older_.dir(), ArchiveOptions(), sink);
  }
  // A file of `size` bytes with `text` at each of `offsets` and holes between.
  void Sparse(const std::string& path, uint64_t size, const std::vector<uint64_t>& offsets,
              const std::string& text) {
    newer_.File(path, "");
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    auto file = newer_.dir().OpenFile(path, options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(size), IsOk());
    for (const uint64_t offset : offsets) ASSERT_THAT((*file)->WriteAt(offset, text), IsOk());
  }

  sys::TempDir older_dir_;
  sys::TempDir newer_dir_;
  sys::LinuxHost linux_;
  sys::FaultyHost counted_;
  TestTree older_;
  TestTree newer_;
};

TEST_F(ExportFilesTest, OfSeveralNamesTheFirstHasTheContents) {
  newer_.File("b", "x");
  newer_.Link("b", "a");
  newer_.Directory("d");
  newer_.Link("b", "d/c");
  EXPECT_THAT(Entries(), ElementsAre("a", "b -> a", "d/", "d/c -> a"));
}

TEST_F(ExportFilesTest, ASymlinkWithTwoNamesIsOneSymlink) {
  newer_.Symlink("a", "target");
  newer_.Link("a", "b");
  EXPECT_THAT(Entries(), ElementsAre("a", "b -> a"));
}

TEST_F(ExportFilesTest, ANewNameBringsTheUnchangedOnesAlong) {
  for (TestTree* tree : {&older_, &newer_}) {
    tree->Directory("a");
    tree->File("a/f", "x");
    tree->File("quiet", "x");
    tree->Link("quiet", "quiet too");
    tree->Link("a/f", "b");
    tree->Link("a/f", "z");
  }
  newer_.Remove("b");
  newer_.Link("z", "m");
  EXPECT_THAT(Entries(), ElementsAre(".wh.b", "m", "a/", "a/f -> m", "z -> m"));
}

TEST_F(ExportFilesTest, UnchangedFilesWithSeveralNamesAreNotWritten) {
  for (TestTree* tree : {&older_, &newer_}) {
    tree->File("a", "x");
    tree->Link("a", "b");
  }
  newer_.File("c", "x");
  EXPECT_THAT(Entries(), ElementsAre("c"));
}

TEST_F(ExportFilesTest, EqualFilesThatBecameOneAreWrittenAsOne) {
  older_.File("a", "x");
  older_.File("b", "x");
  newer_.File("a", "x");
  newer_.Link("a", "b");
  EXPECT_THAT(Entries(), ElementsAre("a", "b -> a"));
}

TEST_F(ExportFilesTest, FilesWithOneNameAreNeverLinked) {
  newer_.File("a", "x");
  newer_.File("b", "x");
  EXPECT_THAT(Entries(), ElementsAre("a", "b"));
}

TEST_F(ExportFilesTest, AFileWithHolesTakesTheSpaceOfItsData) {
  constexpr uint64_t kSize = 64 << 20;
  const std::string text(5000, 't');
  Sparse("f", kSize, {1 << 20, 50 << 20}, text);
  sys::StringSink sink;
  ASSERT_THAT(ExportTo(sink), IsOk());
  if (newer_.dir().StatLink("f")->allocated_bytes >= kSize) GTEST_SKIP() << "no holes here";
  EXPECT_LT(sink.data().size(), 64u << 10);
  EXPECT_THAT(sink.data(), HasSubstr("GNU.sparse.major=1"));
  const TestArchive archive = ReadTestArchive(sink.data());
  ASSERT_NE(archive.Find("f"), nullptr) << archive.error;
  std::string expected(kSize, '\0');
  expected.replace(1 << 20, text.size(), text);
  expected.replace(50 << 20, text.size(), text);
  EXPECT_TRUE(archive.Find("f")->data == expected);
}

TEST_F(ExportFilesTest, HolesAtTheEndsAndNothingButAHoleAreKept) {
  Sparse("a all", 1 << 20, {}, "");
  Sparse("b front", (1 << 20) + 3, {1 << 20}, "abc");
  Sparse("c back", 1 << 20, {0}, "abc");
  newer_.File("d after", "still in step");
  sys::StringSink sink;
  ASSERT_THAT(ExportTo(sink), IsOk());
  const TestArchive archive = ReadTestArchive(sink.data());
  EXPECT_EQ(archive.error, "");
  const std::string zeros(1 << 20, '\0');
  EXPECT_TRUE(archive.Find("a all")->data == zeros);
  EXPECT_TRUE(archive.Find("b front")->data == zeros + "abc");
  EXPECT_TRUE(archive.Find("c back")->data == "abc" + zeros.substr(3));
  EXPECT_EQ(archive.Find("d after")->data, "still in step");
}

TEST_F(ExportFilesTest, FilesWithHolesKeepNamesOfAnyLength) {
  const std::string dir(90, 'd');
  newer_.Directory(dir);
  const std::vector<std::string> names = {std::string(98, 'a'),
                                          std::string(99, 'b'),
                                          std::string(100, 'c'),
                                          std::string(101, 'e'),
                                          std::string(255, 'f'),
                                          std::string(98, '\xe4'),
                                          std::string(99, '\xe5'),
                                          std::string(100, '\xe6'),
                                          dir + "/" + std::string(9, 'x'),
                                          dir + "/" + std::string(100, 'y'),
                                          dir + "/" + std::string(101, 'z'),
                                          dir + "/" + std::string(100, '\xe9')};
  for (const std::string& name : names) Sparse(name, 100000, {50000}, name);
  sys::StringSink sink;
  ASSERT_THAT(ExportTo(sink), IsOk());
  const TestArchive archive = ReadTestArchive(sink.data());
  EXPECT_EQ(archive.error, "");
  for (const std::string& name : names) {
    const TestEntry* const file = archive.Find(name);
    ASSERT_NE(file, nullptr) << name;
    EXPECT_TRUE(file->data.substr(50000, name.size()) == name) << name;
  }
}

TEST_F(ExportFilesTest, AHugeHoleTakesNoTime) {
  Sparse("f", uint64_t{1} << 43, {0}, "abc");
  sys::StringSink sink;
  ASSERT_THAT(ExportTo(sink), IsOk());
  EXPECT_LT(sink.data().size(), 64u << 10);
  EXPECT_EQ(ReadTestArchive(sink.data(), false).Find("f")->size, int64_t{1} << 43);
}

TEST_F(ExportFilesTest, AFileThatShrinksIsAnErrorAndNoArchive) {
  newer_.File("f", std::string(1 << 20, 'x'));
  HookedSink sink([this] {
    newer_.Overwrite("f", "short");
    return absl::OkStatus();
  });
  const absl::Status status = ExportTo(sink);
  EXPECT_THAT(status, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/f"));
  EXPECT_NE(ReadTestArchive(sink.data()).error, "");
}

TEST_F(ExportFilesTest, AFileThatGrowsIsExportedAsLongAsItWas) {
  newer_.File("f", std::string(1 << 20, 'x'));
  newer_.File("g", "in step");
  HookedSink sink([this] {
    newer_.Overwrite("f", std::string(2 << 20, 'x'));
    return absl::OkStatus();
  });
  ASSERT_THAT(ExportTo(sink), IsOk());
  const TestArchive archive = ReadTestArchive(sink.data());
  EXPECT_EQ(archive.Find("f")->size, 1 << 20);
  EXPECT_EQ(archive.Find("g")->data, "in step");
}

TEST_F(ExportFilesTest, AFileThatWasReplacedBySomethingElseIsAnError) {
  newer_.File("f", "x");
  bool done = false;
  counted_.SetPlan([&](const sys::SeamCall& call) {
    if (call.method != "OpenFile" || done) return 0;
    done = true;
    const auto dir = *linux_.host().root->OpenDir(newer_dir_.path());
    EXPECT_THAT(dir->Unlink("f"), IsOk());
    EXPECT_THAT(dir->MakeNode("f", sys::FileType::kFifo, {}, 0600), IsOk());
    return 0;
  });
  sys::StringSink sink;
  EXPECT_THAT(ExportTo(sink), FailsWithErrno(EBUSY));
}

TEST_F(ExportFilesTest, AnErrorOfTheOutputIsReturnedWhereverItComes) {
  newer_.File("f", std::string(300 << 10, 'x'));
  int writes = 0;
  HookedSink counting([&writes] {
    ++writes;
    return absl::OkStatus();
  });
  ASSERT_THAT(ExportTo(counting), IsOk());
  for (int fail = 1; fail <= writes; ++fail) {
    int n = 0;
    HookedSink sink(
        [&n, fail] { return ++n == fail ? sys::ErrnoStatus(EPIPE, "write") : absl::OkStatus(); });
    EXPECT_THAT(ExportTo(sink), FailsWithErrno(EPIPE)) << "write " << fail;
    EXPECT_EQ(n, fail) << "written on after an error";
  }
}

TEST_F(ExportFilesTest, AnErrorOfAnyCallIsAnErrorOfTheExport) {
  older_.Directory("d");
  newer_.Directory("d");
  older_.File("d/gone", "x");
  newer_.File("d/f", std::string(100 << 10, 'x'));
  newer_.Link("d/f", "d/g");
  newer_.Symlink("link", "target");
  Sparse("sparse", 1 << 20, {4096}, "abc");
  counted_.SetPlan(nullptr);
  sys::StringSink whole;
  ASSERT_THAT(ExportTo(whole), IsOk());
  const uint64_t calls = counted_.calls();
  ASSERT_GT(calls, 20u);
  for (uint64_t n = 1; n <= calls; ++n) {
    counted_.SetPlan(sys::FaultyHost::FailCall(n, EIO));
    sys::StringSink sink;
    EXPECT_THAT(ExportTo(sink), FailsWithErrno(EIO))
        << "call " << n << ": " << counted_.Log().back();
    EXPECT_FALSE(absl::EndsWith(sink.data(), std::string(1024, '\0'))) << "call " << n;
  }
  counted_.SetPlan(nullptr);
  EXPECT_EQ(counted_.open_handles(), 2u);
}

TEST_F(ExportFilesTest, AFilesystemWithoutXattrsHasNone) {
  newer_.File("f", "x");
  counted_.SetPlan(sys::FaultyHost::FailMatching("ListXattrs", "", ENOTSUP));
  EXPECT_THAT(Entries(), ElementsAre("f"));
}

}  // namespace
}  // namespace dmkit::driver
