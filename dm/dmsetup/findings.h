// SPDX-License-Identifier: Apache-2.0
// What a command found out and what went wrong, as values: for a caller who wants these in place of
// the text. They are what the text is printed from; which of them are filled is each command's
// affair. Values only.

#ifndef DMKIT_DM_DMSETUP_FINDINGS_H_
#define DMKIT_DM_DMSETUP_FINDINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "dm/dmsetup/split_name.h"
#include "dm/types.h"
#include "dm/udev_cookies.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

struct UsedDevice {
  sys::DeviceNumber number;
  std::optional<std::string> name;  // as deps -o asks for it, if it has such a name
};

struct FoundDevice {
  DeviceInfo info;                       // name and uuid are the kernel's
  std::optional<uint32_t> read_ahead;    // info; in sectors
  std::optional<std::string> disk_name;  // ls -o blkdevname
  std::vector<TargetStatus> targets;     // status, table; keys are hidden as in the text
  std::vector<UsedDevice> used;          // deps
};

// A row of a report: the full names of its fields, and the cells without padding.
using FoundRow = std::vector<std::pair<std::string, std::string>>;

struct FoundMessage {
  std::string device;  // its name, or what the command was given in its place
  std::string reply;   // empty: none
};

// Of the kernel: what mangle found, and what the device is called now.
struct FoundName {
  std::string name;
  std::string new_name;
};

struct Problem {
  std::string object;   // the device that it is about, if it is known
  absl::Status status;  // never OK; UNKNOWN where there is dmsetup's line and no more
};

struct Findings {
  std::string command;  // the one that the words chose; empty: none
  // Errors of a command that fails; what is worth knowing after one that does not.
  std::vector<Problem> problems;

  std::vector<FoundDevice> devices;      // info, ls, status, table, deps, wait
  std::vector<FoundRow> rows;            // info --columns
  std::optional<SplitDeviceName> split;  // splitname
  std::vector<TargetVersion> targets;    // targets, target-version
  std::optional<std::string> library;    // version
  std::optional<Version> driver;
  std::optional<FoundMessage> message;
  std::vector<FoundName> names;          // mangle
  std::optional<uint32_t> cookie;        // udevcreatecookie, udevcomplete
  std::vector<std::string> flags;        // udevflags
  std::optional<CookieCleanup> cleanup;  // udevcomplete_all
  std::vector<UdevCookieInfo> cookies;   // udevcookies
};

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_FINDINGS_H_
