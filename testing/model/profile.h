// SPDX-License-Identifier: Apache-2.0
// What differs between the kernels that the model can be. Facts only; each part of the model reads
// the fields that concern it. Taken from Debian's 6.1.192 and 6.12.117.

#ifndef DMKIT_TESTING_MODEL_PROFILE_H_
#define DMKIT_TESTING_MODEL_PROFILE_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace dmkit::model {

using Version = std::array<uint32_t, 3>;

struct Profile {
  absl::string_view name;            // "6.1"
  absl::string_view kernel_release;  // of /proc/sys/kernel/osrelease

  Version dm_interface;
  // The names "control", "." and ".." are refused for a mapped device.
  bool refuses_reserved_names;
  // Records of TABLE_LOAD must start behind the header and each other, at multiples of 8.
  bool checks_spec_layout;
  // All 16 bytes of target_type are written in a status; else the last one stays the caller's.
  bool pads_target_type;
  // A device path that does not lead to a block device gives its own errno; else ENODEV, after the
  // names of the boot command line (kernel names, bare hexadecimal numbers) were tried.
  bool reports_path_errno;
  // A table that refers to its own device is refused at load.
  bool refuses_self_reference;
  // The error target opens a device when it is given two words.
  bool error_target_takes_device;
  // Tables of zero and error targets take discards; else -EOPNOTSUPP. BLKDISCARD looks at its range
  // before at the mode of the open file, and knows the logical block size.
  bool discards_without_devices;
  // @stats_create with too many areas gives EOVERFLOW; else ENOMEM.
  bool stats_limit_areas;
  // flakey knows error_reads, and fails everything by that and error_writes when it is given no
  // features; else it fails everything without any. Its table has no blank at its end.
  bool flakey_has_error_reads;
  Version error_version;
  Version zero_version;
  Version linear_version;
  Version striped_version;
  Version thin_version;  // of "thin" and of "thin-pool"
  // The largest discard of a thin device, in blocks of its pool; 0: 16 GiB.
  uint32_t thin_discard_blocks_max;
  // A pool that passes no discards down to its data device takes none itself.
  bool pool_discards_need_passdown;

  // LOOP_CLR_FD detaches at the last close and opens fail meanwhile; else at once when nobody else
  // has the device open.
  bool loop_detaches_at_last_close;
  // LOOP_SET_BLOCK_SIZE takes 0 for the default, and cuts its argument to 32 bits.
  bool loop_block_size_zero_is_default;
  // A LOOP_CONFIGURE that fails for its block size leaves the device without uevents until the next
  // one that succeeds.
  bool loop_failed_configure_mutes_uevents;
  // A file that was opened for writing only can be read through its loop device; else EIO.
  bool loop_reads_write_only_files;
  // What cannot be read or written at all is refused as a backing file before anything else.
  bool loop_checks_file_first;
  // A backing file that ends too early gives EIO, and one without space ENOSPC; else zeros in place
  // of all that was read, and EIO.
  bool loop_reports_file_results;
  // A detached device still says that it has a write cache, so that a flush of it reaches the
  // driver and fails; else it succeeds before.
  bool loop_keeps_write_cache;
  // Files on tmpfs can be opened with O_DIRECT.
  bool tmpfs_has_direct_io;
  // Files on tmpfs take attributes of "user".
  bool tmpfs_has_user_xattrs;
};

// Valid for ever.
const Profile& Linux61();
const Profile& Linux612();

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROFILE_H_
