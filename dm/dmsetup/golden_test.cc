// SPDX-License-Identifier: Apache-2.0
// Command lines on a model kernel beside what Debian's dmsetup printed of them on a real one:
// testdata/README.md says how that was taken.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/dmsetup/commands_fixture.h"
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/string_stream.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::EndsWith;

struct Golden {
  std::string line;
  std::vector<std::string> words;
  std::string said;  // both streams and the exit status, in the form of the file
};

// Words in the form of a shell, of whose quotes the file has the single ones only.
std::vector<std::string> WordsOf(absl::string_view line) {
  std::vector<std::string> words;
  bool quoted = false;
  bool in_word = false;
  for (const char c : line) {
    if (c == ' ' && !quoted) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\'') {
      quoted = !quoted;
    } else {
      words.back().push_back(c);
    }
  }
  return words;
}

std::vector<Golden> ReadGoldens() {
  std::vector<Golden> goldens;
  std::ifstream file("dm/dmsetup/testdata/golden_6_1.txt");
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view command = line;
    if (absl::ConsumePrefix(&command, "dmsetup ")) {
      goldens.push_back({line, WordsOf(command), ""});
    } else if (line[0] != '#') {
      absl::StrAppend(&goldens.back().said, line, "\n");
    }
  }
  return goldens;
}

std::string InFrontOfLines(absl::string_view mark, const std::string& text) {
  std::string marked;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    absl::StrAppend(&marked, mark, text.substr(at, end - at), "\n");
    at = end + 1;
  }
  return marked;
}

class GoldenTest : public testing::CommandsTest {};

TEST_F(GoldenTest, CommandsSayWhatDmsetupSays) {
  const std::vector<Golden> goldens = ReadGoldens();
  ASSERT_GT(goldens.size(), 300u);
  for (const Golden& golden : goldens) {
    const int status = Dmsetup(golden.words);
    EXPECT_EQ(
        absl::StrCat(InFrontOfLines("> ", out_), InFrontOfLines("! ", err_), "= ", status, "\n"),
        golden.said)
        << golden.line;
  }
  CleanUp();
}

// What values cannot tell is refused.
bool IsTextAlone(const Problem& problem) {
  return absl::StrContains(problem.status.message(), "not in JSON");
}

// Values have the kernel's names, whether or not people can be shown them.
bool IsUnreadableName(absl::string_view said) {
  return absl::StrContains(said, "should be mangled but") ||
         absl::StrContains(said, "mangled more than once");
}

TEST_F(GoldenTest, AskedForValuesTheyDoTheSameAndPrintNothing) {
  size_t compared = 0;
  for (const Golden& golden : ReadGoldens()) {
    sys::StringSource in("");
    sys::StringSink out;
    sys::StringSink err;
    Findings findings;
    const int status =
        dmsetup::Run("dmsetup", golden.words, environment_, host_, {&in, &out, &err}, findings);
    EXPECT_EQ(out.data(), "") << golden.line;
    // The usage that was asked for is text always.
    EXPECT_EQ(err.data().empty(), findings.command != "help") << golden.line;
    EXPECT_TRUE(status == 0 || !findings.problems.empty()) << golden.line;
    if (status == 1 && IsTextAlone(findings.problems.at(0))) continue;
    if (status == 0 && IsUnreadableName(golden.said)) continue;
    EXPECT_THAT(golden.said, EndsWith(absl::StrCat("= ", status, "\n"))) << golden.line;
    ++compared;
  }
  EXPECT_GT(compared, 200u);
  CleanUp();
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
