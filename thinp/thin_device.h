// SPDX-License-Identifier: Apache-2.0
// One thin device as a mapped device: making it, or finding the one that is there. Knows nothing of
// state files and locks.

#ifndef DMKIT_THINP_THIN_DEVICE_H_
#define DMKIT_THINP_THIN_DEVICE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/thin_id.h"

namespace dmkit::thinp {

struct ThinDevice {
  dm::DeviceIdentity identity;
  ThinId id;
  sys::Sectors length;
  bool read_only = false;  // the mapped device takes no writes; its length is not changed
};

// What to do with a mapped device that is found suspended.
enum class FoundSuspended {
  kRefuse,  // EAGAIN: a snapshot may be under way that needs it so
  kResume,  // the caller knows that nobody needs it so
};

// Makes the mapped device of `device`, or takes the one that is there when it has our uuid and the
// same thin id: a shorter one is lengthened, never shortened, and a removal at its last close is
// called off (EBUSY, while the kernel is at it, is retried for `patience`). Repeatable. Three
// ioctls when it was not active. Errors: EBUSY the name is taken by a device of somebody else;
// FAILED_PRECONDITION our device is there with another table; ENODATA the pool has no such thin id;
// EINVAL the pool is suspended, failed or gone. Lengthening an active device blocks until its io is
// done, on a full pool for as long as the pool queues io.
absl::StatusOr<dm::DeviceInfo> ActivateThin(dm::DeviceMapper& dm, const Pool& pool,
                                            const ThinDevice& device, absl::Duration patience,
                                            FoundSuspended suspended);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_THIN_DEVICE_H_
