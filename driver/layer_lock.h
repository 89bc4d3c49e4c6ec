// SPDX-License-Identifier: Apache-2.0
// The lock of one layer, held through everything that mounts, unmounts, makes or removes it. Order:
// layer before set, parent before child.

#ifndef DMKIT_DRIVER_LAYER_LOCK_H_
#define DMKIT_DRIVER_LAYER_LOCK_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/lock_file.h"

namespace dmkit::driver {

// The locks of the layers of one store, as files under <run_dir>/locks: they mean nothing after a
// reboot.
class LayerLocks {
 public:
  static absl::StatusOr<LayerLocks> Open(const sys::Host& host, absl::string_view run_dir,
                                         absl::Duration patience);

  // Waits for at most `patience`; ETIMEDOUT names the process that holds it. `operation` is what
  // that process then reads about this one.
  absl::StatusOr<sys::HeldLock> Acquire(absl::string_view layer, absl::string_view operation) const;

  // Removes the file of a layer that is gone. The caller holds its lock.
  absl::Status Forget(absl::string_view layer, const sys::HeldLock& held) const;

 private:
  LayerLocks(const sys::Host& host, std::unique_ptr<sys::Dir> dir, absl::Duration patience)
      : host_(host), dir_(std::move(dir)), patience_(patience) {}
  sys::Host host_;
  std::unique_ptr<sys::Dir> dir_;
  absl::Duration patience_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_LAYER_LOCK_H_
