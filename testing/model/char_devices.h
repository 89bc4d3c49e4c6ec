// SPDX-License-Identifier: Apache-2.0
// The registry of misc character devices: which open file stands behind a number, and what
// /proc/misc and devtmpfs show of it.

#ifndef DMKIT_TESTING_MODEL_CHAR_DEVICES_H_
#define DMKIT_TESTING_MODEL_CHAR_DEVICES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sys/device_number.h"
#include "testing/model/open_file.h"
#include "testing/model/process.h"

namespace dmkit::model {

inline constexpr uint32_t kMiscMajor = 10;

struct MiscDevice {
  uint32_t minor = 0;
  std::string name;       // in /proc/misc: "device-mapper"
  std::string node_name;  // below /dev: "mapper/control"
  uint32_t node_mode = 0600;
  // `path` is the node's. Never fails: none of our control nodes refuses an open.
  std::function<std::shared_ptr<OpenFile>(Process&, const OpenMode&, std::string path)> open;
};

class CharDevices {
 public:
  void Register(MiscDevice device);
  void Unregister(uint32_t minor);
  // Null when there is no driver for the number: open gives -ENXIO.
  const MiscDevice* Find(sys::DeviceNumber device) const;
  // The most recently registered first, as /proc/misc lists them.
  const std::vector<MiscDevice>& List() const { return devices_; }

  // Hears of devices that come (true) and go: a devtmpfs. At most one, null for none.
  using Listener = std::function<void(const MiscDevice& device, bool is_there)>;
  void SetListener(Listener listener) { listener_ = std::move(listener); }

 private:
  std::vector<MiscDevice> devices_;
  Listener listener_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_CHAR_DEVICES_H_
