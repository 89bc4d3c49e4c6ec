// SPDX-License-Identifier: Apache-2.0

#include "thinp/transaction.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "sys/status.h"
#include "thinp/metadata.h"
#include "thinp/names.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {
namespace {

constexpr uint32_t kFirstId = 1;
// Each further id in a row of taken ones is tried at twice the distance: a storm of look-ups cannot
// happen, and ids are plentiful.
constexpr int kIdTriesMax = 24;
// For udevd and blkid, which open a device for a moment.
constexpr absl::Duration kTakeDownPatience = absl::Milliseconds(500);

ThinId IdFromState(uint32_t value) { return ThinId().Plus(value); }

absl::Status ErrnoIsFine(const absl::Status& status, int error) {
  return sys::GetErrno(status) == error ? absl::OkStatus() : status;
}

}  // namespace

absl::Status ReadOnlySet() {
  return sys::ErrnoStatus(EROFS,
                          "this store was imported to be read only: nothing in it is changed. "
                          "Import it with --adopt to make it your own");
}

Transactions::Transactions(dm::DeviceMapper& dm, Pool& pool, StateStore& store, Context context)
    : dm_(&dm), pool_(&pool), store_(&store), context_(std::move(context)) {}

bool Transactions::IsOpen() const {
  return record_.kind() != proto::TransactionState::NONE &&
         record_.transaction_id() == next_transaction_id();
}

// The record is never more than one transaction ahead of its own pool.
absl::Status Transactions::CheckNotAhead() const {
  if (record_.transaction_id() <= next_transaction_id()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "pool ", pool_->name().text(), " has transaction id ", pool_transaction_id_,
      ", but this store has recorded transaction ", record_.transaction_id(),
      ": the pool's metadata is older than the store or another pool's. Nothing is changed. Bring "
      "the right metadata back, or move the file `transaction` away to go on with what is there"));
}

absl::Status Transactions::Prepare(const absl::StatusOr<ThinPoolStatus>& status) {
  interrupted_ = false;
  skip_ = 1;
  DMKIT_ASSIGN_OR_RETURN(pool_status_, status);
  pool_transaction_id_ = pool_status_.transaction_id;
  if (context_.owner == PoolOwner::kNobody) return ReadOnlySet();
  loaded_ = Load();
  if (!CheckTakesMessages(*pool_, pool_status_).ok()) return RefuseChanges();
  // A record that cannot be read now may name a suspended origin.
  if (!loaded_.ok()) return sys::WithSecondError(loaded_, "resuming the set", ResumeAllOfSet());
  const absl::Status ahead = CheckNotAhead();
  if (!ahead.ok()) return sys::WithSecondError(ahead, "resuming the origin", ResumeOrigin());
  if (!IsOpen()) return absl::OkStatus();
  const absl::Status repaired = Repair();
  interrupted_ = !repaired.ok();
  if (!repaired.ok()) {
    return sys::AddContext(
        repaired,
        absl::StrCat("repairing the interrupted transaction on device \"", record_.device(), "\""));
  }
  DMKIT_ASSIGN_OR_RETURN(pool_status_, pool_->Status());
  return absl::OkStatus();
}

absl::Status Transactions::RefuseChanges() {
  const absl::Status refused = CheckTakesMessages(*pool_, pool_status_);
  if (!loaded_.ok()) return sys::WithSecondError(refused, "resuming the set", ResumeAllOfSet());
  // These modes do not tell the transaction id, so nothing can be said about the record.
  const bool unknown =
      pool_status_.mode == PoolMode::kFail || pool_status_.mode == PoolMode::kError;
  interrupted_ = !unknown && IsOpen();
  if (!unknown && !interrupted_) return refused;
  // Whatever the pool can do: while the origin is suspended its io waits.
  return sys::WithSecondError(refused, "resuming the origin", ResumeOrigin());
}

absl::Status Transactions::Load() {
  auto read = store_->ReadTransaction();
  if (!read.ok()) {
    if (!absl::IsDataLoss(read.status())) return read.status();
    DMKIT_RETURN_IF_ERROR(store_->QuarantineTransaction());
    return LoadAfterLoss();
  }
  if (read->has_value()) {
    record_ = **std::move(read);
    return absl::OkStatus();
  }
  if (pool_transaction_id_ != 0) return LoadAfterLoss();
  record_ = proto::TransactionState();
  record_.set_next_thin_id(kFirstId);
  return absl::OkStatus();
}

// Without its record the set cannot tell which ids are in use, nor which device it had suspended.
absl::Status Transactions::LoadAfterLoss() {
  DMKIT_ASSIGN_OR_RETURN(const DeviceList list, store_->ListDevices());
  DMKIT_ASSIGN_OR_RETURN(const DeviceList deleted, store_->ListDeleted());
  uint32_t next = kFirstId;
  for (const DeviceList* devices : {&list, &deleted}) {
    for (const proto::DeviceState& device : devices->devices) {
      next = std::max(next, device.thin_id() + 1);
    }
  }
  record_ = proto::TransactionState();
  record_.set_next_thin_id(IdFromState(next).value());
  record_.set_verify_ids(true);
  return ResumeAllOfSet();
}

