// SPDX-License-Identifier: Apache-2.0
// The table of hints. Pure: no file descriptors, no clock, no logging.

#include "dm/errors.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// Which command a hint is for; nothing: for every command without a hint of its own for the errno.
struct HintRow {
  int error;
  bool any_command;
  Command command;
  absl::string_view text;
};

constexpr HintRow For(Command command, int error, absl::string_view text) {
  return {error, false, command, text};
}
constexpr HintRow ForAny(int error, absl::string_view text) {
  return {error, true, Command::kVersion, text};
}

// Own hints first.
constexpr HintRow kHints[] = {
    For(Command::kDevRemove, EBUSY,
        "it is open or another device is built on it: unmount or close it first, or let the "
        "removal be deferred; its info shows the open count"),
    For(Command::kDevCreate, EBUSY, "a device with this name or this uuid exists"),
    For(Command::kDevCreate, ENXIO, "the minor number is taken, or no number is free"),
    For(Command::kDevRename, EBUSY, "the new name or uuid belongs to a device already"),
    For(Command::kDevRename, EINVAL, "a uuid can be set only once, and \"control\" is no name"),
    For(Command::kTableLoad, EBUSY,
        "a device that the table uses is mounted or held by somebody else"),
    For(Command::kTableLoad, EINVAL, "the kernel log says which target refused it and why"),
    For(Command::kTableLoad, ENXIO,
        "no such dm device, or a device number in the table does not exist"),
    For(Command::kTableLoad, ENODEV, "a device that the table uses does not exist"),
    For(Command::kTableLoad, ENOENT, "a device that the table uses does not exist"),
    For(Command::kTableLoad, ENOMEM, "the table is too large for the memory that is free"),
    For(Command::kDevSuspend, EINVAL,
        "resuming needs a table that fits its devices; the kernel log says more"),
    For(Command::kDevSuspend, EINTR, "a signal came while waiting for io; nothing was repeated"),
    For(Command::kDevWait, EINTR, "a signal came while waiting for an event"),
    For(Command::kTargetMsg, EINVAL,
        "there is no live table, or the target does not know this message; the kernel log may say "
        "more"),
    For(Command::kTargetMsg, EBUSY,
        "the target is busy with something else, or the device is being removed at this moment"),
    For(Command::kTargetMsg, EOPNOTSUPP,
        "the target's state does not allow it; a thin-pool must be in mode rw"),
    For(Command::kGetTargetVersion, EINVAL,
        "no such target type, or its module dm-<type> cannot be loaded"),
    For(Command::kDevSetGeometry, EINVAL,
        "at most 65535 cylinders, 255 heads, 255 sectors, and a start inside them"),
    For(Command::kVersion, EINVAL,
        "the kernel's device-mapper interface has another major version"),
    ForAny(EACCES, "this needs root (CAP_SYS_ADMIN in the first user namespace)"),
    ForAny(EPERM, "this needs root (CAP_SYS_ADMIN in the first user namespace)"),
    ForAny(ENXIO, "no such device"),
    ForAny(ENOTTY, "the kernel does not know this command, or this is not its control device"),
};

}  // namespace

absl::string_view Hint(Command command, int error) {
  for (const HintRow& row : kHints) {
    if (row.error == error && (row.any_command || row.command == command)) return row.text;
  }
  return "";
}

absl::Status WithHint(const absl::Status& status, absl::string_view hint) {
  if (status.ok() || hint.empty()) return status;
  absl::Status hinted(status.code(), absl::StrCat(status.message(), "; ", hint));
  status.ForEachPayload([&hinted](absl::string_view type, const absl::Cord& payload) {
    hinted.SetPayload(type, payload);
  });
  return hinted;
}

absl::Status Refusal(Command command, absl::string_view object, int error) {
  const absl::string_view name = FactsOf(command).name;
  const std::string context = object.empty() ? std::string(name) : absl::StrCat(name, " ", object);
  return WithHint(sys::ErrnoStatus(error, context), Hint(command, error));
}

}  // namespace dmkit::dm
