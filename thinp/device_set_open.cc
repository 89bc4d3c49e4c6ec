// SPDX-License-Identifier: Apache-2.0
// From a directory to a set with an active pool: the first start, every later one, and taking it
// down.

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/activate.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "thinp/device_set_impl.h"
#include "thinp/names.h"
#include "thinp/pool_backing.h"
#include "thinp/pool_bringup.h"
#include "thinp/pool_grow.h"
#include "thinp/pool_options.h"
#include "thinp/signature.h"
#include "thinp/transaction.h"

namespace dmkit::thinp {
namespace {

// The directories above a new root may be as new, and would be gone after a power cut. Those of
// another filesystem are not, and it may be one that has no fsync (squashfs, sysfs).
absl::Status SyncParents(sys::Dir& root, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat own, root.Stat(path));
  while (path.size() > 1) {
    path = path.substr(0, path.rfind('/'));
    const absl::string_view above = path.empty() ? "/" : path;
    DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, root.Stat(above));
    if (stat.device != own.device) break;
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> parent, root.OpenDir(above));
    DMKIT_RETURN_IF_ERROR(parent->Sync());
  }
  return absl::OkStatus();
}

// Whether a device that the admin gave for metadata holds a pool.
absl::StatusOr<bool> HoldsPool(const sys::Host& host, const proto::Backing& metadata) {
  if (metadata.device().empty()) return false;
  sys::OpenOptions options;
  options.direct = true;  // the page cache of a device does not see what the pool wrote
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> device,
                         host.root->OpenFile(metadata.device(), options));
  DMKIT_ASSIGN_OR_RETURN(const std::optional<Signature> found, ProbeSignature(*device));
  return found.has_value() && found->kind == SignatureKind::kThinPool;
}

}  // namespace

absl::StatusOr<std::string> DeviceSet::Impl::NewUuid() const {
  std::string bytes(16, '\0');
  DMKIT_RETURN_IF_ERROR(dm_.host().random->Fill(absl::MakeSpan(bytes)));
  return FormatUuid(bytes);
}

absl::Status DeviceSet::Impl::Start() {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, Lock("opening the store"));
  DMKIT_ASSIGN_OR_RETURN(std::optional<StateStore::SetRecord> record, store_.ReadSet());
  if (record.has_value()) state_ = std::move(record->state);
  if (!state_.pool().formatted() && !options_.create) {
    return sys::ErrnoStatus(ENOENT, absl::StrCat("there is no store in ", store_.path()));
  }
  if (state_.pool().formatted()) {
    damaged_set_file_ = std::move(record->damaged);
    DMKIT_RETURN_IF_ERROR(OpenKnownSet());
  } else {
    DMKIT_RETURN_IF_ERROR(MakeSet());
  }
  Transactions transactions = MakeTransactions();
  // A pool that takes no changes, or a repair that does not work, must not keep people from
  // reading; every change prepares again and then fails with the reason.
  transactions.Prepare(pool_->Status()).IgnoreError();
  return absl::OkStatus();
}

// A pool that is made for the set is the set's from the moment that the record says so.
absl::StatusOr<PoolOptions> DeviceSet::Impl::MakePool(const proto::PoolState& interrupted) {
  PoolOptions options = options_.pool;
  PoolMaker* const maker = options_.pool_maker;
  if (maker != nullptr) {
    DMKIT_RETURN_IF_ERROR(ForgetMade());
    DMKIT_RETURN_IF_ERROR(maker->Check());
  }
  *state_.mutable_labels() = options_.labels;
  if (maker == nullptr) return options;
  *state_.mutable_pool() = interrupted;
  DMKIT_RETURN_IF_ERROR(store_.WriteSet(state_));
  auto name = maker->Make(state_.set_uuid());
  if (!name.ok()) return UndoMade(name.status(), interrupted);
  options.given_pool = *std::move(name);
  return options;
}

// Only what was made is the set's: the device below may hold anything since, or never have been
// written.
absl::Status DeviceSet::Impl::ForgetMade() {
  if (!state_.labels().has_direct_lvm()) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(options_.pool_maker->Undo(state_.set_uuid()));
  state_.mutable_labels()->clear_direct_lvm();
  return store_.WriteSet(state_);
}

// The record goes last: without it nobody would know whose the rest is. It stays, as it was, where
// an earlier start had taken files or devices, which no later one would take without it.
absl::Status DeviceSet::Impl::UndoMade(const absl::Status& error,
                                       const proto::PoolState& interrupted) {
  *state_.mutable_pool() = interrupted;
  absl::Status undone = ForgetMade();
  if (undone.ok() && !interrupted.has_data()) undone = store_.RemoveSet();
  return sys::WithSecondError(error, "taking away what was made for the new store", undone);
}

// A pool of lvm2's that was being made is not forgotten for another kind of pool.
absl::Status DeviceSet::Impl::CheckInterruptedPool() const {
  const proto::DirectLvm& made = state_.labels().direct_lvm();
  if (made.device().empty() || made.device() == options_.labels.direct_lvm().device()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the first start of this store was interrupted while lvm2 made its pool on ",
                   made.device(), ": ask for the same again (dm.directlvm_device=", made.device(),
                   "), or take it away by hand (vgremove, pvremove) and then the file ",
                   store_.path(), "/set with its copy"));
}

