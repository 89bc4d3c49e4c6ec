// SPDX-License-Identifier: Apache-2.0
// The end of a device: deleting it, at once or when its last user has gone, and handing back its
// blocks. CRASH_SAFETY.md says why the steps have this order.

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "dm/nodes.h"
#include "sys/block.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/retry.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_impl.h"
#include "thinp/names.h"
#include "thinp/pool.h"
#include "thinp/thin_id.h"
#include "thinp/thin_pool_target.h"
#include "thinp/thin_target.h"
#include "thinp/transaction.h"

namespace dmkit::thinp {
namespace {

// For udevd and blkid, which open a device for a moment; a device that is held longer is deleted
// later.
constexpr absl::Duration kDeferPatience = absl::Milliseconds(500);

}  // namespace

absl::Status DeviceSet::Impl::RequireNew(Transactions& transactions, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const bool taken, store_.HasDevice(name));
  if (taken) {
    return sys::ErrnoStatus(EEXIST, absl::StrCat("device \"", name, "\" exists already"));
  }
  const absl::Status collected =
      CollectLocked(transactions, name, /*discard=*/false, /*aside=*/nullptr);
  if (collected.ok()) return collected;
  return sys::AddContext(collected,
                         absl::StrCat("the name is that of a deleted device whose blocks could not "
                                      "be freed yet (see `dmkit gc`): \"",
                                      name, "\""));
}

// The device, active and open for nobody else, or null where it cannot be discarded: it is not
// active then. EBUSY: it is in use.
absl::StatusOr<std::unique_ptr<sys::File>> DeviceSet::Impl::TakeForDiscard(
    const proto::DeviceState& device, absl::Duration patience) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  DMKIT_ASSIGN_OR_RETURN(const ThinId id, ThinId::Create(device.thin_id()));
  DMKIT_ASSIGN_OR_RETURN(const sys::Sectors length,
                         sys::ToSectors(sys::Bytes{device.size_bytes()}));
  const auto create = [&] {
    return dm::CreateDevice(
        dm_, {identity.name, identity.uuid, pool_->ThinTable(id, length), /*read_only=*/false});
  };
  auto active = create();
  if (sys::GetErrno(active.status()) == EBUSY) {
    DMKIT_RETURN_IF_ERROR(dm::RemoveDevice(dm_, identity, patience, /*deferred=*/false));
    active = create();
  }
  if (active.ok()) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.exclusive = true;
    auto held = dm::OpenDevice(dm_.host(), active->device, options);
    if (held.ok()) return held;
  }
  DMKIT_RETURN_IF_ERROR(dm::RemoveDevice(dm_, identity, patience, /*deferred=*/false));
  return nullptr;
}

// From here on the device is never found again: its contents are about to go.
absl::Status DeviceSet::Impl::Empty(const proto::DeviceState& device,
                                    std::unique_ptr<sys::File> held) {
  const absl::Status forgotten = store_.RemoveDevice(device.name());
  // An error costs no more than the space in a loop file.
  if (forgotten.ok()) {
    sys::DiscardBlocks(*held, sys::Bytes{device.size_bytes()}).IgnoreError();
  }
  held.reset();
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  const absl::Status down = dm::RemoveDevice(dm_, identity, kDeferPatience, /*deferred=*/false);
  return forgotten.ok() ? down : sys::WithSecondError(forgotten, "removing its device", down);
}

// The device, held as TakeForDiscard has it; or null, and it is not active, where nothing is to be
// discarded. EBUSY: it is in use.
absl::StatusOr<std::unique_ptr<sys::File>> DeviceSet::Impl::Take(const Transactions& transactions,
                                                                 const proto::DeviceState& device,
                                                                 bool discard,
                                                                 absl::Duration patience) {
  const bool discards = discard && device.size_bytes() != 0 &&
                        transactions.pool_status().discard == DiscardMode::kPassdown;
  if (discards) return TakeForDiscard(device, patience);
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  DMKIT_RETURN_IF_ERROR(dm::RemoveDevice(dm_, identity, patience, /*deferred=*/false));
  return nullptr;
}

// Whether handing back what the device has takes so long that others should not wait for it.
bool DeviceSet::Impl::TakesLong(sys::File& held, const proto::DeviceState& device) const {
  if (device.size_bytes() < options_.long_discard.count()) return false;
  const auto stat = held.Stat();
  if (!stat.ok()) return false;
  const auto reply = dm_.Status(stat->rdevice, {});
  if (!reply.ok() || reply->targets.size() != 1) return false;
  const auto status = ParseThinStatus(reply->targets[0].text);
  return status.ok() && status->state == ThinState::kWorking &&
         status->mapped.count() * sys::kSectorBytes >= options_.long_discard.count();
}

absl::Status DeviceSet::Impl::Purge(Transactions& transactions, const proto::DeviceState& device,
                                    std::unique_ptr<sys::File> held) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  DMKIT_ASSIGN_OR_RETURN(const ThinId id, ThinId::Create(device.thin_id()));
  const absl::Status started =
      transactions.Start(proto::TransactionState::DELETE, device.name(), id, "");
  if (!started.ok()) {
    held.reset();
    return sys::WithSecondError(
        started, "removing its device again",
        dm::RemoveDevice(dm_, identity, kDeferPatience, /*deferred=*/false));
  }
  const bool emptying = held != nullptr;
  if (emptying) {
    const absl::Status emptied = Empty(device, std::move(held));
    if (!emptied.ok()) return transactions.Fail(emptied);
  }
  // A mapped device gives its thin device back a moment after it is gone.
  const absl::Status deleted =
      sys::RetryWhile(*dm_.host().clock, EBUSY, kDeferPatience, [&] { return pool_->Delete(id); });
  // ENODATA: deleted behind our back. EBUSY: activated meanwhile; it is kept, or collected later.
  if (!deleted.ok() && sys::GetErrno(deleted) != ENODATA) return transactions.Fail(deleted);
  const absl::Status removed = emptying ? absl::OkStatus() : store_.RemoveDevice(device.name());
  if (!removed.ok()) return transactions.Fail(removed);
  const absl::Status forgotten = store_.RemoveDeleted(device.name());
  if (!forgotten.ok()) return transactions.Fail(forgotten);
  return transactions.Complete();
}

