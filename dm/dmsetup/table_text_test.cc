// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/table_text.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// One line of the table as "START+LENGTH TYPE[PARAMETERS]" per target.
std::string Read(absl::string_view text) {
  const auto table = ParseTable(text, "on stdin");
  if (!table.ok()) return std::string(table.status().message());
  std::string lines;
  for (const TableLine& line : *table) {
    absl::StrAppend(&lines, lines.empty() ? "" : "|", line.start.count(), "+", line.length.count(),
                    " ", line.type.text(), "[", line.params, "]");
  }
  return lines;
}

TEST(TableTextTest, LinesAreTargets) {
  EXPECT_EQ(Read("0 8 linear 1:0 16\n8 8 zero"), "0+8 linear[1:0 16]|8+8 zero[]");
  EXPECT_EQ(Read("  0\t8   zero  \r\n"), "0+8 zero[]");
  EXPECT_EQ(Read("+0 +8 zero"), "0+8 zero[]");
  EXPECT_EQ(Read("0 8linear 1:0 0"), "0+8 linear[1:0 0]") << "as scanf reads it";
}

TEST(TableTextTest, BlankLinesAndCommentsAreDropped) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("\n  \n# nothing\n  # nothing either\n"), "");
  EXPECT_EQ(Read("# first\n0 8 zero # all of it\n"), "0+8 zero[]");
  EXPECT_EQ(Read("0 8 linear /dev/a#b 0"), "0+8 linear[/dev/a]") << "also in a word";
}

TEST(TableTextTest, BackslashesAreDoubledForTheKernel) {
  EXPECT_EQ(Read("0 8 linear /dev/mapper/a\\x20b 0"), "0+8 linear[/dev/mapper/a\\\\x20b 0]");
}

TEST(TableTextTest, WhatIsNoLineIsToldWithItsNumber) {
  for (const char* line : {"x", "0", "0 8", "zero 0 8", "0 x zero", "a 8 zero", "0x10 8 zero",
                           "-1 8 zero", "0 -8 zero", "0,8 zero", "18446744073709551616 8 zero",
                           "0 99999999999999999999 zero", "+ 8 zero"}) {
    EXPECT_EQ(Read(absl::StrCat("# comment\n", line, "\n")),
              "Invalid format on line 2 of table on stdin.")
        << line;
  }
  EXPECT_EQ(ParseTable("nonsense", "").status().message(), "Invalid format on line 1 of table .");
  EXPECT_EQ(ParseTable("nonsense", "/tmp/t").status().message(),
            "Invalid format on line 1 of table /tmp/t.");
}

TEST(TableTextTest, ANulIsInNoLine) {
  EXPECT_EQ(Read(std::string("0 8 li\0near 1:0 0", 17)),
            "Invalid format on line 1 of table on stdin.");
  EXPECT_EQ(Read(std::string("0 8 linear 1:0\0 0", 17)),
            "Invalid format on line 1 of table on stdin.");
}

TEST(TableTextTest, TypesThatAreTooLongAreRefused) {
  EXPECT_EQ(Read("0 8 abcdefghijklmno"), "0+8 abcdefghijklmno[]");
  EXPECT_EQ(Read("0 8 abcdefghijklmnop"), "Target type name abcdefghijklmnop is too long.");
  EXPECT_THAT(Read("0 8 " + std::string(100000, 'a')), StartsWith("Target type name aaa"));
}

TEST(TableTextTest, GapsAndOverlapsAreRefusedWithTheirLine) {
  EXPECT_EQ(Read("1 8 zero"),
            "Invalid target on line 1 of table on stdin: it leaves a gap: it starts at sector 1 "
            "instead of 0.");
  EXPECT_EQ(Read("0 8 zero\n\n9 8 zero"),
            "Invalid target on line 3 of table on stdin: it leaves a gap: it starts at sector 9 "
            "instead of 8.");
  EXPECT_EQ(Read("0 8 zero\n4 8 zero"),
            "Invalid target on line 2 of table on stdin: it overlaps another: it starts at sector "
            "4 instead of 8.");
}

