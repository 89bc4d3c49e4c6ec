// SPDX-License-Identifier: Apache-2.0

#include "driver/layer_lock.h"

#include "absl/strings/str_cat.h"
#include "driver/run_dir.h"
#include "sys/status.h"

namespace dmkit::driver {

absl::StatusOr<LayerLocks> LayerLocks::Open(const sys::Host& host, absl::string_view run_dir,
                                            absl::Duration patience) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, OpenRunDir(host, run_dir, "locks"));
  return LayerLocks(host, std::move(dir), patience);
}

absl::StatusOr<sys::HeldLock> LayerLocks::Acquire(absl::string_view layer,
                                                  absl::string_view operation) const {
  auto held = sys::AcquireLock(host_, *dir_, layer, operation, patience_);
  if (held.ok()) return held;
  return sys::AddContext(held.status(), absl::StrCat("layer \"", layer, "\""));
}

absl::Status LayerLocks::Forget(absl::string_view layer, const sys::HeldLock&) const {
  return dir_->Unlink(layer);
}

}  // namespace dmkit::driver
