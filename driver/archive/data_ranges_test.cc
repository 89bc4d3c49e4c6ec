// SPDX-License-Identifier: Apache-2.0
// Tests of the ranges of data, on a file that is nothing but its ranges.

#include "driver/archive/data_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using Range = ::dmkit::sys::File::DataRange;

absl::Status Unused() { return sys::ErrnoStatus(ENOSYS, "not part of this test"); }

class RangesFile : public sys::File {
 public:
  explicit RangesFile(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}

  absl::StatusOr<std::optional<Range>> NextData(uint64_t offset) override {
    if (fails_) return sys::ErrnoStatus(EIO, "seek");
    for (const Range& range : ranges_) {
      if (range.end <= offset) continue;
      return std::optional<Range>(Range{std::max(range.begin, offset), range.end});
    }
    return std::optional<Range>();
  }
  void Fail() { fails_ = true; }

  absl::StatusOr<size_t> ReadAt(uint64_t, absl::Span<char>) override { return Unused(); }
  absl::Status WriteAt(uint64_t, absl::string_view) override { return Unused(); }
  absl::Status Truncate(uint64_t) override { return Unused(); }
  absl::Status Sync() override { return Unused(); }
  absl::StatusOr<sys::FileStat> Stat() override { return Unused(); }
  absl::StatusOr<int> Ioctl(unsigned long, absl::Span<char>) override { return Unused(); }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return Unused(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return Unused(); }
  absl::StatusOr<bool> TryLock(sys::LockMode) override { return Unused(); }
  absl::Status Unlock() override { return Unused(); }
  int descriptor() const override { return -1; }

 private:
  const std::vector<Range> ranges_;
  bool fails_ = false;
};

std::vector<std::pair<uint64_t, uint64_t>> Of(RangesFile file, uint64_t size) {
  const auto ranges = DataRanges(file, size);
  EXPECT_THAT(ranges, IsOk());
  std::vector<std::pair<uint64_t, uint64_t>> pairs;
  for (const Range& range : *ranges) pairs.emplace_back(range.begin, range.end);
  return pairs;
}

using Pairs = std::vector<std::pair<uint64_t, uint64_t>>;

TEST(DataRangesTest, GivesWhatTheFileHas) {
  EXPECT_EQ(Of(RangesFile({{4, 8}, {16, 20}}), 100), (Pairs{{4, 8}, {16, 20}}));
  EXPECT_EQ(Of(RangesFile({}), 100), Pairs());
  EXPECT_EQ(Of(RangesFile({{0, 100}}), 100), (Pairs{{0, 100}}));
}

TEST(DataRangesTest, JoinsRangesThatTouch) {
  EXPECT_EQ(Of(RangesFile({{0, 8}, {8, 20}, {21, 22}}), 100), (Pairs{{0, 20}, {21, 22}}));
}

TEST(DataRangesTest, LooksAtNothingBehindTheSize) {
  EXPECT_EQ(Of(RangesFile({{0, 8}, {16, 200}}), 100), (Pairs{{0, 8}, {16, 100}}));
  EXPECT_EQ(Of(RangesFile({{100, 200}}), 100), Pairs());
}

TEST(DataRangesTest, OfTooManyTheSmallestHolesAreFilled) {
  std::vector<Range> ranges;
  uint64_t at = 0;
  for (size_t i = 0; i < 3 * kDataRangesMax; ++i) {
    ranges.push_back({at, at + 1});
    at += i % 1000 == 999 ? 1 << 20 : 2;
  }
  const uint64_t size = at;
  const Pairs joined = Of(RangesFile(ranges), size);
  EXPECT_LE(joined.size(), kDataRangesMax);
  EXPECT_GE(joined.size(), 3 * kDataRangesMax / 1000);
  uint64_t data = 0;
  for (const auto& [begin, end] : joined) data += end - begin;
  EXPECT_LT(data, uint64_t{6} * kDataRangesMax);
  // Nothing that was data is left out.
  size_t j = 0;
  for (const Range& range : ranges) {
    while (joined[j].second < range.end) ++j;
    ASSERT_LE(joined[j].first, range.begin);
  }
}

TEST(DataRangesTest, AnErrorIsReturned) {
  RangesFile file({{0, 8}});
  file.Fail();
  EXPECT_THAT(DataRanges(file, 100), FailsWithErrno(EIO));
}

TEST(DataRangesTest, OnlyOneRangeFromEndToEndCoversAll) {
  EXPECT_TRUE(CoversAll({{0, 10}}, 10));
  EXPECT_FALSE(CoversAll({}, 10));
  EXPECT_FALSE(CoversAll({{0, 9}}, 10));
  EXPECT_FALSE(CoversAll({{1, 10}}, 10));
  EXPECT_FALSE(CoversAll({{0, 5}, {6, 10}}, 10));
}

}  // namespace
}  // namespace dmkit::driver
