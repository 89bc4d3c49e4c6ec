// SPDX-License-Identifier: Apache-2.0
// Tests of the bounds of ByteReader and of the zeros of ByteWriter.

#include "sys/bytes.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::HasSubstr;

constexpr size_t kHuge = ~size_t{0};
constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

// Sixteen bytes: two numbers, "ab\0", "cdefg" without an end.
std::string Sample() {
  ByteWriter writer;
  writer.Append(uint32_t{0x01020304});
  writer.Append(uint32_t{0x05060708});
  writer.AppendCString("ab");
  writer.AppendBytes("cdefg");
  return writer.Take();
}

TEST(ByteReaderTest, ReadsWhatLiesInside) {
  const std::string data = Sample();
  const ByteReader reader(data);
  EXPECT_EQ(reader.size(), 16u);
  EXPECT_THAT(reader.At<uint32_t>(4, "number"), IsOkAndHolds(0x05060708u));
  EXPECT_THAT(reader.At<uint32_t>(12, "last"), IsOk());
  EXPECT_THAT(reader.Sub(8, 2, "text"), IsOkAndHolds("ab"));
  EXPECT_THAT(reader.Sub(16, 0, "nothing at the end"), IsOkAndHolds(""));
  EXPECT_THAT(reader.CString(8, 16, "text"), IsOkAndHolds("ab"));
  EXPECT_THAT(reader.CString(10, 11, "empty text"), IsOkAndHolds(""));
}

TEST(ByteReaderTest, ReadsUnaligned) {
  const std::string data = Sample();
  const ByteReader reader(absl::string_view(data).substr(1));
  EXPECT_THAT(reader.At<uint32_t>(3, "number"), IsOkAndHolds(0x05060708u));
}

TEST(ByteReaderTest, NumbersPastTheEndAreDataLoss) {
  const std::string data = Sample();
  const ByteReader reader(data);
  for (const size_t offset : {size_t{13}, size_t{15}, size_t{16}, size_t{17}, kHuge, kHuge - 2}) {
    EXPECT_THAT(reader.At<uint32_t>(offset, "number"), FailsWithCode(kDataLoss)) << offset;
  }
  EXPECT_THAT(ByteReader("").At<uint8_t>(0, "byte"), FailsWithCode(kDataLoss));
}

TEST(ByteReaderTest, PartsPastTheEndAreDataLoss) {
  const std::string data = Sample();
  const ByteReader reader(data);
  EXPECT_THAT(reader.Sub(0, 17, "part"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.Sub(16, 1, "part"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.Sub(17, 0, "part"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.Sub(1, kHuge, "part"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.Sub(kHuge, 1, "part"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.Sub(kHuge, kHuge, "part"), FailsWithCode(kDataLoss));
}

TEST(ByteReaderTest, TextWithoutAnEndIsDataLoss) {
  const std::string data = Sample();
  const ByteReader reader(data);
  EXPECT_THAT(reader.CString(11, 16, "no NUL"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(11, kHuge, "no NUL in the buffer"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(8, 10, "NUL at the end of the record"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(8, 8, "no room"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(9, 8, "end before the start"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(16, 17, "at the end"), FailsWithCode(kDataLoss));
  EXPECT_THAT(reader.CString(kHuge, kHuge, "far out"), FailsWithCode(kDataLoss));
}

TEST(ByteReaderTest, ErrorsNameWhatAndWhere) {
  const auto result = ByteReader("abc").At<uint32_t>(1, "the flags");
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("the flags"));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("offset 1"));
}

TEST(ByteWriterTest, PadsWithZeros) {
  ByteWriter writer;
  writer.AppendCString("ab");
  writer.AlignTo(8);
  writer.PadTo(10);
  writer.PadTo(4);
  EXPECT_EQ(writer.data(), std::string("ab\0\0\0\0\0\0\0\0", 10));
  writer.AlignTo(2);
  EXPECT_EQ(writer.size(), 10u);
}

TEST(ByteWriterTest, StaysWhereItIsUpToTheReservedSize) {
  ByteWriter writer;
  writer.Reserve(1000);
  const char* const bytes = writer.data().data();
  writer.AppendBytes(std::string(900, 'a'));
  writer.PadTo(1000);
  EXPECT_EQ(writer.data().data(), bytes);
}

TEST(ByteWriterTest, PutsOverWhatIsThere) {
  ByteWriter writer;
  writer.PadTo(6);
  writer.PutAt(2, uint32_t{0xffffffff});
  EXPECT_EQ(writer.Take(), std::string("\0\0\xff\xff\xff\xff", 6));
}

TEST(ByteWriterDeathTest, WritingPastTheEndIsAProgrammerError) {
  ByteWriter writer;
  writer.PadTo(6);
  EXPECT_DEATH(writer.PutAt(3, uint32_t{0}), "check failed");
  EXPECT_DEATH(writer.PutAt(7, uint8_t{0}), "check failed");
  EXPECT_DEATH(writer.PutAt(kHuge, uint32_t{0}), "check failed");
}

TEST(ByteWriterDeathTest, TextWithANulIsAProgrammerError) {
  ByteWriter writer;
  EXPECT_DEATH(writer.AppendCString(absl::string_view("a\0b", 3)), "check failed");
}

}  // namespace
}  // namespace dmkit::sys
