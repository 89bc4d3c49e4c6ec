// SPDX-License-Identifier: Apache-2.0
// How layers end: removed at once, or in name only while somebody uses them, and their space freed
// later.

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/driver.h"
#include "driver/driver_impl.h"
#include "driver/layer_id.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "thinp/device_set.h"

namespace dmkit::driver {
namespace {

// What a removal spends on layers that were removed earlier.
constexpr absl::Duration kOpportunity = absl::Seconds(1);

void AddLeft(report::GarbageReport& report, const std::string& id, absl::string_view problem,
             absl::string_view advice) {
  report::Problem& left = *report.add_left();
  left.set_object(absl::StrCat("layer \"", id, "\""));
  left.set_problem(std::string(problem));
  left.set_advice(std::string(advice));
}

constexpr char kBusyAdvice[] =
    "it may be being freed by another process; otherwise end what keeps it open, for instance a "
    "copy of its mount in another mount namespace, then `dmkit gc`";

}  // namespace

// Whether it is no more, even where removing it failed: its blocks are all that is left then.
bool Driver::Impl::IsGone(const LayerId& layer, const absl::Status& removed) const {
  const auto is_enoent = [](const absl::Status& s) { return sys::GetErrno(s) == ENOENT; };
  return removed.ok() || is_enoent(removed) || is_enoent(set->Find(layer.text()).status());
}

// Deletes the layer, whose lock is held. What is left of it then depends on nothing.
absl::Status Driver::Impl::RemoveLayer(const LayerId& layer, const sys::HeldLock&) {
  DMKIT_RETURN_IF_ERROR(RequireUnused(layer));
  // Ends copies of the mount that other namespaces have.
  mounts.RemoveMountPoint(layer.text()).IgnoreError();
  const absl::Status deleted =
      set->Delete(layer.text(), {removal.discard, removal.deferred_deletion});
  if (IsGone(layer, deleted)) readers.RemoveDead(layer);
  if (sys::GetErrno(deleted) == ENOENT) return NoSuchLayer(layer);
  return sys::AddContext(deleted, absl::StrCat("layer \"", layer.text(), "\""));
}

absl::Status Driver::Impl::RemoveInit(const LayerId& init, const sys::HeldLock& lock) {
  DMKIT_ASSIGN_OR_RETURN(const thinp::proto::DeviceState device, set->Find(init.text()));
  if (!device.labels().init()) {
    return sys::ErrnoStatus(
        EEXIST, absl::StrCat("layer \"", init.text(), "\" exists and is no init layer"));
  }
  return RemoveLayer(init, lock);
}

absl::StatusOr<bool> Driver::Impl::RemoveInitOf(const LayerId& layer) {
  const auto init = LayerId::Create(absl::StrCat(layer.text(), kInitSuffix));
  const auto device = init.ok() ? set->Find(init->text()) : init.status();
  if (!device.ok() || !device->labels().init()) return false;
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(init->text(), "rm"));
  // The layer may have been made meanwhile.
  const absl::Status found = set->Find(layer.text()).status();
  if (found.ok()) return false;
  if (sys::GetErrno(found) != ENOENT) return found;
  const absl::Status removed = RemoveInit(*init, lock);
  if (IsGone(*init, removed)) locks.Forget(init->text(), lock).IgnoreError();
  if (sys::GetErrno(removed) == ENOENT) return false;
  DMKIT_RETURN_IF_ERROR(removed);
  return true;
}

absl::Status Driver::Remove(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  absl::Status removed;
  {
    DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "rm"));
    removed = impl_->RemoveLayer(layer, lock);
    if (impl_->IsGone(layer, removed)) impl_->locks.Forget(layer.text(), lock).IgnoreError();
    if (!removed.ok() && sys::GetErrno(removed) != ENOENT) return removed;
  }
  // Also one that an interrupted removal or making left alone.
  DMKIT_ASSIGN_OR_RETURN(const bool had_init, impl_->RemoveInitOf(layer));
  if (had_init) removed = absl::OkStatus();
  CollectGarbage(kOpportunity).IgnoreError();
  return removed;
}

absl::StatusOr<report::GarbageReport> Driver::CollectGarbage(absl::Duration patience) {
  const absl::Time deadline = impl_->host().clock->Now() + patience;
  report::GarbageReport report;
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, impl_->set->DeletedDevices());
  for (const std::string& name : names) {
    const absl::Duration left = deadline - impl_->host().clock->Now();
    if (left <= absl::ZeroDuration()) {
      AddLeft(report, name, "the time was over before it", "`dmkit gc` again");
      continue;
    }
    // One ioctl, and nobody kept waiting, for what is in use still.
    const auto active = impl_->set->ActiveInfo(name);
    if (active.ok() && active->has_value() && (*active)->open_count > 0) {
      AddLeft(report, name, "its device is still in use", kBusyAdvice);
      continue;
    }
    const absl::Status collected = impl_->set->Collect(name, impl_->removal.discard, left);
    if (collected.ok()) {
      report.add_freed(name);
    } else {
      AddLeft(report, name, collected.message(),
              sys::GetErrno(collected) == EBUSY ? kBusyAdvice : "as the problem says");
    }
  }
  return report;
}

}  // namespace dmkit::driver