// Its name goes first: a crash in between leaves the device as it was.
absl::Status DeviceSet::Impl::DeleteInName(const proto::DeviceState& device) {
  DMKIT_RETURN_IF_ERROR(store_.WriteDeleted(device));
  return store_.RemoveDevice(device.name());
}

absl::Status DeviceSet::Impl::Defer(const proto::DeviceState& device) {
  DMKIT_RETURN_IF_ERROR(DeleteInName(device));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  // It is deleted whatever this says; the collection tries again.
  dm::RemoveDevice(dm_, identity, absl::ZeroDuration(), /*deferred=*/true).IgnoreError();
  return absl::OkStatus();
}

// Without the set's lock: the device is nobody's any more, and open, so that nobody collects it.
// Once it is closed somebody may, and make another of its name: so its removal is asked for before.
absl::Status DeviceSet::Impl::EmptyAside(Aside aside) {
  if (aside.held == nullptr) return absl::OkStatus();
  const std::string& name = aside.device.name();
  sys::DiscardBlocks(*aside.held, sys::Bytes{aside.device.size_bytes()}).IgnoreError();
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(name));
  dm::RemoveDevice(dm_, identity, absl::ZeroDuration(), /*deferred=*/true).IgnoreError();
  aside.held.reset();
  return Collect(name, /*discard=*/false, options_.lock_patience);
}

absl::Status DeviceSet::Impl::DeleteLocked(absl::string_view name, const DeleteOptions& options,
                                           Aside& aside) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, Lock(absl::StrCat("deleting ", name)));
  DMKIT_ASSIGN_OR_RETURN(Transactions transactions, Begin(lock));
  DMKIT_ASSIGN_OR_RETURN(const proto::DeviceState device, FindDevice(name));
  auto held = Take(transactions, device, options.discard,
                   options.deferred ? kDeferPatience : options_.remove_patience);
  if (held.ok() && *held != nullptr && TakesLong(**held, device)) {
    const absl::Status deleted = DeleteInName(device);
    if (deleted.ok()) {
      aside = {device, *std::move(held)};
      return deleted;
    }
    held->reset();
    DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(name));
    return sys::WithSecondError(
        deleted, "removing its device again",
        dm::RemoveDevice(dm_, identity, kDeferPatience, /*deferred=*/false));
  }
  const absl::Status purged =
      held.ok() ? Purge(transactions, device, *std::move(held)) : held.status();
  if (sys::GetErrno(purged) != EBUSY) return purged;
  DMKIT_ASSIGN_OR_RETURN(const bool whole, store_.HasDevice(name));
  // Somebody took hold of it when its contents were gone: it is left to the collection.
  if (!whole) return absl::OkStatus();
  return options.deferred ? Defer(device) : purged;
}

absl::Status DeviceSet::Impl::Delete(absl::string_view name, const DeleteOptions& options) {
  Aside aside;
  DMKIT_RETURN_IF_ERROR(DeleteLocked(name, options, aside));
  const absl::Status emptied = EmptyAside(std::move(aside));
  // It is deleted all the same, and left to the collection.
  const int error = sys::GetErrno(emptied);
  return error == EBUSY || error == ETIMEDOUT ? absl::OkStatus() : emptied;
}

// With `aside`, what takes long to discard is handed out there.
absl::Status DeviceSet::Impl::CollectLocked(Transactions& transactions, absl::string_view name,
                                            bool discard, Aside* aside) {
  DMKIT_ASSIGN_OR_RETURN(const bool deleted, store_.HasDeleted(name));
  if (!deleted) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const bool whole, store_.HasDevice(name));
  // A crash came before the deletion was complete.
  if (whole) return store_.RemoveDeleted(name);
  DMKIT_ASSIGN_OR_RETURN(const proto::DeviceState device, store_.ReadDeleted(name));
  auto held = Take(transactions, device, discard, absl::ZeroDuration());
  if (aside != nullptr && held.ok() && *held != nullptr && TakesLong(**held, device)) {
    *aside = {device, *std::move(held)};
    return absl::OkStatus();
  }
  const absl::Status purged =
      held.ok() ? Purge(transactions, device, *std::move(held)) : held.status();
  if (sys::GetErrno(purged) != EBUSY) return purged;
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(name));
  return sys::WithSecondError(
      purged, "having it removed at its last close",
      dm::RemoveDevice(dm_, identity, absl::ZeroDuration(), /*deferred=*/true));
}

absl::Status DeviceSet::Impl::Collect(absl::string_view name, bool discard,
                                      absl::Duration patience) {
  DMKIT_RETURN_IF_ERROR(CheckDeviceName(name));
  Aside aside;
  {
    DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                           Lock(absl::StrCat("collecting ", name), patience));
    DMKIT_ASSIGN_OR_RETURN(Transactions transactions, Begin(lock));
    DMKIT_RETURN_IF_ERROR(CollectLocked(transactions, name, discard, &aside));
  }
  return EmptyAside(std::move(aside));
}

}  // namespace dmkit::thinp
