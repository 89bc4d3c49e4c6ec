// SPDX-License-Identifier: Apache-2.0
// The same with the real programs on image files: what scripted ones cannot prove. Needs no root.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "driver/filesystem.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;

constexpr char kUuid[] = "6f3a1c52-98e0-4d11-a1b2-0123456789ab";
constexpr uint64_t kMiB = uint64_t{1} << 20;

// Fields of the ext4 superblock, which lies at byte 1024 (Documentation/filesystems/ext4).
constexpr uint64_t kMaxMountCount = 1024 + 0x36;
constexpr uint64_t kCheckInterval = 1024 + 0x44;
constexpr uint64_t kBlockCount = 1024 + 0x04;
constexpr uint64_t kRaidStride = 1024 + 0x164;
// bg_flags of the first group, with blocks of 4 KiB.
constexpr uint64_t kGroupFlags = 4096 + 0x12;
constexpr uint16_t kInodeTableZeroed = 0x4;

class FilesystemProgramsTest : public ::testing::Test {
 protected:
  bool Missing(FilesystemType type) {
    return !CheckMakeProgram(host_, type).ok() || !CheckGrowProgram(host_, type).ok();
  }
  std::unique_ptr<sys::File> OpenImage() {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    return *host_.root->OpenFile(image_, options);
  }
  void Size(uint64_t bytes) { EXPECT_THAT(OpenImage()->Truncate(bytes), IsOk()); }
  template <typename T>
  T Field(uint64_t offset) {
    std::string bytes(sizeof(T), '\0');
    EXPECT_THAT(OpenImage()->ReadAt(offset, absl::MakeSpan(&bytes[0], bytes.size())), IsOk());
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value =
          static_cast<T>(value | static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i));
    }
    return value;
  }

  sys::TempDir temp_;
  std::string image_ = temp_.path() + "/image";
  sys::LinuxHost linux_;
  sys::Host host_ = linux_.host();
};

TEST_F(FilesystemProgramsTest, UuidOfExt4IsReadBackFromTheDevice) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  EXPECT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-U", kUuid}),
              IsOkAndHolds(std::string(kUuid)));
}

TEST_F(FilesystemProgramsTest, UuidOfXfsIsReadBackFromTheDevice) {
  if (Missing(FilesystemType::kXfs)) GTEST_SKIP() << "xfsprogs is not installed";
  Size(MinimumSize(FilesystemType::kXfs).count());
  EXPECT_THAT(
      MakeFilesystem(host_, FilesystemType::kXfs, image_, {"-m", absl::StrCat("uuid=", kUuid)}),
      IsOkAndHolds(std::string(kUuid)));
}

TEST_F(FilesystemProgramsTest, MinimumSizesAreWhatTheProgramsTake) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(MinimumSize(FilesystemType::kExt4).count());
  EXPECT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {}), IsOk());
  if (Missing(FilesystemType::kXfs)) GTEST_SKIP() << "xfsprogs is not installed";
  Size(0);
  Size(MinimumSize(FilesystemType::kXfs).count() - 4096);
  const absl::Status status = MakeFilesystem(host_, FilesystemType::kXfs, image_, {}).status();
  EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kUnknown));
  EXPECT_THAT(std::string(status.message()), HasSubstr("300MB"));
}

TEST_F(FilesystemProgramsTest, Ext4HasNoPeriodicChecksAndWrittenInodeTables) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  ASSERT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-b", "4096"}), IsOk());
  EXPECT_EQ(Field<uint16_t>(kMaxMountCount), 0xffff);
  EXPECT_EQ(Field<uint32_t>(kCheckInterval), 0U);
  EXPECT_NE(Field<uint16_t>(kGroupFlags) & kInodeTableZeroed, 0);
}

TEST_F(FilesystemProgramsTest, UsersExtendedOptionsAndOursBothCount) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  ASSERT_THAT(
      MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-b", "4096", "-E", "stride=16"}),
      IsOk());
  EXPECT_EQ(Field<uint16_t>(kRaidStride), 16);
  EXPECT_NE(Field<uint16_t>(kGroupFlags) & kInodeTableZeroed, 0);
}

TEST_F(FilesystemProgramsTest, SecondMakeIsRefusedAndTheFirstFilesystemStays) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  ASSERT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-U", kUuid}), IsOk());
  const uint32_t blocks = Field<uint32_t>(kBlockCount);
  for (const FilesystemType type : {FilesystemType::kExt4, FilesystemType::kXfs}) {
    if (Missing(type)) continue;
    EXPECT_THAT(MakeFilesystem(host_, type, image_, {}),
                FailsWithCode(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_EQ(Field<uint32_t>(kBlockCount), blocks);
}

TEST_F(FilesystemProgramsTest, ArgumentThatMkfsRefusesComesOutWithItsWords) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  const absl::Status status =
      MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-E", "no_such_option"}).status();
  EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kUnknown));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no_such_option"));
}

TEST_F(FilesystemProgramsTest, DryRunIsNotTakenForAFilesystem) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  EXPECT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-n"}),
              FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesystemProgramsTest, Ext4GrowsToItsDeviceAndGrowingAgainIsNoError) {
  if (Missing(FilesystemType::kExt4)) GTEST_SKIP() << "e2fsprogs is not installed";
  Size(20 * kMiB);
  ASSERT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, image_, {"-b", "4096"}), IsOk());
  EXPECT_EQ(Field<uint32_t>(kBlockCount), 20 * kMiB / 4096);
  Size(40 * kMiB);
  EXPECT_THAT(GrowFilesystem(host_, FilesystemType::kExt4, image_, temp_.path()), IsOk());
  EXPECT_EQ(Field<uint32_t>(kBlockCount), 40 * kMiB / 4096);
  EXPECT_THAT(GrowFilesystem(host_, FilesystemType::kExt4, image_, temp_.path()), IsOk());
}

}  // namespace
}  // namespace dmkit::driver
