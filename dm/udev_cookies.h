// SPDX-License-Identifier: Apache-2.0
// The semaphores behind udev cookies: made, found, counted, waited for, listed, cleaned up. A
// cookie with a semaphore is 0x0D4D in the upper half (the key of the semaphore is the whole) and a
// random number that is not 0 in the lower one. Knows nothing of ioctls or nodes.

#ifndef DMKIT_DM_UDEV_COOKIES_H_
#define DMKIT_DM_UDEV_COOKIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/stop_signals.h"

namespace dmkit::dm {

// The upper half of the keys.
inline constexpr uint32_t kUdevCookieMagic = 0x0d4d;
// The bits of the lower half, in which the number is.
inline constexpr uint32_t kUdevCookieNumberMask = 0xffff;

struct UdevSemaphore {
  uint32_t cookie = 0;  // the key: magic and number
  int32_t id = -1;
};

// Makes a semaphore of value 1, as `udevcreatecookie` does. ENOSPC: the limits of
// /proc/sys/kernel/sem are reached; ENOSYS: a kernel without System V semaphores; EEXIST: no number
// was free in some dozens of attempts. Leaves nothing behind on failure.
absl::StatusOr<UdevSemaphore> CreateUdevCookie(const sys::Host& host);

// The semaphore of `cookie`. EINVAL, no call made: its upper half is not the magic. ENOENT: there
// is none.
absl::StatusOr<UdevSemaphore> FindUdevCookie(const sys::Host& host, uint32_t cookie);

// Counts down by one, as `udevcomplete` does when udevd runs it. Takes a cookie as it came with a
// uevent: what its upper half says does not matter, and without a number there is nothing to do,
// which is OK. ENOENT: no such semaphore; EAGAIN: it is at zero already. Not repeatable. Does not
// ask whether there is a udevd.
absl::Status CompleteUdevCookie(const sys::Host& host, uint32_t cookie);

enum class CookieEnd {
  kCompleted,   // counted down to zero, or removed by somebody
  kLate,        // the deadline passed
  kNoUdevd,     // udevd ended meanwhile
  kMiscounted,  // it was at zero before the creator's own count was taken off
  kStopped,     // the process is asked to end
};

// Takes the creator's count off, waits for zero for at most `patience`, and removes the semaphore
// whatever came of it. EINTR is no end. Other errors than a semaphore that is gone (EIDRM, EINVAL)
// come out as they are, after an attempt to remove it. Meanwhile `stop` is held, and asked some
// times a second; it is released at the end, where a signal that has come ends the process. Null: a
// signal leaves the semaphore.
absl::StatusOr<CookieEnd> AwaitUdevCookie(const sys::Host& host, const UdevSemaphore& semaphore,
                                          absl::Duration patience, sys::StopSignals* stop);

struct UdevCookieInfo {
  uint32_t cookie = 0;
  int32_t id = 0;
  int32_t value = 0;
  absl::Time last_operation;  // the epoch: none yet
  absl::Time changed;         // made, or set to a value
};

// The cookies of the IPC namespace, in the kernel's order; only those that the caller may read.
absl::StatusOr<std::vector<UdevCookieInfo>> ListUdevCookies(const sys::Host& host);

struct CookieCleanup {
  uint32_t removed = 0;
  uint32_t skipped = 0;              // younger
  std::vector<UdevCookieInfo> kept;  // could not be removed: somebody else's
};

// Removes the semaphores of cookies that were not touched for `age`, whoever waits for them: those
// go on then. 0: all. Repeatable.
absl::StatusOr<CookieCleanup> CompleteAllUdevCookies(const sys::Host& host, absl::Duration age);

// The flags of a cookie by the names of the variables that udev's rules know them by,
// "DM_UDEV_PRIMARY_SOURCE_FLAG", in the order of the bits.
std::vector<std::string> UdevFlagNames(uint32_t cookie);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UDEV_COOKIES_H_
