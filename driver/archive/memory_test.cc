// SPDX-License-Identifier: Apache-2.0
// How much memory large files take on their way in and out: that of buffers. A process of its own,
// since a peak is that of all tests in it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "driver/archive/apply.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/testdata/tar_builder.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::IsOk;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kFileBytes = 256 * kMiB;
constexpr uint64_t kPeakGrowthMax = 24 * kMiB;
constexpr size_t kSizeOffset = 124;

// Gives each text as often as it says, one after the other.
class RepeatedSource : public sys::ByteSource {
 public:
  explicit RepeatedSource(std::vector<std::pair<std::string, uint64_t>> texts)
      : texts_(std::move(texts)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (text_ == texts_.size()) return size_t{0};
    const auto& [text, times] = texts_[text_];
    const size_t length = text.copy(buffer.data(), buffer.size(), at_);
    at_ += length;
    if (at_ < text.size()) return length;
    at_ = 0;
    if (++time_ == times) {
      time_ = 0;
      ++text_;
    }
    return length;
  }

 private:
  const std::vector<std::pair<std::string, uint64_t>> texts_;
  size_t text_ = 0;
  uint64_t time_ = 0;
  size_t at_ = 0;
};

class CountingSink : public sys::ByteSink {
 public:
  absl::Status Write(absl::string_view data) override {
    bytes_ += data.size();
    return absl::OkStatus();
  }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_ = 0;
};

class ArchiveMemoryTest : public ::testing::Test {
 protected:
  // One file of kFileBytes zeros; `pack` is done to each piece of the archive.
  static RepeatedSource Zeros(const std::function<std::string(const std::string&)>& pack) {
    std::string header = TarBuilder().File("zeros").bytes();
    header.replace(kSizeOffset, 11, absl::StrFormat("%011o", kFileBytes));
    FixChecksum(header, 0);
    return RepeatedSource({{pack(header), 1},
                           {pack(std::string(kMiB, '\0')), kFileBytes / kMiB},
                           {pack(std::string(1024, '\0')), 1}});
  }

  // VmHWM: the most that this process has had in memory so far.
  uint64_t Peak() {
    const auto status = sys::ReadFile(*linux_.host().root, "/proc/self/status", 1 << 16);
    EXPECT_THAT(status, IsOk());
    for (const absl::string_view line : absl::StrSplit(*status, '\n')) {
      const std::vector<absl::string_view> words =
          absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      uint64_t kibibytes = 0;
      if (words.size() == 3 && words[0] == "VmHWM:" && absl::SimpleAtoi(words[1], &kibibytes)) {
        return kibibytes * 1024;
      }
    }
    ADD_FAILURE() << "no VmHWM";
    return 0;
  }

  void ExpectLittle(const std::function<void()>& work) {
    const uint64_t before = Peak();
    work();
    EXPECT_LT(Peak() - before, kPeakGrowthMax);
  }

  sys::LinuxHost linux_;
  sys::TempDir temp_;
  const std::unique_ptr<sys::Dir> tree_ = *linux_.host().root->OpenDir(temp_.path());
};

TEST_F(ArchiveMemoryTest, LargeFileIsAppliedAndExportedInAFewMebibytes) {
  RepeatedSource in = Zeros([](const std::string& piece) { return piece; });
  CountingSink out;
  ExpectLittle([&] {
    EXPECT_THAT(ApplyArchive(*tree_, in, ArchiveOptions()), IsOk());
    EXPECT_THAT(ExportChanges(*tree_, nullptr, ArchiveOptions(), out), IsOk());
  });
  EXPECT_EQ(tree_->Stat("zeros")->size_bytes, kFileBytes);
  EXPECT_GT(out.bytes(), kFileBytes);
}

TEST_F(ArchiveMemoryTest, PackedLargeFileIsAppliedInAFewMebibytes) {
  RepeatedSource in = Zeros([](const std::string& piece) { return Pack(PackKind::kGzip, piece); });
  ExpectLittle([&] { EXPECT_THAT(ApplyArchive(*tree_, in, ArchiveOptions()), IsOk()); });
  EXPECT_EQ(tree_->Stat("zeros")->size_bytes, kFileBytes);
}

TEST_F(ArchiveMemoryTest, FileOfHolesLeavesAndArrivesInAFewMebibytes) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  {
    const auto file = tree_->OpenFile("holes", options);
    ASSERT_THAT(file, IsOk());
    for (uint64_t i = 0; i < 8; ++i) {
      ASSERT_THAT((*file)->WriteAt(i * 4 * kFileBytes, "data"), IsOk());
    }
  }
  const sys::TempDir other;
  const auto copy = linux_.host().root->OpenDir(other.path());
  ExpectLittle([&] {
    sys::StringSink archive;
    EXPECT_THAT(ExportChanges(*tree_, nullptr, ArchiveOptions(), archive), IsOk());
    sys::StringSource in(archive.data());
    EXPECT_THAT(ApplyArchive(**copy, in, ArchiveOptions()), IsOk());
  });
  EXPECT_EQ((*copy)->Stat("holes")->size_bytes, tree_->Stat("holes")->size_bytes);
}

}  // namespace
}  // namespace dmkit::driver
