// SPDX-License-Identifier: Apache-2.0
// Suspend, resume, tables and events of a mapped device. Mirrors drivers/md/dm.c; read in v6.1 and
// v6.12.

#include "testing/model/dm_device.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_core.h"

namespace dmkit::model {

DmDevice::DmDevice(DmCore& dm, sys::DeviceNumber number)
    : BlockDevice(dm.core(), number, absl::StrCat("dm-", number.minor)),
      dm_(dm),
      stats_(dm.profile()) {
  BumpDiskSequence();
  // Until a table with a device that has one was loaded.
  mutable_limits().has_write_cache = false;
}

DmDevice::~DmDevice() = default;

int DmDevice::SetUp(const DmTable& table) {
  QueueLimits limits;
  const int error = table.CalculateLimits(&limits);
  if (error != 0) return error;
  mutable_limits() = limits;
  has_type_ = true;
  AddDisk();
  return 0;
}

int DmDevice::WaitForInternalResume() {
  return core().scheduler.Wait(
      WaitKind::kInterruptible,
      absl::StrCat("suspend or resume of ", disk_name(), ": suspended by its pool"),
      [this] { return !is_suspended_internally(); });
}

int DmDevice::WaitForInFlight(WaitKind kind) {
  if (in_flight_ == 0) return 0;
  return core().scheduler.Wait(kind, absl::StrCat("suspend of ", disk_name(), ": io is not done"),
                               [this] { return in_flight_ == 0; });
}

int DmDevice::SuspendTable(const SuspendFlags& flags, WaitKind kind) {
  // The table may be replaced while this waits.
  const std::shared_ptr<DmTable> table = live_;
  is_suspending_without_flush_ = flags.no_flush;
  if (table != nullptr) table->Presuspend();
  if (!flags.no_flush && flags.lock_filesystem) {
    const int error = Freeze();
    if (error != 0) {
      if (table != nullptr) table->PresuspendUndo();
      return error;
    }
    is_frozen_ = true;
  }
  holds_io_back_ = true;
  const int error = WaitForInFlight(kind);
  is_suspending_without_flush_ = false;
  if (error == 0) return 0;
  holds_io_back_ = false;
  if (std::exchange(is_frozen_, false)) Thaw();
  if (table != nullptr) table->PresuspendUndo();
  return error;
}

int DmDevice::Suspend(const SuspendFlags& flags) {
  if (is_suspended_) return -EINVAL;
  while (is_suspended_internally()) {
    const int error = WaitForInternalResume();
    if (error != 0) return error;
    if (is_suspended_) return -EINVAL;
  }
  SuspendFlags used = flags;
  used.lock_filesystem = flags.lock_filesystem && live_ != nullptr;
  const int error = SuspendTable(used, WaitKind::kInterruptible);
  if (error != 0) return error;
  is_suspended_ = true;
  if (live_ != nullptr) live_->Postsuspend();
  return 0;
}

// __dm_resume().
int DmDevice::ResumeTable() {
  if (live_ != nullptr) {
    const int error = live_->Preresume();
    if (error != 0) return error;
    live_->Resume();
  }
  holds_io_back_ = false;
  if (std::exchange(is_frozen_, false)) Thaw();
  return 0;
}

int DmDevice::Resume() {
  if (!is_suspended_ || is_deleting_) return -EINVAL;
  while (is_suspended_internally()) {
    const int error = WaitForInternalResume();
    if (error != 0) return error;
    if (!is_suspended_ || is_deleting_) return -EINVAL;
  }
  if (live_ == nullptr || live_->sectors() == 0) return -EINVAL;
  const int error = ResumeTable();
  if (error != 0) return error;
  is_suspended_ = false;
  return 0;
}

int DmDevice::Swap(std::shared_ptr<DmTable> table, std::shared_ptr<DmTable>* old) {
  if (!is_suspended_) return -EINVAL;
  QueueLimits limits = this->limits();
  if (live_ == nullptr || !table->KeepsLimits()) {
    const int error = table->CalculateLimits(&limits);
    if (error != 0) return error;
  }
  if (table->sectors() != sectors()) geometry_.reset();
  SetSectors(table->sectors());
  mutable_limits() = limits;
  if (live_ != nullptr) live_->SetBound(false);
  table->SetBound(true);
  *old = std::exchange(live_, std::move(table));
  dm_.GlobalEvent();
  return 0;
}

void DmDevice::InternalSuspend() {
  if (internal_suspends_++ > 0 || is_suspended_) return;
  SuspendFlags flags;
  flags.no_flush = true;
  // The kernel has no way to report this either: it waits for ever.
  if (SuspendTable(flags, WaitKind::kUninterruptible) != 0) return;
  if (live_ != nullptr) live_->Postsuspend();
}

void DmDevice::InternalResume() {
  if (--internal_suspends_ > 0 || is_suspended_) return;
  if (ResumeTable() != 0) is_suspended_ = true;
}

int DmDevice::LockForDeletion(bool mark_deferred, bool only_deferred) {
  if (open_count() != 0) {
    is_deferred_ = is_deferred_ || mark_deferred;
    return -EBUSY;
  }
  if (only_deferred && !is_deferred_) return -EEXIST;
  is_deleting_ = true;
  return 0;
}

int DmDevice::CancelDeferredRemove() {
  if (is_deleting_) return -EBUSY;
  is_deferred_ = false;
  return 0;
}

void DmDevice::Destroy() {
  is_deleting_ = true;
  if (!is_suspended_) {
    if (live_ != nullptr) live_->Presuspend();
    is_suspended_ = true;
    if (live_ != nullptr) live_->Postsuspend();
  }
  if (waiters_ != 0) {
    // Only a signal to those who wait for an event ends this, or nothing at all.
    core().scheduler.Wait(
        WaitKind::kUninterruptible,
        absl::StrCat("remove of ", disk_name(), ": somebody waits for its events"),
        [this] { return waiters_ == 0; });
  }
  if (live_ != nullptr) live_->SetBound(false);
  live_.reset();
  if (is_added()) DeleteDisk();
}

void DmDevice::DropTables() {
  inactive.reset();
  live_.reset();
}

int DmDevice::WaitForEvent(uint32_t number) {
  if (event_number_ != number) return 0;
  return core().scheduler.Wait(WaitKind::kInterruptible,
                               absl::StrCat("wait for an event of ", disk_name()),
                               [this, number] { return event_number_ != number; });
}

bool DmDevice::SendDmUevent(absl::string_view action, uint32_t cookie, bool resized) {
  std::vector<std::string> extra;
  if (cookie != 0) extra.push_back(absl::StrCat("DM_COOKIE=", cookie));
  if (resized) extra.emplace_back("RESIZE=1");
  return SendUevent(action, std::move(extra));
}

void DmDevice::Event() {
  ++event_number_;
  dm_.GlobalEvent();
}

int DmDevice::SetGeometry(const DmGeometry& geometry) {
  const uint64_t size = uint64_t{geometry.cylinders} * geometry.heads * geometry.sectors;
  if (geometry.start > size) return -EINVAL;
  geometry_ = geometry;
  return 0;
}

int DmDevice::GetTableDevice(sys::DeviceNumber number, bool write,
                             std::shared_ptr<TableDevice>* device) {
  std::weak_ptr<TableDevice>& known = table_devices_[{{number.major, number.minor}, write}];
  if (std::shared_ptr<TableDevice> open = known.lock(); open != nullptr) {
    *device = std::move(open);
    return 0;
  }
  auto opened = std::make_shared<TableDevice>();
  opened->write = write;
  opened->name = sys::FormatDeviceNumber(number);
  Opener opener;
  opener.who = absl::StrCat("table of ", disk_name());
  opener.write = write;
  opener.claim = dm_.claim();
  opener.holder = this->number();
  const int error = OpenBlockDevice(core(), number, opener, &opened->handle);
  if (error != 0) return error;
  known = opened;
  *device = std::move(opened);
  return 0;
}

}  // namespace dmkit::model
