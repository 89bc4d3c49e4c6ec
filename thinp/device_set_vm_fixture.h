// SPDX-License-Identifier: Apache-2.0
// A small store on loop files, for the tests of the device set.

#ifndef DMKIT_THINP_DEVICE_SET_VM_FIXTURE_H_
#define DMKIT_THINP_DEVICE_SET_VM_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/types.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "sys/block.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/state_store.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {

inline constexpr sys::Bytes kDeviceSize{16 * kMiB};

// Nothing works any more from the call behind the first ioctl `request` on.
inline sys::FaultyHost::Plan StopAfterIoctl(std::string request) {
  return [request = std::move(request), seen = false](const sys::SeamCall& call) mutable {
    if (seen) return EIO;
    seen = call.method == "Ioctl" && absl::StrContains(call.object, request);
    return 0;
  };
}

class DeviceSetFixture : public ThinpVmTest {
 protected:
  DeviceSetFixture() {
    options_.root = absl::StrCat(dir(), "/store");
    options_.pool.data_loop_size = sys::Bytes{64 * kMiB};
    options_.pool.metadata_loop_size = sys::Bytes{4 * kMiB};
    options_.remove_patience = absl::Milliseconds(200);
  }

  void TearDown() override {
    faulty().SetPlan(nullptr);
    if (set_ != nullptr) TakeDown();
    ThinpVmTest::TearDown();
  }

  DeviceSetOptions& options() { return options_; }
  std::string StatePath(const std::string& name) const {
    return absl::StrCat(options_.root, "/", name);
  }

  // Opens the store, anew when it is open.
  absl::Status TryOpen() {
    set_.reset();
    auto set = DeviceSet::Open(dm(), options_);
    if (set.ok()) set_ = *std::move(set);
    return set.status();
  }
  DeviceSet& Open() {
    const absl::Status opened = TryOpen();
    EXPECT_THAT(opened, sys::IsOk());
    return *set_;
  }
  DeviceSet& set() { return *set_; }
  bool HasStore() const { return set_ != nullptr; }
  void Close() { set_.reset(); }

  // Takes everything down that the open store has up, and closes it.
  void TakeDown() {
    const auto active = set_->ActiveDevices();
    EXPECT_THAT(active, sys::IsOk());
    for (const std::string& name : *active) {
      EXPECT_THAT(set_->Deactivate(name, absl::Seconds(5), false), sys::IsOk()) << name;
    }
    EXPECT_THAT(set_->DeactivatePool(), sys::IsOk());
    Close();
  }

  proto::DeviceState Add(const std::string& name) {
    auto device = set_->AddThin(name, kDeviceSize, proto::DeviceLabels());
    EXPECT_THAT(device, sys::IsOk()) << name;
    return device.value_or(proto::DeviceState());
  }
  proto::DeviceState Snapshot(const std::string& name, const std::string& origin) {
    auto device = set_->AddSnapshot(name, origin, kDeviceSize, proto::DeviceLabels());
    EXPECT_THAT(device, sys::IsOk()) << name;
    return device.value_or(proto::DeviceState());
  }
  // Activates `name` as it is in the state now; its device.
  sys::DeviceNumber Activate(const std::string& name) {
    const auto device = set_->Find(name);
    EXPECT_THAT(device, sys::IsOk());
    const auto info = set_->Activate(*device);
    EXPECT_THAT(info, sys::IsOk()) << name;
    return info.ok() ? info->device : sys::DeviceNumber();
  }
  void Deactivate(const std::string& name) {
    EXPECT_THAT(set_->Deactivate(name, absl::Seconds(5), false), sys::IsOk());
  }
  bool IsActive(const std::string& name) {
    const auto info = set_->ActiveInfo(name);
    EXPECT_THAT(info, sys::IsOk());
    return info.ok() && info->has_value();
  }
  // A deferred removal comes from a work queue of the kernel's, some time after the last close.
  bool IsInactiveInTime(const std::string& name) {
    const absl::Time deadline = plain_host().clock->Now() + absl::Seconds(10);
    while (IsActive(name)) {
      if (plain_host().clock->Now() > deadline) return false;
      plain_host().clock->Sleep(absl::Milliseconds(10));
    }
    return true;
  }
  std::vector<std::string> Names() {
    const auto list = set_->List();
    EXPECT_THAT(list, sys::IsOk());
    std::vector<std::string> names;
    for (const proto::DeviceState& device : list->devices) names.push_back(device.name());
    return names;
  }

