// SPDX-License-Identifier: Apache-2.0
// Drivers in several threads of one process. What starts no thread has its place elsewhere: these
// cases run under the thread sanitizer too, which compiles all that is linked with them.

#include <sched.h>

#include <cstdint>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "driver/driver_vm_fixture.h"
#include "driver/garbage_worker.h"

namespace dmkit::driver {
namespace {

class DriverThreadsVmTest : public DriverVmTest {};

TEST_F(DriverThreadsVmTest, TwoDriversInTwoThreadsNeverDamageTheStore) {
  Open();
  const auto work = [this](const sys::Host& own, const std::string& prefix) {
    auto own_dm = dm::DeviceMapper::Open(own);
    ASSERT_TRUE(own_dm.ok()) << own_dm.status();
    auto driver = Driver::Open(*own_dm, config_);
    ASSERT_TRUE(driver.ok()) << driver.status();
    for (int i = 0; i < 10; ++i) {
      const std::string id = absl::StrCat(prefix, i);
      ASSERT_THAT((*driver)->Create(id, {i == 0 ? "" : absl::StrCat(prefix, i - 1)}), sys::IsOk());
      ASSERT_TRUE((*driver)->Get(id).ok());
      ASSERT_THAT((*driver)->Put(id, false), sys::IsOk());
      if (i % 3 != 2) continue;
      ASSERT_THAT((*driver)->Remove(absl::StrCat(prefix, i - 1)), sys::IsOk());
    }
  };
  kernel_->LetCallsSleep();
  std::thread left(work, kernel_->OtherHost(), "left-");
  std::thread right(work, kernel_->OtherHost(), "right-");
  left.join();
  right.join();
  ExpectClean();
  EXPECT_EQ(driver_->List()->layers_size(), 14);
}

TEST_F(DriverThreadsVmTest, WorkerFreesWhatIsLeftWhenItsUserGoes) {
  Open();
  auto sitter = Leak("web");
  ASSERT_THAT(driver_->Remove("web"), sys::IsOk());
  kernel_->LetCallsSleep();
  const sys::Host own = kernel_->OtherHost();
  auto own_dm = dm::DeviceMapper::Open(own);
  ASSERT_THAT(own_dm, sys::IsOk());
  auto own_driver = Driver::Open(*own_dm, config_);
  ASSERT_THAT(own_driver, sys::IsOk());
  GarbageWorker::Options options;
  options.period = absl::Milliseconds(100);
  GarbageWorker worker(*own.clock, options, [&](absl::Duration patience) {
    return (*own_driver)->CollectGarbage(patience).status();
  });
  while (worker.passes() < 2) sched_yield();
  EXPECT_EQ(DeletedCount(), "1");
  EndOf(sitter, "web");
  const uint64_t passes = worker.passes();
  while (worker.passes() < passes + 2) sched_yield();
  worker.Stop();
  EXPECT_THAT(worker.last(), sys::IsOk());
  EXPECT_EQ(DeletedCount(), "0");
  ExpectClean();
}

}  // namespace
}  // namespace dmkit::driver
