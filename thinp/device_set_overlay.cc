// SPDX-License-Identifier: Apache-2.0
// What only sets have that were imported to be read: a writable device on top of a read-only one.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/targets/snapshot.h"
#include "sys/device_number.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_impl.h"
#include "thinp/pool_contents.h"
#include "thinp/transaction.h"

namespace dmkit::thinp {
namespace {

// What a journal's replay writes are blocks of 4 KiB.
constexpr sys::Sectors kChunk{8};

// No device's name, which never starts with a dot.
std::string OverlayName(absl::string_view name) { return absl::StrCat(".overlay-", name); }

}  // namespace

absl::StatusOr<dm::DeviceInfo> DeviceSet::Impl::ActivateOverlay(absl::string_view name,
                                                                sys::DeviceNumber store) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity origin, IdentityOf(name));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity overlay, IdentityOf(OverlayName(name)));
  DMKIT_ASSIGN_OR_RETURN(const dm::TableReply table, dm_.Table(origin.uuid, dm::StatusOptions{}));
  if (table.targets.size() != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("dm device ", origin.name.text(), " is not active as one thin device"));
  }
  // One that a crash left: what was written to it means nothing any more.
  DMKIT_RETURN_IF_ERROR(RemoveOverlay(name, options_.remove_patience, /*deferred=*/false));
  dm::SnapshotArguments arguments;
  arguments.origin = table.info.device;
  arguments.store = store;
  arguments.chunk = kChunk;
  DMKIT_ASSIGN_OR_RETURN(const dm::SnapshotTarget target, dm::SnapshotTarget::Create(arguments));
  return dm::CreateDevice(
      dm_, {overlay.name, overlay.uuid, {target.Line(sys::Sectors{0}, table.targets[0].length)}});
}

absl::Status DeviceSet::Impl::RemoveOverlay(absl::string_view name, absl::Duration patience,
                                            bool deferred) const {
  if (!state_.pool().read_only()) return absl::OkStatus();
  const auto overlay = IdentityOf(OverlayName(name));
  // Too long a name has none.
  if (!overlay.ok()) return absl::OkStatus();
  return dm::RemoveDevice(dm_, *overlay, patience, deferred);
}

absl::Status DeviceSet::CheckNotReadOnly() const {
  return impl_->owner() == PoolOwner::kNobody ? ReadOnlySet() : absl::OkStatus();
}

absl::StatusOr<dm::DeviceInfo> DeviceSet::ActivateOverlay(absl::string_view name,
                                                          sys::DeviceNumber store) {
  return impl_->ActivateOverlay(name, store);
}

}  // namespace dmkit::thinp
