// SPDX-License-Identifier: Apache-2.0
// What all parts of the model share, handed to each through its constructor. No rules here.

#ifndef DMKIT_TESTING_MODEL_CORE_H_
#define DMKIT_TESTING_MODEL_CORE_H_

#include <cstdint>
#include <random>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/device_number.h"
#include "testing/model/block_registry.h"
#include "testing/model/char_devices.h"
#include "testing/model/profile.h"
#include "testing/model/scheduler.h"
#include "testing/model/uevents.h"

namespace dmkit::model {

// Where paths inside tables lead. The file side implements it.
class PathLookup {
 public:
  virtual ~PathLookup() = default;
  // lookup_bdev(): follows links. 0 and the number, or -ENOENT, -ENOTBLK (no block device), -EACCES
  // (on a mount without devices), -EINVAL (empty), -ENOTDIR, -ELOOP.
  virtual int FindBlockDevice(absl::string_view path, sys::DeviceNumber* device) = 0;
};

struct Core {
  Core(const Profile& profile_in, uint64_t seed);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const Profile& profile;
  // Everything that is random in the model comes from here: UUIDs, what a power loss keeps.
  std::mt19937_64 random;
  Scheduler scheduler;
  Uevents uevents;
  BlockRegistry blocks;
  CharDevices chars;
  PathLookup* paths = nullptr;  // null: every path is -ENOENT
  // What all of it has for itself: nothing larger is allocated.
  uint64_t memory_bytes = uint64_t{960} << 20;
  // The time that a change of a file gets. Grows with each call, be it by a nanosecond, so that two
  // changes never look like one; a kernel before 6.13 gives all changes of a tick the same time.
  absl::Time Stamp();
  // False while the power goes: nothing reaches a block device any more.
  bool has_power = true;

 private:
  absl::Time last_stamp_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_CORE_H_
