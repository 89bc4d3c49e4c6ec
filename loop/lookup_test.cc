// SPDX-License-Identifier: Apache-2.0
// Finding, listing and opening devices that others have attached.

#include <cerrno>
#include <optional>
#include <string>

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
using ::dmkit::sys::IsOkAndHolds;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;

constexpr char kImage[] = "/images/web.img";

auto HasNumber(uint32_t number) { return Field(&LoopInfo::number, number); }

class LookupTest : public ::testing::Test {
 protected:
  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
};

TEST_F(LookupTest, FileIsFoundByDeviceInodeAndOffset) {
  kernel_.AddFile("/images/other", 7, 4096);
  kernel_.BindByOther(1, "/images/other");
  kernel_.BindByOther(3, kImage);
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)),
              IsOkAndHolds(Optional(HasNumber(3))));
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(512)), IsOkAndHolds(Not(Optional(_))));
  kernel_.loops[3].info.lo_offset = 512;
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(512)),
              IsOkAndHolds(Optional(HasNumber(3))));
}

TEST_F(LookupTest, FileIsFoundBehindAGap) {
  kernel_.RemoveLoop(1);
  kernel_.RemoveLoop(2);
  kernel_.AddLoop(500);
  kernel_.BindByOther(500, kImage);
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)),
              IsOkAndHolds(Optional(HasNumber(500))));
  kernel_.has_sysfs = false;
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)),
              IsOkAndHolds(Optional(HasNumber(500))));
}

TEST_F(LookupTest, LowestNumberWins) {
  kernel_.BindByOther(3, kImage);
  kernel_.BindByOther(2, kImage);
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)),
              IsOkAndHolds(Optional(HasNumber(2))));
}

TEST_F(LookupTest, FileWithoutItsNodeIsFound) {
  kernel_.BindByOther(2, kImage);
  kernel_.files.erase("/dev/loop2");
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)),
              IsOkAndHolds(Optional(HasNumber(2))));
}

TEST_F(LookupTest, FindOfAMissingFileIsEnoent) {
  EXPECT_THAT(FindByBackingFile(host_, "/none", sys::Bytes(0)), FailsWithErrno(ENOENT));
  EXPECT_THAT(FindByBackingFile(host_, "none", sys::Bytes(0)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(LookupTest, DeviceThatCannotBeOpenedIsAnError) {
  kernel_.open_errors["/dev/loop1"] = EACCES;
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)), FailsWithErrno(EACCES));
  EXPECT_THAT(List(host_), FailsWithErrno(EACCES));
}

TEST_F(LookupTest, ListShowsBoundDevicesByNumber) {
  EXPECT_THAT(List(host_), IsOkAndHolds(IsEmpty()));
  kernel_.AddLoop(30);
  kernel_.BindByOther(30, kImage);
  kernel_.BindByOther(2, kImage, LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR);
  kernel_.loops[2].openers = 1;  // its mount
  const auto list = List(host_);
  ASSERT_THAT(list, IsOkAndHolds(ElementsAre(HasNumber(2), HasNumber(30))));
  EXPECT_TRUE((*list)[0].read_only);
  EXPECT_TRUE((*list)[0].autoclear);
  EXPECT_FALSE((*list)[1].read_only);
  EXPECT_EQ((*list)[1].backing_file, kImage);
  EXPECT_EQ((*list)[1].file_name, "");
}

TEST_F(LookupTest, ListLeavesOutWhatIsGoing) {
  kernel_.BindByOther(1, kImage);
  kernel_.loops[1].rundown = true;
  kernel_.open_errors["/dev/loop2"] = ENODEV;
  EXPECT_THAT(List(host_), IsOkAndHolds(IsEmpty()));
}

TEST_F(LookupTest, InfoOfWhatIsNotBoundIsEnxio) {
  EXPECT_THAT(Info(host_, 1), FailsWithErrno(ENXIO));
  EXPECT_THAT(Info(host_, 77), FailsWithErrno(ENXIO));
  EXPECT_EQ(kernel_.loops.count(77), 0u);
  kernel_.BindByOther(1, kImage);
  EXPECT_THAT(Info(host_, 1), IsOkAndHolds(HasNumber(1)));
}

TEST_F(LookupTest, ReplyThatMakesNoSenseIsDataLoss) {
  kernel_.BindByOther(1, kImage);
  kernel_.loops[1].info.lo_device = ~uint64_t{0};
  EXPECT_THAT(Info(host_, 1), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(List(host_), FailsWithCode(absl::StatusCode::kDataLoss));
  kernel_.BindByOther(1, kImage);
  kernel_.loops[1].block_size = 0x80000000;
  EXPECT_THAT(Info(host_, 1), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(LookupTest, OpenLoopMakesTheNode) {
  kernel_.files.erase("/dev/loop2");
  const auto device = OpenLoop(host_, 2, sys::Access::kReadWrite);
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(kernel_.loops[2].openers, 1);
}

TEST_F(LookupTest, LookingLeavesNothingOpen) {
  kernel_.BindByOther(1, kImage);
  EXPECT_THAT(List(host_), IsOk());
  EXPECT_THAT(FindByBackingFile(host_, kImage, sys::Bytes(0)), IsOk());
  EXPECT_THAT(Info(host_, 1), IsOk());
  for (const auto& [number, loop] : kernel_.loops) EXPECT_EQ(loop.openers, 0) << number;
}

}  // namespace
}  // namespace dmkit::loop
