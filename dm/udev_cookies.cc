// SPDX-License-Identifier: Apache-2.0
// Semaphores of udev cookies.

#include "dm/udev_cookies.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/udev_host.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr uint32_t kFlagsShift = 16;
// Each number that is drawn is taken with a chance of one in sixteen even where 4096 cookies leak.
constexpr int kDraws = 64;
// How often a wait looks whether there is still somebody to wait for, and time to do so.
constexpr absl::Duration kLookInterval = absl::Milliseconds(500);

uint32_t KeyOf(uint32_t number) { return kUdevCookieMagic << kFlagsShift | number; }

bool IsGone(const absl::Status& status) {
  const int error = sys::GetErrno(status);
  return error == EIDRM || error == EINVAL;
}

absl::StatusOr<uint16_t> DrawNumber(sys::Random& random) {
  char bytes[2];
  DMKIT_RETURN_IF_ERROR(random.Fill(absl::MakeSpan(bytes)));
  uint16_t number = 0;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

// The creator's count keeps the semaphore from zero until the creator waits.
absl::Status CountCreator(sys::Semaphores& semaphores, int32_t id) {
  DMKIT_RETURN_IF_ERROR(semaphores.SetValue(id, 1));
  DMKIT_ASSIGN_OR_RETURN(const int32_t value, semaphores.Value(id));
  if (value == 1) return absl::OkStatus();
  return sys::ErrnoStatus(EBUSY, absl::StrCat("make udev cookie: semaphore id ", id, " has value ",
                                              value, ", somebody else counts it"));
}

absl::Status RemoveIfThere(sys::Semaphores& semaphores, int32_t id) {
  const absl::Status removed = semaphores.Remove(id);
  return IsGone(removed) ? absl::OkStatus() : removed;
}

// AwaitUdevCookie without the removal.
absl::StatusOr<CookieEnd> CountedDown(const sys::Host& host, int32_t id, absl::Duration patience,
                                      sys::StopSignals* stop) {
  sys::Semaphores& semaphores = *host.semaphores;
  const absl::Status own = semaphores.Add(id, -1);
  if (IsGone(own)) return CookieEnd::kCompleted;
  if (sys::GetErrno(own) == EAGAIN) return CookieEnd::kMiscounted;
  DMKIT_RETURN_IF_ERROR(own);
  const absl::Time deadline = host.clock->Now() + patience;
  while (true) {
    const absl::Duration left = std::max(deadline - host.clock->Now(), absl::ZeroDuration());
    const absl::StatusOr<bool> is_zero = semaphores.WaitForZero(id, std::min(left, kLookInterval));
    if (IsGone(is_zero.status())) return CookieEnd::kCompleted;
    if (!is_zero.ok()) return is_zero.status();
    if (*is_zero) return CookieEnd::kCompleted;
    if (stop != nullptr && stop->HasCome().value_or(false)) return CookieEnd::kStopped;
    if (host.clock->Now() >= deadline) return CookieEnd::kLate;
    if (UdevdHasEnded(host)) return CookieEnd::kNoUdevd;
  }
}

}  // namespace

absl::StatusOr<UdevSemaphore> CreateUdevCookie(const sys::Host& host) {
  for (int draw = 0; draw < kDraws; ++draw) {
    DMKIT_ASSIGN_OR_RETURN(const uint16_t number, DrawNumber(*host.random));
    if (number == 0) continue;
    const uint32_t cookie = KeyOf(number);
    const absl::StatusOr<int32_t> id = host.semaphores->Create(cookie);
    if (sys::GetErrno(id.status()) == EEXIST) continue;
    if (!id.ok()) return id.status();
    const absl::Status counted = CountCreator(*host.semaphores, *id);
    if (counted.ok()) return UdevSemaphore{cookie, *id};
    return sys::WithSecondError(counted, "remove the semaphore",
                                RemoveIfThere(*host.semaphores, *id));
  }
  return sys::ErrnoStatus(EEXIST, absl::StrCat("make udev cookie: ", kDraws,
                                               " numbers drawn and all are in use: see "
                                               "udevcookies, udevcomplete_all"));
}

