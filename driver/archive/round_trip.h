// SPDX-License-Identifier: Apache-2.0
// The promise of a layer archive: applied to a copy of the parent, it gives the layer. For tests
// only.

#ifndef DMKIT_DRIVER_ARCHIVE_ROUND_TRIP_H_
#define DMKIT_DRIVER_ARCHIVE_ROUND_TRIP_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/random_tree.h"
#include "driver/archive/test_tree.h"
#include "sys/host.h"
#include "sys/string_stream.h"

namespace dmkit::driver {

// A parent, a copy of it, and a layer: the parent, changed.
class RoundTrip {
 public:
  // `seed` is named in messages.
  RoundTrip(TestTree older, TestTree newer, TestTree copy, uint64_t seed)
      : seed_(seed), older_(std::move(older)), newer_(std::move(newer)), copy_(std::move(copy)) {}

  // Three random trees in new directories of `dir`; with `as_root` also with what only root can
  // make.
  static RoundTrip InDirectories(sys::Dir& dir, uint64_t seed, bool as_root) {
    RoundTrip trip(Make(dir, "older"), Make(dir, "newer"), Make(dir, "copy"), seed);
    for (TestTree* tree : {&trip.older_, &trip.newer_, &trip.copy_}) {
      RandomTree random(*tree, seed, as_root);
      random.Grow(16);
      if (tree == &trip.newer_) random.Mutate(seed + 1, 8);
    }
    return trip;
  }

  void Check() {
    ASSERT_EQ(TreePicture::Of(older_.dir()), TreePicture::Of(copy_.dir())) << "seed " << seed_;
    sys::StringSink archive;
    absl::Status status = ExportChanges(newer_.dir(), &older_.dir(), ArchiveOptions(), archive);
    ASSERT_TRUE(status.ok()) << "seed " << seed_ << ": " << status;
    sys::StringSource source(archive.data(), 10000);
    auto applied = ApplyArchive(copy_.dir(), source, ArchiveOptions());
    ASSERT_TRUE(applied.ok()) << "seed " << seed_ << ": " << applied.status();
    EXPECT_THAT(applied->warnings, ::testing::IsEmpty()) << "seed " << seed_;
    CompareLines(TreePicture::Of(newer_.dir()), TreePicture::Of(copy_.dir()));
    CheckTimesOfChangedDirectories();
    EXPECT_THAT(ListChanges(newer_.dir(), &copy_.dir()), ::testing::IsEmpty()) << "seed " << seed_;
  }

  // Removes what InDirectories made.
  static void Clean(sys::Dir& dir) {
    TestTree tree(*dir.OpenDir("."));
    for (const char* name : {"older", "newer", "copy"}) tree.Remove(name);
  }

 private:
  // Names only what is different.
  void CompareLines(const std::vector<std::string>& wanted, const std::vector<std::string>& got) {
    ExpectContained(wanted, got, "missing: ");
    ExpectContained(got, wanted, "too much: ");
  }
  void ExpectContained(const std::vector<std::string>& some, const std::vector<std::string>& all,
                       const char* what) {
    for (const std::string& line : some) {
      const bool found = std::find(all.begin(), all.end(), line) != all.end();
      EXPECT_TRUE(found) << "seed " << seed_ << " " << what << line;
    }
  }

  static TestTree Make(sys::Dir& dir, const std::string& name) {
    TestTree::Expect(dir.MakeDir(name, 0755));
    return TestTree(*dir.OpenDir(name));
  }

  void CheckTimesOfChangedDirectories() {
    const absl::Status status = WalkChanges(
        newer_.dir(), &older_.dir(),
        [this](const Change& change, sys::Dir&, const std::string&, const sys::FileStat* stat) {
          if (stat == nullptr || stat->type != sys::FileType::kDirectory) return absl::OkStatus();
          const auto copied = copy_.dir().StatLink(change.path.substr(1));
          EXPECT_TRUE(copied.ok()) << copied.status();
          EXPECT_EQ(copied->modified, stat->modified) << change.path << " seed " << seed_;
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
  }

  const uint64_t seed_;
  TestTree older_;
  TestTree newer_;
  TestTree copy_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_ROUND_TRIP_H_
