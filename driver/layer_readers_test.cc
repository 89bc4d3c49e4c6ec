// SPDX-License-Identifier: Apache-2.0
// Tests of the readers of a layer: who counts as alive, and every fault.

#include "driver/layer_readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/layer_id.h"
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LayerReadersTest : public ::testing::Test {
 protected:
  static LayerId Layer(absl::string_view text) { return *LayerId::Create(text); }
  std::string Directory(absl::string_view layer) const {
    return absl::StrCat(temp_.path(), "/run/readers/", layer);
  }
  LayerReaders Open(const sys::Host& host) {
    auto readers = LayerReaders::Open(host, absl::StrCat(temp_.path(), "/run"));
    EXPECT_THAT(readers, IsOk());
    return *std::move(readers);
  }
  LayerReaders Open() { return Open(host_); }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::Host host_ = linux_.host();
};

TEST_F(LayerReadersTest, ReaderIsAliveUntilItLeaves) {
  LayerReaders readers = Open();
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(IsEmpty()));
  auto reader = readers.Add(Layer("a"), "diff");
  ASSERT_THAT(reader, IsOk());
  const std::string me = absl::StrCat("process ", host_.processes->ProcessId(), " (diff)");
  EXPECT_THAT(Open().Alive(Layer("a")), IsOkAndHolds(ElementsAre(me)));
  EXPECT_THAT(readers.Alive(Layer("b")), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(readers.Leave(Layer("a"), *std::move(reader)), IsOk());
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(host_.root->Stat(Directory("a")), FailsWithErrno(ENOENT));
}

TEST_F(LayerReadersTest, EachReaderIsOneAndLeavesTheOthers) {
  LayerReaders readers = Open();
  auto first = readers.Add(Layer("a"), "diff");
  auto second = Open().Add(Layer("a"), "changes");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(readers.Alive(Layer("a")),
              IsOkAndHolds(ElementsAre(HasSubstr("(diff)"), HasSubstr("(changes)"))));
  EXPECT_THAT(readers.Leave(Layer("a"), *std::move(first)), IsOk());
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(ElementsAre(HasSubstr("(changes)"))));
  auto third = readers.Add(Layer("a"), "diffsize");
  ASSERT_THAT(third, IsOk());
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(SizeIs(2)));
}

TEST_F(LayerReadersTest, ReaderThatEndsWithoutLeavingIsDeadAndItsFileGoes) {
  LayerReaders readers = Open();
  auto alive = readers.Add(Layer("a"), "diff");
  ASSERT_THAT(alive, IsOk());
  ASSERT_THAT(readers.Add(Layer("a"), "killed"), IsOk());
  EXPECT_THAT(host_.root->List(Directory("a")), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(ElementsAre(HasSubstr("(diff)"))));
  readers.RemoveDead(Layer("a"));
  EXPECT_THAT(host_.root->List(Directory("a")), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(readers.Alive(Layer("a")), IsOkAndHolds(SizeIs(1)));
  EXPECT_THAT(readers.Leave(Layer("a"), *std::move(alive)), IsOk());
  readers.RemoveDead(Layer("a"));
  EXPECT_THAT(host_.root->Stat(Directory("a")), FailsWithErrno(ENOENT));
}

TEST_F(LayerReadersTest, LayersWhoseNamesBeginAlikeDoNotTouchEachOther) {
  LayerReaders readers = Open();
  auto reader = readers.Add(Layer("a.0"), "diff");
  ASSERT_THAT(reader, IsOk());
  ASSERT_THAT(readers.Add(Layer("a"), "diff"), IsOk());
  readers.RemoveDead(Layer("a"));
  EXPECT_THAT(readers.Alive(Layer("a.0")), IsOkAndHolds(SizeIs(1)));
}

TEST_F(LayerReadersTest, ReadersThatCannotBeLookedAtAreAnError) {
  auto reader = Open().Add(Layer("a"), "diff");
  ASSERT_THAT(reader, IsOk());
  FaultyHost faulty(host_);
  const LayerReaders readers = Open(faulty.host());
  for (const char* call : {"List", "OpenFile", "TryLock"}) {
    faulty.SetPlan(FaultyHost::FailMatching(call, "readers", EIO));
    EXPECT_THAT(readers.Alive(Layer("a")), FailsWithErrno(EIO)) << call;
  }
}

TEST_F(LayerReadersTest, EveryCallThatFailsIsToldAndLeavesNoReaderAlive) {
  for (const bool leaves : {false, true}) {
    for (uint64_t call = 1;; ++call) {
      FaultyHost faulty(host_);
      LayerReaders readers = Open(faulty.host());
      if (!leaves) faulty.SetPlan(FaultyHost::FailCall(call, EIO));
      auto reader = readers.Add(Layer("a"), "diff");
      absl::Status status = reader.status();
      if (leaves) {
        ASSERT_THAT(reader, IsOk());
        faulty.SetPlan(FaultyHost::FailCall(call, EIO));
        status = readers.Leave(Layer("a"), *std::move(reader));
      } else {
        reader = absl::CancelledError("ended");
      }
      const bool reached = faulty.calls() >= call;
      EXPECT_THAT(Open().Alive(Layer("a")), IsOkAndHolds(IsEmpty())) << call;
      if (!reached) {
        EXPECT_THAT(status, IsOk());
        EXPECT_GT(call, 2u);
        break;
      }
      // The directory that stays is in nobody's way.
      if (!status.ok()) {
        EXPECT_THAT(status, FailsWithErrno(EIO)) << call;
      }
      ASSERT_LT(call, 100u);
    }
  }
}

}  // namespace
}  // namespace dmkit::driver
