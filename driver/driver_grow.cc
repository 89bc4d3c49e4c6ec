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

absl::Status Driver::Impl::GrowUnmounted(const LayerId& layer,
                                         const thinp::proto::DeviceState& device) {
  DMKIT_RETURN_IF_ERROR(MountForWork(layer, device));
  const absl::Status grown = GrowMounted(host(), *set, mounts, device);
  const absl::Status down = EndWork(layer);
  return grown.ok() ? down : sys::WithSecondError(grown, "taking it down again", down);
}

absl::Status Driver::Impl::FinishGrowth(const LayerId& layer,
                                        const thinp::proto::DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const bool needed,
                         NeedsGrowth(host(), device, sys::Bytes{device.size_bytes()}));
  if (!needed) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(*set));
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(layer.text()));
  DMKIT_RETURN_IF_ERROR(mounted ? GrowMounted(host(), *set, mounts, device)
                                : GrowUnmounted(layer, device));
  thinp::proto::DeviceLabels labels = device.labels();
  labels.set_growing(false);
  return set->SetLabels(layer.text(), labels);
}

absl::Status Driver::Impl::TakeUpGrowth(const LayerId& layer,
                                        const thinp::proto::DeviceState& device) {
  DMKIT_RETURN_IF_ERROR(MakeWritable(layer, device));
  return FinishGrowth(layer, device);
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
  const auto recorded = RecordGrowth(*impl_->set, device, size);
  if (!recorded.ok()) return sys::AddContext(recorded.status(), growing);
  return sys::AddContext(impl_->FinishGrowth(layer, *recorded), growing);
}

absl::Status Driver::GrowPool() { return impl_->set->GrowPool(); }

const std::vector<std::string>& Driver::warnings() const { return impl_->warnings; }

}  // namespace dmkit::driver
