// SPDX-License-Identifier: Apache-2.0
// That the page holds the whole table, in requests that man(7) has. What man makes of it:
// manual_man_test.sh.

#include "driver/cli/manual.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "driver/cli/help.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The page's text without its escapes.
std::string PlainPage() {
  return absl::StrReplaceAll(
      ManualPage("1.2"),
      {{"\\-", "-"}, {"\\(aq", "'"}, {"\\(ga", "`"}, {"\\(dq", "\""}, {"\\e", "\\"}, {"\\&", ""}});
}

TEST(ManualTest, EveryCommandIsToldWhole) {
  const std::string page = PlainPage();
  for (const CommandSpec& command : AllCommands()) {
    SCOPED_TRACE(CommandWords(command));
    EXPECT_THAT(page, HasSubstr(absl::StrCat("\n.SS dmkit ", CommandWords(command), "\n")));
    EXPECT_THAT(page, HasSubstr(absl::StrCat("\n.B dmkit ", Synopsis(command), "\n")));
    EXPECT_THAT(page, HasSubstr(std::string(command.example)));
    for (absl::string_view paragraph : absl::StrSplit(command.description, "\n\n")) {
      EXPECT_THAT(page, HasSubstr(std::string(paragraph)));
    }
    for (const OptionSpec& option : command.options) {
      EXPECT_THAT(page, HasSubstr(absl::StrCat(".B ", OptionUsage(option), "\n", option.help)));
    }
  }
}

TEST(ManualTest, OptionsOfAllKindsAreTold) {
  const std::string page = PlainPage();
  for (const OptionSpec& option : GlobalOptions()) {
    EXPECT_THAT(page, HasSubstr(absl::StrCat(".B ", OptionUsage(option))));
    EXPECT_THAT(page, HasSubstr(std::string(option.help)));
  }
  for (const DriverOptionSpec& option : DriverOptions()) {
    EXPECT_THAT(page, HasSubstr(absl::StrCat(".B ", option.name, "=", option.value, "\n",
                                             option.help, "\n")));
  }
}

TEST(ManualTest, HasTheSectionsOfAPage) {
  const std::string page = PlainPage();
  EXPECT_THAT(page, HasSubstr("\n.TH DMKIT 8 \"\" \"dmkit 1.2\""));
  for (const char* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "STORAGE OPTIONS",
                              "EXIT STATUS", "FILES", "ENVIRONMENT", "SEE ALSO"}) {
    EXPECT_THAT(page, HasSubstr(absl::StrCat("\n.SH ", section, "\n")));
  }
}

TEST(ManualTest, EnvironmentVariablesThatMainReadsAreTold) {
  const std::string page = PlainPage();
  for (const char* variable : {"DM_DEV_DIR", "DM_UDEV_COOKIE", "DM_DEFAULT_NAME_MANGLING_MODE",
                               "DM_DISABLE_UDEV", "LC_ALL", "LC_CTYPE", "LANG", "TZ"}) {
    EXPECT_THAT(page, ContainsRegex(absl::StrCat("\n\\.BR? .*", variable)));
  }
}

TEST(ManualTest, EveryRequestIsKnownAndNoLineIsOneByAccident) {
  const std::set<std::string> known = {".TH", ".SH", ".SS", ".TP", ".PP", ".IP", ".B",
                                       ".BR", ".I",  ".RS", ".RE", ".nf", ".fi", ".\\\""};
  for (absl::string_view line : absl::StrSplit(ManualPage("1"), '\n')) {
    EXPECT_THAT(std::string(line), Not(StartsWith("'")));
    if (line.empty() || line[0] != '.') continue;
    const std::string request(line.substr(0, line.find(' ')));
    EXPECT_EQ(known.count(request), 1u) << line;
  }
}

TEST(ManualTest, EveryBackslashStartsAKnownEscape) {
  const std::string page = absl::StrReplaceAll(ManualPage("1"), {{"\\-", ""},
                                                                 {"\\(aq", ""},
                                                                 {"\\(ga", ""},
                                                                 {"\\(dq", ""},
                                                                 {"\\e", ""},
                                                                 {"\\&", ""},
                                                                 {"\\fI", ""},
                                                                 {"\\fR", ""},
                                                                 {".\\\"", ""}});
  EXPECT_THAT(page, Not(HasSubstr("\\")));
}

}  // namespace
}  // namespace dmkit::driver::cli
