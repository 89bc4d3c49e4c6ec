// SPDX-License-Identifier: Apache-2.0
// How often each layer has been handed out by Get and not returned by Put, counted across
// processes. Counts live under /run: they survive a crash of dmkit, and do not survive a reboot
// (also guarded by the boot id, for hosts whose /run stays). Nothing here mounts, locks or waits.

#ifndef DMKIT_DRIVER_MOUNT_COUNT_H_
#define DMKIT_DRIVER_MOUNT_COUNT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/layer_id.h"
#include "sys/host.h"

namespace dmkit::driver {

struct MountCount {
  // Not explicit: most counts are nothing but a number.
  MountCount(uint32_t how_often = 0, bool only_read = false)
      : count(how_often), read_only(only_read) {}

  // 0: it is mounted for readers (layer_readers.h) or for what the driver does in it, and goes with
  // them.
  uint32_t count;
  bool read_only;  // mounted so, since nobody wanted more so far

  friend bool operator==(const MountCount& a, const MountCount& b) {
    return a.count == b.count && a.read_only == b.read_only;
  }
};

// The caller holds the layer's lock around every call about that layer.
class MountCounts {
 public:
  // Uses <run_dir>/mounts, making it (mode 0700) when missing. Reads the boot id once. `run_dir` is
  // absolute. Errors: ENOENT with a hint when /proc is not mounted; those of making the directory;
  // DATA_LOSS when the boot id is none.
  static absl::StatusOr<MountCounts> Open(const sys::Host& host, absl::string_view run_dir);

  // The count of `layer`; nothing when there is none, or when it is of an earlier boot. A file that
  // cannot be understood counts as none: the caller then goes by whether the layer is mounted.
  // Errors are those of reading (EIO, EACCES).
  absl::StatusOr<std::optional<MountCount>> Read(const LayerId& layer) const;
  // Writes the count without fsync, for readers all at once or not at all. Safe to repeat. After an
  // error the old count stands.
  absl::Status Write(const LayerId& layer, MountCount count);
  // Removes the count, which is then none. Safe to repeat.
  absl::Status Clear(const LayerId& layer);

 private:
  MountCounts(std::unique_ptr<sys::Dir> dir, std::string boot_id)
      : dir_(std::move(dir)), boot_id_(std::move(boot_id)) {}
  std::unique_ptr<sys::Dir> dir_;
  std::string boot_id_;
};

// What such a file says: nothing when `text` is no count of that boot.
std::optional<MountCount> ParseMountCount(absl::string_view text, absl::string_view boot_id);
std::string PrintMountCount(const MountCount& count, absl::string_view boot_id);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_MOUNT_COUNT_H_
