// SPDX-License-Identifier: Apache-2.0
// Tests of sizes as Docker reads and prints them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "driver/options.h"
#include "sys/status_matchers.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::Bytes;
using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::Eq;

TEST(ParseSizeTest, UnitsArePowersOf1024InEverySpelling) {
  const struct {
    const char* text;
    uint64_t bytes;
  } kCases[] = {
      {"1", 1},
      {"512b", 512},
      {"512B", 512},
      {"32k", 32768},
      {"32K", 32768},
      {"32kb", 32768},
      {"32KB", 32768},
      {"32kib", 32768},
      {"32KiB", 32768},
      {"32 kb", 32768},
      {"32 ", 32},
      {"32m", uint64_t{32} << 20},
      {"10G", uint64_t{10} << 30},
      {"3t", uint64_t{3} << 40},
      {"5p", uint64_t{5} << 50},
      {"5PiB", uint64_t{5} << 50},
      {"007k", 7168},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseSize(c.text), IsOkAndHolds(Eq(Bytes(c.bytes)))) << c.text;
  }
}

TEST(ParseSizeTest, FractionsAreExactAndDropWhatIsLessThanAByte) {
  const struct {
    const char* text;
    uint64_t bytes;
  } kCases[] = {
      {"1.5G", uint64_t{3} << 29},
      {"0.5k", 512},
      {".5k", 512},
      {"5.k", 5120},
      {"1.3g", 1395864371},
      {"1.9", 1},
      {"1.9b", 1},
      {"0.001k", 1},
      {"0.1m", 104857},
      {"0.9999999999999999999999g", (uint64_t{1} << 30) - 1},
      {"8191.999999999999999999p", std::numeric_limits<int64_t>::max()},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(ParseSize(c.text), IsOkAndHolds(Eq(Bytes(c.bytes)))) << c.text;
  }
}

TEST(ParseSizeTest, TheLargestSizeIsTheLargestSignedNumber) {
  EXPECT_THAT(ParseSize("9223372036854775807"),
              IsOkAndHolds(Eq(Bytes(std::numeric_limits<int64_t>::max()))));
  EXPECT_THAT(ParseSize("8191p"), IsOkAndHolds(Eq(Bytes(uint64_t{8191} << 50))));
  for (const char* text :
       {"9223372036854775808", "18446744073709551616", "8192p", "8192.1p", "9007199254740992k",
        "99999999999999999999999999999999999999999", "18446744073709551615p"}) {
    EXPECT_THAT(ParseSize(text), FailsWithCode(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ParseSizeTest, WhatIsNoSizeIsRefused) {
  for (const absl::string_view text : {absl::string_view(""),
                                       absl::string_view(" "),
                                       absl::string_view("."),
                                       absl::string_view("k"),
                                       absl::string_view(".k"),
                                       absl::string_view("-1"),
                                       absl::string_view("-0"),
                                       absl::string_view("+1"),
                                       absl::string_view("1e3"),
                                       absl::string_view("0x10"),
                                       absl::string_view("inf"),
                                       absl::string_view("nan"),
                                       absl::string_view("1,5g"),
                                       absl::string_view("1.2.3"),
                                       absl::string_view("1..5"),
                                       absl::string_view("1  k"),
                                       absl::string_view(" 1"),
                                       absl::string_view("1\tk"),
                                       absl::string_view("1k "),
                                       absl::string_view("1e"),
                                       absl::string_view("1z"),
                                       absl::string_view("1kk"),
                                       absl::string_view("1ki"),
                                       absl::string_view("1kib2"),
                                       absl::string_view("1bb"),
                                       absl::string_view("1bib"),
                                       absl::string_view("1ib"),
                                       absl::string_view("1_000"),
                                       absl::string_view("1k\0", 3),
                                       absl::string_view("1\0", 2),
                                       absl::string_view("\xef\xbc\x91k"),
                                       absl::string_view("10 10")}) {
    EXPECT_THAT(ParseSize(text), FailsWithCode(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ParseSizeTest, ZeroIsRefusedAlsoWhenItOnlyRoundsToZero) {
  for (const char* text : {"0", "0g", "0.0", "0.9", "0.0001k", ".0k", "000"}) {
    EXPECT_THAT(ParseSize(text), FailsWithCode(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(HumanSizeTest, FourDigitsInPowersOf1000) {
  const struct {
    uint64_t bytes;
    const char* text;
  } kCases[] = {
      {0, "0B"},
      {1, "1B"},
      {999, "999B"},
      {1000, "1kB"},
      {1024, "1.024kB"},
      {65536, "65.54kB"},
      {999949, "999.9kB"},
      {999999, "1000kB"},
      {1000000, "1MB"},
      {314572800, "314.6MB"},
      {uint64_t{2} << 30, "2.147GB"},
      {uint64_t{10} << 30, "10.74GB"},
      {uint64_t{100} << 30, "107.4GB"},
      {uint64_t{1} << 50, "1.126PB"},
      {std::numeric_limits<uint64_t>::max(), "18.45EB"},
  };
  for (const auto& c : kCases) EXPECT_EQ(HumanSize(Bytes(c.bytes)), c.text);
}

}  // namespace
}  // namespace dmkit::driver
