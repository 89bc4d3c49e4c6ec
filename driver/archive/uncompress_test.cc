// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/uncompress.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/chunks.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;

absl::StatusOr<std::string> ReadAll(sys::ByteSource& in) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<ChunkSource> chunks, Uncompress(in, nullptr));
  std::string all;
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view chunk, chunks->Next());
    if (chunk.empty()) return all;
    all.append(chunk.data(), chunk.size());
  }
}

absl::StatusOr<std::string> ReadAll(const std::string& bytes) {
  sys::StringSource in(bytes);
  return ReadAll(in);
}

// Does not repeat itself, so that every byte of the packed form matters.
std::string Noise(size_t size) {
  std::string noise;
  uint64_t state = 88172645463325252u;
  while (noise.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    noise.push_back(static_cast<char>(state));
  }
  return noise;
}

class UncompressTest : public testing::TestWithParam<PackKind> {};

TEST_P(UncompressTest, PackedBytesComeOutAgain) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100000}, size_t{600000}}) {
    const std::string bytes = Noise(size);
    EXPECT_THAT(ReadAll(Pack(GetParam(), bytes)), IsOkAndHolds(bytes)) << size;
  }
}

TEST_P(UncompressTest, SmallPiecesOfInputMakeNoDifference) {
  const std::string bytes = Noise(5000) + std::string(700000, 'a');
  sys::StringSource in(Pack(GetParam(), bytes), 7);
  EXPECT_THAT(ReadAll(in), IsOkAndHolds(bytes));
}

TEST_P(UncompressTest, TwoStreamsAreOne) {
  EXPECT_THAT(ReadAll(Pack(GetParam(), "one") + Pack(GetParam(), "two")), IsOkAndHolds("onetwo"));
}

TEST_P(UncompressTest, AStreamThatIsCutOffIsDataLoss) {
  const std::string packed = Pack(GetParam(), Noise(3000));
  for (size_t size = 10; size < packed.size();
       size += size < 40 || size + 40 > packed.size() ? 1u : 97u) {
    EXPECT_THAT(ReadAll(packed.substr(0, size)), FailsWithCode(absl::StatusCode::kDataLoss))
        << size;
  }
}

TEST_P(UncompressTest, AStreamWithAWrongByteInItsDataIsDataLoss) {
  const std::string packed = Pack(GetParam(), Noise(3000));
  for (size_t at = 100; at < packed.size(); at += 97) {
    std::string wrong = packed;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    EXPECT_THAT(ReadAll(wrong), FailsWithCode(absl::StatusCode::kDataLoss)) << at;
  }
}

TEST_P(UncompressTest, WhatFollowsAStreamIsDataLoss) {
  EXPECT_THAT(ReadAll(Pack(GetParam(), "bytes") + "and more of another kind"),
              FailsWithCode(absl::StatusCode::kDataLoss));
}

INSTANTIATE_TEST_SUITE_P(All, UncompressTest,
                         testing::Values(PackKind::kGzip, PackKind::kZstd, PackKind::kXz,
                                         PackKind::kBzip2));

TEST(UncompressPlainTest, PlainBytesPassAsTheyAre) {
  for (const char* bytes : {"", "x", "\x1f", "BZ", "\x28\xb5\x2f", "plain bytes"}) {
    EXPECT_THAT(ReadAll(std::string(bytes)), IsOkAndHolds(bytes));
  }
}

TEST(UncompressGzipTest, ZerosBehindAStreamArePadding) {
  EXPECT_THAT(ReadAll(Pack(PackKind::kGzip, "bytes") + std::string(1000, '\0')),
              IsOkAndHolds("bytes"));
}

TEST(UncompressGzipTest, AWrongChecksumOrLengthIsDataLoss) {
  const std::string packed = Pack(PackKind::kGzip, "bytes");
  for (size_t back = 1; back <= 8; ++back) {
    std::string wrong = packed;
    wrong[wrong.size() - back] = static_cast<char>(wrong[wrong.size() - back] + 1);
    EXPECT_THAT(ReadAll(wrong), FailsWithCode(absl::StatusCode::kDataLoss)) << back;
  }
}

class FailingSource : public sys::ByteSource {
 public:
  explicit FailingSource(std::string first) : first_(std::move(first)) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t size = first_.copy(buffer.data(), buffer.size());
    first_.clear();
    if (size == 0) return sys::ErrnoStatus(EIO, "read");
    return size;
  }

 private:
  std::string first_;
};

TEST_P(UncompressTest, AnErrorOfTheSourceComesOutAsItIs) {
  FailingSource in(Pack(GetParam(), Noise(3000)).substr(0, 1000));
  EXPECT_THAT(ReadAll(in), FailsWithErrno(EIO));
}

TEST(UncompressPlainTest, ProgressTellsTheBytesThatWereRead) {
  sys::StringSource in(std::string((4 << 20) + 7, 'x'));
  std::vector<uint64_t> told;
  auto chunks = Uncompress(in, [&told](uint64_t bytes) { told.push_back(bytes); });
  ASSERT_THAT(chunks, IsOk());
  for (absl::StatusOr<absl::string_view> chunk = (*chunks)->Next(); !chunk->empty();) {
    chunk = (*chunks)->Next();
    ASSERT_THAT(chunk, IsOk());
  }
  EXPECT_THAT(told, testing::ElementsAre(1 << 20, 2 << 20, 3 << 20, 4 << 20, (4 << 20) + 7));
}

}  // namespace
}  // namespace dmkit::driver
