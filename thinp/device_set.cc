// SPDX-License-Identifier: Apache-2.0
// What is done with an open set: its devices' lives, and questions about them.

#include "thinp/device_set.h"

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/device_set_impl.h"
#include "thinp/names.h"
#include "thinp/pool.h"
#include "thinp/pool_backing.h"
#include "thinp/suspend_guard.h"
#include "thinp/thin_device.h"
#include "thinp/thin_id.h"
#include "thinp/thin_pool_target.h"
#include "thinp/transaction.h"

namespace dmkit::thinp {
namespace {

absl::Status NoSuchDevice(absl::string_view name) {
  return sys::ErrnoStatus(ENOENT, absl::StrCat("device \"", name, "\" does not exist"));
}

// Size of the mapped device: the kernel counts in sectors, and has no table of none.
absl::StatusOr<sys::Sectors> TableLength(const proto::DeviceState& device) {
  if (device.size_bytes() != 0) return sys::ToSectors(sys::Bytes{device.size_bytes()});
  return absl::InvalidArgumentError(
      absl::StrCat("device \"", device.name(), "\" has a size of 0 bytes"));
}

// Whether the transaction that `device` came with is complete. A pool that fails does not tell.
bool IsMade(const proto::DeviceState& device, const ThinPoolStatus& pool) {
  const bool unknown = pool.mode == PoolMode::kFail || pool.mode == PoolMode::kError;
  return unknown || device.transaction_id() <= pool.transaction_id;
}

}  // namespace

absl::StatusOr<proto::DeviceState> DeviceSet::Impl::FindDevice(absl::string_view name) const {
  DMKIT_RETURN_IF_ERROR(CheckDeviceName(name));
  auto device = store_.ReadDevice(name);
  if (sys::GetErrno(device.status()) == ENOENT) return NoSuchDevice(name);
  return device;
}

// The device, of which a creation that was interrupted is undone first: who looks for a device
// without the lock may have found it in between, and nothing that is to last may be built on it.
absl::StatusOr<proto::DeviceState> DeviceSet::Impl::FindMade(const sys::HeldLock& lock,
                                                             absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(proto::DeviceState device, FindDevice(name));
  const auto status = pool_->Status();
  if (status.ok() && IsMade(device, *status)) return device;
  DMKIT_RETURN_IF_ERROR(Begin(lock));
  return FindDevice(name);
}

absl::StatusOr<bool> DeviceSet::Impl::IsActive(absl::string_view name) const {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(name));
  const auto info = dm_.Info(identity.uuid);
  if (info.ok()) return info->has_active_table;
  if (sys::GetErrno(info.status()) == ENXIO) return false;
  return info.status();
}

absl::Status DeviceSet::Impl::SendSnapshot(ThinId id, const proto::DeviceState& origin,
                                           bool origin_active) {
  DMKIT_ASSIGN_OR_RETURN(const ThinId origin_id, ThinId::Create(origin.thin_id()));
  if (!origin_active) return pool_->CreateSnapshot(id, origin_id);
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(origin.name()));
  DMKIT_ASSIGN_OR_RETURN(SuspendGuard guard, SuspendGuard::Suspend(dm_, identity.uuid));
  const absl::Status made = pool_->CreateSnapshot(id, origin_id);
  const absl::Status resumed = guard.Resume();
  // Comes first whatever `made` says: with the origin suspended nothing is tried again.
  if (!resumed.ok()) return sys::WithSecondError(resumed, "making the snapshot", made);
  return made;
}

// The intent and the kernel step, repeated with another id while the pool knows the id already.
absl::StatusOr<ThinId> DeviceSet::Impl::SendCreate(
    Transactions& transactions, absl::string_view name,
    const std::optional<proto::DeviceState>& origin) {
  bool origin_active = false;
  if (origin.has_value()) {
    DMKIT_ASSIGN_OR_RETURN(origin_active, IsActive(origin->name()));
  }
  const auto kind = origin.has_value() ? proto::TransactionState::CREATE_SNAPSHOT
                                       : proto::TransactionState::CREATE_THIN;
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const ThinId id, transactions.NextId());
    DMKIT_RETURN_IF_ERROR(transactions.Start(kind, name, id, origin_active ? origin->name() : ""));
    const absl::Status sent =
        origin.has_value() ? SendSnapshot(id, *origin, origin_active) : pool_->CreateThin(id);
    if (sent.ok()) return id;
    if (sys::GetErrno(sent) != EEXIST) return transactions.Fail(sent);
    // Ids are looked up first from now on, so this ends.
    transactions.SkipTakenId(id);
  }
}

