// SPDX-License-Identifier: Apache-2.0
//
// What every program that runs as a dmkit_vm_test may rely on. No dmkit code: this tests the guest,
// and shows that a googletest program is run there and reported.

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(GuestTest, RunsAsRoot) { EXPECT_EQ(geteuid(), 0U); }

TEST(GuestTest, KernelHasDeviceMapperAndLoop) {
  EXPECT_THAT(Content("/proc/misc"), HasSubstr(" device-mapper\n"));
  EXPECT_THAT(Content("/proc/misc"), HasSubstr(" loop-control\n"));
}

TEST(GuestTest, TemporaryDirectoryIsOnTheScratchDisk) {
  EXPECT_THAT(::testing::TempDir(), StartsWith("/scratch/"));
  EXPECT_THAT(Content("/proc/mounts"), HasSubstr("/dev/vda /scratch ext4 rw"));
  std::ofstream(::testing::TempDir() + "file") << "text";
  EXPECT_EQ(Content(::testing::TempDir() + "file"), "text");
}

}  // namespace
}  // namespace dmkit
