// SPDX-License-Identifier: Apache-2.0
// One thin pool as a mapped device: making it, adopting it, its messages, its growth. Knows nothing
// of names, layers or state files.

#ifndef DMKIT_THINP_POOL_H_
#define DMKIT_THINP_POOL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "sys/units.h"
#include "thinp/thin_id.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {

class Pool {
 public:
  // Makes the pool device: create, load, resume. Loading FORMATS a metadata device whose first 4
  // KiB are zero. Errors: EBUSY the name, the uuid or a device is in use; EINVAL bad table, or the
  // metadata was made for another block size; EILSEQ and ENOTBLK the metadata device holds
  // something else; ENOSPC it is too small. Blocks on reading metadata. Not repeatable: a second
  // call is EBUSY. Mirrors dm-thin.c pool_ctr().
  static absl::StatusOr<Pool> Create(dm::DeviceMapper& dm, const dm::DmName& name,
                                     const dm::DmUuid& uuid, sys::Sectors length,
                                     const ThinPoolParams& params);

  // Takes over a pool that is active already. ENXIO: no such device. FAILED_PRECONDITION: its table
  // is not one thin-pool target. Changes nothing, but a pool found suspended on its table is left
  // so: see Resume.
  static absl::StatusOr<Pool> Adopt(dm::DeviceMapper& dm, const dm::DmName& name);

  // Looks the pool up again: another process may have taken it down and up since, which gives it
  // other device numbers. ENXIO: it is down. One ioctl.
  absl::Status Refresh();

  const dm::DmName& name() const { return name_; }
  const std::string& uuid() const { return uuid_; }
  sys::DeviceNumber device() const { return device_; }
  const ThinPoolParams& params() const { return params_; }
  sys::Sectors length() const { return length_; }
  bool found_suspended() const { return found_suspended_; }

  // The status, and from the same ioctl the device number: all that activating a thin device needs
  // of what Refresh looks up. ENXIO: it is down. One ioctl, which does not make the pool commit.
  absl::StatusOr<ThinPoolStatus> Locate();

  // The status now, without making the pool commit. Does not block on a full pool.
  absl::StatusOr<ThinPoolStatus> Status() const;
  // The same after a commit: what it says is on disk. Blocks on the commit.
  absl::StatusOr<ThinPoolStatus> CommittedStatus() const;

  // Messages. Each reads the status afterwards, since the kernel drops the result of the commit
  // that ends a message: a mode other than rw or out_of_data_space then is an error even when the
  // message itself was OK, because its effect is not on disk. Common errors: EOPNOTSUPP the pool is
  // read-only or failed. All block on a metadata commit. Mirror dm-thin.c pool_message().
  absl::Status CreateThin(ThinId id);  // EEXIST
  // The origin must be suspended, or not active. EEXIST `id` is taken; ENODATA no such origin.
  absl::Status CreateSnapshot(ThinId id, ThinId origin);
  absl::Status Delete(ThinId id);  // ENODATA no such id; EBUSY it is active
  absl::Status SetTransactionId(uint64_t current,
                                uint64_t next);  // EINVAL `current` is not the pool's
  absl::Status ReserveMetadataSnapshot();        // EBUSY one is held
  absl::Status ReleaseMetadataSnapshot();        // EINVAL none is held

  // True when the pool has a thin device `id`. Loads (never resumes) a table on a temporary device
  // named `probe`, which is removed again, and so is one that an interrupted call left. Three
  // ioctls.
  absl::StatusOr<bool> HasThin(ThinId id, const dm::DmName& probe,
                               const dm::DmUuid& probe_uuid) const;

  // Lengthens the data device to `length`: suspend, load, resume. The data device must be that long
  // already. A shorter length is INVALID_ARGUMENT. A failed load resumes the old table.
  absl::Status GrowData(sys::Sectors length);
  // Makes the pool see a metadata device that has grown: suspend and resume.
  absl::Status GrowMetadata();
  // Replaces low water mark and features by those of `params`; devices and block size must be the
  // same.
  absl::Status Reload(const ThinPoolParams& params);
  // Resumes a pool that was found suspended. OK when it is not.
  absl::Status Resume();

  // The table of a thin device of this pool.
  std::vector<dm::TableLine> ThinTable(ThinId id, sys::Sectors length) const;

 private:
  Pool(dm::DeviceMapper& dm, dm::DmName name, dm::DeviceKey key);
  absl::StatusOr<dm::TableReply> AskStatus(bool commit) const;
  absl::StatusOr<ThinPoolStatus> ParseStatus(const absl::StatusOr<dm::TableReply>& reply) const;
  absl::Status SendMessage(const std::string& message);
  absl::Status Swap(sys::Sectors length, const ThinPoolParams& params);

  dm::DeviceMapper* dm_;
  dm::DmName name_;
  dm::DeviceKey key_;  // the uuid where there is one: names and minors are reused by strangers
  std::string uuid_;
  sys::DeviceNumber device_;
  sys::Sectors length_;
  ThinPoolParams params_;
  bool found_suspended_ = false;
};

// An error unless the pool takes metadata changes and new blocks: the message names the mode and
// the next step. kWrite without needs_check is OK. Errors are FAILED_PRECONDITION.
absl::Status CheckWritable(const Pool& pool, const ThinPoolStatus& status);

// An error unless at least `percent` of the pool's data blocks, and of its metadata blocks, are
// free; one block at least unless `percent` is 0. Errors are FAILED_PRECONDITION with both numbers.
absl::Status CheckFreeSpace(const Pool& pool, const ThinPoolStatus& status, uint32_t percent);

// As CheckWritable for metadata changes alone, such as a deletion: a pool that is out of data space
// takes them.
absl::Status CheckTakesMessages(const Pool& pool, const ThinPoolStatus& status);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_H_
