// SPDX-License-Identifier: Apache-2.0
// The host program on the model kernel: a program that takes its sys::Host from outside can be
// tested without root and without devices.

#include <cerrno>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "testing/cases/kernel.h"

// Of host_program.cc.
absl::Status KeepLayers(const dmkit::sys::Host& host, const std::string& root);

namespace dmkit::driver {
namespace {

TEST(HostProgramTest, RunsOnTheModelAndFailsTheSecondTime) {
  const std::unique_ptr<cases::Kernel> kernel = cases::StartKernel();
  const std::string root = kernel->Dir() + "/store";
  EXPECT_THAT(KeepLayers(kernel->host(), root), sys::IsOk());
  EXPECT_THAT(KeepLayers(kernel->host(), root), sys::FailsWithErrno(EEXIST));
  EXPECT_EQ(KeepLayers(kernel->host(), "").code(), absl::StatusCode::kInvalidArgument);

  absl::StatusOr<dm::DeviceMapper> dm = dm::DeviceMapper::Open(kernel->host());
  ASSERT_THAT(dm, sys::IsOk());
  DriverConfig config;
  config.root = root;
  absl::StatusOr<std::unique_ptr<Driver>> driver = Driver::Open(*dm, config);
  ASSERT_THAT(driver, sys::IsOk());
  EXPECT_THAT((*driver)->Cleanup(), sys::IsOk());
}

}  // namespace
}  // namespace dmkit::driver