absl::Status Transactions::ResumeAllOfSet() {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<dm::ListedDevice> devices, dm_->List());
  absl::Status first;
  for (const dm::ListedDevice& device : devices) {
    const absl::Status resumed = ResumeIfOfSet(device.device);
    // One that stays suspended does not keep the others so.
    if (first.ok()) first = resumed;
  }
  return first;
}

absl::Status Transactions::ResumeIfOfSet(sys::DeviceNumber device) {
  const auto info = dm_->Info(device);
  if (!info.ok()) return ErrnoIsFine(info.status(), ENXIO);  // removed since it was listed
  if (!info->suspended || !DeviceOfSet(info->uuid, context_.set_uuid)) return absl::OkStatus();
  return dm_->Resume(device, dm::SuspendOptions{}, dm::QuietCookie()).status();
}

absl::StatusOr<ThinId> Transactions::NextId() {
  for (int tries = 0; tries < kIdTriesMax; ++tries) {
    const ThinId id = IdFromState(record_.next_thin_id());
    if (!record_.verify_ids()) return id;
    DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity probe,
                           Identity(context_.set_uuid, kProbeDevice));
    DMKIT_ASSIGN_OR_RETURN(const bool taken, pool_->HasThin(id, probe.name, probe.uuid));
    if (!taken) return id;
    SkipTakenId(id);
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "no free thin id found in pool ", pool_->name().text(), " after ", kIdTriesMax,
      " tries: it has thin devices that this store does not own (see `dmkit pool check`)"));
}

void Transactions::SkipTakenId(ThinId id) {
  record_.set_next_thin_id(id.Plus(skip_).value());
  record_.set_verify_ids(true);
  skip_ = std::min(skip_ * 2, ThinId::kMax / 2);
}

absl::Status Transactions::Start(proto::TransactionState::Kind kind, absl::string_view device,
                                 ThinId id, absl::string_view suspended_origin) {
  proto::TransactionState record = record_;
  record.set_transaction_id(next_transaction_id());
  record.set_kind(kind);
  record.set_device(std::string(device));
  record.set_thin_id(id.value());
  record.set_suspended_origin(std::string(suspended_origin));
  if (kind != proto::TransactionState::DELETE) {
    const ThinId next = id.Plus(1);
    record.set_next_thin_id(next.value());
    // After a wrap, ids of devices that still live come round again.
    if (next < id) record.set_verify_ids(true);
  }
  DMKIT_RETURN_IF_ERROR(store_->WriteTransaction(record));
  record_ = std::move(record);
  return absl::OkStatus();
}

absl::Status Transactions::Complete() {
  const absl::Status moved =
      pool_->SetTransactionId(pool_transaction_id_, record_.transaction_id());
  if (!moved.ok() && !HasMoved()) return moved;
  pool_transaction_id_ = record_.transaction_id();
  return absl::OkStatus();
}

bool Transactions::HasMoved() const {
  const auto status = pool_->Status();
  return status.ok() && CheckTakesMessages(*pool_, *status).ok() &&
         status->transaction_id == record_.transaction_id();
}

absl::Status Transactions::Fail(const absl::Status& error) {
  return sys::WithSecondError(error, "undoing it (the next start tries again)", Repair());
}

absl::Status Transactions::Cancel(const absl::Status& error) {
  return sys::WithSecondError(error, "ending the transaction (the next start tries again)",
                              Complete());
}

absl::Status Transactions::Repair() {
  DMKIT_RETURN_IF_ERROR(ResumeOrigin());
  DMKIT_RETURN_IF_ERROR(record_.kind() == proto::TransactionState::DELETE ? CarryOnDelete()
                                                                          : UndoCreate());
  return Complete();
}

absl::Status Transactions::ResumeOrigin() {
  if (record_.suspended_origin().empty()) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity origin,
                         Identity(context_.set_uuid, record_.suspended_origin()));
  const auto info = dm_->Info(origin.uuid);
  if (!info.ok()) return ErrnoIsFine(info.status(), ENXIO);  // gone, with a reboot for instance
  if (!info->suspended) return absl::OkStatus();
  return dm_->Resume(origin.uuid, dm::SuspendOptions{}, dm::QuietCookie()).status();
}

absl::Status Transactions::UndoCreate() {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity device,
                         Identity(context_.set_uuid, record_.device()));
  DMKIT_RETURN_IF_ERROR(
      dm::RemoveDevice(*dm_, device, context_.remove_patience, /*deferred=*/false));
  DMKIT_RETURN_IF_ERROR(DeleteOwnThin(IdFromState(record_.thin_id())));
  return store_->RemoveDevice(record_.device());
}

