// SPDX-License-Identifier: Apache-2.0
// Tests of the dm.* options that say how the driver behaves, of those about direct-lvm, and of what
// one layer may be asked for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "driver/options.h"
#include "sys/status_matchers.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::Bytes;
using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Message(const std::vector<std::string>& words) {
  return std::string(ParseOptions(words).status().message());
}

void ExpectRefused(const std::string& name, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const std::string word = absl::StrCat(name, "=", value);
    EXPECT_THAT(ParseOptions({word}), FailsWithCode(kInvalid)) << word;
    EXPECT_THAT(Message({word}), HasSubstr(name));
  }
}

TEST(ParseOptionsBehaviourTest, NothingGivenLeavesEverythingUnset) {
  const absl::StatusOr<Options> options = ParseOptions({});
  ASSERT_THAT(options, IsOk());
  EXPECT_FALSE(options->use_deferred_removal.has_value());
  EXPECT_FALSE(options->use_deferred_deletion.has_value());
  EXPECT_FALSE(options->blkdiscard.has_value());
  EXPECT_FALSE(options->override_udev_sync_check.has_value());
  EXPECT_FALSE(options->min_free_space_percent.has_value());
  EXPECT_FALSE(options->xfs_nospace_max_retries.has_value());
  EXPECT_FALSE(options->log_level.has_value());
  EXPECT_EQ(options->direct_lvm.device, "");
  EXPECT_FALSE(options->direct_lvm.force);
  EXPECT_FALSE(options->direct_lvm.data_percent.has_value());
}

TEST(ParseOptionsBehaviourTest, EveryOptionArrivesInItsField) {
  const absl::StatusOr<Options> options = ParseOptions({
      "dm.use_deferred_removal=true",
      "dm.use_deferred_deletion=F",
      "dm.blkdiscard=0",
      "dm.override_udev_sync_check=T",
      "dm.min_free_space=15%",
      "dm.xfs_nospace_max_retries=3",
      "dm.libdm_log_level=7",
      "dm.directlvm_device=/dev/xvdf",
      "dm.directlvm_device_force=True",
      "dm.thinp_percent=90%",
      "dm.thinp_metapercent=2",
      "dm.thinp_autoextend_percent=30",
      "dm.thinp_autoextend_threshold=70%",
  });
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->use_deferred_removal, Optional(true));
  EXPECT_THAT(options->use_deferred_deletion, Optional(false));
  EXPECT_THAT(options->blkdiscard, Optional(false));
  EXPECT_THAT(options->override_udev_sync_check, Optional(true));
  EXPECT_THAT(options->min_free_space_percent, Optional(15u));
  EXPECT_THAT(options->xfs_nospace_max_retries, Optional(uint64_t{3}));
  EXPECT_THAT(options->log_level, Optional(7));
  EXPECT_EQ(options->direct_lvm.device, "/dev/xvdf");
  EXPECT_TRUE(options->direct_lvm.force);
  EXPECT_THAT(options->direct_lvm.data_percent, Optional(90u));
  EXPECT_THAT(options->direct_lvm.metadata_percent, Optional(2u));
  EXPECT_THAT(options->direct_lvm.autoextend_percent, Optional(30u));
  EXPECT_THAT(options->direct_lvm.autoextend_threshold, Optional(70u));
}

TEST(ParseOptionsBehaviourTest, TruthIsSpelledAsGoDoes) {
  const std::vector<std::string> wrong = {"yes", "no",    "on", "off",     "tRUE", "y",
                                          "2",   "true1", "-1", "truee ,", "00",   "0x1"};
  for (const char* name : {"dm.blkdiscard", "dm.override_udev_sync_check",
                           "dm.use_deferred_removal", "dm.directlvm_device_force"}) {
    ExpectRefused(name, wrong);
    EXPECT_THAT(Message({absl::StrCat(name, "=yes")}), HasSubstr("neither true nor false"));
  }
  for (const char* value : {"1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.blkdiscard=", value)})->blkdiscard, Optional(true));
  }
  for (const char* value : {"0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.blkdiscard=", value)})->blkdiscard, Optional(false));
  }
}

