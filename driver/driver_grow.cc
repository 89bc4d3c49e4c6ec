// SPDX-License-Identifier: Apache-2.0
// The driver's methods that make something larger.

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/driver_impl.h"
#include "driver/layer_id.h"
#include "driver/layer_size.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/state.pb.h"

namespace dmkit::driver {

absl::Status Driver::Impl::CreateLarger(const LayerId& layer,
                                        const thinp::proto::DeviceState& wanted,
                                        sys::HeldLock parent_lock) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(layer.text(), "making it"));
  thinp::proto::DeviceLabels labels = wanted.labels();
  labels.set_growing(true);
  DMKIT_ASSIGN_OR_RETURN(
      const thinp::proto::DeviceState made,
      set->AddSnapshot(layer.text(), wanted.origin(), sys::Bytes{wanted.size_bytes()}, labels));
  { const sys::HeldLock released = std::move(parent_lock); }
  const absl::Status grown = FinishGrowth(host(), *set, mounts, made);
  if (grown.ok()) return grown;
  return sys::WithSecondError(grown, "removing it again", set->Delete(layer.text()));
}

absl::Status Driver::Grow(absl::string_view id, sys::Bytes size) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "grow"));
  const auto device = impl_->set->Find(layer.text());
  if (sys::GetErrno(device.status()) == ENOENT) {
    impl_->locks.Forget(layer.text(), lock).IgnoreError();
    return sys::ErrnoStatus(
        ENOENT, absl::StrCat("layer \"", layer.text(), "\" does not exist (see `dmkit ls`)"));
  }
  DMKIT_RETURN_IF_ERROR(device);
  if (!device->labels().ready()) {
    return absl::FailedPreconditionError(
        absl::StrCat("layer \"", id, "\" is not complete: its making was interrupted; remove it"));
  }
  return sys::AddContext(GrowLayer(impl_->host(), *impl_->set, impl_->mounts, *device, size),
                         absl::StrCat("growing layer \"", layer.text(), "\""));
}

absl::Status Driver::GrowPool() { return impl_->set->GrowPool(); }

const std::vector<std::string>& Driver::warnings() const { return impl_->warnings; }

}  // namespace dmkit::driver