TEST(TableTextTest, LinesWithoutOrWithTooManySectorsAreRefused) {
  EXPECT_EQ(Read("0 0 zero"),
            "Invalid target on line 1 of table on stdin: it is zero sectors long.");
  EXPECT_EQ(Read("0 18014398509481983 zero"), "0+18014398509481983 zero[]");
  EXPECT_EQ(Read("0 18014398509481984 zero"),
            "Invalid target on line 1 of table on stdin: it ends behind sector 18014398509481983.");
  EXPECT_THAT(Read("0 8 zero\n8 18446744073709551615 zero"),
              StartsWith("Invalid target on line 2"));
}

TEST(TableTextTest, ParametersThatAreTooLongAreRefused) {
  EXPECT_TRUE(ParseTable("0 8 x " + std::string(kParametersMax, 'p'), "").ok());
  EXPECT_EQ(Read("0 8 x " + std::string(kParametersMax + 1, 'p')),
            "Invalid target on line 1 of table on stdin: its parameters are longer than 1048576 "
            "bytes.");
}

std::vector<std::string> Names(const ConciseText& text) {
  std::vector<std::string> names;
  for (const ConciseDevice& device : text.devices) names.push_back(device.name);
  return names;
}

TEST(ConciseTextTest, DevicesHaveFiveFields) {
  const ConciseText text = ParseConcise("dev1,,,,0 8 zero,8 8 error;dev2, U-2, 3,ro, 0 1 zero");
  EXPECT_THAT(text.errors, IsEmpty());
  ASSERT_THAT(text.devices, SizeIs(2));
  EXPECT_EQ(text.devices[0].table, "0 8 zero\n8 8 error");
  EXPECT_EQ(text.devices[0].uuid, "");
  EXPECT_FALSE(text.devices[0].read_only);
  EXPECT_EQ(text.devices[1].name, "dev2");
  EXPECT_EQ(text.devices[1].uuid, "U-2");
  EXPECT_EQ(text.devices[1].minor, "3");
  EXPECT_TRUE(text.devices[1].read_only);
  EXPECT_EQ(text.devices[1].table, "0 1 zero");
}

TEST(ConciseTextTest, BackslashesTakeTheNextByte) {
  const ConciseText text = ParseConcise("a\\,b,,,rw,0 1 x \\;\\\\ ");
  ASSERT_THAT(text.devices, SizeIs(1));
  EXPECT_EQ(text.devices[0].name, "a,b");
  EXPECT_EQ(text.devices[0].table, "0 1 x ;\\ ");
}

TEST(ConciseTextTest, ALineEndMayFollow) {
  EXPECT_THAT(Names(ParseConcise("a,,,,0 1 zero\n")), ElementsAre("a"));
  EXPECT_THAT(Names(ParseConcise("a,,,,0 1 zero;\n b,,,,0 1 zero;")), ElementsAre("a", "b"));
  EXPECT_THAT(ParseConcise("").errors, IsEmpty());
}

