// SPDX-License-Identifier: Apache-2.0
// Command lines on a model kernel beside what Debian's dmsetup printed of them on a real one:
// testdata/README.md says how that was taken.
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/dmsetup/commands_fixture.h"
#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

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

}  // namespace
}  // namespace dmkit::dm::dmsetup
