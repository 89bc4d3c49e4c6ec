// SPDX-License-Identifier: Apache-2.0
// LOOP_CLR_FD and LO_FLAGS_AUTOCLEAR.

#include <cerrno>
#include <string>
#include <vector>

#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopDetach : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    path_ = File("f", kMiB);
    Attach(0, path_);
  }

  std::string path_;
};

TEST_F(LoopDetach, AnUnboundDeviceGivesEnxio) { EXPECT_EQ(Detach(*Loop(1)), -ENXIO); }

TEST_F(LoopDetach, TheOnlyOpenerDetachesAtItsCloseAtTheLatest) {
  EXPECT_EQ(Detach(*Loop(0)), 0);
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, TheOnlyOpenerDetachesAtOnceOn61) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Detach(*loop), 0);
  EXPECT_EQ(StatusError(*loop), -ENXIO);
  // Since then it waits for the last close, and takes no other file before.
  EXPECT_EQ(SetFd(*loop, *Open(path_, kReadWrite)), is_6_1() ? 0 : -EBUSY);
}

TEST_F(LoopDetach, OpensFailWhileItWaitsForTheLastCloseSince612) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Detach(*loop), 0);
  EXPECT_EQ(OpenError("/dev/loop0"), is_6_1() ? 0 : -ENXIO);
}

TEST_F(LoopDetach, AnotherOpenerDelaysIt) {
  FilePtr other = Loop(0);
  {
    const FilePtr loop = Loop(0);
    EXPECT_EQ(Detach(*loop), 0);
    EXPECT_EQ(StatusError(*loop), 0);
    EXPECT_EQ(FlagsOf(*loop), uint32_t{LO_FLAGS_AUTOCLEAR});
  }
  EXPECT_EQ(StatusError(*other), 0);
  other.reset();
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, ItNeverGivesEbusy) {
  const FilePtr other = Loop(0);
  const FilePtr loop = Loop(0);
  EXPECT_EQ(Detach(*loop), 0);
  EXPECT_EQ(Detach(*loop), 0);
}

TEST_F(LoopDetach, StatusWithoutAutoclearCancelsIt) {
  FilePtr other = Loop(0);
  FilePtr loop = Loop(0);
  ASSERT_EQ(Detach(*loop), 0);
  EXPECT_EQ(SetStatus(*loop, {}), 0);
  loop.reset();
  other.reset();
  EXPECT_EQ(StatusError(*Loop(0)), 0);
}

TEST_F(LoopDetach, AReadOnlyDescriptorIsEnough) {
  EXPECT_EQ(Detach(*Loop(0, kRead)), 0);
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, AutoclearDetachesAtTheLastClose) {
  {
    const FilePtr loop = Loop(0);
    loop_info64 info{};
    info.lo_flags = LO_FLAGS_AUTOCLEAR;
    ASSERT_EQ(SetStatus(*loop, info), 0);
    EXPECT_EQ(StatusError(*loop), 0);
  }
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, TheBackingFileMayBeGone) {
  ASSERT_TRUE(host().root->Unlink(path_).ok());
  EXPECT_EQ(StatusError(*Loop(0)), 0);
  EXPECT_EQ(Attribute(0, "loop/backing_file"), path_ + " (deleted)");
  EXPECT_EQ(Detach(*Loop(0)), 0);
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, ADetachedDeviceHasSizeZeroAndNoAttributes) {
  ASSERT_EQ(Detach(*Loop(0)), 0);
  ASSERT_TRUE(IsDetachedInTime(0));
  EXPECT_EQ(SizeOf(*Loop(0)), 0u);
  EXPECT_EQ(Attribute(0, "loop/backing_file"), "");
}

TEST_F(LoopDetach, EverybodyWithADescriptorMay) {
  AsNobody("/dev/loop0", kRead, [](sys::File& loop) { EXPECT_EQ(Detach(loop), 0); });
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, AHolderDelaysIt) {
  FilePtr holder = HeldLoop(0);
  EXPECT_EQ(Detach(*Loop(0)), 0);
  EXPECT_EQ(StatusError(*holder), 0);
  holder.reset();
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopDetach, SendsTwoUevents) {
  TakeUevents();
  ASSERT_EQ(Detach(*Loop(0)), 0);
  ASSERT_TRUE(IsDetachedInTime(0));
  const std::vector<std::string> events = {"change loop0", "change loop0 DISK_MEDIA_CHANGE=1"};
  EXPECT_EQ(TakeUevents(), events);
}

TEST_F(LoopDetach, OffsetAndFlagsGoWithTheFile) {
  loop_info64 info{};
  info.lo_offset = 4096;
  info.lo_flags = LO_FLAGS_PARTSCAN;
  ASSERT_EQ(SetStatus(*Loop(0), info), 0);
  ASSERT_EQ(Detach(*Loop(0)), 0);
  ASSERT_TRUE(IsDetachedInTime(0));
  Attach(0, path_);
  EXPECT_EQ(SizeOf(*Loop(0)), kMiB);
  EXPECT_EQ(FlagsOf(*Loop(0)), 0u);
}

TEST_F(LoopDetach, ASecondTimeByTheOnlyOpenerGivesEnxio) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Detach(*loop), 0);
  EXPECT_EQ(Detach(*loop), -ENXIO);
}

}  // namespace
}  // namespace dmkit::conformance
