// SPDX-License-Identifier: Apache-2.0
// The commands on udev cookies. What a cookie is, and its semaphore, are dm/udev_cookies.h's.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/input.h"
#include "dm/dmsetup/uevents.h"
#include "dm/udev_cookies.h"
#include "dm/udev_host.h"
#include "dm/udev_sync.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

// As ctime() has it: "Sat Nov  7 11:30:38 2026".
std::string LocalTime(const Context& context, absl::Time time) {
  return absl::FormatTime("%a %b %e %H:%M:%S %Y", time, context.environment.time_zone);
}

// Nobody counts cookies then.
bool SyncIsOff(Context& context) {
  TellUdevDisabled(context);
  return context.environment.disable_udev || context.words.no_udev_sync;
}

std::optional<uint32_t> CookieOf(Context& context, const std::string& text) {
  const std::optional<uint32_t> cookie = ParseCookie(text);
  if (!cookie.has_value()) context.Misused("Incorrect cookie value.");
  return cookie;
}

// Asks until 'y' or 'n' is answered; the end of the input is a no.
bool Confirm(Context& context, absl::string_view question) {
  std::optional<bool> answer;
  context.Print(question);
  context.Flush();
  while (true) {
    const std::optional<char> byte = ReadByte(context);
    if (!byte.has_value()) {
      context.Print("\n");
      return false;
    }
    const char letter = absl::ascii_tolower(static_cast<unsigned char>(*byte));
    if (letter == 'y' || letter == 'n') answer = letter == 'y';
    if (letter != '\n') continue;
    if (answer.has_value()) return *answer;
    context.Print(question);
    context.Flush();
  }
}

}  // namespace

bool UdevCreateCookie(Context& context, const Command&, Arguments) {
  // Where nobody would count it down there is none, and nothing is printed.
  if (SyncIsOff(context) || !WhyUdevCannotNotify(context.host).empty()) return true;
  const absl::StatusOr<UdevSemaphore> made = CreateUdevCookie(context.host);
  if (made.ok()) {
    if (context.findings != nullptr) context.findings->cookie = made->cookie;
    context.Print(absl::StrFormat("0x%08X\n", made->cookie));
    return true;
  }
  TellNoSemaphore(context, made.status());
  return false;
}

bool UdevReleaseCookie(Context& context, const Command&, Arguments arguments) {
  std::optional<uint32_t> cookie = context.udev_cookie;
  if (!arguments.empty()) {
    cookie = CookieOf(context, arguments[0]);
    if (!cookie.has_value()) return false;
  }
  if (!cookie.has_value()) {
    context.Misused("No udev transaction cookie given.");
    return false;
  }
  if (SyncIsOff(context)) return true;
  const bool nobody_notifies = !WhyUdevCannotNotify(context.host).empty();
  const absl::StatusOr<UdevSemaphore> semaphore = FindUdevCookie(context.host, *cookie);
  if (!semaphore.ok()) {
    if (nobody_notifies) return true;
    TellWrongCookie(context, *cookie, semaphore.status());
    return false;
  }
  context.Flush();
  // A semaphore that nobody will count down is only removed.
  const absl::StatusOr<CookieEnd> end = AwaitUdevCookie(
      context.host, *semaphore, nobody_notifies ? absl::ZeroDuration() : UdevOptions().patience,
      context.streams.stop);
  if (!end.ok()) {
    context.Error(absl::StrCat(
        "Could not set wait state for notification semaphore identified by cookie value ",
        DescribeCookie(*cookie), ": ", Reason(end.status())));
    return false;
  }
  if (nobody_notifies || *end == CookieEnd::kCompleted) return true;
  if (*end == CookieEnd::kMiscounted) {
    context.Error(
        absl::StrFormat("semid %d: semop failed for cookie 0x%x: incorrect semaphore state",
                        semaphore->id, *cookie));
    context.Error(absl::StrCat(
        "Failed to set a proper state for notification semaphore identified by cookie value ",
        DescribeCookie(*cookie), " to initialize waiting for incoming notifications."));
    return false;
  }
  const bool repaired = MakeNodes(context, *FindCommand("mknodes"), Arguments());
  context.Error(
      absl::StrCat("WARNING: udevd did not complete cookie value ", DescribeCookie(*cookie),
                   *end == CookieEnd::kNoUdevd ? " before it ended" : " in time",
                   ". Its semaphore was removed; ",
                   repaired ? "the nodes were checked." : "see `dmsetup mknodes` for the nodes."));
  return true;
}