TEST(ParseOptionsBehaviourTest, MinFreeSpaceIsAPercentageBelow100WithItsSign) {
  for (const char* value : {"0%", "1%", "10%", "99%"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.min_free_space=", value)}), IsOk()) << value;
  }
  ExpectRefused("dm.min_free_space", {"10", "100%", "101%", "-1%", "%", "10%%", "1.5%", "ten%",
                                      "4294967297%", "0", "1 %", "%5"});
  EXPECT_THAT(Message({"dm.min_free_space=10"}), HasSubstr("0% to 99%"));
}

TEST(ParseOptionsBehaviourTest, RetriesAreANumberThatTheKernelTakes) {
  for (const char* value : {"0", "1", "2147483647"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.xfs_nospace_max_retries=", value)}), IsOk());
  }
  ExpectRefused("dm.xfs_nospace_max_retries",
                {"-1", "2147483648", "18446744073709551616", "x", "1.0", "0x10", "+1", "1 2"});
}

TEST(ParseOptionsBehaviourTest, LogLevelIsFromTwoToSeven) {
  for (const char* value : {"2", "3", "4", "5", "6", "7"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.libdm_log_level=", value)}), IsOk()) << value;
  }
  ExpectRefused("dm.libdm_log_level", {"0", "1", "8", "-2", "debug", "7.0", "72"});
  EXPECT_THAT(Message({"dm.libdm_log_level=9"}), HasSubstr("from 2 to 7"));
}

TEST(ParseOptionsBehaviourTest, DeferredDeletionNeedsDeferredRemoval) {
  EXPECT_THAT(ParseOptions({"dm.use_deferred_deletion=true"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.use_deferred_deletion=true", "dm.use_deferred_removal=true"}),
              IsOk());
  EXPECT_THAT(ParseOptions({"dm.use_deferred_removal=false"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.use_deferred_removal=false", "dm.use_deferred_deletion=false"}),
              IsOk());
  EXPECT_THAT(Message({"dm.use_deferred_deletion=true", "dm.use_deferred_removal=false"}),
              HasSubstr("dm.use_deferred_removal"));
}

TEST(ParseDirectLvmTest, OtherWordsNeedTheDevice) {
  for (const char* word :
       {"dm.directlvm_device_force=true", "dm.thinp_percent=90", "dm.thinp_metapercent=1",
        "dm.thinp_autoextend_percent=20", "dm.thinp_autoextend_threshold=80"}) {
    EXPECT_THAT(Message({word}), HasSubstr("dm.directlvm_device ")) << word;
  }
  EXPECT_THAT(ParseOptions({"dm.directlvm_device_force=false", "dm.thinp_percent=0",
                            "dm.thinp_metapercent=0%"}),
              IsOk());
}

TEST(ParseDirectLvmTest, PercentagesGoTogetherAndFitTheDevice) {
  const std::string device = "dm.directlvm_device=/dev/sdb";
  EXPECT_THAT(ParseOptions({device}), IsOk());
  EXPECT_THAT(ParseOptions({device, "dm.thinp_percent=95", "dm.thinp_metapercent=1"}), IsOk());
  EXPECT_THAT(ParseOptions({device, "dm.thinp_percent=98", "dm.thinp_metapercent=1"}), IsOk());
  EXPECT_THAT(ParseOptions({device, "dm.thinp_percent=0", "dm.thinp_metapercent=0"}), IsOk());
  EXPECT_THAT(Message({device, "dm.thinp_percent=90"}), HasSubstr("dm.thinp_metapercent"));
  EXPECT_THAT(Message({device, "dm.thinp_metapercent=2"}), HasSubstr("dm.thinp_percent"));
  EXPECT_THAT(Message({device, "dm.thinp_percent=99", "dm.thinp_metapercent=1"}),
              AllOf(HasSubstr("101%"), HasSubstr("as much again aside")));
  EXPECT_THAT(Message({device, "dm.thinp_percent=98", "dm.thinp_metapercent=2"}),
              HasSubstr("102%"));
  EXPECT_THAT(Message({device, "dm.thinp_percent=1", "dm.thinp_metapercent=99"}),
              HasSubstr("199%"));
  ExpectRefused("dm.thinp_percent", {"100", "100%", "-1", "x", "1.5", "95 %"});
  ExpectRefused("dm.thinp_metapercent", {"100", "100%", "-1", "%", "4294967296"});
  ExpectRefused("dm.thinp_autoextend_percent", {"101", "101%", "-1", "twenty"});
  ExpectRefused("dm.thinp_autoextend_threshold", {"101", "1000%", "-1", "80.0"});
}

TEST(ParseDirectLvmTest, PoolIsMadeOrGivenAndNotBoth) {
  const std::string device = "dm.directlvm_device=/dev/sdb";
  for (const char* other : {"dm.thinpooldev=p", "dm.datadev=/dev/sdc", "dm.metadatadev=/dev/sdc",
                            "dm.loopdatasize=1g", "dm.loopmetadatasize=1g", "dm.blocksize=64k"}) {
    EXPECT_THAT(ParseOptions({device, other}), FailsWithCode(kInvalid)) << other;
    EXPECT_THAT(ParseOptions({other, device}), FailsWithCode(kInvalid)) << other;
  }
  EXPECT_THAT(ParseOptions({device, "dm.basesize=1g", "dm.fs=xfs", "dm.min_free_space=0%"}),
              IsOk());
  ExpectRefused("dm.directlvm_device", {"sdb", "/", "dev/sdb", "/dev/"});
}

TEST(ParseLayerOptionsTest, SizeIsTakenAndZeroIsNone) {
  EXPECT_FALSE(ParseLayerOptions({})->size.has_value());
  EXPECT_FALSE(ParseLayerOptions({"size=0"})->size.has_value());
  EXPECT_FALSE(ParseLayerOptions({"size=5g", "size=0"})->size.has_value());
  EXPECT_THAT(ParseLayerOptions({" SIZE = 120G"})->size, Optional(Bytes(uint64_t{120} << 30)));
  EXPECT_THAT(ParseLayerOptions({"size=1.00001m"})->size, Optional(Bytes(1048576)));
}

TEST(ParseLayerOptionsTest, OtherWordsAreRefused) {
  for (const char* word :
       {"", "size", "size=", "size=-1g", "size=big", "size=511", "size=0.1", "dm.basesize=1g",
        "sizes=1g", "size=1g ,size=2g", "size=9000000t", "size=0k", "=1g"}) {
    EXPECT_THAT(ParseLayerOptions({word}), FailsWithCode(kInvalid)) << word;
  }
  EXPECT_THAT(std::string(ParseLayerOptions({"quota=1g"}).status().message()), HasSubstr("size"));
}

}  // namespace
}  // namespace dmkit::driver
