// SPDX-License-Identifier: Apache-2.0
// Prints what device-mapper and /dev/mapper hold, so that two states can be compared as text: one
// small program that is run after nearly every line of a scene. Asks the kernel itself; neither of
// the compared tools, and nothing of dm/ but its view of the kernel's header, may come in.
//
//     'name' 'uuid' 253:0 active suspended events 0
//       active 0 8 zero
//       inactive 0 16 linear 7:0 0
//     /dev/mapper/name: symbolic link 777 0 0 0:0 '../dm-0'
//
// Exit status 1, and a message: the state could not be read.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/uapi.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "sys/text.h"
#include "testing/conformance/dm_request.h"

namespace dmkit {
namespace {

using conformance::DmRequest;

constexpr char kNodes[] = "/dev/mapper";
// For every list and table of a scene.
constexpr size_t kReplyBytes = 65536;

struct Flag {
  uint32_t flag;
  const char* word;
};

constexpr Flag kFlags[] = {
    {DM_ACTIVE_PRESENT_FLAG, " active"},   {DM_INACTIVE_PRESENT_FLAG, " inactive"},
    {DM_SUSPEND_FLAG, " suspended"},       {DM_READONLY_FLAG, " read-only"},
    {DM_DEFERRED_REMOVE, " remove-later"},
};

// By FileType, in the words of stat(1).
constexpr const char* kFileTypes[] = {
    "regular file",           "directory", "symbolic link", "block special file",
    "character special file", "fifo",      "socket",
};

absl::Status Ask(sys::File& control, unsigned long command, DmRequest& request) {
  absl::Span<char> bytes(&request.bytes()[0], request.bytes().size());
  const absl::StatusOr<int> result = control.Ioctl(command, bytes);
  if (!result.ok()) return result.status();
  return request.is_full() ? absl::InternalError("a reply was cut") : absl::OkStatus();
}

std::string Quoted(absl::string_view text) { return absl::StrCat("'", sys::Printable(text), "'"); }

absl::StatusOr<std::vector<std::string>> ReadTable(sys::File& control, absl::string_view name,
                                                   bool active) {
  DmRequest request(kReplyBytes);
  request.Name(name).Flags(DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG |
                           (active ? 0 : DM_QUERY_INACTIVE_TABLE_FLAG));
  if (absl::Status status = Ask(control, DM_TABLE_STATUS, request); !status.ok()) return status;
  return request.Targets();
}

// md raises an event when one of its threads ends, if one was started at all: two tools that do the
// same see any number.
bool HasRaid(const std::vector<std::string>& table) {
  for (const std::string& target : table) {
    if (absl::StrContains(target, " raid ")) return true;
  }
  return false;
}

absl::Status ShowDevice(sys::File& control, absl::string_view name) {
  DmRequest device(kReplyBytes);
  device.Name(name);
  if (absl::Status status = Ask(control, DM_DEV_STATUS, device); !status.ok()) {
    // Removed meanwhile, by what the line left in the background.
    return sys::GetErrno(status) == ENXIO ? absl::OkStatus() : status;
  }
  absl::PrintF("%s %s %s", Quoted(name), Quoted(device.uuid()),
               sys::FormatDeviceNumber(conformance::DecodeDevice(device.device())));
  for (const Flag& flag : kFlags) {
    if (device.Has(flag.flag)) absl::PrintF("%s", flag.word);
  }
  bool has_raid = false;
  std::string tables;
  for (const bool active : {true, false}) {
    if (!device.Has(active ? DM_ACTIVE_PRESENT_FLAG : DM_INACTIVE_PRESENT_FLAG)) continue;
    const absl::StatusOr<std::vector<std::string>> table = ReadTable(control, name, active);
    if (!table.ok()) return table.status();
    has_raid = has_raid || HasRaid(*table);
    for (const std::string& target : *table) {
      absl::StrAppend(&tables, active ? "  active " : "  inactive ", sys::Printable(target), "\n");
    }
  }
  absl::PrintF(" events %s\n%s", has_raid ? "of md" : absl::StrCat(device.event()), tables);
  return absl::OkStatus();
}

absl::Status ShowDevices(sys::File& control) {
  DmRequest list(kReplyBytes);
  if (absl::Status status = Ask(control, DM_LIST_DEVICES, list); !status.ok()) return status;
  for (const std::string& name : list.Names()) {
    if (absl::Status status = ShowDevice(control, name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ShowNode(sys::Dir& root, const std::string& path) {
  const absl::StatusOr<sys::FileStat> stat = root.StatLink(path);
  if (sys::GetErrno(stat.status()) == ENOENT) return absl::OkStatus();
  if (!stat.ok()) return stat.status();
  absl::PrintF("%s: %s %o %d %d %s", sys::Printable(path),
               kFileTypes[static_cast<size_t>(stat->type)], stat->mode, stat->uid, stat->gid,
               sys::FormatDeviceNumber(stat->rdevice));
  if (stat->type == sys::FileType::kSymlink) {
    absl::PrintF(" %s", Quoted(root.ReadLink(path).value_or("")));
  }
  absl::PrintF("\n");
  return absl::OkStatus();
}

absl::Status ShowNodes(sys::Dir& root) {
  const absl::StatusOr<std::vector<sys::DirEntry>> entries = root.List(kNodes);
  if (!entries.ok()) return entries.status();
  for (const sys::DirEntry& entry : *entries) {
    const absl::Status status = ShowNode(root, absl::StrCat(kNodes, "/", entry.name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ShowState(sys::Dir& root) {
  absl::StatusOr<std::unique_ptr<sys::File>> control = root.OpenFile("/dev/mapper/control", {});
  if (!control.ok()) return control.status();
  if (absl::Status status = ShowDevices(**control); !status.ok()) return status;
  return ShowNodes(root);
}

}  // namespace
}  // namespace dmkit

int main() {
  const dmkit::sys::LinuxHost linux_host;
  const absl::Status status = dmkit::ShowState(*linux_host.host().root);
  if (!status.ok()) absl::PrintF("show_state: %s\n", status.ToString());
  return status.ok() ? 0 : 1;
}
