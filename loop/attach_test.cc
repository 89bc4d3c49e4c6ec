// SPDX-License-Identifier: Apache-2.0
// Attaching, where everything goes well and where others are faster.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "loop/scripted_host.h"
#include "loop/uapi.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kImage[] = "/images/web.img";
// What Attach asks behind a successful LOOP_CONFIGURE.
constexpr char kProof[] = " LOOP_GET_STATUS64:0 BLKSSZGET:0 ioctl 0x80081272:0";

class AttachTest : public ::testing::Test {
 protected:
  absl::StatusOr<AttachedLoop> DoAttach(absl::string_view path = kImage) {
    return Attach(host_, path, options_, Deadline());
  }
  absl::Time Deadline() { return kernel_.clock.Now() + absl::Seconds(5); }
  std::string Message(const absl::Status& status) { return std::string(status.message()); }

  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
  AttachOptions options_;
};

TEST_F(AttachTest, AttachesInOneCallAndReadsTheStatusBack) {
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(kernel_.TakeIoctls(), std::string("LOOP_CTL_GET_FREE LOOP_CONFIGURE:0") + kProof);
  EXPECT_EQ(attached->info.number, 0u);
  EXPECT_EQ(attached->info.device, (sys::DeviceNumber{7, 0}));
  EXPECT_EQ(attached->info.backing_inode, 100u);
  EXPECT_EQ(attached->info.backing_device, (sys::DeviceNumber{254, 1}));
  EXPECT_EQ(attached->info.file_name, kImage);
  EXPECT_EQ(attached->info.backing_file, kImage);
  EXPECT_EQ(attached->info.size, sys::Bytes(testing::ScriptedHost::kImageBytes));
  EXPECT_EQ(attached->info.block_size, 512u);
  EXPECT_TRUE(attached->info.autoclear);
  EXPECT_FALSE(attached->info.read_only);
  EXPECT_EQ(kernel_.loops[0].openers, 1);
}

TEST_F(AttachTest, AutoclearDeviceLivesAsLongAsItsFile) {
  {
    const auto attached = DoAttach();
    ASSERT_THAT(attached, IsOk());
    EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0));
  }
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST_F(AttachTest, DeviceWithoutAutoclearStays) {
  options_.autoclear = false;
  EXPECT_THAT(DoAttach(), IsOk());
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0));
}

TEST_F(AttachTest, AllOptionsReachTheKernel) {
  options_.read_only = true;
  options_.autoclear = false;
  options_.direct_io = true;
  options_.offset = sys::Bytes(4096);
  options_.size_limit = sys::Bytes(65536);
  options_.block_size = 4096;
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  const loop_info64& info = kernel_.loops[0].info;
  EXPECT_EQ(info.lo_flags, uint32_t{LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO});
  EXPECT_EQ(info.lo_offset, 4096u);
  EXPECT_EQ(info.lo_sizelimit, 65536u);
  EXPECT_EQ(kernel_.loops[0].block_size, 4096u);
  EXPECT_EQ(attached->info.size, sys::Bytes(65536));
}

TEST_F(AttachTest, LongNameIsCutAndSysfsHasItWhole) {
  const std::string path = "/images/" + std::string(100, 'n');
  kernel_.AddFile(path, 7, 4096);
  const auto attached = DoAttach(path);
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.file_name, path.substr(0, 63));
  EXPECT_EQ(attached->info.backing_file, path);
}

TEST_F(AttachTest, NameIsTheRealPathBehindALink) {
  kernel_.links["/current"] = kImage;
  const auto attached = DoAttach("/current");
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.file_name, kImage);
}

TEST_F(AttachTest, BadOptionsAreRefusedBeforeAnyCall) {
  const auto refused = [&](AttachOptions options) {
    const auto attached = Attach(host_, kImage, options, Deadline());
    EXPECT_THAT(attached, FailsWithCode(absl::StatusCode::kInvalidArgument));
    const auto found = FindOrAttach(host_, kImage, options, Deadline());
    EXPECT_THAT(found, FailsWithCode(absl::StatusCode::kInvalidArgument));
    EXPECT_EQ(kernel_.TakeIoctls(), "");
  };
  for (const uint32_t size : {1u, 256u, 511u, 1000u, 8192u}) {
    AttachOptions options;
    options.block_size = size;
    refused(options);
  }
  AttachOptions options;
  options.offset = sys::Bytes(uint64_t{1} << 63);
  refused(options);
  options = AttachOptions();
  options.size_limit = sys::Bytes(uint64_t{1} << 63);
  refused(options);
  options.size_limit = sys::Bytes(511);
  refused(options);
}

