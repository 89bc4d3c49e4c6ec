// SPDX-License-Identifier: Apache-2.0
#include "driver/cli/dm_words.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driver/cli/commands.h"
#include "driver/cli/parse.h"
#include "driver/cli/request.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DmWords Found(const std::vector<std::string>& words) {
  const std::optional<DmWords> found = FindDmWords(words);
  EXPECT_TRUE(found.has_value());
  return found.value_or(DmWords());
}

TEST(DmWordsTest, WordsBehindDmAreDmsetups) {
  const DmWords words = Found({"dm", "create", "a", "--table", "0 1 zero", "-u", "U"});
  EXPECT_THAT(words.global, IsEmpty());
  EXPECT_THAT(words.dmsetup, ElementsAre("create", "a", "--table", "0 1 zero", "-u", "U"));
  EXPECT_THAT(Found({"dm", "dm"}).dmsetup, ElementsAre("dm"));
}

TEST(DmWordsTest, GlobalOptionsAreDmkits) {
  const DmWords words =
      Found({"--root", "dm", "--trace", "dm", "ls", "--format", "text", "--trace", "--tree"});
  EXPECT_THAT(words.global, ElementsAre("--root", "dm", "--trace", "--format", "text", "--trace"));
  EXPECT_THAT(words.dmsetup, ElementsAre("ls", "--tree"));
}

TEST(DmWordsTest, TwoDashesEndTheSearchForOptions) {
  const DmWords words = Found({"dm", "message", "--", "a", "0", "--trace", "-h"});
  EXPECT_THAT(words.global, IsEmpty());
  EXPECT_THAT(words.dmsetup, ElementsAre("message", "--", "a", "0", "--trace", "-h"));
}

TEST(DmWordsTest, TheWordsAreDmsetupsInEitherFormat) {
  EXPECT_THAT(Found({"dm", "remove", "a", "--format", "json"}).dmsetup, ElementsAre("remove", "a"));
  const DmWords words = Found({"--format=json", "dm", "table", "--target", "crypt"});
  EXPECT_THAT(words.dmsetup, ElementsAre("table", "--target", "crypt"));
  EXPECT_EQ(ParseOwnOptions(words).global.format, OutputFormat::kJson);
}

TEST(DmWordsTest, AllElseIsDmkits) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"ls"},
                                             {"dm"},
                                             {"dm", "--trace"},
                                             {"--nosuch", "dm", "ls"},
                                             {"--", "dm", "ls"},
                                             {"help", "dm", "ls"},
                                             {"--root"},
                                             {"dm", "ls", "--help"},
                                             {"dm", "-h"},
                                             {"--help", "dm", "ls"},
                                             {"--version", "dm", "ls"},
                                             {"dm", "ls", "--format"}}) {
    EXPECT_FALSE(FindDmWords(words).has_value()) << ::testing::PrintToString(words);
  }
}

TEST(DmWordsTest, OwnOptionsAreParsedAsThoseOfAnyCommand) {
  const Parsed parsed = ParseOwnOptions(
      Found({"--root", "/r", "dm", "create", "x", "--table", "0 8 zero", "--trace"}));
  EXPECT_TRUE(parsed.request.ok());
  EXPECT_EQ(parsed.global.root, "/r");
  EXPECT_TRUE(parsed.global.trace);
}

TEST(DmWordsTest, WhatIsWrongWithOwnOptionsIsToldOfTheCommand) {
  for (const auto& [words, expected] :
       std::vector<std::pair<std::vector<std::string>, const char*>>{
           {{"--opt", "dm.nosuch=1", "dm", "create", "x", "--table", "0 8 zero"}, "dm.nosuch"},
           {{"--opt=dm.fs=btrfs", "dm", "create", "x", "-u", "U"}, "dm.fs"},
           {{"dm", "create", "x", "--format", "xml", "--table", "0 8 zero"}, "text or json"},
           {{"--root=", "dm", "create", "x"}, "--root"},
           {{"--trace", "dm", "create", "x", "--trace"}, "--trace"}}) {
    const Parsed parsed = ParseOwnOptions(Found(words));
    EXPECT_THAT(std::string(parsed.request.status().message()), HasSubstr(expected));
    EXPECT_EQ(parsed.command, FindCommand("dm", "create"));
  }
  const Parsed parsed = ParseOwnOptions(Found({"--format", "xml", "dm", "nosuch"}));
  EXPECT_FALSE(parsed.request.ok());
  EXPECT_EQ(parsed.command, nullptr);
  EXPECT_EQ(parsed.section, FindGroup("dm"));
}

TEST(DmWordsTest, TheNameOfTheProgramTells) {
  EXPECT_TRUE(IsDmsetup("dmsetup"));
  EXPECT_TRUE(IsDmsetup("/sbin/dmsetup"));
  EXPECT_TRUE(IsDmsetup("./dmsetup"));
  for (const char* path :
       {"", "dmkit", "/sbin/dmsetup/", "dmsetup2", "xdmsetup", "dmsetup/dmkit"}) {
    EXPECT_FALSE(IsDmsetup(path)) << path;
  }
}

}  // namespace
}  // namespace dmkit::driver::cli
