// SPDX-License-Identifier: Apache-2.0
// DM_DEV_SUSPEND, which also resumes and takes an inactive table into use.

#include <cerrno>
#include <utility>

#include "testing/model/dm_commands.h"

namespace dmkit::model {
namespace {

SuspendFlags FlagsOf(const DmParams& params) {
  SuspendFlags flags;
  flags.lock_filesystem = !params.Has(kSkipLockFsFlag);
  flags.no_flush = params.Has(kNoFlushFlag);
  return flags;
}

// do_suspend().
int DoSuspend(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  if (!device->is_suspended()) {
    const int error = device->Suspend(FlagsOf(params));
    if (error != 0) return error;
  }
  PutStatus(*device, params);
  return 0;
}

// Suspends for a new table. When that fails the table goes back to where it was.
int SuspendForTable(DmDevice& device, const SuspendFlags& flags, std::shared_ptr<DmTable>* table) {
  if (device.is_suspended()) return 0;
  const int error = device.Suspend(flags);
  if (error == 0) return 0;
  if (!device.is_named || device.inactive != nullptr) return -ENXIO;
  device.inactive = std::move(*table);
  return error;
}

// What do_resume() does with the inactive table.
int TakeIntoUse(DmDevice& device, const SuspendFlags& flags, std::shared_ptr<DmTable> table,
                std::shared_ptr<DmTable>* old, bool* resized) {
  int error = SuspendForTable(device, flags, &table);
  if (error != 0) return error;
  const uint64_t old_size = device.sectors();
  const bool writable = table->writable();
  error = device.Swap(std::move(table), old);
  if (error != 0) return error;
  *resized = old_size != 0 && device.sectors() != 0 && old_size != device.sectors();
  device.SetReadOnly(!writable);
  return 0;
}

// do_resume().
int DoResume(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  std::shared_ptr<DmTable> table = std::move(device->inactive);
  params.Clear(kInactivePresentFlag);
  bool resized = false;
  std::shared_ptr<DmTable> old;
  if (table != nullptr) {
    const int error = TakeIntoUse(*device, FlagsOf(params), std::move(table), &old, &resized);
    if (error != 0) return error;
  }
  int error = 0;
  if (device->is_suspended()) {
    error = device->Resume();
    if (error == 0 && device->SendDmUevent("change", params.U32(kEventAt), resized)) {
      params.Set(kUeventGeneratedFlag);
    }
  }
  // Before the reply: what the old table held open counts no more.
  old.reset();
  if (error == 0) PutStatus(*device, params);
  return error;
}

}  // namespace

int SuspendDevice(DmCore& dm, DmParams& params) {
  return params.Has(kSuspendFlag) ? DoSuspend(dm, params) : DoResume(dm, params);
}

}  // namespace dmkit::model