absl::StatusOr<std::optional<proto::DeviceState>> DeviceSet::Impl::FindOrigin(
    const proto::DeviceState& wanted) const {
  if (wanted.origin().empty()) return std::nullopt;
  DMKIT_ASSIGN_OR_RETURN(proto::DeviceState origin, FindDevice(wanted.origin()));
  if (wanted.size_bytes() >= origin.size_bytes()) return origin;
  return absl::InvalidArgumentError(absl::StrCat(
      "device \"", wanted.name(), "\" cannot be smaller (", wanted.size_bytes(),
      " bytes) than its origin \"", origin.name(), "\" (", origin.size_bytes(), " bytes)"));
}

absl::StatusOr<proto::DeviceState> DeviceSet::Impl::Create(const proto::DeviceState& wanted) {
  DMKIT_RETURN_IF_ERROR(CheckDeviceName(wanted.name()));
  DMKIT_RETURN_IF_ERROR(TableLength(wanted));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, Lock(absl::StrCat("creating ", wanted.name())));
  // First of all, since what an interrupted transaction left is not there after its repair.
  DMKIT_ASSIGN_OR_RETURN(Transactions transactions, Begin(lock));
  DMKIT_RETURN_IF_ERROR(RequireNew(transactions, wanted.name()));
  DMKIT_ASSIGN_OR_RETURN(const std::optional<proto::DeviceState> origin, FindOrigin(wanted));
  DMKIT_RETURN_IF_ERROR(CheckWritable(*pool_, transactions.pool_status()));
  if (origin.has_value()) {
    DMKIT_RETURN_IF_ERROR(
        CheckFreeSpace(*pool_, transactions.pool_status(), options_.pool.min_free_percent));
  }
  DMKIT_ASSIGN_OR_RETURN(const ThinId id, SendCreate(transactions, wanted.name(), origin));
  proto::DeviceState device = wanted;
  device.set_thin_id(id.value());
  device.set_transaction_id(transactions.next_transaction_id());
  const absl::Status written = store_.WriteDevice(device);
  if (!written.ok()) return transactions.Fail(written);
  const absl::Status completed = transactions.Complete();
  if (!completed.ok()) return transactions.Fail(completed);
  return device;
}

absl::StatusOr<dm::DeviceInfo> DeviceSet::Impl::ActivateOnce(const proto::DeviceState& device,
                                                             FoundSuspended suspended) const {
  DMKIT_ASSIGN_OR_RETURN(const sys::Sectors length, TableLength(device));
  DMKIT_ASSIGN_OR_RETURN(const ThinId id, ThinId::Create(device.thin_id()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, IdentityOf(device.name()));
  const ThinDevice thin{identity, id, length, state_.pool().read_only()};
  return ActivateThin(dm_, *pool_, thin, options_.remove_patience, suspended);
}

absl::StatusOr<dm::DeviceInfo> DeviceSet::Impl::Activate(const proto::DeviceState& device) {
  const auto pool = pool_->Locate();
  if (!pool.ok() && sys::GetErrno(pool.status()) != ENXIO) return pool.status();
  if (pool.ok() && IsMade(device, *pool)) {
    auto active = ActivateOnce(device, FoundSuspended::kRefuse);
    if (sys::GetErrno(active.status()) != EAGAIN) return active;
  }
  // Another process has taken the pool down, has the device suspended for a snapshot, or is still
  // making it. With the lock held that is over, and what still is so was left by a crash.
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                         Lock(absl::StrCat("activating ", device.name())));
  DMKIT_RETURN_IF_ERROR(EnsurePool(lock));
  DMKIT_ASSIGN_OR_RETURN(const proto::DeviceState made, FindMade(lock, device.name()));
  return ActivateOnce(made, FoundSuspended::kResume);
}

