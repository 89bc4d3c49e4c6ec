// SPDX-License-Identifier: Apache-2.0
// Tests of the dm.* options: what each takes, what is refused, and what an error says.

#include "driver/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/status_matchers.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::Bytes;
using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::Sectors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kAllOptions[] = {
    "dm.basesize",
    "dm.loopdatasize",
    "dm.loopmetadatasize",
    "dm.blocksize",
    "dm.fs",
    "dm.mkfsarg",
    "dm.mountopt",
    "dm.datadev",
    "dm.metadatadev",
    "dm.thinpooldev",
    "dm.blkdiscard",
    "dm.override_udev_sync_check",
    "dm.use_deferred_removal",
    "dm.use_deferred_deletion",
    "dm.min_free_space",
    "dm.xfs_nospace_max_retries",
    "dm.libdm_log_level",
    "dm.directlvm_device",
    "dm.directlvm_device_force",
    "dm.thinp_percent",
    "dm.thinp_metapercent",
    "dm.thinp_autoextend_percent",
    "dm.thinp_autoextend_threshold",
};

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Message(const std::vector<std::string>& words) {
  return std::string(ParseOptions(words).status().message());
}

TEST(ParseOptionsTest, NothingGivenLeavesEverythingUnset) {
  const absl::StatusOr<Options> options = ParseOptions({});
  ASSERT_THAT(options, IsOk());
  EXPECT_FALSE(options->base_size.has_value());
  EXPECT_FALSE(options->data_loop_size.has_value());
  EXPECT_FALSE(options->metadata_loop_size.has_value());
  EXPECT_FALSE(options->block_size.has_value());
  EXPECT_FALSE(options->filesystem.has_value());
  EXPECT_THAT(options->mkfs_args, IsEmpty());
  EXPECT_THAT(options->mount_options, IsEmpty());
  EXPECT_THAT(options->data_device, IsEmpty());
  EXPECT_THAT(options->metadata_device, IsEmpty());
  EXPECT_THAT(options->thin_pool, IsEmpty());
}

TEST(ParseOptionsTest, EveryOptionArrivesInItsField) {
  const absl::StatusOr<Options> options = ParseOptions({
      "dm.basesize=20G",
      "dm.loopdatasize=200GB",
      "dm.loopmetadatasize=4GiB",
      "dm.blocksize=512k",
      "dm.fs=xfs",
      "dm.mkfsarg=-i",
      "dm.mkfsarg=size=1024",
      "dm.mountopt=noatime",
      "dm.mountopt=nodiscard,logbsize=32k",
      "dm.datadev=/dev/sdb",
      "dm.metadatadev=/dev/sdc",
  });
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->base_size, Bytes(uint64_t{20} << 30));
  EXPECT_EQ(options->data_loop_size, Bytes(uint64_t{200} << 30));
  EXPECT_EQ(options->metadata_loop_size, Bytes(uint64_t{4} << 30));
  EXPECT_EQ(options->block_size, Sectors(1024));
  EXPECT_EQ(options->filesystem, FilesystemType::kXfs);
  EXPECT_THAT(options->mkfs_args, ElementsAre("-i", "size=1024"));
  EXPECT_EQ(options->mount_options, "noatime,nodiscard,logbsize=32k");
  EXPECT_EQ(options->data_device, "/dev/sdb");
  EXPECT_EQ(options->metadata_device, "/dev/sdc");
}

TEST(ParseOptionsTest, KeyIsTakenInAnyCaseAndBothSidesAreTrimmed) {
  const absl::StatusOr<Options> options = ParseOptions({" DM.BaseSize \t=  1g "});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->base_size, Bytes(uint64_t{1} << 30));
}

TEST(ParseOptionsTest, OnlyTheFirstEqualsSignSplits) {
  const absl::StatusOr<Options> options = ParseOptions({"dm.mkfsarg=-Estride=16"});
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->mkfs_args, ElementsAre("-Estride=16"));
}

TEST(ParseOptionsTest, OneMakeArgumentIsOneWordWhateverItHolds) {
  const absl::StatusOr<Options> options = ParseOptions({"dm.mkfsarg=-O ^has_journal"});
  ASSERT_THAT(options, IsOk());
  EXPECT_THAT(options->mkfs_args, ElementsAre("-O ^has_journal"));
}

TEST(ParseOptionsTest, LastOneWinsWhereAnOptionIsNotRepeatable) {
  const absl::StatusOr<Options> options =
      ParseOptions({"dm.fs=xfs", "dm.basesize=5g", "dm.basesize=1g", "dm.fs=ext4"});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->filesystem, FilesystemType::kExt4);
  EXPECT_EQ(options->base_size, Bytes(uint64_t{1} << 30));
}

