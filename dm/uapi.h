// SPDX-License-Identifier: Apache-2.0
// The kernel's own words for the device-mapper ioctls, checked at compile time. The only file of
// this folder that may include the kernel header. No logic belongs here.

#ifndef DMKIT_DM_UAPI_H_
#define DMKIT_DM_UAPI_H_

// First: gcc does not know _IOWR, which the kernel header uses, without it.
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

#include <cstddef>

// Newer than the header of Linux 6.1, which has interface 4.47. Since 4.50; issued on a multipath
// block device, not on the control node.
#ifndef DM_MPATH_PROBE_PATHS
#define DM_MPATH_PROBE_PATHS_CMD 18
#define DM_MPATH_PROBE_PATHS _IO(DM_IOCTL, DM_MPATH_PROBE_PATHS_CMD)
#endif

namespace dmkit::dm {

// Bytes of the header that a command without payload reads and writes: all of dm_ioctl but `data`.
inline constexpr size_t kHeaderBytes = offsetof(dm_ioctl, data);
// Where the payload of a request starts: behind the whole struct, at a multiple of 8.
inline constexpr size_t kPayloadStart = sizeof(dm_ioctl);
// Records in a payload start at multiples of this.
inline constexpr size_t kRecordAlignment = 8;
// What the kernel accepts in one table (dm-ioctl.c, DM_MAX_TARGETS, since v5.10's stable updates).
inline constexpr size_t kTargetsMax = 1048576;
// The sector that a table ends before, at most (dm-table.c, dm_table_add_target(), v6.1: LLONG_MAX
// >> SECTOR_SHIFT).
inline constexpr uint64_t kTableSectorsMax = (uint64_t{1} << 54) - 1;
// The number that /dev/mapper/control has since Linux 2.6.36 (miscdevice.h, MAPPER_CTRL_MINOR).
inline constexpr unsigned kMiscMajor = 10;
inline constexpr unsigned kMapperControlMinor = 236;

static_assert(sizeof(dm_ioctl) == 312);
static_assert(offsetof(dm_ioctl, version) == 0);
static_assert(offsetof(dm_ioctl, data_size) == 12);
static_assert(offsetof(dm_ioctl, data_start) == 16);
static_assert(offsetof(dm_ioctl, target_count) == 20);
static_assert(offsetof(dm_ioctl, open_count) == 24);
static_assert(offsetof(dm_ioctl, flags) == 28);
static_assert(offsetof(dm_ioctl, event_nr) == 32);
static_assert(offsetof(dm_ioctl, padding) == 36);
static_assert(offsetof(dm_ioctl, dev) == 40);
static_assert(offsetof(dm_ioctl, name) == 48);
static_assert(offsetof(dm_ioctl, uuid) == 176);
static_assert(offsetof(dm_ioctl, data) == 305);
static_assert(kPayloadStart % kRecordAlignment == 0);

static_assert(sizeof(dm_target_spec) == 40);
static_assert(offsetof(dm_target_spec, sector_start) == 0);
static_assert(offsetof(dm_target_spec, length) == 8);
static_assert(offsetof(dm_target_spec, status) == 16);
static_assert(offsetof(dm_target_spec, next) == 20);
static_assert(offsetof(dm_target_spec, target_type) == 24);

static_assert(sizeof(dm_target_deps) == 8);
static_assert(offsetof(dm_target_deps, dev) == 8);
static_assert(sizeof(dm_name_list) == 16);
static_assert(offsetof(dm_name_list, next) == 8);
static_assert(offsetof(dm_name_list, name) == 12);
static_assert(sizeof(dm_target_versions) == 16);
static_assert(offsetof(dm_target_versions, version) == 4);
static_assert(offsetof(dm_target_versions, name) == 16);
static_assert(sizeof(dm_target_msg) == 8);
static_assert(offsetof(dm_target_msg, message) == 8);

static_assert(DM_NAME_LEN == 128);
static_assert(DM_UUID_LEN == 129);
static_assert(DM_MAX_TYPE_NAME == 16);
// _IOC_SIZE and the direction bits are not checked by the kernel, but everybody sends these.
static_assert(DM_VERSION == 0xc138fd00);
static_assert(DM_GET_TARGET_VERSION == 0xc138fd11);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UAPI_H_