TEST_F(AttachTest, BadBackingFilesAreRefusedBeforeALoopDeviceIsTouched) {
  kernel_.AddFile("/images/empty", 7, 0);
  kernel_.AddFile("/images/locked", 8, 4096);
  kernel_.open_errors["/images/locked"] = EROFS;
  EXPECT_THAT(DoAttach("/images/empty"), FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DoAttach("/images/none"), FailsWithErrno(ENOENT));
  EXPECT_THAT(DoAttach("/images/locked"), FailsWithErrno(EROFS));
  EXPECT_THAT(DoAttach("images/web.img"), FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(kernel_.TakeIoctls(), "");
}

TEST_F(AttachTest, LostRaceIsRunAgain) {
  kernel_.AddFile("/images/other", 7, 4096);
  int lost = 0;
  kernel_.meanwhile = [&](unsigned long request, uint32_t number) {
    if (request == LOOP_CONFIGURE && lost++ < 2) kernel_.BindByOther(number, "/images/other");
  };
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 2u);
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0, 1, 2));
  EXPECT_EQ(kernel_.loops[0].backing_path, "/images/other");
}

TEST_F(AttachTest, RaceThatIsAlwaysLostEndsAtTheDeadlineWithEbusy) {
  kernel_.errors[LOOP_CONFIGURE] = EBUSY;
  const absl::Time deadline = Deadline();
  const auto attached = Attach(host_, kImage, options_, deadline);
  EXPECT_THAT(attached, FailsWithErrno(EBUSY));
  EXPECT_THAT(Message(attached.status()), HasSubstr("until the deadline"));
  EXPECT_EQ(kernel_.clock.Now(), deadline);
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST_F(AttachTest, PastDeadlineStillMakesOneAttempt) {
  EXPECT_THAT(Attach(host_, kImage, options_, absl::InfinitePast()), IsOk());
  kernel_.errors[LOOP_CONFIGURE] = EBUSY;
  EXPECT_THAT(Attach(host_, kImage, options_, absl::InfinitePast()), FailsWithErrno(EBUSY));
  EXPECT_EQ(kernel_.clock.sleeps, 0);
}

TEST_F(AttachTest, UnboundDeviceThatIsHeldDoesNotStandInTheWay) {
  kernel_.loops[0].held = true;
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 1u);
}

TEST_F(AttachTest, DeviceThatGoesBeforeItsOpenIsReplaced) {
  for (const int error : {ENXIO, ENODEV}) {
    kernel_.open_errors["/dev/loop0"] = error;
    kernel_.clock.while_sleeping = [&] { kernel_.open_errors.clear(); };
    EXPECT_THAT(DoAttach(), IsOk()) << error;
    EXPECT_TRUE(kernel_.open_errors.empty());
  }
}

TEST_F(AttachTest, NoRightToOpenTheDeviceIsReportedAtOnce) {
  kernel_.open_errors["/dev/loop0"] = EACCES;
  EXPECT_THAT(DoAttach(), FailsWithErrno(EACCES));
  EXPECT_EQ(kernel_.clock.sleeps, 0);
}

TEST_F(AttachTest, MissingNodeIsMade) {
  for (uint32_t number = 0; number < 4; ++number) {
    kernel_.files.erase("/dev/loop" + std::to_string(number));
  }
  EXPECT_THAT(DoAttach(), IsOk());
  EXPECT_EQ(kernel_.files.count("/dev/loop0"), 1u);
}

TEST_F(AttachTest, WithoutControlDeviceADeviceBehindAGapIsUsed) {
  kernel_.files.erase("/dev/loop-control");
  kernel_.proc_misc = "";
  kernel_.RemoveLoop(1);
  for (const uint32_t number : {0u, 2u, 3u}) kernel_.BindByOther(number, kImage);
  kernel_.AddLoop(9);
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 9u);
}

