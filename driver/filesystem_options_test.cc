// SPDX-License-Identifier: Apache-2.0
// Tests of mount options in fstab style.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::IsEmpty;

uint64_t Flags(absl::string_view text) {
  const absl::StatusOr<MountOptions> options = ParseMountOptions(text);
  EXPECT_THAT(options, IsOk());
  return options.ok() ? options->flags : ~uint64_t{0};
}

TEST(ParseMountOptionsTest, NoTextIsNoOption) {
  const absl::StatusOr<MountOptions> options = ParseMountOptions("");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->flags, 0U);
  EXPECT_THAT(options->data, IsEmpty());
}

TEST(ParseMountOptionsTest, FlagsAndDataAreSortedApart) {
  const absl::StatusOr<MountOptions> options =
      ParseMountOptions("noatime,discard,nodev,data=ordered");
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->flags, uint64_t{MS_NOATIME | MS_NODEV});
  EXPECT_EQ(options->data, "discard,data=ordered");
}

TEST(ParseMountOptionsTest, EachFlagHasItsBit) {
  const struct {
    const char* word;
    uint64_t flag;
  } kCases[] = {
      {"defaults", 0},           {"ro", MS_RDONLY},
      {"nosuid", MS_NOSUID},     {"nodev", MS_NODEV},
      {"noexec", MS_NOEXEC},     {"sync", MS_SYNCHRONOUS},
      {"dirsync", MS_DIRSYNC},   {"mand", MS_MANDLOCK},
      {"noatime", MS_NOATIME},   {"nodiratime", MS_NODIRATIME},
      {"relatime", MS_RELATIME}, {"strictatime", MS_STRICTATIME},
      {"lazytime", MS_LAZYTIME}, {"iversion", MS_I_VERSION},
      {"silent", MS_SILENT},     {"nosymfollow", MS_NOSYMFOLLOW},
  };
  for (const auto& c : kCases) EXPECT_EQ(Flags(c.word), c.flag) << c.word;
}

TEST(ParseMountOptionsTest, LastOfTwoOppositesWins) {
  for (const char* text :
       {"ro,rw", "nosuid,suid", "nodev,dev", "noexec,exec", "sync,async", "mand,nomand",
        "noatime,atime", "nodiratime,diratime", "relatime,norelatime", "strictatime,nostrictatime",
        "lazytime,nolazytime", "iversion,noiversion", "silent,loud", "nosymfollow,symfollow"}) {
    EXPECT_EQ(Flags(text), 0U) << text;
  }
  EXPECT_EQ(Flags("rw,ro"), uint64_t{MS_RDONLY});
}

TEST(ParseMountOptionsTest, WordsOfTheFilesystemPassUnchanged) {
  for (const char* text : {"discard", "data=journal,commit=30", "logbsize=32k,nouuid",
                           "context=\"system_u:object_r:t:s0:c1,c2\"", "NOATIME", "noatime=1"}) {
    const absl::StatusOr<MountOptions> options = ParseMountOptions(text);
    ASSERT_THAT(options, IsOk());
    EXPECT_EQ(options->flags, 0U);
    EXPECT_EQ(options->data, text);
  }
}

TEST(ParseMountOptionsTest, WordsThatMeanNothingForALayerAreRefused) {
  for (const char* word :
       {"bind",         "rbind",           "remount",       "move",
        "shared",       "rshared",         "slave",         "rslave",
        "private",      "rprivate",        "unbindable",    "runbindable",
        "loop",         "loop=/dev/loop3", "offset=512",    "sizelimit=1024",
        "auto",         "noauto",          "user",          "nouser",
        "users",        "owner",           "group",         "nofail",
        "_netdev",      "comment=x",       "helper=udisks", "x-systemd.automount",
        "X-mount.mkdir"}) {
    EXPECT_THAT(ParseMountOptions(word), FailsWithCode(absl::StatusCode::kInvalidArgument)) << word;
    EXPECT_THAT(ParseMountOptions(absl::StrCat("noatime,", word)),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << word;
  }
}

TEST(ParseMountOptionsTest, EmptyWordsAndBlanksAreRefused) {
  for (const absl::string_view text :
       {absl::string_view(","), absl::string_view("noatime,"), absl::string_view(",noatime"),
        absl::string_view("noatime,,nodev"), absl::string_view(" "), absl::string_view(" noatime"),
        absl::string_view("noatime, nodev"), absl::string_view("noatime\n"),
        absl::string_view("a\tb"), absl::string_view("noatime\0", 8),
        absl::string_view("x\x7fy")}) {
    EXPECT_THAT(ParseMountOptions(text), FailsWithCode(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ParseMountOptionsTest, DataFitsOnePageTogetherWithNouuid) {
  EXPECT_THAT(ParseMountOptions(std::string(4088, 'd')), IsOk());
  EXPECT_THAT(ParseMountOptions(std::string(4089, 'd')),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace dmkit::driver