absl::Status DeviceSet::Impl::Rewrite(
    absl::string_view name, const std::function<absl::Status(proto::DeviceState&)>& change) {
  if (state_.pool().read_only()) return ReadOnlySet();
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, Lock(absl::StrCat("changing ", name)));
  DMKIT_ASSIGN_OR_RETURN(proto::DeviceState device, FindMade(lock, name));
  DMKIT_RETURN_IF_ERROR(change(device));
  return store_.WriteDevice(device);
}

DeviceSet::DeviceSet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeviceSet::~DeviceSet() = default;

absl::StatusOr<std::unique_ptr<DeviceSet>> DeviceSet::Open(dm::DeviceMapper& dm,
                                                           const DeviceSetOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(StateStore store,
                         StateStore::Open(dm.host(), options.root, options.create));
  auto impl = std::make_unique<Impl>(dm, options, std::move(store));
  DMKIT_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<DeviceSet>(new DeviceSet(std::move(impl)));
}

const std::string& DeviceSet::uuid() const { return impl_->state().set_uuid(); }
const Pool& DeviceSet::pool() const { return impl_->pool(); }
const proto::PoolState& DeviceSet::pool_state() const { return impl_->state().pool(); }

std::string DeviceSet::data_loop_path() const {
  return LoopPath(impl_->store().path(), pool_state().data());
}

std::string DeviceSet::metadata_loop_path() const {
  return LoopPath(impl_->store().path(), pool_state().metadata());
}

absl::StatusOr<dm::DmName> DeviceSet::DeviceName(absl::string_view name) const {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, impl_->IdentityOf(name));
  return identity.name;
}

absl::StatusOr<proto::DeviceState> DeviceSet::AddThin(absl::string_view name, sys::Bytes size,
                                                      const proto::DeviceLabels& labels) {
  proto::DeviceState wanted;
  wanted.set_name(std::string(name));
  wanted.set_size_bytes(size.count());
  *wanted.mutable_labels() = labels;
  return impl_->Create(wanted);
}

absl::StatusOr<proto::DeviceState> DeviceSet::AddSnapshot(absl::string_view name,
                                                          absl::string_view origin, sys::Bytes size,
                                                          const proto::DeviceLabels& labels) {
  DMKIT_RETURN_IF_ERROR(CheckDeviceName(origin));
  proto::DeviceState wanted;
  wanted.set_name(std::string(name));
  wanted.set_size_bytes(size.count());
  wanted.set_origin(std::string(origin));
  *wanted.mutable_labels() = labels;
  return impl_->Create(wanted);
}

absl::Status DeviceSet::Delete(absl::string_view name, const DeleteOptions& options) {
  return impl_->Delete(name, options);
}

absl::StatusOr<std::vector<std::string>> DeviceSet::DeletedDevices() const {
  return impl_->store().DeletedNames();
}

absl::StatusOr<bool> DeviceSet::IsDeleted(absl::string_view name) const {
  return impl_->store().HasDeleted(name);
}

absl::Status DeviceSet::Collect(absl::string_view name, bool discard, absl::Duration patience) {
  return impl_->Collect(name, discard, patience);
}

absl::Status DeviceSet::SetLabels(absl::string_view name, const proto::DeviceLabels& labels) {
  return impl_->Rewrite(name, [&](proto::DeviceState& device) {
    *device.mutable_labels() = labels;
    return absl::OkStatus();
  });
}

absl::Status DeviceSet::SetSize(absl::string_view name, sys::Bytes size,
                                const proto::DeviceLabels& labels) {
  return impl_->Rewrite(name, [&](proto::DeviceState& device) {
    if (size.count() < device.size_bytes()) {
      return absl::InvalidArgumentError(absl::StrCat("device \"", name, "\" has ",
                                                     device.size_bytes(),
                                                     " bytes and cannot shrink to ", size.count()));
    }
    device.set_size_bytes(size.count());
    *device.mutable_labels() = labels;
    return TableLength(device).status();
  });
}

