// SPDX-License-Identifier: Apache-2.0
// Waiting until udevd is done with the uevents of an operation. Works without udevd too, by not
// waiting: whatever is wrong with udevd never makes an operation fail or hang. Nodes are the
// business of udev_nodes.h.

#ifndef DMKIT_DM_UDEV_SYNC_H_
#define DMKIT_DM_UDEV_SYNC_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dm/udev.h"
#include "dm/udev_cookies.h"
#include "sys/host.h"
#include "sys/stop_signals.h"

namespace dmkit::dm {

enum class UdevUse {
  kAuto,      // wait where udevd can tell that it is done
  kNever,     // --noudevsync: udevd does its work, nobody waits
  kDisabled,  // DM_DISABLE_UDEV: udevd's rules for device-mapper are to leave the device alone
};

struct UdevOptions {
  UdevUse use = UdevUse::kAuto;
  absl::Duration patience = absl::Seconds(30);
  // A cookie that somebody else made and will wait for (--udevcookie, DM_UDEV_COOKIE).
  std::optional<uint32_t> shared_cookie;
  uint32_t flags = 0;  // kUdev* of udev.h; kUdevPrimarySource is added
  // Held while Wait() waits, not owned; null: a signal that ends the process leaves the semaphore.
  sys::StopSignals* stop = nullptr;
};

// One operation, or several that are waited for together. Move-only, not thread-safe. The end of
// this object without Wait() takes back what would be left: its own semaphore, or in a shared one
// the counts of ioctls that Done() was not told of.
//
//   UdevSync sync = UdevSync::Open(host, options);
//   const auto info = dm.Resume(key, suspend_options, sync.Begin());
//   sync.Done(info.ok() && info->uevent_generated);
//   ... SettleMapperNode(host, sync, change), which waits
class UdevSync {
 public:
  // Makes the semaphore, where waiting makes sense: see WhyUdevCannotNotify. Never fails; without a
  // reason to wait, or a semaphore, it is inactive.
  static UdevSync Open(const sys::Host& host, const UdevOptions& options);

  UdevSync(UdevSync&& other) noexcept;
  UdevSync& operator=(UdevSync&& other) noexcept;
  ~UdevSync();

  // Whether udevd will tell when it is done.
  bool active() const { return semaphore_.has_value(); }
  // Whether that is waited for here, not by whoever made a shared cookie.
  bool waits() const { return active() && !shared_; }
  // Whether the operation is to end when udevd is done, whether or not that will be told.
  bool wants_to_wait() const { return options_.use == UdevUse::kAuto && !shared_; }
  // Whether udevd makes, renames and removes the links of this operation's devices when a uevent
  // comes, of this operation or a later one. Looked up (UdevMakesLinks) where it is not active, the
  // first time only. Not where the caller's flags keep udevd's rules for device-mapper from it.
  bool UdevdMakesLinks();
  // Whether Done() was told of a uevent. A device without a table has no disk and sends none.
  bool uevent_sent() const { return uevent_sent_; }
  // Why there is no semaphore, though udevd would count it down: the error of CreateUdevCookie. OK
  // where there is one, and where none is wanted.
  const absl::Status& semaphore_status() const { return semaphore_status_; }
  // What is wrong with a shared cookie that was asked for: EINVAL: no cookie; ENOENT: it has no
  // semaphore; EACCES: not this user's. OK without one, and where nobody synchronises with udevd.
  // A caller who was given a wrong cookie stops here, before the operation.
  const absl::Status& shared_cookie_status() const { return shared_status_; }

  // Before an ioctl that sends a uevent: counts up, and gives the cookie to send with it (without
  // a number when this is not, or no more, active).
  UdevCookie Begin();
  // After it, active or not, with whether it sent one: counts down where no uevent will.
  void Done(bool uevent_sent);

  // Waits until udevd is done, for at most `patience`, and removes the semaphore. True when udevd
  // is done, nobody has to wait here (inactive, shared), or there was nothing to wait for; false
  // when it is not known to be: warning() tells why, and the node wants a look. Repeatable: a
  // second call does nothing.
  bool Wait();
  // One sentence without a line end; empty when all is well.
  const std::string& warning() const { return warning_; }

 private:
  UdevSync(const sys::Host& host, const UdevOptions& options) : host_(host), options_(options) {}
  void Start();
  void Abandon();

  sys::Host host_;
  UdevOptions options_;
  std::optional<UdevSemaphore> semaphore_;
  bool shared_ = false;
  bool done_ = true;      // what Wait() returned
  uint32_t pending_ = 0;  // Begin() without Done()
  bool uevent_sent_ = false;
  std::optional<bool> udevd_makes_links_;  // what UdevdMakesLinks() found
  std::string warning_;
  absl::Status semaphore_status_;
  absl::Status shared_status_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UDEV_SYNC_H_
