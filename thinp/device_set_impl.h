// SPDX-License-Identifier: Apache-2.0
// What the files of the device set share: its state, its lock and its pool. For
// thinp/device_set*.cc only.

#ifndef DMKIT_THINP_DEVICE_SET_IMPL_H_
#define DMKIT_THINP_DEVICE_SET_IMPL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "thinp/device_set.h"
#include "thinp/names.h"
#include "thinp/pool.h"
#include "thinp/pool_contents.h"
#include "thinp/state.pb.h"
#include "thinp/state_store.h"
#include "thinp/thin_device.h"
#include "thinp/thin_id.h"
#include "thinp/thin_pool_target.h"
#include "thinp/transaction.h"

namespace dmkit::thinp {

// Where a function takes a HeldLock, it is the set's.
class DeviceSet::Impl {
 public:
  Impl(dm::DeviceMapper& dm, DeviceSetOptions options, StateStore store)
      : dm_(dm), options_(std::move(options)), store_(std::move(store)) {}

  absl::Status Start();

  dm::DeviceMapper& dm() const { return dm_; }
  const DeviceSetOptions& options() const { return options_; }
  StateStore& store() { return store_; }
  const StateStore& store() const { return store_; }
  const proto::SetState& state() const { return state_; }
  const Pool& pool() const { return *pool_; }
  const std::optional<Quarantined>& damaged_set_file() const { return damaged_set_file_; }
  PoolOwner owner() const {
    if (state_.pool().read_only()) return PoolOwner::kNobody;
    return state_.pool().given_pool().empty() ? PoolOwner::kUs : PoolOwner::kAdmin;
  }
  Transactions MakeTransactions() {
    return Transactions(dm_, *pool_, store_,
                        {state_.set_uuid(), owner(), options_.remove_patience});
  }

  absl::StatusOr<sys::HeldLock> Lock(absl::string_view what) const {
    return Lock(what, options_.lock_patience);
  }
  absl::StatusOr<sys::HeldLock> Lock(absl::string_view what, absl::Duration patience) const {
    return sys::AcquireLock(dm_.host(), store_.root(), "lock", what, patience);
  }
  // Under the lock: the pool as it is now, and no interrupted transaction.
  absl::StatusOr<Transactions> Begin(const sys::HeldLock& lock);

  absl::StatusOr<dm::DeviceIdentity> IdentityOf(absl::string_view name) const {
    return Identity(state_.set_uuid(), name);
  }
  absl::Status RequireNew(Transactions& transactions, absl::string_view name);
  absl::StatusOr<proto::DeviceState> Create(const proto::DeviceState& wanted);
  absl::StatusOr<proto::DeviceState> FindDevice(absl::string_view name) const;
  absl::StatusOr<proto::DeviceState> FindMade(const sys::HeldLock& lock, absl::string_view name);
  absl::Status Delete(absl::string_view name, const DeleteOptions& options);
  absl::Status Collect(absl::string_view name, bool discard, absl::Duration patience);
  // The status of the pool, brought up when it is down.
  absl::StatusOr<ThinPoolStatus> EnsurePool(const sys::HeldLock& lock);
  absl::Status TakePoolDown();
  absl::Status GrowPool();
  absl::StatusOr<dm::DeviceInfo> Activate(const proto::DeviceState& device);
  absl::StatusOr<dm::DeviceInfo> ActivateOverlay(absl::string_view name, sys::DeviceNumber store);
  absl::Status RemoveOverlay(absl::string_view name, absl::Duration patience, bool deferred) const;
  absl::Status Rewrite(absl::string_view name,
                       const std::function<absl::Status(proto::DeviceState&)>& change);

 private:
  absl::Status MakeSet();
  absl::StatusOr<PoolOptions> MakePool(const proto::PoolState& interrupted);
  absl::Status CheckInterruptedPool() const;
  absl::Status CheckNoDevices() const;
  absl::Status ForgetMade();
  absl::Status UndoMade(const absl::Status& error, const proto::PoolState& interrupted);
  absl::Status OpenKnownSet();
  absl::StatusOr<std::string> NewUuid() const;
  absl::StatusOr<std::optional<proto::DeviceState>> FindOrigin(
      const proto::DeviceState& wanted) const;
  absl::StatusOr<ThinId> SendCreate(Transactions& transactions, absl::string_view name,
                                    const std::optional<proto::DeviceState>& origin);
  absl::Status SendSnapshot(ThinId id, const proto::DeviceState& origin, bool origin_active);
  absl::StatusOr<bool> IsActive(absl::string_view name) const;
  // A device that is deleted but for its blocks, which are handed back without the set's lock: it
  // is held open for that. Null: there is none.
  struct Aside {
    proto::DeviceState device;
    std::unique_ptr<sys::File> held;
  };
  absl::StatusOr<std::unique_ptr<sys::File>> TakeForDiscard(const proto::DeviceState& device,
                                                            absl::Duration patience);
  absl::StatusOr<std::unique_ptr<sys::File>> Take(const Transactions& transactions,
                                                  const proto::DeviceState& device, bool discard,
                                                  absl::Duration patience);
  bool TakesLong(sys::File& held, const proto::DeviceState& device) const;
  absl::Status Empty(const proto::DeviceState& device, std::unique_ptr<sys::File> held);
  absl::Status EmptyAside(Aside aside);
  absl::Status Purge(Transactions& transactions, const proto::DeviceState& device,
                     std::unique_ptr<sys::File> held);
  absl::Status DeleteInName(const proto::DeviceState& device);
  absl::Status Defer(const proto::DeviceState& device);
  absl::Status DeleteLocked(absl::string_view name, const DeleteOptions& options, Aside& aside);
  absl::Status CollectLocked(Transactions& transactions, absl::string_view name, bool discard,
                             Aside* aside);
  absl::StatusOr<dm::DeviceInfo> ActivateOnce(const proto::DeviceState& device,
                                              FoundSuspended suspended) const;

  dm::DeviceMapper& dm_;
  const DeviceSetOptions options_;
  StateStore store_;
  proto::SetState state_;
  std::optional<Pool> pool_;
  std::optional<Quarantined> damaged_set_file_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_DEVICE_SET_IMPL_H_
