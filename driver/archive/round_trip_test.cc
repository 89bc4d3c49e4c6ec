// SPDX-License-Identifier: Apache-2.0
// Random layers out and in again, on a directory of this machine, as an ordinary user.

#include "driver/archive/round_trip.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/archive/test_tree.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"

namespace dmkit::driver {
namespace {

TEST(RoundTripTest, AnExportAppliedToACopyOfTheParentIsTheLayer) {
  sys::TempDir temp;
  sys::LinuxHost linux;
  const std::unique_ptr<sys::Dir> dir = *linux.host().root->OpenDir(temp.path());
  for (uint64_t seed = 1; seed <= 200 && !HasFailure(); ++seed) {
    RoundTrip trip = RoundTrip::InDirectories(*dir, seed * 1000, /*as_root=*/false);
    trip.Check();
    RoundTrip::Clean(*dir);
  }
}

// Nothing that a stat says of any of them is different, but for the number of the file.
TEST(RoundTripTest, NamesThatWereSwappedBetweenFilesOfTheSameLooksArrive) {
  const std::vector<std::vector<std::string>> ways = {
      {"a", "c", "b", "d"}, {"a", "d", "b", "c"}, {"b", "c", "a", "d"}};
  for (const std::vector<std::string>& names : ways) {
    sys::TempDir temp;
    sys::LinuxHost linux;
    const std::unique_ptr<sys::Dir> dir = *linux.host().root->OpenDir(temp.path());
    std::vector<TestTree> trees;
    for (const char* tree : {"older", "newer", "copy"}) {
      ASSERT_TRUE(dir->MakeDir(tree, 0755).ok());
      trees.emplace_back(*dir->OpenDir(tree));
      const bool swapped = trees.size() == 2;
      const std::vector<std::string> pairs =
          swapped ? names : std::vector<std::string>{"a", "b", "c", "d"};
      trees.back().File(pairs[0], "1");
      trees.back().Link(pairs[0], pairs[1]);
      trees.back().File(pairs[2], "2");
      trees.back().Link(pairs[2], pairs[3]);
    }
    RoundTrip(std::move(trees[0]), std::move(trees[1]), std::move(trees[2]), 0).Check();
  }
}

}  // namespace
}  // namespace dmkit::driver
