// SPDX-License-Identifier: Apache-2.0
// Tests of the mount counts: reboots, damaged files, names that could collide, and every fault.

#include "driver/mount_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/layer_id.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::FaultyHost;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::Eq;

class MountCountsTest : public ::testing::Test {
 protected:
  static LayerId Layer(absl::string_view text) { return *LayerId::Create(text); }

  std::string RunDir() const { return absl::StrCat(temp_.path(), "/run"); }
  std::string CountPath(absl::string_view layer) const {
    return absl::StrCat(RunDir(), "/mounts/", layer);
  }
  MountCounts Open() {
    absl::StatusOr<MountCounts> counts = MountCounts::Open(host_, RunDir());
    EXPECT_THAT(counts, IsOk());
    return *std::move(counts);
  }
  std::string Contents(absl::string_view layer) {
    return *sys::ReadFile(*host_.root, CountPath(layer), 4096);
  }
  void Plant(absl::string_view layer, absl::string_view contents) {
    const absl::StatusOr<std::unique_ptr<sys::Dir>> dir =
        host_.root->OpenDir(absl::StrCat(RunDir(), "/mounts"));
    ASSERT_THAT(dir, IsOk());
    EXPECT_THAT(sys::ReplaceFile(**dir, layer, contents), IsOk());
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::Host host_ = linux_.host();
};

TEST_F(MountCountsTest, LayerWithoutAFileHasNoCount) {
  EXPECT_THAT(Open().Read(Layer("a")), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(MountCountsTest, CountIsSeenByTheNextProcess) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 2), IsOk());
  EXPECT_THAT(Open().Read(Layer("a")), IsOkAndHolds(Eq(2U)));
  ASSERT_THAT(counts.Write(Layer("a"), 4294967295U), IsOk());
  EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(4294967295U)));
}

TEST_F(MountCountsTest, ClearRemovesTheFileAndMayBeRepeated) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 1), IsOk());
  ASSERT_THAT(counts.Clear(Layer("a")), IsOk());
  EXPECT_THAT(host_.root->Stat(CountPath("a")), FailsWithErrno(ENOENT));
  EXPECT_THAT(counts.Clear(Layer("a")), IsOk());
}

TEST_F(MountCountsTest, NoneOfTheGetsIsACountAndNotNoCount) {
  MountCounts counts = Open();
  for (const bool read_only : {false, true}) {
    ASSERT_THAT(counts.Write(Layer("a"), MountCount(0, read_only)), IsOk());
    EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(MountCount(0, read_only))));
  }
}

TEST_F(MountCountsTest, LayersDoNotTouchEachOther) {
  MountCounts counts = Open();
  // "a.tmp" is a name that a temporary file for layer "a" could take.
  for (const char* other : {"a.tmp", "a.a", "a-"}) {
    ASSERT_THAT(counts.Write(Layer(other), 7), IsOk());
  }
  ASSERT_THAT(counts.Write(Layer("a"), 1), IsOk());
  ASSERT_THAT(counts.Clear(Layer("a")), IsOk());
  for (const char* other : {"a.tmp", "a.a", "a-"}) {
    EXPECT_THAT(counts.Read(Layer(other)), IsOkAndHolds(Eq(7U))) << other;
  }
}

TEST_F(MountCountsTest, LongestLayerIdFitsAFileName) {
  const LayerId layer = Layer(std::string(kLayerIdBytesMax, 'x'));
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(layer, 3), IsOk());
  EXPECT_THAT(counts.Read(layer), IsOkAndHolds(Eq(3U)));
}

TEST_F(MountCountsTest, CountOfAnEarlierBootIsNone) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 5), IsOk());
  std::string contents = Contents("a");
  contents[0] = contents[0] == '0' ? '1' : '0';
  Plant("a", contents);
  EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(MountCountsTest, FileCutOffAnywhereCountsAsNone) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 12), IsOk());
  const std::string whole = Contents("a");
  for (size_t length = 0; length < whole.size(); ++length) {
    Plant("a", whole.substr(0, length));
    EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(std::nullopt))) << length;
  }
}

