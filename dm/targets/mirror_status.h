// SPDX-License-Identifier: Apache-2.0
// The status of a mirror and of its log. Pure text, no system calls. Mirrors drivers/md/dm-raid1.c:
// mirror_status(), device_status_char(); dm-log.c: core_status(), disk_status();
// dm-log-userspace-base.c: userspace_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_MIRROR_STATUS_H_
#define DMKIT_DM_TARGETS_MIRROR_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"

namespace dmkit::dm {

// The values are the kernel's characters. Each but the first means that io to the leg has failed.
enum class MirrorHealth : char {
  kAlive = 'A',
  kFlushFailed = 'F',
  kWriteFailed = 'D',
  kSyncFailed = 'S',  // while it was copied to
  kReadFailed = 'R',
  kUnclassified = 'U',
};

// The values are the kernel's characters.
enum class MirrorLogHealth : char { kAlive = 'A', kFlushFailed = 'F', kFailed = 'D' };

struct MirrorLogStatus {
  // "core", "disk", or what another kind of log calls itself.
  std::string type;
  // Of a disk log.
  std::optional<sys::DeviceNumber> disk;
  MirrorLogHealth health = MirrorLogHealth::kAlive;
  // What else a log tells.
  std::vector<std::string> unknown_words;
  auto Fields() const { return std::tie(type, disk, health, unknown_words); }
};

struct MirrorStatus {
  struct Leg {
    sys::DeviceNumber device;
    MirrorHealth health = MirrorHealth::kAlive;
    auto Fields() const { return std::tie(device, health); }
  };
  std::vector<Leg> legs;
  uint64_t regions_in_sync = 0;
  uint64_t regions = 0;
  // Not set when the kernel could not ask the log, which only a userspace log needs; what it prints
  // then is in the tail.
  std::optional<MirrorLogStatus> log;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(legs, regions_in_sync, regions, log, unknown_tail); }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<MirrorStatus> ParseMirrorStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_MIRROR_STATUS_H_
