// SPDX-License-Identifier: Apache-2.0
// Random layers out and in again, on a directory of this machine, as an ordinary user.

#include "driver/archive/round_trip.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

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

}  // namespace
}  // namespace dmkit::driver
