// SPDX-License-Identifier: Apache-2.0
// The loop devices by number, and /dev/loop-control. Mirrors loop_add(), loop_control_remove(),
// loop_control_get_free() and loop_probe() of drivers/block/loop.c.

#include "testing/model/loop/loop_driver.h"

#include <cerrno>
#include <utility>

#include "testing/model/char_devices.h"
#include "testing/model/loop/loop_device.h"
#include "testing/model/loop/loop_info.h"

namespace dmkit::model {
namespace {

// Minor numbers have 20 bits.
constexpr int kNumberMax = 0xFFFFF;

class LoopControl : public OpenFile {
 public:
  LoopControl(LoopDriver& driver, OpenMode mode, std::string path)
      : OpenFile(mode), driver_(driver), path_(std::move(path)) {}

  int Ioctl(Process&, unsigned long request, UserMemory memory) override {
    const auto number = static_cast<int>(memory.value());
    switch (static_cast<uint32_t>(request)) {
      case kLoopCtlAdd:
        return driver_.Add(number);
      case kLoopCtlRemove:
        return driver_.Remove(number);
      case kLoopCtlGetFree:
        return driver_.GetFree();
      default:
        return -ENOSYS;
    }
  }
  sys::FileStat Stat() const override {
    sys::FileStat stat;
    stat.type = sys::FileType::kCharDevice;
    stat.mode = 0600;
    stat.rdevice = {kMiscMajor, kLoopControlMinor};
    stat.links = 1;
    return stat;
  }
  std::string Path() const override { return path_; }

 private:
  LoopDriver& driver_;
  const std::string path_;
};

}  // namespace

LoopDriver::LoopDriver(Core& core, uint32_t count) : core_(core) {
  MiscDevice control;
  control.minor = kLoopControlMinor;
  control.name = "loop-control";
  control.node_name = "loop-control";
  control.node_mode = 0660;
  control.open = [this](Process&, const OpenMode& mode, std::string path) {
    return std::make_shared<LoopControl>(*this, mode, std::move(path));
  };
  core_.chars.Register(std::move(control));
  core_.blocks.RegisterMajor(kLoopMajor, "loop");
  core_.blocks.SetProbe(kLoopMajor, [this](uint32_t minor) { Add(static_cast<int>(minor)); });
  for (uint32_t number = 0; number < count; ++number) Add(static_cast<int>(number));
}

LoopDriver::~LoopDriver() {
  core_.blocks.UnregisterMajor(kLoopMajor);
  core_.chars.Unregister(kLoopControlMinor);
  // All at first: a file may be the last open of another loop device.
  std::vector<std::shared_ptr<OpenFile>> files;
  for (const auto& [number, device] : devices_) files.push_back(device->Abandon());
  files.clear();
  devices_.clear();
}

std::vector<LoopState> LoopDriver::List() const {
  std::vector<LoopState> list;
  for (const auto& [number, device] : devices_) {
    LoopState state;
    state.number = number;
    state.is_bound = device->is_bound();
    state.is_detaching = device->is_detaching();
    if (device->file() != nullptr) state.backing_file = device->file()->Path();
    state.opens = device->open_count();
    list.push_back(std::move(state));
  }
  return list;
}

LoopDevice* LoopDriver::Find(uint32_t number) const {
  const auto found = devices_.find(number);
  return found == devices_.end() ? nullptr : found->second.get();
}

int LoopDriver::Add(int number) {
  if (number < 0) {
    number = 0;
    while (devices_.count(static_cast<uint32_t>(number)) != 0) ++number;
  }
  const auto wanted = static_cast<uint32_t>(number);
  if (devices_.count(wanted) != 0) return -EEXIST;
  if (number > kNumberMax) return -EINVAL;
  devices_.emplace(wanted, std::make_unique<LoopDevice>(core_, *this, wanted));
  return number;
}

int LoopDriver::Remove(int number) {
  if (number < 0) return -EINVAL;
  const auto found = devices_.find(static_cast<uint32_t>(number));
  if (found == devices_.end()) return -ENODEV;
  if (!found->second->is_unbound() || found->second->open_count() > 0) return -EBUSY;
  devices_.erase(found);
  return 0;
}

int LoopDriver::GetFree() {
  for (const auto& [number, device] : devices_) {
    if (device->is_unbound()) return static_cast<int>(number);
  }
  return Add(-1);
}

}  // namespace dmkit::model
