// SPDX-License-Identifier: Apache-2.0
// The driver's methods that make something larger.

#include <string>
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

absl::Status Driver::Impl::GrowNew(const thinp::proto::DeviceState& made) {
  if (!made.labels().growing()) return absl::OkStatus();
  return FinishGrowth(host(), *set, mounts, made);
}

absl::Status Driver::Grow(absl::string_view id, sys::Bytes size) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "grow"));
  DMKIT_ASSIGN_OR_RETURN(const thinp::proto::DeviceState device, impl_->FindComplete(layer, lock));
  const std::string growing = absl::StrCat("growing layer \"", layer.text(), "\"");
  const auto needed = NeedsGrowth(impl_->host(), device, size);
  if (!needed.ok()) return sys::AddContext(needed.status(), growing);
  if (!*needed) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(sys::AddContext(impl_->MakeWritable(layer, device), growing));
  return sys::AddContext(GrowLayer(impl_->host(), *impl_->set, impl_->mounts, device, size),
                         growing);
}

absl::Status Driver::GrowPool() { return impl_->set->GrowPool(); }

const std::vector<std::string>& Driver::warnings() const { return impl_->warnings; }

}  // namespace dmkit::driver
