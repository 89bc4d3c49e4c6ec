// SPDX-License-Identifier: Apache-2.0
// The calls of older kernels, and kernels that do something else than they were asked.

#include "loop/bind.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/backing_file.h"
#include "loop/nodes.h"
#include "loop/scripted_host.h"
#include "loop/uapi.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BindTest : public ::testing::Test {
 protected:
  absl::StatusOr<LoopInfo> DoBind() {
    auto device =
        OpenNode(host_, 0, options_.read_only ? sys::Access::kReadOnly : sys::Access::kReadWrite);
    const auto backing = OpenBackingFile(host_, testing::ScriptedHost::kImage, options_);
    auto info = Bind(host_, *device, *backing, options_, kernel_.clock.Now() + absl::Seconds(5));
    bound_while_open_ = kernel_.loops[0].bound && !kernel_.loops[0].rundown;
    return info;
  }
  void ExpectUnbound() {
    EXPECT_FALSE(bound_while_open_);
    EXPECT_FALSE(kernel_.loops[0].bound);
  }

  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
  AttachOptions options_;
  bool bound_while_open_ = false;
};

TEST_F(BindTest, KernelWithoutConfigureIsAskedInSteps) {
  for (const int error : {EINVAL, ENOTTY, ENOSYS}) {
    kernel_.errors[LOOP_CONFIGURE] = error;
    options_.offset = sys::Bytes(4096);
    options_.size_limit = sys::Bytes(65536);
    const auto info = DoBind();
    ASSERT_THAT(info, IsOk()) << error;
    EXPECT_THAT(kernel_.TakeIoctls(),
                StartsWith("LOOP_CONFIGURE:0 LOOP_SET_FD:0 LOOP_SET_STATUS64:0 "
                           "LOOP_GET_STATUS64:0"));
    EXPECT_EQ(info->offset, sys::Bytes(4096));
    EXPECT_EQ(info->size, sys::Bytes(65536));
    EXPECT_EQ(info->file_name, testing::ScriptedHost::kImage);
    EXPECT_TRUE(info->autoclear);
  }
}

TEST_F(BindTest, StepsSetBlockSizeAndDirectIoOnlyWhenAsked) {
  kernel_.errors[LOOP_CONFIGURE] = ENOTTY;
  options_.block_size = 4096;
  options_.direct_io = true;
  options_.read_only = true;
  const auto info = DoBind();
  ASSERT_THAT(info, IsOk());
  const std::string ioctls = kernel_.TakeIoctls();
  EXPECT_THAT(ioctls, HasSubstr("LOOP_SET_STATUS64:0 LOOP_SET_BLOCK_SIZE:0 LOOP_GET_STATUS64:0"));
  EXPECT_THAT(ioctls, HasSubstr("LOOP_SET_DIRECT_IO:0 LOOP_GET_STATUS64:0"));
  EXPECT_EQ(info->block_size, 4096u);
  EXPECT_TRUE(info->direct_io);
  EXPECT_TRUE(info->read_only);
}

TEST_F(BindTest, ErrorOfTheSecondWayIsTheOneReported) {
  kernel_.errors[LOOP_CONFIGURE] = EINVAL;
  kernel_.errors[LOOP_SET_FD] = EBADF;
  const auto info = DoBind();
  EXPECT_THAT(info, FailsWithErrno(EBADF));
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("LOOP_SET_FD /dev/loop0"));
  EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CONFIGURE:0 LOOP_SET_FD:0");
  ExpectUnbound();
}

TEST_F(BindTest, OtherErrorsOfConfigureAreReportedAtOnce) {
  for (const int error : {EBUSY, EPERM, ENOMEM, EBADF, EIO}) {
    kernel_.errors[LOOP_CONFIGURE] = error;
    EXPECT_THAT(DoBind(), FailsWithErrno(error));
    EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CONFIGURE:0");
    ExpectUnbound();
  }
}

TEST_F(BindTest, BusyDeviceIsLeftAlone) {
  kernel_.errors[LOOP_CONFIGURE] = ENOTTY;
  kernel_.BindByOther(0, testing::ScriptedHost::kImage);
  EXPECT_THAT(DoBind(), FailsWithErrno(EBUSY));
  EXPECT_TRUE(kernel_.loops[0].bound);
}

TEST_F(BindTest, EveryFailedStepDetachesAgain) {
  kernel_.errors[LOOP_CONFIGURE] = ENOSYS;
  options_.block_size = 4096;
  options_.direct_io = true;
  options_.autoclear = false;
  for (const int request :
       {LOOP_SET_STATUS64, LOOP_SET_BLOCK_SIZE, LOOP_GET_STATUS64, LOOP_SET_DIRECT_IO}) {
    kernel_.next_errors[static_cast<unsigned long>(request)] = {EPERM};
    EXPECT_THAT(DoBind(), FailsWithErrno(EPERM)) << request;
    EXPECT_THAT(kernel_.TakeIoctls(), HasSubstr("LOOP_CLR_FD:0"));
    ExpectUnbound();
  }
}