// The intent names an id before the pool has said that it is free. The pool remembers for each thin
// device the transaction it was made in, which tells ours from one that was there before this
// transaction. Somebody else may have made one since then: ours has no data yet, or is the youngest
// device of all, since taking a snapshot moves the pool's time.
bool Transactions::IsOurs(const PoolContents& contents, ThinId id) const {
  const MetadataDevice& found = contents.at(id.value());
  if (found.transaction_id != pool_transaction_id_) return false;
  if (record_.kind() == proto::TransactionState::CREATE_THIN) return found.mapped_blocks == 0;
  return std::none_of(contents.begin(), contents.end(), [&](const auto& other) {
    return other.first != id.value() && other.second.creation_time >= found.creation_time;
  });
}

absl::Status Transactions::DeleteOwnThin(ThinId id) {
  DMKIT_ASSIGN_OR_RETURN(const PoolContents contents, ReadContents());
  if (contents.count(id.value()) == 0 || !IsOurs(contents, id)) return absl::OkStatus();
  return pool_->Delete(id);
}

absl::StatusOr<PoolContents> Transactions::ReadContents() {
  // The metadata may lie on another device than before.
  DMKIT_RETURN_IF_ERROR(pool_->Refresh());
  if (context_.owner == PoolOwner::kNobody) {
    return ReadPoolContents(dm_->host(), *pool_, PoolOwner::kNobody);
  }
  const bool shared = context_.owner == PoolOwner::kAdmin;
  if (!shared || !CheckTakesMessages(*pool_, pool_status_).ok()) {
    return ReadPoolContents(dm_->host(), *pool_, PoolOwner::kUs);
  }
  DMKIT_RETURN_IF_ERROR(loaded_);
  const PoolOwner owner = record_.metadata_snapshot() ? PoolOwner::kUs : PoolOwner::kAdmin;
  if (owner == PoolOwner::kAdmin && pool_status_.held_metadata_root.has_value()) {
    return sys::ErrnoStatus(EBUSY,
                            absl::StrCat("reading the contents of pool ", pool_->name().text(),
                                         ": another program holds its metadata snapshot"));
  }
  DMKIT_RETURN_IF_ERROR(NoteMetadataSnapshot(true));
  auto contents = ReadPoolContents(dm_->host(), *pool_, owner);
  // After other errors it may still be held, and the note stays.
  const bool released = contents.ok() || sys::GetErrno(contents.status()) == EBUSY;
  if (released) DMKIT_RETURN_IF_ERROR(NoteMetadataSnapshot(false));
  return contents;
}

absl::Status Transactions::NoteMetadataSnapshot(bool held) {
  if (record_.metadata_snapshot() == held) return absl::OkStatus();
  proto::TransactionState record = record_;
  record.set_metadata_snapshot(held);
  DMKIT_RETURN_IF_ERROR(store_->WriteTransaction(record));
  record_ = std::move(record);
  return absl::OkStatus();
}

absl::Status Transactions::CarryOnDelete() {
  const ThinId id = IdFromState(record_.thin_id());
  absl::Status deleted = pool_->Delete(id);
  if (sys::GetErrno(deleted) == EBUSY) {
    // Active: nothing was taken from it while its state file is there, since that goes before the
    // discard. It lives on then.
    DMKIT_ASSIGN_OR_RETURN(const bool whole, store_->HasDevice(record_.device()));
    if (whole) return absl::OkStatus();
    deleted = DeleteUnfindable(id);
    if (sys::GetErrno(deleted) == EBUSY) return KeepForCollection(id);
  }
  DMKIT_RETURN_IF_ERROR(ErrnoIsFine(deleted, ENODATA));
  DMKIT_RETURN_IF_ERROR(store_->RemoveDevice(record_.device()));
  return store_->RemoveDeleted(record_.device());
}

// Nobody activates what has no state file any more: its mapped device is what the interrupted
// deletion left, or an earlier user holds it open.
absl::Status Transactions::DeleteUnfindable(ThinId id) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity device,
                         Identity(context_.set_uuid, record_.device()));
  DMKIT_RETURN_IF_ERROR(dm::RemoveDevice(*dm_, device, kTakeDownPatience, /*deferred=*/false));
  return pool_->Delete(id);
}

absl::Status Transactions::KeepForCollection(ThinId id) {
  DMKIT_ASSIGN_OR_RETURN(const bool kept, store_->HasDeleted(record_.device()));
  if (kept) return absl::OkStatus();
  proto::DeviceState device;
  device.set_name(record_.device());
  device.set_thin_id(id.value());
  return store_->WriteDeleted(device);
}

}  // namespace dmkit::thinp
