// SPDX-License-Identifier: Apache-2.0
// The dm.* options and what they are for, in the order of their subjects. What a value must be is
// decided in driver/options.

#include "absl/types/span.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {
namespace {

constexpr DriverOptionSpec kDriverOptions[] = {
    {"dm.basesize", "SIZE",
     "The size of the base, and so of layers that ask for no size. Default: 10g. A larger one "
     "makes "
     "the base of an existing store grow; layers that are there keep their size."},
    {"dm.fs", "ext4|xfs",
     "The filesystem of the base, and so of all layers, when the store is made. Default: ext4."},
    {"dm.mkfsarg", "WORD",
     "One more word for mkfs, when the store is made. May be given several times."},
    {"dm.mountopt", "OPTION,...",
     "Mount options for every mount of a layer, as in fstab. May be given several times."},
    {"dm.xfs_nospace_max_retries", "NUMBER",
     "How often xfs tries to write metadata again when the pool is full. 0: it gives up at once. "
     "Default: as the kernel has it, for ever."},
    {"dm.loopdatasize", "SIZE",
     "The size of the sparse file that holds the pool's data. Default: 100g. A larger one makes "
     "the file and the pool grow."},
    {"dm.loopmetadatasize", "SIZE", "The same for the pool's metadata. Default: 2g."},
    {"dm.datadev", "DEVICE",
     "A block device for the pool's data, in place of a file. It must be empty when the store is "
     "made, or dmkit's already. A device that has become larger makes the pool grow."},
    {"dm.metadatadev", "DEVICE", "The same for the pool's metadata."},
    {"dm.thinpooldev", "NAME",
     "A thin pool of yours, by its name below /dev/mapper. It must be empty when the store is "
     "made, "
     "or dmkit's already; it is never formatted, resized or removed."},
    {"dm.blocksize", "SIZE",
     "The size of the pool's data blocks, when the pool is made: a multiple of 64k, 1g at most. "
     "Default: 64k."},
    {"dm.min_free_space", "PERCENT%",
     "How much of the pool's data and metadata must be free for a new layer. Default: 10%. 0%: a "
     "layer is made as long as there is room at all."},
    {"dm.blkdiscard", "true|false",
     "Whether the blocks of a layer are discarded before it is removed, which gives the room back "
     "to the disk below. Default: true on loop files, false on devices."},
    {"dm.use_deferred_removal", "true|false",
     "Whether a device that something still has open is left to the kernel to remove at the last "
     "close. Default: true."},
    {"dm.use_deferred_deletion", "true|false",
     "Whether rm takes a layer whose device is still in use: it is deleted when it no longer is. "
     "Needs deferred removal. Default: as dm.use_deferred_removal."},
    {"dm.directlvm_device", "DEVICE",
     "A block device to make a thin pool on with lvm2, when the store is made."},
    {"dm.directlvm_device_force", "true|false",
     "Whether that is done even if a filesystem or the like is on the device, but not if it has "
     "partitions or belongs to a volume group. Default: false."},
    {"dm.thinp_percent", "PERCENT",
     "How much of that device is for data. Default: 95. Goes with dm.thinp_metapercent: give both "
     "or none."},
    {"dm.thinp_metapercent", "PERCENT",
     "How much of that device is for metadata. lvm2 sets as much again aside to repair it with; "
     "that and both percentages come to 100 at most. Default: 1."},
    {"dm.thinp_autoextend_percent", "PERCENT",
     "By how much lvm2 makes that pool grow at a time. Default: 20."},
    {"dm.thinp_autoextend_threshold", "PERCENT",
     "How full that pool is when lvm2 makes it grow. Default: 80."},
    {"dm.override_udev_sync_check", "true|false",
     "Taken for Docker's sake. It changes nothing: no udev is needed."},
    {"dm.libdm_log_level", "LEVEL",
     "As libdevmapper counts: 2 (the default) to 7. At 7 every ioctl is shown, as with --trace."},
};

}  // namespace

absl::Span<const DriverOptionSpec> DriverOptions() { return kDriverOptions; }

}  // namespace dmkit::driver::cli
