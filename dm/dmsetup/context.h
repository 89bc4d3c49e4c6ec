// SPDX-License-Identifier: Apache-2.0
// What every command of dmsetup works with: the words, the host, the streams, and the control
// device, which is opened when the first command needs it. No command belongs here.

#ifndef DMKIT_DM_DMSETUP_CONTEXT_H_
#define DMKIT_DM_DMSETUP_CONTEXT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/mangling.h"
#include "dm/dmsetup/output_state.h"
#include "dm/dmsetup/words.h"
#include "sys/host.h"
#include "sys/stop_signals.h"
#include "sys/stream.h"

namespace dmkit::dm::dmsetup {

// What `dmsetup version` tells of the library whose behaviour this is.
inline constexpr absl::string_view kLibraryVersion = "1.02.185 (2022-05-18)";

// What libdevmapper and libc read from the environment. Only main does so here.
struct Environment {
  std::optional<std::string> dev_dir;              // DM_DEV_DIR; nothing, or empty: /dev
  std::optional<std::string> udev_cookie;          // DM_UDEV_COOKIE
  std::optional<std::string> mangling_mode;        // DM_DEFAULT_NAME_MANGLING_MODE
  bool disable_udev = false;                       // DM_DISABLE_UDEV is set, to whatever
  bool utf8 = false;                               // the locale's characters are UTF-8
  absl::TimeZone time_zone = absl::UTCTimeZone();  // TZ, else /etc/localtime
  // What a relative path starts from; no variable, but as much the process's own.
  std::string working_dir = "/";
};

// Not owned; every pointer but `stop` is set.
struct Streams {
  sys::ByteSource* in = nullptr;
  sys::ByteSink* out = nullptr;
  sys::ByteSink* err = nullptr;
  // Null: a signal that comes while udevd is waited for leaves the semaphore.
  sys::StopSignals* stop = nullptr;
};

// Why something failed, in the words in which libdevmapper tells it: those of the C library for the
// errno, and the status's own where it has none.
std::string Reason(const absl::Status& status);

enum class DeviceNaming { kNumber, kBlockDevice, kMapName };

class Context {
 public:
  // With `findings`, which must outlive it, these are filled and nothing is printed.
  Context(const Words& words, const Environment& environment, const sys::Host& host,
          const Streams& streams, Findings* findings);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Environment& environment;
  const sys::Host& host;
  const Streams& streams;
  // Null: text is printed.
  Findings* findings;
  // A copy, since a command may set an option for what it does next (--concise has a uuid and a
  // minor number for each device).
  Words words;
  // How names are mangled in this run: the option, else the environment, else kAuto.
  Mangling mangling;
  // How deps and ls name devices: -o devno, blkdevname or devname.
  DeviceNaming device_naming = DeviceNaming::kNumber;
  // The command was given more devices than one, or none that is named.
  bool multiple_devices = false;
  // The devices of the command are those of a list, and nobody named them.
  bool listed = false;
  // The transaction of somebody else that uevents belong to: the option's, else the environment's.
  std::optional<uint32_t> udev_cookie;
  OutputState output;
  // Said once that udevd is there and not used.
  bool told_udev_disabled = false;
  // Said once that there is no semaphore for its cookies.
  bool told_no_semaphore = false;
  // "/dev" unless the environment says otherwise, and the directory of the nodes in it.
  std::string dev_dir;
  std::string mapper_dir;

  // The control device; null when it cannot be opened, and the lines that say so were printed.
  DeviceMapper* Dm();

  // A path that a user gave, from the root.
  std::string Path(absl::string_view path) const;

  // Standard output; kept until there is much of it, or Flush.
  void Print(absl::string_view text);
  // Must come before what may block for long, and before a child process prints.
  void Flush();
  // `line` and a line feed on standard error, as libdevmapper prints an error or a warning.
  void Error(absl::string_view line);
  // The same where more is known: findings get `status` and the device it is about in its place.
  void Fail(absl::string_view line, absl::string_view object, const absl::Status& status);
  // The same where the words are wrong.
  void Misused(absl::string_view line);
  // The same with a line that sums up what was told: findings have it only if nothing was.
  void Conclude(absl::string_view line);
  // The first error of writing what Print was given.
  const absl::Status& print_status() const { return print_status_; }

 private:
  std::optional<DeviceMapper> dm_;
  bool dm_failed_ = false;
  std::string out_;
  absl::Status print_status_;
};

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_CONTEXT_H_
