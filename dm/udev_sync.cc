// SPDX-License-Identifier: Apache-2.0
// The cookie of one operation.

#include "dm/udev_sync.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dm/udev_host.h"

namespace dmkit::dm {
namespace {

std::string CookieLabel(uint32_t cookie) {
  return absl::StrCat("udev cookie 0x", absl::Hex(cookie));
}

// Why udevd is not known to be done; empty when it is.
std::string Describe(const absl::StatusOr<CookieEnd>& end, const std::string& label,
                     absl::Duration patience) {
  if (!end.ok()) return absl::StrCat(label, " cannot be waited for: ", end.status().message());
  switch (*end) {
    case CookieEnd::kCompleted:
      return "";
    case CookieEnd::kLate:
      return absl::StrCat(label, " was not completed by udevd within ",
                          absl::FormatDuration(patience), "; its semaphore is removed");
    case CookieEnd::kNoUdevd:
      return absl::StrCat(label,
                          " was not completed by udevd, which has ended; its semaphore is "
                          "removed");
    case CookieEnd::kMiscounted:
      return absl::StrCat(label, " was completed too often; its semaphore is removed");
    case CookieEnd::kStopped:
      return absl::StrCat(label,
                          " was not waited for to the end: a signal came; its semaphore is "
                          "removed");
  }
  return label;
}

}  // namespace

UdevSync UdevSync::Open(const sys::Host& host, const UdevOptions& options) {
  UdevSync sync(host, options);
  sync.Start();
  return sync;
}

void UdevSync::Start() {
  options_.flags |= kUdevPrimarySource;
  if (options_.use == UdevUse::kDisabled) {
    // Nodes are ours then, with nothing of udevd in their way.
    options_.flags |= kUdevDisableDmRules | kUdevDisableSubsystemRules;
    options_.flags &= ~kUdevDisableLibraryFallback;
  }
  if (options_.use != UdevUse::kAuto || !WhyUdevCannotNotify(host_).empty()) return;
  shared_ = options_.shared_cookie.has_value();
  const absl::StatusOr<UdevSemaphore> semaphore =
      shared_ ? FindUdevCookie(host_, *options_.shared_cookie) : CreateUdevCookie(host_);
  if (semaphore.ok()) semaphore_ = *semaphore;
  (shared_ ? shared_status_ : semaphore_status_) = semaphore.status();
}

UdevSync::UdevSync(UdevSync&& other) noexcept : host_(other.host_) { *this = std::move(other); }

UdevSync& UdevSync::operator=(UdevSync&& other) noexcept {
  if (this == &other) return *this;
  Abandon();
  host_ = other.host_;
  options_ = other.options_;
  semaphore_ = std::exchange(other.semaphore_, std::nullopt);
  shared_ = other.shared_;
  done_ = other.done_;
  pending_ = std::exchange(other.pending_, 0);
  uevent_sent_ = other.uevent_sent_;
  udevd_makes_links_ = other.udevd_makes_links_;
  warning_ = std::move(other.warning_);
  semaphore_status_ = std::move(other.semaphore_status_);
  shared_status_ = std::move(other.shared_status_);
  return *this;
}

UdevSync::~UdevSync() { Abandon(); }

void UdevSync::Abandon() {
  if (!semaphore_.has_value()) return;
  if (!shared_) {
    host_.semaphores->Remove(semaphore_->id).IgnoreError();
  } else {
    for (; pending_ > 0; --pending_) host_.semaphores->Add(semaphore_->id, -1).IgnoreError();
  }
  semaphore_.reset();
}

bool UdevSync::UdevdMakesLinks() {
  if ((options_.flags & kUdevDisableDmRules) != 0) return false;
  if (!udevd_makes_links_.has_value()) udevd_makes_links_ = active() || UdevMakesLinks(host_);
  return *udevd_makes_links_;
}

UdevCookie UdevSync::Begin() {
  if (!semaphore_.has_value()) return UdevCookie{options_.flags};
  const absl::Status counted = host_.semaphores->Add(semaphore_->id, 1);
  if (!counted.ok()) {
    // Removed by somebody, say. Not to be counted down by a uevent either, then.
    Abandon();
    return UdevCookie{options_.flags};
  }
  ++pending_;
  return UdevCookie{options_.flags | (semaphore_->cookie & kUdevCookieNumberMask)};
}

void UdevSync::Done(bool uevent_sent) {
  uevent_sent_ |= uevent_sent;
  if (!semaphore_.has_value() || pending_ == 0) return;
  --pending_;
  if (uevent_sent) return;
  // A failure here is one of the wait, too, which has a deadline.
  host_.semaphores->Add(semaphore_->id, -1).IgnoreError();
}

bool UdevSync::Wait() {
  if (!waits()) return done_;
  const UdevSemaphore semaphore = *semaphore_;
  semaphore_.reset();
  warning_ = Describe(AwaitUdevCookie(host_, semaphore, options_.patience, options_.stop),
                      CookieLabel(semaphore.cookie), options_.patience);
  done_ = warning_.empty();
  return done_;
}

}  // namespace dmkit::dm
