// SPDX-License-Identifier: Apache-2.0

#include "thinp/imported_set.h"

#include <cerrno>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dm/activate.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "thinp/names.h"
#include "thinp/state_store.h"

namespace dmkit::thinp {
namespace {

constexpr char kLockFile[] = "lock";

absl::StatusOr<std::string> NewUuid(const sys::Host& host) {
  std::string bytes(16, '\0');
  DMKIT_RETURN_IF_ERROR(host.random->Fill(absl::MakeSpan(bytes)));
  return FormatUuid(bytes);
}

// Device files that no set has need of; damaged ones have the name in their path.
absl::Status RemoveDevicesBut(StateStore& store, const std::set<std::string>& kept) {
  DMKIT_ASSIGN_OR_RETURN(const DeviceList list, store.ListDevices());
  for (const proto::DeviceState& device : list.devices) {
    if (kept.count(device.name()) != 0) continue;
    DMKIT_RETURN_IF_ERROR(store.RemoveDevice(device.name()));
  }
  for (const Quarantined& file : list.quarantined) {
    const std::string name = file.file.substr(file.file.rfind('/') + 1);
    if (kept.count(name) != 0) continue;
    DMKIT_RETURN_IF_ERROR(store.RemoveDevice(name));
  }
  return absl::OkStatus();
}

// Likewise of deleted ones: a collection would delete whatever has their thin ids in this pool.
absl::Status RemoveDeletedBut(StateStore& store, const std::set<std::string>& kept) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, store.DeletedNames());
  for (const std::string& name : names) {
    if (kept.count(name) == 0) DMKIT_RETURN_IF_ERROR(store.RemoveDeleted(name));
  }
  return absl::OkStatus();
}

// The UUID for the set: that of an earlier import of the same store.
absl::StatusOr<std::string> ChooseUuid(const sys::Host& host, const StateStore& store,
                                       const proto::PoolState& pool) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<StateStore::SetRecord> known, store.ReadSet());
  if (!known.has_value()) return NewUuid(host);
  const proto::PoolState& earlier = known->state.pool();
  if (earlier.imported_from() == pool.imported_from() && earlier.read_only() == pool.read_only()) {
    return known->state.set_uuid();
  }
  return sys::ErrnoStatus(EEXIST, absl::StrCat(store.path(), " holds another store already"));
}

absl::Status WriteDevices(StateStore& store, const ImportedSet& set) {
  std::set<std::string> names;
  for (const proto::DeviceState& device : set.devices) {
    DMKIT_RETURN_IF_ERROR(CheckDeviceName(device.name()));
    names.insert(device.name());
  }
  DMKIT_RETURN_IF_ERROR(RemoveDevicesBut(store, names));
  for (const proto::DeviceState& device : set.devices) {
    DMKIT_RETURN_IF_ERROR(store.WriteDevice(device));
  }
  std::set<std::string> deleted;
  for (const proto::DeviceState& device : set.deleted) {
    DMKIT_RETURN_IF_ERROR(CheckDeviceName(device.name()));
    deleted.insert(device.name());
  }
  DMKIT_RETURN_IF_ERROR(RemoveDeletedBut(store, deleted));
  for (const proto::DeviceState& device : set.deleted) {
    DMKIT_RETURN_IF_ERROR(store.WriteDeleted(device));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<KnownSet>> FindSet(const sys::Host& host, absl::string_view root) {
  const auto store = StateStore::Open(host, root, /*create=*/false);
  const int error = sys::GetErrno(store.status());
  if (error == ENOENT || error == ENOTDIR) return std::nullopt;
  DMKIT_RETURN_IF_ERROR(store.status());
  DMKIT_ASSIGN_OR_RETURN(const std::optional<StateStore::SetRecord> record, store->ReadSet());
  if (!record.has_value()) return std::nullopt;
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity pool,
                         Identity(record->state.set_uuid(), kPoolDevice));
  return KnownSet{record->state.pool(), pool.uuid.text()};
}

absl::Status WriteImportedSet(const sys::Host& host, absl::string_view root, const ImportedSet& set,
                              absl::Duration patience) {
  DMKIT_ASSIGN_OR_RETURN(StateStore store, StateStore::Open(host, root, /*create=*/true));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                         sys::AcquireLock(host, store.root(), kLockFile, "importing", patience));
  proto::SetState state;
  *state.mutable_pool() = set.pool;
  state.mutable_pool()->set_formatted(true);
  DMKIT_ASSIGN_OR_RETURN(*state.mutable_set_uuid(), ChooseUuid(host, store, set.pool));
  DMKIT_RETURN_IF_ERROR(WriteDevices(store, set));
  if (!set.pool.read_only()) {
    proto::TransactionState transaction;
    transaction.set_transaction_id(set.transaction_id);
    transaction.set_next_thin_id(set.next_thin_id);
    DMKIT_RETURN_IF_ERROR(store.WriteTransaction(transaction));
  }
  // Last: from now on there is a store.
  return store.WriteSet(state);
}

absl::Status RemoveImportedSet(const sys::Host& host, absl::string_view root,
                               absl::string_view imported_from, absl::Duration patience) {
  DMKIT_ASSIGN_OR_RETURN(StateStore store, StateStore::Open(host, root, /*create=*/false));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                         sys::AcquireLock(host, store.root(), kLockFile, "undoing", patience));
  DMKIT_ASSIGN_OR_RETURN(const std::optional<StateStore::SetRecord> known, store.ReadSet());
  if (known.has_value() &&
      absl::string_view(known->state.pool().imported_from()) != imported_from) {
    return absl::OkStatus();
  }
  DMKIT_RETURN_IF_ERROR(store.RemoveSet());
  DMKIT_RETURN_IF_ERROR(RemoveDevicesBut(store, {}));
  DMKIT_RETURN_IF_ERROR(RemoveDeletedBut(store, {}));
  return store.RemoveTransaction();
}

}  // namespace dmkit::thinp
