// SPDX-License-Identifier: Apache-2.0
// A mapped device: the state machine of dm.c. Names, lookups and ioctls are elsewhere.

#ifndef DMKIT_TESTING_MODEL_DM_DEVICE_H_
#define DMKIT_TESTING_MODEL_DM_DEVICE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/model/block_layer.h"
#include "testing/model/dm_stats.h"
#include "testing/model/dm_table.h"
#include "testing/model/dm_target.h"

namespace dmkit::model {

class DmCore;

struct DmGeometry {
  uint16_t cylinders = 0;
  uint8_t heads = 0;
  uint8_t sectors = 0;
  uint64_t start = 0;
};

struct SuspendFlags {
  bool lock_filesystem = true;
  bool no_flush = false;
};

class DmDevice : public BlockDevice {
 public:
  DmDevice(DmCore& dm, sys::DeviceNumber number);
  ~DmDevice() override;

  DmCore& dm() const { return dm_; }

  // ---- What the control interface keeps with the device (dm-ioctl.c, struct hash_cell).
  std::string name;
  std::optional<std::string> uuid;
  bool is_named = false;  // in the lookups; else it is being made or removed
  std::shared_ptr<DmTable> inactive;

  // ---- State of the device itself.
  const std::shared_ptr<DmTable>& live() const { return live_; }
  bool is_suspended() const { return is_suspended_; }
  bool is_suspended_internally() const { return internal_suspends_ > 0; }
  // dm_noflush_suspending(), for a target's Presuspend: what waits in the target shall be given
  // back with kRequeue.
  bool is_suspending_without_flush() const { return is_suspending_without_flush_; }
  bool is_deferred() const { return is_deferred_; }
  bool is_deleting() const { return is_deleting_; }
  uint32_t event_number() const { return event_number_; }
  // Whether a table was ever loaded, which fixes the kind of the device for good.
  bool has_type() const { return has_type_; }
  uint32_t opens() const { return static_cast<uint32_t>(open_count()); }

  // dm_setup_md_queue(), at the first load: takes the table's limits and adds the disk.
  int SetUp(const DmTable& table);

  // dm_suspend(). -EINVAL when it is suspended already; -EINTR when a wait for an internal suspend
  // to end was interrupted.
  int Suspend(const SuspendFlags& flags);
  // dm_resume(). -EINVAL: it is not suspended, or there is no live table, or that has no size;
  // otherwise what a target's Preresume said.
  int Resume();
  // dm_swap_table(), of a suspended device. -EINVAL when an area does not fit; the live table stays
  // then. The old table comes back through `old`.
  int Swap(std::shared_ptr<DmTable> table, std::shared_ptr<DmTable>* old);
  // dm_internal_suspend_noflush() and dm_internal_resume(): nested by count; for pools, which
  // suspend their thin devices.
  void InternalSuspend();
  void InternalResume();

  // dm_lock_for_deletion(): 0 and no further opens, or -EBUSY while it is open (which marks it when
  // `mark_deferred`), or -EEXIST when `only_deferred` and it is not marked.
  int LockForDeletion(bool mark_deferred, bool only_deferred);
  // dm_cancel_deferred_remove(): -EBUSY when it is being deleted.
  int CancelDeferredRemove();
  // The end of a device that is in no lookup any more: suspends and drops its table, deletes the
  // disk.
  void Destroy();

  // All of its tables at once, as they are: the end of everything.
  void DropTables();

  // event_callback(): the number goes up and waiters look.
  void Event();
  // dm_wait_event(): until the number is another one than `number`. -EINTR.
  int WaitForEvent(uint32_t number);
  uint64_t waiters() const { return waiters_; }
  // While one lives, Destroy() waits: somebody still looks at the device.
  class Waiter {
   public:
    explicit Waiter(DmDevice& device) : device_(device) { ++device_.waiters_; }
    ~Waiter() { --device_.waiters_; }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   private:
    DmDevice& device_;
  };
  // dm_kobject_uevent(): with DM_COOKIE unless `cookie` is 0, and with RESIZE=1 when `resized`.
  // False when none was sent.
  bool SendDmUevent(absl::string_view action, uint32_t cookie, bool resized);
  // dm_set_geometry(). -EINVAL when it starts behind its own end.
  int SetGeometry(const DmGeometry& geometry);
  DmStats& stats() { return stats_; }

  // dm_get_table_device().
  int GetTableDevice(sys::DeviceNumber number, bool write, std::shared_ptr<TableDevice>* device);

  // ---- As a block device.
  int OnOpen(const Opener& opener) override;
  void OnRelease(const Opener& opener) override;
  int DriverIoctl(const IoctlContext& context, unsigned long request, UserMemory argument) override;
  int Geometry(uint16_t* cylinders, uint8_t* heads, uint8_t* sectors, uint64_t* start) override;
  std::vector<std::pair<std::string, std::string>> Attributes() const override;

 private:
  int DoIo(const Io& io) override;
  int WaitForResume();
  int MapFlush(const Io& io);
  int MapRange(const Io& io);
  int WaitForInternalResume();
  int WaitForInFlight(WaitKind kind);
  int SuspendTable(const SuspendFlags& flags, WaitKind kind);
  int ResumeTable();

  DmCore& dm_;
  std::shared_ptr<DmTable> live_;
  bool is_suspended_ = false;
  bool holds_io_back_ = false;
  bool is_suspending_without_flush_ = false;
  uint64_t in_flight_ = 0;
  uint64_t waiters_ = 0;
  int internal_suspends_ = 0;
  bool is_frozen_ = false;
  bool is_deferred_ = false;
  bool is_deleting_ = false;
  bool has_type_ = false;
  uint32_t event_number_ = 0;
  std::optional<DmGeometry> geometry_;
  DmStats stats_;
  std::map<std::pair<std::pair<uint32_t, uint32_t>, bool>, std::weak_ptr<TableDevice>>
      table_devices_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_DEVICE_H_
