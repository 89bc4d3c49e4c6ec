// SPDX-License-Identifier: Apache-2.0
// Loop devices and /dev/loop-control, with the version differences of LOOP_CLR_FD and
// LOOP_SET_BLOCK_SIZE. Mirrors drivers/block/loop.c. This is the model's own decoder of the
// loop structs; the product's codec must not come in.

#ifndef DMKIT_TESTING_MODEL_LOOP_LOOP_DRIVER_H_
#define DMKIT_TESTING_MODEL_LOOP_LOOP_DRIVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/open_file.h"

namespace dmkit::model {

inline constexpr uint32_t kLoopMajor = 7;
inline constexpr uint32_t kLoopControlMinor = 237;

class LoopDevice;

struct LoopState {
  uint32_t number = 0;
  bool is_bound = false;
  bool is_detaching = false;  // rundown: opens fail until the last close
  std::string backing_file;
  uint64_t opens = 0;
};

// Contract of a loop device towards the rest of the model:
//  * it keeps the OpenFile that a descriptor of the caller led to, so the backing file lives on
//    when the process closes it;
//  * a read or write becomes ReadAt and WriteAt of that file, a discard PunchHole, a flush Sync: so
//    what the loop device has flushed survives a power loss as far as its file was synced;
//  * its size is sampled at attach, LOOP_SET_STATUS64 and LOOP_SET_CAPACITY only;
//  * it is opened and claimed like any block device: dm's claim refuses LOOP_CONFIGURE and
//    LOOP_SET_BLOCK_SIZE (BlockDevice::CheckClaim), not LOOP_SET_STATUS64 and LOOP_SET_CAPACITY;
//  * sysfs shows loop/backing_file, loop/offset, loop/sizelimit, loop/autoclear, loop/partscan and
//    loop/dio (BlockDevice::Attributes) while it is bound.
class LoopDriver {
 public:
  // Registers major 7, the control node 10:237, devices 0 to `count` - 1, and the probe that adds a
  // device when its node is opened.
  explicit LoopDriver(Core& core, uint32_t count = 8);
  // Everybody must have closed the devices. Detaches without writing anything.
  ~LoopDriver();
  LoopDriver(const LoopDriver&) = delete;
  LoopDriver& operator=(const LoopDriver&) = delete;

  // In the order of their numbers.
  std::vector<LoopState> List() const;

  // LOOP_CTL_ADD, LOOP_CTL_REMOVE and LOOP_CTL_GET_FREE: a number or a negative errno. Add makes
  // the lowest free number for a negative one.
  int Add(int number);
  int Remove(int number);
  int GetFree();
  // Null when there is none of this number.
  LoopDevice* Find(uint32_t number) const;

 private:
  Core& core_;
  std::map<uint32_t, std::unique_ptr<LoopDevice>> devices_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_LOOP_LOOP_DRIVER_H_