TEST_F(AttachTest, EveryIoctlIsOneTraceLine) {
  const auto attached = DoAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_THAT(kernel_.trace.lines, Contains("LOOP_CTL_GET_FREE /dev/loop-control -> 0"));
  EXPECT_THAT(kernel_.trace.lines, Contains(HasSubstr("LOOP_CONFIGURE /dev/loop0 fd=")));
  EXPECT_THAT(kernel_.trace.lines, Contains(HasSubstr("LOOP_GET_STATUS64 /dev/loop0 -> number=0")));
  EXPECT_EQ(kernel_.trace.lines.size(), 4u);
  host_.trace = nullptr;
  EXPECT_THAT(DoAttach(), IsOk());
}

class FindOrAttachTest : public AttachTest {
 protected:
  absl::StatusOr<AttachedLoop> DoFindOrAttach(absl::string_view path = kImage) {
    return FindOrAttach(host_, path, options_, Deadline());
  }
};

TEST_F(FindOrAttachTest, AttachesWhatIsNotAttached) {
  const auto attached = DoFindOrAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 0u);
}

TEST_F(FindOrAttachTest, SecondCallFindsTheFirstsDevice) {
  const auto first = DoFindOrAttach();
  ASSERT_THAT(first, IsOk());
  const auto second = DoFindOrAttach();
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->info.number, first->info.number);
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0));
  EXPECT_EQ(kernel_.loops[0].openers, 2);
}

TEST_F(FindOrAttachTest, FoundDeviceIsKeptWhenItsAttacherGoes) {
  auto first = DoFindOrAttach();
  ASSERT_THAT(first, IsOk());
  const auto second = DoFindOrAttach();
  ASSERT_THAT(second, IsOk());
  first->device.reset();
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0));
}

TEST_F(FindOrAttachTest, SameFileByAnotherNameIsFound) {
  kernel_.BindByOther(2, kImage);
  kernel_.files["/hard/link"] = kernel_.files[kImage];
  const auto found = DoFindOrAttach("/hard/link");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->info.number, 2u);
}

TEST_F(FindOrAttachTest, SameBlockDeviceByAnotherNodeIsFound) {
  kernel_.AddNode("/dev/vdb", {254, 16});
  kernel_.files["/dev/vdb"].size_bytes = 4096;
  kernel_.AddNode("/tmp/vdb", {254, 16});
  kernel_.files["/tmp/vdb"].size_bytes = 4096;
  kernel_.BindByOther(2, "/dev/vdb");
  const auto found = DoFindOrAttach("/tmp/vdb");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->info.number, 2u);
}

TEST_F(FindOrAttachTest, AnotherOffsetIsAnotherDevice) {
  kernel_.BindByOther(0, kImage);
  options_.offset = sys::Bytes(4096);
  const auto attached = DoFindOrAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 1u);
}

TEST_F(FindOrAttachTest, DeviceThatIsBeingDetachedIsNotFound) {
  kernel_.BindByOther(0, kImage);
  kernel_.loops[0].rundown = true;
  const auto attached = DoFindOrAttach();
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.number, 1u);
}

TEST_F(FindOrAttachTest, FoundDeviceKeepsItsAutoclear) {
  kernel_.BindByOther(0, kImage);
  const auto found = DoFindOrAttach();
  ASSERT_THAT(found, IsOk());
  EXPECT_FALSE(found->info.autoclear);
}

TEST_F(FindOrAttachTest, FoundOtherwiseThanAskedIsRefusedWithBothValues) {
  kernel_.BindByOther(0, kImage);
  const auto refused = [&](const std::string& what) {
    const auto found = DoFindOrAttach();
    EXPECT_THAT(found, FailsWithCode(absl::StatusCode::kFailedPrecondition)) << what;
    EXPECT_THAT(Message(found.status()), HasSubstr(what));
    options_ = AttachOptions();
  };
  options_.read_only = true;
  refused("/dev/loop0: read-only is no, asked for yes");
  options_.size_limit = sys::Bytes(4096);
  refused("size limit in bytes is 0, asked for 4096");
  options_.block_size = 4096;
  refused("block size in bytes is 512, asked for 4096");
  options_.direct_io = true;
  refused("direct I/O is no, asked for yes");
  kernel_.loops[0].info.lo_flags = LO_FLAGS_READ_ONLY;
  refused("read-only is yes, asked for no");
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(0));
}

TEST_F(FindOrAttachTest, DeviceThatCannotBeLookedAtIsAnErrorAsItCouldBeTheOne) {
  kernel_.open_errors["/dev/loop3"] = EACCES;
  EXPECT_THAT(DoFindOrAttach(), FailsWithErrno(EACCES));
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

}  // namespace
}  // namespace dmkit::loop
