// SPDX-License-Identifier: Apache-2.0
// What the driver's tests on a kernel, real or modelled, share: a store on the scratch disk that is
// empty at the start of each test, and a kernel that must be empty at its end.

#ifndef DMKIT_DRIVER_DRIVER_VM_FIXTURE_H_
#define DMKIT_DRIVER_DRIVER_VM_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "loop/loop_device.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "testing/cases/kernel.h"

namespace dmkit::driver {

// The clock of a test that waits for what does not come: in a hurry, a sleep takes a tenth of the
// time that passes by this clock. Hurried by a test of one thread only.
class TestClock : public sys::Clock {
 public:
  explicit TestClock(sys::Clock& clock) : clock_(clock) {}
  absl::Time Now() override { return clock_.Now() + skipped_; }
  void Sleep(absl::Duration duration) override {
    if (!hurries_) return clock_.Sleep(duration);
    skipped_ += duration * 9 / 10;
    clock_.Sleep(duration / 10);
  }
  void Hurry(bool hurries) { hurries_ = hurries; }

 private:
  sys::Clock& clock_;
  absl::Duration skipped_ = absl::ZeroDuration();
  bool hurries_ = false;
};

class DriverVmTest : public ::testing::Test {
 protected:
  DriverVmTest()
      : kernel_(cases::StartKernel()), clock_(*kernel_->host().clock), counted_(HostOfTest()) {
    auto dm = dm::DeviceMapper::Open(counted_.host());
    EXPECT_TRUE(dm.ok()) << dm.status();
    dm_.emplace(*std::move(dm));
    config_.root = absl::StrCat(kernel_->Dir(), "/store-",
                                ::testing::UnitTest::GetInstance()->current_test_info()->name());
    config_.options =
        *ParseOptions({"dm.basesize=64M", "dm.loopdatasize=512M", "dm.loopmetadatasize=16M"});
  }

  // Every test leaves the kernel as it found it.
  void TearDown() override {
    if (driver_ != nullptr) {
      EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
    }
    driver_.reset();
    EXPECT_THAT(DeviceNames(), ::testing::IsEmpty());
    EXPECT_THAT(LoopFiles(), ::testing::IsEmpty());
  }

  sys::Host HostOfTest() {
    sys::Host host = kernel_->host();
    host.clock = &clock_;
    return host;
  }

  const sys::Host& host() { return dm_->host(); }
  dm::DeviceMapper& dm() { return *dm_; }

  // Opens (or opens again) the store at config_.root.
  Driver& Open() {
    driver_.reset();
    auto driver = Driver::Open(*dm_, config_);
    EXPECT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    return *driver_;
  }

  absl::Status OpenStatus() { return Driver::Open(*dm_, config_).status(); }

  void SetOptions(const std::vector<std::string>& words) {
    auto options = ParseOptions(words);
    ASSERT_TRUE(options.ok()) << options.status();
    config_.options = *options;
  }

  // Contents of `name` in the mounted rootfs `path`; nothing when it is not there.
  std::optional<std::string> Read(const std::string& path, const std::string& name) {
    auto dir = host().root->OpenDir(path);
    EXPECT_TRUE(dir.ok()) << dir.status();
    auto contents = sys::ReadFile(**dir, name, 1 << 20);
    if (!contents.ok()) return std::nullopt;
    return *contents;
  }

  void Write(const std::string& path, const std::string& name, const std::string& contents) {
    auto dir = host().root->OpenDir(path);
    ASSERT_TRUE(dir.ok()) << dir.status();
    ASSERT_THAT(sys::ReplaceFileDurably(**dir, name, contents), sys::IsOk());
  }

  // A new file of `size_bytes` zeros beside the store.
  std::string MakeImage(const std::string& name, uint64_t size_bytes) {
    const std::string path = absl::StrCat(config_.root, "-", name);
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = host().root->OpenFile(path, options);
    EXPECT_TRUE(file.ok()) << file.status();
    EXPECT_THAT((*file)->Truncate(0), sys::IsOk());
    EXPECT_THAT((*file)->Truncate(size_bytes), sys::IsOk());
    return path;
  }

  // A loop device on a new image, for use as a device given by the admin. Detached with `Attached`
  // gone.
  loop::AttachedLoop AttachImage(const std::string& name, uint64_t size_bytes) {
    auto attached = loop::Attach(host(), MakeImage(name, size_bytes), loop::AttachOptions{},
                                 host().clock->Now() + absl::Seconds(10));
    EXPECT_TRUE(attached.ok()) << attached.status();
    return *std::move(attached);
  }