bool UdevFlags(Context& context, const Command&, Arguments arguments) {
  const std::optional<uint32_t> cookie = CookieOf(context, arguments[0]);
  if (!cookie.has_value()) return false;
  const std::vector<std::string> flags = UdevFlagNames(*cookie);
  for (const std::string& flag : flags) context.Print(absl::StrCat(flag, "='1'\n"));
  if (context.findings != nullptr) context.findings->flags = flags;
  return true;
}

bool UdevComplete(Context& context, const Command&, Arguments arguments) {
  const std::optional<uint32_t> cookie = CookieOf(context, arguments[0]);
  if (!cookie.has_value()) return false;
  if (context.findings != nullptr) context.findings->cookie = *cookie;
  context.Print(absl::StrFormat("DM_COOKIE_COMPLETED=0x%-10x\n", *cookie));
  if ((*cookie & kUdevCookieNumberMask) == 0 || SyncIsOff(context)) return true;
  const absl::Status completed = CompleteUdevCookie(context.host, *cookie);
  // Without a udevd nobody waits either.
  if (completed.ok() || !WhyUdevCannotNotify(context.host).empty()) return true;
  const uint32_t key = kUdevCookieMagic << 16 | (*cookie & kUdevCookieNumberMask);
  if (sys::GetErrno(completed) != EAGAIN) {
    TellWrongCookie(context, key, completed);
    return false;
  }
  const absl::StatusOr<UdevSemaphore> semaphore = FindUdevCookie(context.host, key);
  context.Error(absl::StrFormat("semid %d: semop failed for cookie 0x%x: incorrect semaphore state",
                                semaphore.ok() ? semaphore->id : -1, key));
  context.Error(
      absl::StrCat("Could not signal waiting process using notification semaphore "
                   "identified by cookie value ",
                   DescribeCookie(key)));
  return false;
}

bool UdevCompleteAll(Context& context, const Command&, Arguments arguments) {
  uint32_t age_minutes = 0;
  if (!arguments.empty()) {
    const absl::string_view age = absl::StripLeadingAsciiWhitespace(arguments[0]);
    if (age.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(age[0]))) {
      context.Misused("Failed to read age_in_minutes parameter.");
      return false;
    }
    age_minutes = static_cast<uint32_t>(LeadingNumber(age));
  }
  const std::string prefix = absl::StrFormat("%d (0x%x)", kUdevCookieMagic, kUdevCookieMagic);
  if (!context.words.yes) {
    context.Error(
        absl::StrCat("WARNING: This operation will destroy all semaphores ",
                     age_minutes == 0 ? "" : absl::StrCat("older than ", age_minutes, " minutes "),
                     "with keys that have a prefix ", prefix, "."));
    if (!Confirm(context, "Do you really want to continue? [y/n]: ")) {
      context.Print(absl::StrCat("Semaphores with keys prefixed by ", prefix, " NOT destroyed.\n"));
      return true;
    }
  }
  const absl::StatusOr<CookieCleanup> cleanup =
      CompleteAllUdevCookies(context.host, absl::Minutes(age_minutes));
  if (!cleanup.ok()) {
    context.Fail(absl::StrCat("SEM_INFO: semctl failed: ", Reason(cleanup.status())), "",
                 cleanup.status());
    return false;
  }
  for (const UdevCookieInfo& kept : cleanup->kept) {
    context.Error(absl::StrCat("Could not cleanup notification semaphore with semid ", kept.id,
                               " and cookie value ", DescribeCookie(kept.cookie), "."));
  }
  if (context.findings != nullptr) context.findings->cleanup = *cleanup;
  context.Print(absl::StrCat(cleanup->removed, " semaphores with keys prefixed by ", prefix,
                             " destroyed. ", cleanup->skipped, " skipped.\n"));
  return true;
}

bool UdevCookies(Context& context, const Command&, Arguments) {
  const absl::StatusOr<std::vector<UdevCookieInfo>> cookies = ListUdevCookies(context.host);
  if (!cookies.ok()) {
    context.Fail(absl::StrCat("SEM_INFO: sem_ctl failed: ", Reason(cookies.status())), "",
                 cookies.status());
    return false;
  }
  if (context.findings != nullptr) context.findings->cookies = *cookies;
  context.Print("Cookie       Semid      Value      Last semop time           Last change time\n");
  for (const UdevCookieInfo& info : *cookies) {
    context.Print(absl::StrFormat("0x%-10x %-10d %-10d %s  %s\n", info.cookie, info.id, info.value,
                                  LocalTime(context, info.last_operation),
                                  LocalTime(context, info.changed)));
  }
  return true;
}

}  // namespace dmkit::dm::dmsetup