// Left by an interrupted import, or by a set whose file is lost: in the new pool their thin ids
// would be those of other devices.
absl::Status DeviceSet::Impl::CheckNoDevices() const {
  DMKIT_ASSIGN_OR_RETURN(const DeviceList list, store_.ListDevices());
  DMKIT_ASSIGN_OR_RETURN(const DeviceList deleted, store_.ListDeleted());
  std::string left;
  for (const DeviceList* found : {&list, &deleted}) {
    if (!found->quarantined.empty()) left = found->quarantined[0].file;
  }
  if (!deleted.devices.empty()) left = absl::StrCat("deleted/", deleted.devices[0].name());
  if (!list.devices.empty()) left = absl::StrCat("devices/", list.devices[0].name());
  if (left.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(store_.path(), "/", left,
                   " is there, but no `set` file: no new store is made beside it. Restore that "
                   "file, repeat the import that was interrupted, or move the directories "
                   "`devices` and `deleted` away"));
}

absl::Status DeviceSet::Impl::MakeSet() {
  const proto::PoolState interrupted = state_.pool();
  DMKIT_RETURN_IF_ERROR(CheckInterruptedPool());
  const bool is_new = state_.set_uuid().empty();
  if (is_new) {
    DMKIT_RETURN_IF_ERROR(CheckNoDevices());
    DMKIT_ASSIGN_OR_RETURN(*state_.mutable_set_uuid(), NewUuid());
    DMKIT_RETURN_IF_ERROR(SyncParents(*dm_.host().root, store_.path()));
  } else {
    // What it stands on may be chosen anew.
    DMKIT_RETURN_IF_ERROR(TakePoolDown());
  }
  DMKIT_ASSIGN_OR_RETURN(const PoolOptions pool_options, MakePool(interrupted));
  auto planned = PlanPool(dm_, store_.path(), pool_options, interrupted);
  if (!planned.ok()) {
    return options_.pool_maker == nullptr ? planned.status()
                                          : UndoMade(planned.status(), interrupted);
  }
  *state_.mutable_pool() = *std::move(planned);
  // A pool that was made for the set is recorded already, beside what an interrupted start had
  // taken, which no later start would take if the record of it were lost here.
  if (options_.pool_maker == nullptr) DMKIT_RETURN_IF_ERROR(store_.WriteSet(state_));
  auto pool = BringUpPool(dm_, store_.path(), state_.set_uuid(), state_.pool(), pool_options);
  if (!pool.ok()) {
    if (options_.pool_maker != nullptr) return UndoMade(pool.status(), interrupted);
    // What lay there before this start is not this start's to remove.
    if (!is_new) return pool.status();
    // Nor would the next start take a device that was formatted meanwhile, but for the record.
    const absl::StatusOr<bool> holds_pool = HoldsPool(dm_.host(), state_.pool().metadata());
    if (!holds_pool.ok() || *holds_pool) return pool.status();
    // The set goes last: pool files without one would have to be removed by hand.
    absl::Status undone = RemovePoolFiles(dm_.host(), store_.path(), state_.pool());
    if (undone.ok()) undone = store_.RemoveSet();
    return sys::WithSecondError(pool.status(), "undoing the new store", undone);
  }
  pool_ = *std::move(pool);
  state_.mutable_pool()->set_formatted(true);
  return store_.WriteSet(state_);
}

absl::Status DeviceSet::Impl::TakePoolDown() {
  for (const absl::string_view name : {kProbeDevice, kPoolDevice}) {
    DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(name));
    DMKIT_RETURN_IF_ERROR(
        dm::RemoveDevice(dm_, identity, options_.remove_patience, /*deferred=*/false));
  }
  return absl::OkStatus();
}

absl::Status DeviceSet::Impl::OpenKnownSet() {
  DMKIT_RETURN_IF_ERROR(CheckOptions(state_.pool(), options_.pool));
  DMKIT_ASSIGN_OR_RETURN(
      pool_, BringUpPool(dm_, store_.path(), state_.set_uuid(), state_.pool(), options_.pool));
  return absl::OkStatus();
}

absl::Status DeviceSet::Impl::GrowPool() {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, Lock("growing the pool"));
  DMKIT_RETURN_IF_ERROR(EnsurePool(lock));
  return thinp::GrowPool(dm_, store_.path(), state_.pool(), options_.pool, *pool_);
}

const proto::SetLabels* DeviceSet::labels() const {
  return impl_->state().has_labels() ? &impl_->state().labels() : nullptr;
}

absl::Status DeviceSet::GrowPool() { return impl_->GrowPool(); }

// Another process may have taken the pool down since, or down and up.
absl::StatusOr<ThinPoolStatus> DeviceSet::Impl::EnsurePool(const sys::HeldLock&) {
  auto status = pool_->Locate();
  if (sys::GetErrno(status.status()) != ENXIO) return status;
  DMKIT_RETURN_IF_ERROR(OpenKnownSet());
  return pool_->Status();
}

absl::StatusOr<Transactions> DeviceSet::Impl::Begin(const sys::HeldLock& lock) {
  const absl::StatusOr<ThinPoolStatus> status = EnsurePool(lock);
  DMKIT_RETURN_IF_ERROR(status);
  Transactions transactions = MakeTransactions();
  DMKIT_RETURN_IF_ERROR(transactions.Prepare(status));
  return transactions;
}

}  // namespace dmkit::thinp
