// SPDX-License-Identifier: Apache-2.0
// The targets thin-pool and thin. Mirrors drivers/md/dm-thin.c and dm-thin-metadata.c.
//
// What stands on the metadata device. The pool's memory is a cache: everything that a committed
// transaction holds is bytes on the metadata device, in the kernel's own format, and a pool that is
// opened again (after the tables were removed, or after a power loss) is built from these bytes and
// nothing else. The format is that of thin-provisioning-tools: superblock with checksum, the two
// trees (mappings of two levels, device details), the data space map and the metadata space map,
// and the copy of the superblock that a metadata snapshot is. thinp/metadata.h reads the
// superblock, details tree and held root from it. thin_metadata.h says how near the model's count
// of used metadata blocks comes to a kernel's; pool_golden_test.cc has a history where they are
// equal.
//
// The order of a commit: flush the data device, write the new blocks, flush, write the superblock,
// flush; a failed write in it aborts the transaction as in the kernel (back to the last superblock,
// needs_check, read-only; FAIL when even that cannot be written).
//
// Io is done with BlockDevice::Submit on the pool's mapped device, block by block as the mapping
// says: real bytes move, so what one thin device writes and another reads goes through the
// mappings. A write without room waits through Scheduler::Wait until the pool grows or its no-space
// timer (Scheduler::After) turns waiting into -ENOSPC. The commit once a second is a timer that is
// armed while something is uncommitted.
//
// How the pool and its thin devices find each other: a thin target opens its pool's mapped device
// as any device, and looks for the pool object by that DmDevice; the pool's Presuspend and Resume
// call InternalSuspend and InternalResume of the mapped devices of its active thin targets. Events
// are DmTable::Event() of the table that the pool target is in.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_POOL_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_POOL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "testing/model/dm_core.h"
#include "testing/model/thin/thin_metadata.h"

namespace dmkit::model {

struct PoolRegistry;

class ThinPools {
 public:
  // Registers the module dm-thin-pool with both types.
  explicit ThinPools(DmCore& dm);
  ~ThinPools();
  ThinPools(const ThinPools&) = delete;
  ThinPools& operator=(const ThinPools&) = delete;

  // The module parameter: how long a full pool lets writes wait. Zero: for ever.
  void SetNoSpaceTimeout(absl::Duration timeout);

  // The power went: pools that are left write nothing any more, not even at their end, which comes
  // when their tables go. For good; new pools want a new object.
  void LosePower();

  // ---- For tests and for the invariants of histories. `pool` is a mapped device; nothing when it
  // has no pool object.
  std::optional<std::vector<ThinState>> ThinsOf(const DmDevice& pool) const;

 private:
  // The target types have it too, so that pools can end after this object.
  const std::shared_ptr<PoolRegistry> registry_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_POOL_H_
