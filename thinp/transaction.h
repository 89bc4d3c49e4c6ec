// SPDX-License-Identifier: Apache-2.0
// The transaction rule of a device set: write the intent durably, do the kernel step, write the
// result durably, then move the pool's transaction id. An intent whose id the pool has not reached
// is an interrupted transaction; it is repaired before anything else happens. CRASH_SAFETY.md lists
// the crash points. The caller holds the set's lock around every call.

#ifndef DMKIT_THINP_TRANSACTION_H_
#define DMKIT_THINP_TRANSACTION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "sys/device_number.h"
#include "thinp/pool.h"
#include "thinp/pool_contents.h"
#include "thinp/state.pb.h"
#include "thinp/state_store.h"
#include "thinp/thin_id.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {

// What every change of a set is that was imported to be read only: EROFS.
absl::Status ReadOnlySet();

class Transactions {
 public:
  struct Context {
    std::string set_uuid;
    PoolOwner owner = PoolOwner::kUs;  // kNobody: Prepare is EROFS, and nothing is ever started
    absl::Duration remove_patience;
  };
  // Everything but the context is borrowed.
  Transactions(dm::DeviceMapper& dm, Pool& pool, StateStore& store, Context context);

  // Reads the record, compares it with `status`, which is the pool's now, repairs what was
  // interrupted, and leaves this object ready for Start. One file read and no ioctl when there is
  // nothing to repair. A `status` that is an error is returned.
  // FAILED_PRECONDITION: the pool takes no messages (the message names its mode), or it is not as
  // far as the record says, so that the two do not belong together: nothing was repaired then, but
  // a suspended origin is resumed.
  absl::Status Prepare(const absl::StatusOr<ThinPoolStatus>& status);

  // The pool's status after the last Prepare.
  const ThinPoolStatus& pool_status() const { return pool_status_; }

  // Whether the last Prepare found an interrupted transaction that it could not repair.
  bool interrupted() const { return interrupted_; }

  // The id that a new device gets; looked up in the pool first where the state cannot vouch for it.
  absl::StatusOr<ThinId> NextId();
  // Call when the pool answered EEXIST for `id`: the next NextId jumps ahead, ever further, and
  // from now on ids are looked up first.
  void SkipTakenId(ThinId id);

  // Writes the intent: two fsyncs. `suspended_origin` names the device that is about to be
  // suspended, or is empty.
  absl::Status Start(proto::TransactionState::Kind kind, absl::string_view device, ThinId id,
                     absl::string_view suspended_origin);
  // Ends the transaction by moving the pool's transaction id; the result was written durably
  // before. OK also when the pool says that it has moved although the message failed.
  absl::Status Complete();
  // Undoes (create, snapshot) or carries on (delete) the transaction after `error`, as a repair at
  // open would. Returns `error`, with a second one when that did not work: the next Prepare tries
  // again.
  absl::Status Fail(const absl::Status& error);
  // Ends a transaction that changed nothing.
  absl::Status Cancel(const absl::Status& error);

  // The pool's transaction id that a transaction started now completes with.
  uint64_t next_transaction_id() const { return pool_transaction_id_ + 1; }

  // What the pool has in its metadata. A given pool's metadata snapshot may be somebody else's:
  // that we hold it is written to the record before, so that one which a crash left is released
  // later. Four fsyncs for a given pool. Call after Prepare, whatever that returned.
  absl::StatusOr<PoolContents> ReadContents();

 private:
  absl::Status Load();
  absl::Status LoadAfterLoss();
  absl::Status RefuseChanges();
  absl::Status CheckNotAhead() const;
  absl::Status Repair();
  absl::Status NoteMetadataSnapshot(bool held);
  absl::Status ResumeOrigin();
  absl::Status UndoCreate();
  absl::Status DeleteOwnThin(ThinId id);
  absl::Status CarryOnDelete();
  absl::Status DeleteUnfindable(ThinId id);
  absl::Status KeepForCollection(ThinId id);
  absl::Status ResumeAllOfSet();
  absl::Status ResumeIfOfSet(sys::DeviceNumber device);
  bool IsOurs(const PoolContents& contents, ThinId id) const;
  bool IsOpen() const;
  bool HasMoved() const;

  dm::DeviceMapper* dm_;
  Pool* pool_;
  StateStore* store_;
  Context context_;
  proto::TransactionState record_;
  absl::Status loaded_ = absl::FailedPreconditionError("Prepare has not been called");
  ThinPoolStatus pool_status_;
  uint64_t pool_transaction_id_ = 0;
  uint32_t skip_ = 1;
  bool interrupted_ = false;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_TRANSACTION_H_
