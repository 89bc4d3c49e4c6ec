// SPDX-License-Identifier: Apache-2.0
// What a device argument may be.

#include "testing/model/dm_path.h"

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

// Knows /dev/disk, and what stands in the way of others.
class FewPaths : public PathLookup {
 public:
  int FindBlockDevice(absl::string_view path, sys::DeviceNumber* device) override {
    *device = {8, 0};
    if (path == "/dev/disk") return 0;
    if (path == "/dev/null") return -ENOTBLK;
    if (path == "/nodev/disk") return -EACCES;
    return -ENOENT;
  }
};

class DmPathTest : public DmTest {
 protected:
  void SetUp() override { machine_.core.paths = &paths_; }

  // "8:0", or the errno's number.
  std::string Parse(absl::string_view path) {
    sys::DeviceNumber number;
    const int error = ParseDevicePath(machine_.core, path, &number);
    return error == 0 ? sys::FormatDeviceNumber(number) : std::to_string(error);
  }
  static std::string Error(int error) { return std::to_string(-error); }

  FewPaths paths_;
};

TEST_P(DmPathTest, NumbersAreDecimalPairs) {
  EXPECT_EQ(Parse("8:0"), "8:0");
  EXPECT_EQ(Parse("008:0016"), "8:16");
  EXPECT_EQ(Parse(" 8: 0"), "8:0");
  EXPECT_EQ(Parse("4095:1048575"), "4095:1048575");
  // Cut to 32 bits before it is looked at.
  EXPECT_EQ(Parse("4294967304:0"), "8:0");
  EXPECT_EQ(Parse("4096:0"), Error(EOVERFLOW));
  EXPECT_EQ(Parse("0:1048576"), Error(EOVERFLOW));
}

TEST_P(DmPathTest, PathsAreLookedUp) { EXPECT_EQ(Parse("/dev/disk"), "8:0"); }

TEST_P(DmPathTest, PathErrorsDependOnTheKernel) {
  EXPECT_EQ(Parse("/dev/nosuch"), Error(is_6_1() ? ENODEV : ENOENT));
  EXPECT_EQ(Parse("/dev/null"), Error(is_6_1() ? ENODEV : ENOTBLK));
  EXPECT_EQ(Parse("/nodev/disk"), Error(is_6_1() ? ENODEV : EACCES));
  for (const char* path : {"8:0x", "8:", ":0", "8", "-8:0", "8:0:", "PARTUUID=1", "zzz"}) {
    const bool is_hex = is_6_1() && (absl::string_view(path) == "8");
    EXPECT_EQ(Parse(path), is_hex ? "0:8" : Error(is_6_1() ? ENODEV : ENOENT)) << path;
  }
}

TEST_P(DmPathTest, NamesOfTheBootCommandLineWorkOnTheOlderKernel) {
  const std::string other = Error(ENOENT);
  EXPECT_EQ(Parse("700"), is_6_1() ? "7:0" : other);
  EXPECT_EQ(Parse("0x810"), is_6_1() ? "8:16" : other);
  EXPECT_EQ(Parse("/dev/sda"), is_6_1() ? "8:0" : other);
  EXPECT_EQ(Parse("8:16:3:"), is_6_1() ? "8:16" : other);
  EXPECT_EQ(Parse("8:16:3"), is_6_1() ? "8:16" : other);
  EXPECT_EQ(Parse("8:16:3:x"), is_6_1() ? Error(ENODEV) : other);
  EXPECT_EQ(Parse("4096:0:3:"), is_6_1() ? Error(ENODEV) : other);
  EXPECT_EQ(Parse("0"), is_6_1() ? Error(ENODEV) : other);
  EXPECT_EQ(Parse("/dev/ram"), is_6_1() ? "1:0" : other);
  EXPECT_EQ(Parse("/dev/" + std::string(32, 'x')), is_6_1() ? Error(ENODEV) : other);
}

TEST_P(DmPathTest, ProbeOfADriverMayAddTheDevice) {
  std::unique_ptr<Disk> added;
  machine_.core.blocks.SetProbe(8, [this, &added](uint32_t minor) {
    if (minor == 32) {
      added = std::make_unique<Disk>(machine_.core, sys::DeviceNumber{8, 32}, "sdc", 1 << 20);
    }
  });
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8, "linear", "8:48 0"), -ENXIO);
  EXPECT_EQ(machine_.Load("a", 8, "linear", "8:32 0"), 0);
  ASSERT_EQ(machine_.Remove("a"), 0);
}

DMKIT_ON_BOTH_KERNELS(DmPathTest);

}  // namespace
}  // namespace dmkit::model