  static std::string LoopPath(const loop::AttachedLoop& attached) {
    return absl::StrCat("/dev/loop", attached.info.number);
  }

  std::vector<std::string> DeviceNames() {
    auto devices = dm_->List();
    EXPECT_TRUE(devices.ok()) << devices.status();
    std::vector<std::string> names;
    for (const dm::ListedDevice& device : *devices) names.push_back(device.name);
    return names;
  }

  std::vector<std::string> LoopFiles() {
    auto loops = loop::List(host());
    EXPECT_TRUE(loops.ok()) << loops.status();
    std::vector<std::string> files;
    for (const loop::LoopInfo& info : *loops) files.push_back(info.backing_file);
    return files;
  }

  // A layer that is not mounted, whose device is kept in use until the sitter goes.
  std::unique_ptr<cases::Sitter> Leak(const std::string& id) {
    EXPECT_THAT(driver_->Create(id, {}), sys::IsOk());
    const auto path = driver_->Get(id);
    EXPECT_THAT(path, sys::IsOk());
    auto sitter = kernel_->SitElsewhere(*path);
    EXPECT_THAT(driver_->Put(id, false), sys::IsOk());
    return sitter;
  }

  std::string DeletedCount() {
    const auto status = driver_->Status();
    EXPECT_THAT(status, sys::IsOk());
    for (const report::StatusRow& row : status->rows()) {
      if (row.name() == "Deferred Deleted Device Count") return row.value();
    }
    return "none";
  }

  void ExpectClean() {
    const auto check = driver_->PoolCheck();
    ASSERT_THAT(check, sys::IsOk());
    EXPECT_TRUE(check->clean()) << check->DebugString();
  }

  bool HasDevice(const std::string& id) {
    for (const std::string& name : DeviceNames()) {
      if (absl::EndsWith(name, absl::StrCat("-", id))) return true;
    }
    return false;
  }

  // Lets the sitter go and waits until the kernel has seen off the device of the layer `id`: the
  // end of a process, of its mounts and of their device are three things, one after the other.
  // Seen gone once is gone: a pass over the garbage may bring it up again to discard its blocks.
  void EndOf(std::unique_ptr<cases::Sitter>& sitter, const std::string& id) {
    sitter.reset();
    bool is_up = HasDevice(id);
    for (int tries = 0; is_up && tries < 200; ++tries) {
      host().clock->Sleep(absl::Milliseconds(50));
      is_up = HasDevice(id);
    }
    EXPECT_FALSE(is_up) << id;
  }

  bool IsThere(const std::string& path) { return host().root->StatLink(path).ok(); }
  // Whether the layer has a mount point.
  bool IsUp(const std::string& id) { return IsThere(absl::StrCat(config_.root, "/mnt/", id)); }
  void ExpectAllDown() {
    EXPECT_THAT(DeviceNames(), ::testing::Each(::testing::EndsWith("-pool")));
    EXPECT_THAT(host().root->List(config_.root + "/mnt"), sys::IsOkAndHolds(::testing::IsEmpty()));
  }

  static sys::FaultyHost::Plan FailOnce(uint64_t call) {
    return sys::FaultyHost::FailCall(call, EIO);
  }

  // Calls `run` with trouble from call n on, as `plan` says, for n = 1, 2, ... until it makes fewer
  // calls; `check` after each, with nothing failing.
  void Sweep(const std::function<sys::FaultyHost::Plan(uint64_t)>& plan,
             const std::function<absl::Status()>& run,
             const std::function<void(const absl::Status&)>& check) {
    for (uint64_t call = 1;; call += kernel_->SweepStep()) {
      counted_.SetPlan(plan(call));
      const absl::Status status = run();
      const bool reached = counted_.calls() >= call;
      SCOPED_TRACE(absl::StrCat("call ", call, " ", reached ? counted_.Log()[call - 1] : "", ": ",
                                status.ToString()));
      counted_.SetPlan(nullptr);
      check(status);
      if (HasFailure()) return;
      if (reached) continue;
      EXPECT_THAT(status, sys::IsOk());
      EXPECT_GT(call, 10u) << "the sweep has hardly begun";
      return;
    }
  }

  std::unique_ptr<cases::Kernel> kernel_;
  TestClock clock_;
  sys::FaultyHost counted_;
  std::optional<dm::DeviceMapper> dm_;
  DriverConfig config_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DRIVER_VM_FIXTURE_H_