TEST(ParseOptionsTest, ThinPoolLosesALeadingDevMapper) {
  for (const absl::string_view value : {"/dev/mapper/vg-pool", "vg-pool"}) {
    const absl::StatusOr<Options> options = ParseOptions({absl::StrCat("dm.thinpooldev=", value)});
    ASSERT_THAT(options, IsOk());
    EXPECT_EQ(options->thin_pool, "vg-pool");
  }
}

TEST(ParseOptionsTest, SizesAreRoundedDownToWholeSectors) {
  const absl::StatusOr<Options> options =
      ParseOptions({"dm.basesize=1048577", "dm.loopdatasize=1.3g", "dm.loopmetadatasize=2097663"});
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->base_size, Bytes(1048576));
  EXPECT_EQ(options->data_loop_size, Bytes(1395864064));
  EXPECT_EQ(options->metadata_loop_size, Bytes(2097152));
}

TEST(ParseOptionsTest, WordThatIsNoOptionIsRefused) {
  for (const char* word : {"", "dm.fs", "=", "=ext4", "dm.=1", "basesize=1g", "dm.basesize2=1g",
                           "dm.fs:ext4", "--dm.fs=ext4", "storage.dm.fs=ext4"}) {
    EXPECT_THAT(ParseOptions({word}), FailsWithCode(kInvalid)) << word;
  }
}

TEST(ParseOptionsTest, UnknownOptionListsAllKnownOnes) {
  const std::string message = Message({"dm.metadatasize=128k"});
  EXPECT_THAT(message, HasSubstr("\"dm.metadatasize\""));
  for (const char* known : kAllOptions) {
    EXPECT_THAT(message, HasSubstr(known));
  }
}

TEST(ParseOptionsTest, OptionWithoutAValueIsRefused) {
  for (const char* name : kAllOptions) {
    EXPECT_THAT(ParseOptions({absl::StrCat(name, "=")}), FailsWithCode(kInvalid)) << name;
    EXPECT_THAT(ParseOptions({absl::StrCat(name, "=  ")}), FailsWithCode(kInvalid)) << name;
    EXPECT_THAT(Message({absl::StrCat(name, "=")}), HasSubstr(name));
  }
}

TEST(ParseOptionsTest, SizeThatIsNoneIsRefusedInEverySizeOption) {
  for (const char* name :
       {"dm.basesize", "dm.loopdatasize", "dm.loopmetadatasize", "dm.blocksize"}) {
    for (const char* value : {"big", "0", "-1g", "1z", "10 0g", "9000000t", "0.1"}) {
      const std::string word = absl::StrCat(name, "=", value);
      EXPECT_THAT(ParseOptions({word}), FailsWithCode(kInvalid)) << word;
      EXPECT_THAT(Message({word}), HasSubstr(name));
    }
  }
}