TEST_F(MountCountsTest, WhatIsNoCountCountsAsNone) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 1), IsOk());
  const std::string boot_id = Contents("a").substr(0, 36);
  for (const std::string& contents :
       {absl::StrCat(boot_id, " \n"), absl::StrCat(boot_id, " -1\n"),
        absl::StrCat(boot_id, " +1\n"), absl::StrCat(boot_id, " 1 \n"),
        absl::StrCat(boot_id, "  1\n"), absl::StrCat(boot_id, " 1\n\n"),
        absl::StrCat(boot_id, " 1\n1\n"), absl::StrCat(boot_id, "\t1\n"),
        absl::StrCat(boot_id, " 4294967296\n"), absl::StrCat(boot_id, " 0x1\n"),
        absl::StrCat(" ", boot_id, " 1\n"), std::string("1\n"), std::string(" 1\n"),
        absl::StrCat(boot_id, " 1", absl::string_view("\0\n", 2)), std::string(4096, '\0'),
        std::string(100000, '9')}) {
    Plant("a", contents);
    EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(std::nullopt))) << contents.substr(0, 60);
  }
  ASSERT_THAT(counts.Write(Layer("a"), 1), IsOk());
  EXPECT_THAT(counts.Read(Layer("a")), IsOkAndHolds(Eq(1U)));
}

TEST_F(MountCountsTest, MissingProcIsAnErrorThatSaysSo) {
  FaultyHost faulty(host_);
  faulty.SetPlan(FaultyHost::FailMatching("OpenFile", "boot_id", ENOENT));
  const absl::Status status = MountCounts::Open(faulty.host(), RunDir()).status();
  EXPECT_THAT(status, FailsWithErrno(ENOENT));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("/proc"));
}

TEST_F(MountCountsTest, UnreadableCountIsAnErrorAndNotZero) {
  MountCounts counts = Open();
  ASSERT_THAT(counts.Write(Layer("a"), 1), IsOk());
  FaultyHost faulty(host_);
  absl::StatusOr<MountCounts> seen = MountCounts::Open(faulty.host(), RunDir());
  ASSERT_THAT(seen, IsOk());
  faulty.SetPlan(FaultyHost::FailMatching("OpenFile", "a", EIO));
  EXPECT_THAT(seen->Read(Layer("a")), FailsWithErrno(EIO));
}

TEST_F(MountCountsTest, EveryCallFailsOnceAndTheCountIsOldOrNew) {
  MountCounts plain = Open();
  const LayerId layer = Layer("a");
  for (const std::optional<uint32_t> next : {std::optional<uint32_t>(2), {}}) {
    for (uint64_t call = 1;; ++call) {
      ASSERT_THAT(plain.Write(layer, 1), IsOk());
      FaultyHost faulty(host_);
      faulty.SetPlan(FaultyHost::FailCall(call, EIO));
      absl::Status status;
      {
        absl::StatusOr<MountCounts> counts = MountCounts::Open(faulty.host(), RunDir());
        status = !counts.ok()       ? counts.status()
                 : next.has_value() ? counts->Write(layer, *next)
                                    : counts->Clear(layer);
      }
      EXPECT_EQ(faulty.open_handles(), 0U) << "call " << call;
      if (status.ok()) {
        EXPECT_THAT(plain.Read(layer), IsOkAndHolds(Eq(next)));
        break;
      }
      EXPECT_THAT(status, FailsWithErrno(EIO)) << "call " << call;
      EXPECT_THAT(plain.Read(layer), IsOkAndHolds(Eq(1U))) << "call " << call;
      ASSERT_LT(call, 100U);
    }
  }
}

TEST_F(MountCountsTest, StopAtAnyCallLeavesTheCountOldOrNew) {
  MountCounts plain = Open();
  const LayerId layer = Layer("a");
  for (uint64_t call = 1;; ++call) {
    ASSERT_THAT(plain.Write(layer, 1), IsOk());
    FaultyHost faulty(host_);
    faulty.SetPlan(FaultyHost::StopAt(call));
    absl::StatusOr<MountCounts> counts = MountCounts::Open(faulty.host(), RunDir());
    const absl::Status status = counts.ok() ? counts->Write(layer, 2) : counts.status();
    EXPECT_THAT(plain.Read(layer), IsOkAndHolds(::testing::AnyOf(1U, 2U))) << "call " << call;
    // What the stop left behind is in nobody's way.
    ASSERT_THAT(plain.Write(layer, 3), IsOk());
    EXPECT_THAT(plain.Read(layer), IsOkAndHolds(Eq(3U)));
    if (status.ok()) break;
    ASSERT_LT(call, 100U);
  }
}

}  // namespace
}  // namespace dmkit::driver
