// SPDX-License-Identifier: Apache-2.0
// A device by its number, for a pool object that outlives the table that had the device open. No
// rules of pools.

#ifndef DMKIT_TESTING_MODEL_THIN_BACKING_DEVICE_H_
#define DMKIT_TESTING_MODEL_THIN_BACKING_DEVICE_H_

#include "testing/model/block_layer.h"

namespace dmkit::model {

// Passes io on to whatever has the number now; -EIO when nothing has. Is in no registry, and its
// size is what Refresh() saw last.
class BackingDevice : public BlockDevice {
 public:
  explicit BackingDevice(BlockDevice& device);
  void Refresh();

 private:
  int DoIo(const Io& io) override;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_BACKING_DEVICE_H_
