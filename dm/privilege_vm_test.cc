// SPDX-License-Identifier: Apache-2.0
// What a process gets that is not root's, on a real kernel: the process gives its privileges up.

#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "dm/device_mapper.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::testing::HasSubstr;
using PrivilegeVmTest = testing::VmTest;

TEST_F(PrivilegeVmTest, WithoutPrivilegeEveryCommandFailsWithEacces) {
  ASSERT_EQ(seteuid(65534), 0);
  const absl::Cleanup root_again = [] { ASSERT_EQ(seteuid(0), 0); };
  EXPECT_THAT(dm_.List(), FailsWithErrno(EACCES));
  EXPECT_THAT(dm_.ListVersions(), FailsWithErrno(EACCES));
  EXPECT_THAT(dm_.ArmPoll(), FailsWithErrno(EACCES));
  const auto opened = DeviceMapper::Open(host_);
  EXPECT_THAT(opened, FailsWithErrno(EACCES));
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("root"));
}

}  // namespace
}  // namespace dmkit::dm