TEST_F(BindTest, FailedDetachIsToldBehindTheFirstError) {
  kernel_.errors[LOOP_GET_STATUS64] = EIO;
  kernel_.errors[LOOP_CLR_FD] = EPERM;
  const auto info = DoBind();
  EXPECT_THAT(info, FailsWithErrno(EIO));
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("LOOP_CLR_FD"));
}

TEST_F(BindTest, DirtyPagesAreWaitedFor) {
  kernel_.errors[LOOP_CONFIGURE] = ENOTTY;
  options_.block_size = 1024;
  kernel_.next_errors[LOOP_SET_STATUS64] = {EAGAIN, EAGAIN, EAGAIN};
  kernel_.next_errors[LOOP_SET_BLOCK_SIZE] = {EAGAIN, EAGAIN};
  EXPECT_THAT(DoBind(), IsOk());
  EXPECT_EQ(kernel_.clock.sleeps, 5);
}

TEST_F(BindTest, DirtyPagesAreWaitedForUntilTheDeadline) {
  kernel_.errors[LOOP_CONFIGURE] = ENOTTY;
  kernel_.errors[LOOP_SET_STATUS64] = EAGAIN;
  const absl::Time start = kernel_.clock.Now();
  EXPECT_THAT(DoBind(), FailsWithErrno(EAGAIN));
  EXPECT_EQ(kernel_.clock.Now(), start + absl::Seconds(5));
  ExpectUnbound();
}

TEST_F(BindTest, DirectIoDroppedInSilenceIsAskedForAgain) {
  options_.direct_io = true;
  kernel_.afterwards = [](unsigned long request, testing::ScriptedLoop& loop) {
    if (request == LOOP_CONFIGURE) loop.info.lo_flags &= ~uint32_t{LO_FLAGS_DIRECT_IO};
  };
  const auto info = DoBind();
  ASSERT_THAT(info, IsOk());
  EXPECT_TRUE(info->direct_io);
}

TEST_F(BindTest, DirectIoThatIsRefusedIsEinvalAndDetaches) {
  options_.direct_io = true;
  kernel_.afterwards = [](unsigned long request, testing::ScriptedLoop& loop) {
    if (request == LOOP_CONFIGURE) loop.info.lo_flags &= ~uint32_t{LO_FLAGS_DIRECT_IO};
  };
  kernel_.errors[LOOP_SET_DIRECT_IO] = EINVAL;
  const auto info = DoBind();
  EXPECT_THAT(info, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("direct I/O"));
  ExpectUnbound();
}

struct Lie {
  const char* what;
  void (*tell)(testing::ScriptedLoop& loop);
};

class LieTest : public BindTest, public ::testing::WithParamInterface<Lie> {};

TEST_P(LieTest, IsNoticedAndDetached) {
  options_.direct_io = true;
  options_.autoclear = false;
  options_.block_size = 4096;
  options_.offset = sys::Bytes(4096);
  options_.size_limit = sys::Bytes(65536);
  kernel_.afterwards = [](unsigned long request, testing::ScriptedLoop& loop) {
    if (request == LOOP_CONFIGURE || request == LOOP_SET_DIRECT_IO) GetParam().tell(loop);
  };
  const auto info = DoBind();
  EXPECT_THAT(info, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(info.status().message()), HasSubstr(GetParam().what));
  ExpectUnbound();
}

using testing::ScriptedLoop;
INSTANTIATE_TEST_SUITE_P(
    All, LieTest,
    ::testing::Values(
        Lie{"offset is 0", [](ScriptedLoop& l) { l.info.lo_offset = 0; }},
        Lie{"size limit in bytes is 0", [](ScriptedLoop& l) { l.info.lo_sizelimit = 0; }},
        Lie{"autoclear is yes", [](ScriptedLoop& l) { l.info.lo_flags |= LO_FLAGS_AUTOCLEAR; }},
        Lie{"read-only is yes", [](ScriptedLoop& l) { l.info.lo_flags |= LO_FLAGS_READ_ONLY; }},
        Lie{"direct I/O is no",
            [](ScriptedLoop& l) { l.info.lo_flags &= ~uint32_t{LO_FLAGS_DIRECT_IO}; }},
        Lie{"block size in bytes is 512", [](ScriptedLoop& l) { l.block_size = 512; }},
        Lie{"file name is /other",
            [](ScriptedLoop& l) { std::memcpy(l.info.lo_file_name, "/other", 7); }},
        Lie{"backing file is inode 101", [](ScriptedLoop& l) { l.info.lo_inode = 101; }},
        Lie{"size in bytes is 0", [](ScriptedLoop& l) { l.size_bytes = 0; }},
        Lie{"size in bytes is 66048, asked for at most 65536",
            [](ScriptedLoop& l) { l.size_bytes = 66048; }}));

}  // namespace
}  // namespace dmkit::loop
