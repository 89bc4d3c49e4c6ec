// SPDX-License-Identifier: Apache-2.0
// A device by its number.

#include "testing/model/thin/backing_device.h"

#include <cerrno>

namespace dmkit::model {

BackingDevice::BackingDevice(BlockDevice& device)
    : BlockDevice(device.core(), device.number(), device.disk_name()) {
  Refresh();
}

void BackingDevice::Refresh() {
  const BlockDevice* const device = core().blocks.Find(number());
  if (device == nullptr) return;
  SetSectors(device->sectors());
  mutable_limits() = device->limits();
  SetNodeReadOnly(device->read_only());
}

int BackingDevice::DoIo(const Io& io) {
  BlockDevice* const device = core().blocks.Find(number());
  return device == nullptr ? -EIO : device->Submit(io);
}

}  // namespace dmkit::model
