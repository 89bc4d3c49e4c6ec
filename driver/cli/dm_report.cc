// SPDX-License-Identifier: Apache-2.0
// Field by field.

#include "driver/cli/dm_report.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/types.h"
#include "driver/cli/commands.h"
#include "driver/report.pb.h"
#include "google/protobuf/message.h"
#include "sys/device_number.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

using dm::dmsetup::Findings;
using dm::dmsetup::FoundDevice;

void FillInfo(const dm::DeviceInfo& info, report::DmDevice& device) {
  device.set_name(info.name);
  device.set_uuid(info.uuid);
  device.set_device_number(sys::FormatDeviceNumber(info.device));
  device.set_suspended(info.suspended);
  device.set_read_only(info.read_only);
  device.set_active_table(info.has_active_table);
  device.set_inactive_table(info.has_inactive_table);
  device.set_open_count(info.open_count);
  device.set_event_nr(info.event_nr);
  device.set_target_count(info.target_count);
  device.set_deferred_remove(info.deferred_remove);
}

void FillDevice(const FoundDevice& found, report::DmDevice& device) {
  FillInfo(found.info, device);
  if (found.read_ahead.has_value()) device.set_read_ahead_sectors(*found.read_ahead);
  if (found.disk_name.has_value()) device.set_disk_name(*found.disk_name);
  for (const dm::TargetStatus& status : found.targets) {
    report::DmTarget& target = *device.add_targets();
    target.set_start_sector(status.start.count());
    target.set_length_sectors(status.length.count());
    target.set_type(status.type);
    target.set_text(status.text);
  }
  for (const dm::dmsetup::UsedDevice& used : found.used) {
    report::DmUsedDevice& device_used = *device.add_used();
    device_used.set_device_number(sys::FormatDeviceNumber(used.number));
    if (used.name.has_value()) device_used.set_name(*used.name);
  }
}

report::DmDeviceList DeviceList(const Findings& findings) {
  report::DmDeviceList list;
  for (const FoundDevice& found : findings.devices) FillDevice(found, *list.add_devices());
  for (const dm::dmsetup::FoundRow& found : findings.rows) {
    report::DmRow& row = *list.add_rows();
    for (const auto& [name, value] : found) {
      report::DmCell& cell = *row.add_cells();
      cell.set_name(name);
      cell.set_value(value);
    }
  }
  return list;
}

report::DmTargetVersionList TargetVersionList(const Findings& findings) {
  report::DmTargetVersionList list;
  for (const dm::TargetVersion& found : findings.targets) {
    report::DmTargetVersion& target = *list.add_targets();
    target.set_type(found.type);
    target.set_version(dm::FormatVersion(found.version));
  }
  return list;
}

report::DmVersion Version(const Findings& findings) {
  report::DmVersion version;
  version.set_library_version(findings.library.value_or(""));
  if (findings.driver.has_value()) {
    version.set_driver_version(dm::FormatVersion(*findings.driver));
  }
  return version;
}

report::DmSplitName SplitName(const Findings& findings) {
  report::DmSplitName split;
  if (!findings.split.has_value()) return split;
  split.set_subsystem(findings.split->subsystem);
  split.set_vg_name(findings.split->vg_name);
  split.set_lv_name(findings.split->lv_name);
  split.set_lv_layer(findings.split->lv_layer);
  return split;
}

report::DmMessageReply MessageReply(const Findings& findings) {
  report::DmMessageReply reply;
  if (!findings.message.has_value()) return reply;
  reply.set_name(findings.message->device);
  reply.set_reply(findings.message->reply);
  return reply;
}

report::DmNameList NameList(const Findings& findings) {
  report::DmNameList list;
  for (const dm::dmsetup::FoundName& found : findings.names) {
    report::DmName& name = *list.add_names();
    name.set_name(found.name);
    name.set_new_name(found.new_name);
  }
  return list;
}

report::DmCookie Cookie(const Findings& findings) {
  report::DmCookie cookie;
  if (findings.cookie.has_value()) cookie.set_cookie(*findings.cookie);
  return cookie;
}

report::DmUdevFlags UdevFlags(const Findings& findings) {
  report::DmUdevFlags flags;
  for (const std::string& flag : findings.flags) flags.add_flags(flag);
  return flags;
}

report::DmCookieCleanup CookieCleanup(const Findings& findings) {
  report::DmCookieCleanup cleanup;
  if (!findings.cleanup.has_value()) return cleanup;
  cleanup.set_destroyed(findings.cleanup->removed);
  cleanup.set_skipped(findings.cleanup->skipped);
  return cleanup;
}

report::DmCookieList CookieList(const Findings& findings) {
  report::DmCookieList list;
  for (const dm::UdevCookieInfo& found : findings.cookies) {
    report::DmCookieInfo& cookie = *list.add_cookies();
    cookie.set_cookie(found.cookie);
    cookie.set_semaphore_id(found.id);
    cookie.set_value(found.value);
    cookie.set_last_operation_unix_seconds(absl::ToUnixSeconds(found.last_operation));
    cookie.set_changed_unix_seconds(absl::ToUnixSeconds(found.changed));
  }
  return list;
}

// A report that is empty tells nothing but that the command was done.
void PrintUnlessEmpty(const google::protobuf::Message& report, bool done, Output& output) {
  if (done || report.ByteSizeLong() > 0) output.Print("", report);
}

struct Printer {
  absl::string_view report;
  void (*print)(const Findings& findings, bool done, Output& output);
};

template <auto kMake>
constexpr void (*kPrint)(const Findings&, bool, Output&) =
    [](const Findings& findings, bool done, Output& output) {
      PrintUnlessEmpty(kMake(findings), done, output);
    };

constexpr Printer kPrinters[] = {
    {"DmDeviceList", kPrint<DeviceList>},
    {"DmTargetVersionList", kPrint<TargetVersionList>},
    {"DmVersion", kPrint<Version>},
    {"DmSplitName", kPrint<SplitName>},
    {"DmMessageReply", kPrint<MessageReply>},
    {"DmNameList", kPrint<NameList>},
    {"DmCookie", kPrint<Cookie>},
    {"DmUdevFlags", kPrint<UdevFlags>},
    {"DmCookieCleanup", kPrint<CookieCleanup>},
    {"DmCookieList", kPrint<CookieList>},
};

void PrintReport(absl::string_view report, const Findings& findings, bool done, Output& output) {
  for (const Printer& printer : kPrinters) {
    if (printer.report == report) return printer.print(findings, done, output);
  }
  DMKIT_CHECK(report == kEmptyReport);
}

}  // namespace

Outcome TellFindings(const Findings& findings, bool done) {
  const std::string words = findings.command.empty() ? "" : absl::StrCat("dm ", findings.command);
  Output output(OutputFormat::kJson, words);
  // Null for words that name no command, and for commands of dmsetup that are not supported.
  const CommandSpec* const command = FindCommand("dm", findings.command);
  if (command == nullptr || command->report == kNoReport) {
    output.set_out_is_used();
  } else {
    PrintReport(command->report, findings, done, output);
  }
  for (const dm::dmsetup::Problem& problem : findings.problems) {
    if (done) {
      output.Note(problem.object, problem.status.message());
    } else {
      output.Fail(problem.object, problem.status);
    }
  }
  output.set_exit_status(done ? kExitDone : kExitFailed);
  return output.Take();
}

}  // namespace dmkit::driver::cli