absl::StatusOr<proto::DeviceState> DeviceSet::Find(absl::string_view name) const {
  return impl_->FindDevice(name);
}

absl::StatusOr<DeviceList> DeviceSet::List() const { return impl_->store().ListDevices(); }

absl::StatusOr<dm::DeviceInfo> DeviceSet::Activate(const proto::DeviceState& device) {
  return impl_->Activate(device);
}

absl::Status DeviceSet::Deactivate(absl::string_view name, absl::Duration patience, bool deferred) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, impl_->IdentityOf(name));
  DMKIT_RETURN_IF_ERROR(impl_->RemoveOverlay(name, patience, deferred));
  return dm::RemoveDevice(impl_->dm(), identity, patience, deferred);
}

absl::StatusOr<std::optional<dm::DeviceInfo>> DeviceSet::ActiveInfo(absl::string_view name) const {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, impl_->IdentityOf(name));
  auto info = impl_->dm().Info(identity.uuid);
  if (info.ok()) return std::optional<dm::DeviceInfo>(*std::move(info));
  if (sys::GetErrno(info.status()) == ENXIO) return std::optional<dm::DeviceInfo>();
  return info.status();
}

absl::StatusOr<std::vector<std::string>> DeviceSet::ActiveDevices() const {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<dm::ListedDevice> devices, impl_->dm().List());
  std::vector<std::string> names;
  for (const dm::ListedDevice& device : devices) {
    const auto info = impl_->dm().Info(device.device);
    if (sys::GetErrno(info.status()) == ENXIO) continue;  // removed since it was listed
    if (!info.ok()) return info.status();
    const auto name = DeviceOfSet(info->uuid, uuid());
    if (name.has_value() && CheckDeviceName(*name).ok()) names.emplace_back(*name);
  }
  return names;
}

absl::StatusOr<PoolContents> DeviceSet::Contents() {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->Lock("reading the pool's metadata"));
  const absl::StatusOr<ThinPoolStatus> status = impl_->EnsurePool(lock);
  DMKIT_RETURN_IF_ERROR(status);
  Transactions transactions = impl_->MakeTransactions();
  // What the pool can still tell is told.
  transactions.Prepare(status).IgnoreError();
  return transactions.ReadContents();
}

absl::StatusOr<CheckReport> DeviceSet::Check() {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->Lock("checking the store"));
  const absl::StatusOr<ThinPoolStatus> status = impl_->EnsurePool(lock);
  DMKIT_RETURN_IF_ERROR(status);
  CheckReport report;
  Transactions transactions = impl_->MakeTransactions();
  report.changes_problem = transactions.Prepare(status);
  report.transaction_open = transactions.interrupted();
  DMKIT_ASSIGN_OR_RETURN(report.pool, impl_->pool().Status());
  DMKIT_ASSIGN_OR_RETURN(DeviceList list, List());
  DMKIT_ASSIGN_OR_RETURN(report.quarantined, impl_->store().ListQuarantined());
  if (impl_->damaged_set_file().has_value()) {
    report.quarantined.push_back(*impl_->damaged_set_file());
  }
  DMKIT_ASSIGN_OR_RETURN(DeviceList deleted, impl_->store().ListDeleted());
  for (DeviceList* found : {&list, &deleted}) {
    for (Quarantined& file : found->quarantined) report.quarantined.push_back(std::move(file));
  }
  for (proto::DeviceState& device : deleted.devices) list.devices.push_back(std::move(device));
  const auto contents = transactions.ReadContents();
  if (contents.ok()) {
    CompareOwners(list.devices, *contents, report);
  } else {
    report.contents_problem = contents.status();
  }
  return report;
}

absl::Status DeviceSet::DeactivatePool() {
  if (!pool_state().given_pool().empty()) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->Lock("taking the pool down"));
  return impl_->TakePoolDown();
}

absl::StatusOr<bool> SetExists(const sys::Host& host, absl::string_view root) {
  const auto store = StateStore::Open(host, root, /*create=*/false);
  const int error = sys::GetErrno(store.status());
  if (error == ENOENT || error == ENOTDIR) return false;
  if (!store.ok()) return store.status();
  return store->HasSet();
}

}  // namespace dmkit::thinp