TEST(ParseOptionsTest, BlockSizeIsAMultipleOf64KUpToOneG) {
  for (const char* value : {"64k", "65536", "128K", "192k", "1m", "1g", "1048512k", "0.5m"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.blocksize=", value)}), IsOk()) << value;
  }
  for (const char* value : {"32k", "63k", "65535", "65537", "66048", "96k", "100k", "1.01m",
                            "1025m", "1048640k", "2g", "512", "1", "4294967296", "4295032832"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.blocksize=", value)}), FailsWithCode(kInvalid))
        << value;
  }
}

TEST(ParseOptionsTest, FilesystemIsOneOfTwo) {
  EXPECT_THAT(ParseOptions({"dm.fs=ext4"}), IsOk());
  for (const char* value : {"ext3", "btrfs", "EXT4", "xfs,ext4", "ext"}) {
    EXPECT_THAT(Message({absl::StrCat("dm.fs=", value)}), HasSubstr("ext4, xfs")) << value;
  }
}

TEST(ParseOptionsTest, XfsBaseBelow300MIsRefusedAndExt4IsNot) {
  EXPECT_THAT(ParseOptions({"dm.fs=xfs", "dm.basesize=300m"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.fs=xfs"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.basesize=100m"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.fs=ext4", "dm.basesize=1m"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.fs=xfs", "dm.basesize=299m"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.basesize=314572799", "dm.fs=xfs"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.basesize=1000k"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.fs=ext4", "dm.basesize=1"}), FailsWithCode(kInvalid));
  EXPECT_THAT(Message({"dm.fs=xfs", "dm.basesize=200m"}), HasSubstr("300m"));
}

TEST(ParseOptionsTest, LoopMetadataBelow2MIsRefused) {
  EXPECT_THAT(ParseOptions({"dm.loopmetadatasize=2m"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.loopmetadatasize=2097151"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.loopmetadatasize=64k"}), FailsWithCode(kInvalid));
}

TEST(ParseOptionsTest, LoopDataHoldsAtLeastOneBlock) {
  EXPECT_THAT(ParseOptions({"dm.loopdatasize=64k"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.loopdatasize=1g", "dm.blocksize=1g"}), IsOk());
  EXPECT_THAT(ParseOptions({"dm.loopdatasize=65535"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.loopdatasize=100"}), FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.blocksize=1m", "dm.loopdatasize=512k"}), FailsWithCode(kInvalid));
}

TEST(ParseOptionsTest, DeviceIsAnAbsolutePath) {
  for (const char* name : {"dm.datadev", "dm.metadatadev"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat(name, "=/dev/disk/by-id/a b")}), IsOk());
    for (const char* value : {"sdb", "dev/sdb", "./sdb", "/", "/dev/", "8:16"}) {
      EXPECT_THAT(ParseOptions({absl::StrCat(name, "=", value)}), FailsWithCode(kInvalid)) << value;
    }
  }
}

TEST(ParseOptionsTest, DataAndMetadataOnOneDeviceAreRefused) {
  EXPECT_THAT(ParseOptions({"dm.datadev=/dev/sdb", "dm.metadatadev=/dev/sdb"}),
              FailsWithCode(kInvalid));
  EXPECT_THAT(ParseOptions({"dm.datadev=/dev/sdb"}), IsOk());
}

TEST(ParseOptionsTest, ThinPoolIsADmName) {
  for (const std::string& value :
       {std::string("/dev/mapper/"), std::string("/dev/dm-3"), std::string("/dev/vg/pool"),
        std::string("vg/pool"), std::string("/dev/mapper/vg/pool"),
        std::string("/dev/mapper//dev/mapper/x"), std::string(128, 'p')}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.thinpooldev=", value)}), FailsWithCode(kInvalid))
        << value;
  }
  EXPECT_THAT(ParseOptions({absl::StrCat("dm.thinpooldev=", std::string(127, 'p'))}), IsOk());
  // As lvm2 shows its own.
  EXPECT_THAT(std::string(ParseOptions({"dm.thinpooldev=/dev/vg/pool"}).status().message()),
              HasSubstr("VG-LV"));
}

TEST(ParseOptionsTest, GivenPoolExcludesWhatThePoolAlreadyHas) {
  for (const char* other : {"dm.datadev=/dev/sdb", "dm.metadatadev=/dev/sdc", "dm.loopdatasize=1g",
                            "dm.loopmetadatasize=1g", "dm.blocksize=64k"}) {
    EXPECT_THAT(ParseOptions({"dm.thinpooldev=p", other}), FailsWithCode(kInvalid)) << other;
    EXPECT_THAT(ParseOptions({other, "dm.thinpooldev=p"}), FailsWithCode(kInvalid)) << other;
  }
  EXPECT_THAT(ParseOptions({"dm.thinpooldev=p", "dm.basesize=1g", "dm.fs=ext4", "dm.mkfsarg=-v",
                            "dm.mountopt=noatime"}),
              IsOk());
}

TEST(ParseOptionsTest, MountOptionsAreCheckedOneByOneAndTogether) {
  for (const char* value : {"bind", "noatime,", ",noatime", "a,,b", "remount", "noatime, nodev"}) {
    EXPECT_THAT(ParseOptions({absl::StrCat("dm.mountopt=", value)}), FailsWithCode(kInvalid))
        << value;
  }
  const std::string half = absl::StrCat("dm.mountopt=", std::string(2100, 'o'));
  EXPECT_THAT(ParseOptions({half}), IsOk());
  EXPECT_THAT(ParseOptions({half, half}), FailsWithCode(kInvalid));
}

TEST(ParseOptionsTest, ControlBytesAreRefusedAndNotPrintedRaw) {
  for (const std::string& value :
       {std::string("/dev/a\nb"), std::string("/dev/a\0b", 8), std::string("/dev/\x1b[2J")}) {
    const std::string message = Message({absl::StrCat("dm.datadev=", value)});
    EXPECT_THAT(message, HasSubstr("control character"));
    EXPECT_THAT(message, Not(HasSubstr("\x1b")));
  }
  EXPECT_THAT(Message({"dm.\x1b[2J=1"}), Not(HasSubstr("\x1b")));
}

TEST(ParseOptionsTest, ValueLongerThanAPathIsRefused) {
  EXPECT_THAT(ParseOptions({absl::StrCat("dm.datadev=/", std::string(4094, 'd'))}), IsOk());
  EXPECT_THAT(ParseOptions({absl::StrCat("dm.datadev=/", std::string(4095, 'd'))}),
              FailsWithCode(kInvalid));
}

}  // namespace
}  // namespace dmkit::driver