TEST(ConciseTextTest, MistakesAreToldBehindTheDevicesBeforeThem) {
  constexpr absl::string_view kIncomplete =
      "Incomplete entry: five comma-separated fields are required for each device";
  constexpr absl::string_view kFive = "Five comma-separated fields are required for each device";
  const struct {
    const char* text;
    absl::string_view error;
    const char* parsed;
  } kBad[] = {
      {"a", kFive,
       "Parsed 1 fields: name: a uuid: (null) minor: (null) flags: (null) table: (null)"},
      {"a,b", kFive, "Parsed 2 fields: name: a uuid: b minor: (null) flags: (null) table: (null)"},
      {"a,b,", kIncomplete, "Parsed 3 fields: name: a uuid: b minor:  flags: (null) table: (null)"},
      {"a,,,;", kFive, "Parsed 4 fields: name: a uuid:  minor:  flags:  table: (null)"},
      {"a,,,,0 1 zero,", kIncomplete,
       "Parsed 5 fields: name: a uuid:  minor:  flags:  table: 0 1 zero\n"},
      {"a,,,,", kIncomplete, "Parsed 5 fields: name: a uuid:  minor:  flags:  table: "},
      {"a,,,,\\x", kIncomplete, "Parsed 5 fields: name: a uuid:  minor:  flags:  table: x"},
      {"a\\", "Backslash must be followed by another character at end of string.",
       "Parsed 1 fields: name: a uuid: (null) minor: (null) flags: (null) table: (null)"},
  };
  for (const auto& bad : kBad) {
    EXPECT_THAT(ParseConcise(bad.text).errors, ElementsAre(bad.error, bad.parsed)) << bad.text;
    const ConciseText second = ParseConcise(absl::StrCat("first,,,,0 1 zero;", bad.text));
    EXPECT_THAT(Names(second), ElementsAre("first")) << bad.text;
    EXPECT_THAT(second.errors, ElementsAre(bad.error, bad.parsed)) << bad.text;
  }
}

TEST(ConciseTextTest, MistakesShowNoKey) {
  const struct {
    const char* text;
    const char* shown;
  } kBad[] = {
      {"a,,,0 8 crypt c 0ff1 0 1:0 0", "flags: 0 8 crypt c 0000 0 1:0 0 table: (null)"},
      {"a,,0 8 crypt c 0ff1 0 1:0 0", "minor: 0 8 crypt c 0000 0 1:0 0 flags: (null)"},
      {"0 8 crypt c 0ff1 0 1:0 0", "name: 0 8 crypt c 0000 0 1:0 0 uuid: (null)"},
      {"a,,,0 8 crypt c 0ff1 0 1:0 0,8 8 zero", "parameter '0 8 crypt c 0000 0 1:0 0' must be"},
      {"a,,,,,0 8 crypt c 0ff1 0 1:0 0,8 8 zero,", "table: \n0 8 crypt c 0000 0 1:0 0\n8 8 zero\n"},
      {"a,,,,0 4 zero,4 8 crypt c 0ff1 0 1:0 0,", "0 4 zero\n4 8 crypt c 0000 0 1:0 0\n"},
      {"a,,,0 8 crypt c\\  0ff1 0 1:0 0", "flags: 0 8 crypt c  0000 0 1:0 0 table"},
      {"a,,,8 crypt c 0ff1\\", "flags: 8 crypt c 0000 table"},
      {"a,,,crypt c 0ff1", "flags: crypt c 0000 table"},
      {"a,,,0 8 integrity 1:0 0 32 D 1 journal_mac:hmac(sha256):0ff1",
       "flags: 0 8 integrity 1:0 0 32 D 1 journal_mac:hmac(sha256):0000 table"},
      {"crypt 0 8 crypt c 0ff1 0 1:0 0", "name: crypt 0 0 crypt c 0000 0 1:0 0 uuid: (null)"},
      {"integrity 0 8 crypt c 0ff1 0 1:0 0", "name: integrity 0 8 crypt c 0000 0 1:0 0 uuid"},
  };
  for (const auto& bad : kBad) {
    const std::vector<std::string> errors = ParseConcise(bad.text).errors;
    ASSERT_THAT(errors, Not(IsEmpty())) << bad.text;
    EXPECT_THAT(errors.back(), HasSubstr(bad.shown)) << bad.text;
    EXPECT_THAT(errors.back(), Not(HasSubstr("0ff1"))) << bad.text;
  }
}

TEST(ConciseTextTest, FlagsAreRoOrRw) {
  for (const char* flags : {"r", "RO", "ro ", "rwx", "1"}) {
    EXPECT_THAT(ParseConcise(absl::StrCat("a,,,", flags, ",0 1 zero")).errors,
                ElementsAre(absl::StrCat("Invalid flags parameter '", flags,
                                         "' must be 'ro' or 'rw' or empty.")));
  }
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