  // The dm uuid and name of a device of the open set ("pool" among them).
  dm::DmUuid SetUuid(const std::string& name) {
    return Uuid(absl::StrCat("DMKIT-", set_->uuid(), "-", name));
  }
  std::string SetName(const std::string& name) {
    return absl::StrCat("dmkit-", set_->uuid().substr(0, 8), "-", name);
  }
  absl::Status SendPool(const std::string& message) { return Send(SetUuid("pool"), message); }
  uint64_t PoolTransaction() {
    const auto status = set_->pool().Status();
    EXPECT_THAT(status, sys::IsOk());
    return status->transaction_id;
  }

  // Pool devices as the admin gives them: mapped over loop devices, so that they can be made to
  // fail.
  void GiveDevices() {
    data_ = &Attach("given-data-image", 64 * kMiB);
    metadata_ = &Attach("given-metadata-image", 4 * kMiB);
    options_.pool.data_device = MakeLinear("given-data", *data_);
    options_.pool.metadata_device = MakeLinear("given-metadata", *metadata_);
    options_.pool.data_loop_size.reset();
    options_.pool.metadata_loop_size.reset();
  }
  // The given metadata device takes no more writes, and the pool has noticed.
  void MakeReadOnly() {
    FailWrites("given-metadata", *metadata_);
    EXPECT_THAT(SendPool("create_thin 16777215"), sys::IsOk()) << "the kernel does not tell";
    EXPECT_EQ(set_->pool().Status()->mode, PoolMode::kReadOnly);
  }

  // The state files, behind the store's back.
  StateStore Files() {
    auto store = StateStore::Open(plain_host(), options_.root, /*create=*/false);
    EXPECT_THAT(store, sys::IsOk());
    return *std::move(store);
  }

  // Keeps the device open until the handle goes.
  std::unique_ptr<sys::File> Hold(sys::DeviceNumber device) {
    auto file = sys::OpenBlock(plain_host(), device, sys::OpenOptions());
    EXPECT_THAT(file, sys::IsOk());
    return file.ok() ? *std::move(file) : nullptr;
  }

  // Pool and state agree, nothing is left over, and changes can be made.
  void ExpectClean(const std::string& when = "") {
    const auto report = set_->Check();
    ASSERT_THAT(report, sys::IsOk()) << when;
    EXPECT_THAT(report->unowned_thin_ids, ::testing::IsEmpty()) << when;
    EXPECT_THAT(report->devices_without_thin, ::testing::IsEmpty()) << when;
    EXPECT_EQ(report->quarantined.size(), 0u) << when;
    EXPECT_FALSE(report->transaction_open) << when;
    EXPECT_THAT(report->changes_problem, sys::IsOk()) << when;
    EXPECT_THAT(report->contents_problem, sys::IsOk()) << when;
    EXPECT_EQ(report->pool.mode, PoolMode::kWrite) << when;
    const auto status = set_->pool().Status();
    ASSERT_THAT(status, sys::IsOk()) << when;
    EXPECT_FALSE(status->held_metadata_root.has_value()) << when;
    EXPECT_THAT(SuspendedDevices(), ::testing::IsEmpty()) << when;
  }

 private:
  loop::AttachedLoop* data_ = nullptr;
  loop::AttachedLoop* metadata_ = nullptr;
  DeviceSetOptions options_;
  std::unique_ptr<DeviceSet> set_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_DEVICE_SET_VM_FIXTURE_H_