absl::StatusOr<UdevSemaphore> FindUdevCookie(const sys::Host& host, uint32_t cookie) {
  if (cookie >> kFlagsShift != kUdevCookieMagic) {
    return sys::ErrnoStatus(
        EINVAL, absl::StrCat("find udev cookie 0x", absl::Hex(cookie), ": the upper half is not 0x",
                             absl::Hex(kUdevCookieMagic)));
  }
  DMKIT_ASSIGN_OR_RETURN(const int32_t id, host.semaphores->Find(cookie));
  return UdevSemaphore{cookie, id};
}

absl::Status CompleteUdevCookie(const sys::Host& host, uint32_t cookie) {
  // Without a number it carries flags only.
  if ((cookie & kUdevCookieNumberMask) == 0) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const UdevSemaphore semaphore,
                         FindUdevCookie(host, KeyOf(cookie & kUdevCookieNumberMask)));
  const absl::Status counted = host.semaphores->Add(semaphore.id, -1);
  if (!IsGone(counted)) return counted;
  return sys::ErrnoStatus(ENOENT, absl::StrCat("complete udev cookie 0x", absl::Hex(cookie),
                                               ": its semaphore was just removed"));
}

absl::StatusOr<CookieEnd> AwaitUdevCookie(const sys::Host& host, const UdevSemaphore& semaphore,
                                          absl::Duration patience, sys::StopSignals* stop) {
  // Without it the wait has its deadline all the same.
  if (stop != nullptr) stop->Hold().IgnoreError();
  const absl::StatusOr<CookieEnd> end = CountedDown(host, semaphore.id, patience, stop);
  const absl::Status removed = RemoveIfThere(*host.semaphores, semaphore.id);
  if (stop != nullptr) stop->Release().IgnoreError();
  if (!end.ok()) return sys::WithSecondError(end.status(), "remove the semaphore", removed);
  if (!removed.ok()) return removed;
  return end;
}

absl::StatusOr<std::vector<UdevCookieInfo>> ListUdevCookies(const sys::Host& host) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<sys::SemaphoreSet> sets, host.semaphores->ListSets());
  std::vector<UdevCookieInfo> cookies;
  for (const sys::SemaphoreSet& set : sets) {
    if (set.key >> kFlagsShift != kUdevCookieMagic) continue;
    const absl::StatusOr<int32_t> value = host.semaphores->Value(set.id);
    // Gone since it was listed.
    if (IsGone(value.status())) continue;
    if (!value.ok()) return value.status();
    cookies.push_back({set.key, set.id, *value, set.last_operation, set.changed});
  }
  return cookies;
}

absl::StatusOr<CookieCleanup> CompleteAllUdevCookies(const sys::Host& host, absl::Duration age) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<UdevCookieInfo> cookies, ListUdevCookies(host));
  // Times of semaphores are in whole seconds: one that was just made is not in the future.
  const absl::Time latest = host.clock->WallTime() - age;
  CookieCleanup cleanup;
  for (const UdevCookieInfo& cookie : cookies) {
    if (std::max(cookie.last_operation, cookie.changed) > latest) {
      ++cleanup.skipped;
      continue;
    }
    if (RemoveIfThere(*host.semaphores, cookie.id).ok()) {
      ++cleanup.removed;
    } else {
      cleanup.kept.push_back(cookie);
    }
  }
  return cleanup;
}

std::vector<std::string> UdevFlagNames(uint32_t cookie) {
  constexpr absl::string_view kNames[] = {
      "DISABLE_DM_RULES", "DISABLE_SUBSYSTEM_RULES",  "DISABLE_DISK_RULES", "DISABLE_OTHER_RULES",
      "LOW_PRIORITY",     "DISABLE_LIBRARY_FALLBACK", "PRIMARY_SOURCE"};
  constexpr uint32_t kNamed = sizeof(kNames) / sizeof(kNames[0]);
  constexpr uint32_t kOwnFlags = 8;
  std::vector<std::string> names;
  for (uint32_t bit = 0; bit < kFlagsShift; ++bit) {
    if ((cookie >> (kFlagsShift + bit) & 1) == 0) continue;
    if (bit < kNamed) {
      names.push_back(absl::StrCat("DM_UDEV_", kNames[bit], "_FLAG"));
    } else if (bit < kOwnFlags) {
      names.push_back(absl::StrCat("DM_UDEV_FLAG", bit));
    } else {
      // What these mean is up to the subsystem that the device belongs to.
      names.push_back(absl::StrCat("DM_SUBSYSTEM_UDEV_FLAG", bit - kOwnFlags));
    }
  }
  return names;
}

}  // namespace dmkit::dm
