// SPDX-License-Identifier: Apache-2.0
// info and splitname, and the report that they and -v of other commands fill.
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/report_row.h"
#include "dm/dmsetup/show_info.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr absl::string_view kDefaultFields = "name,major,minor,attr,open,segments,events,uuid";
constexpr absl::string_view kSplitNameFields = "vg_name,lv_name,lv_layer";

ReportStyle StyleOf(const Words& words) {
  ReportStyle style;
  style.headings = !words.no_headings;
  if (words.no_headings) style.separator = ":";
  if (words.separator.has_value()) style.separator = *words.separator;
  style.prefixes = words.name_prefixes;
  style.quoted = !words.unquoted;
  style.as_rows = words.rows;
  style.aligned =
      !words.no_headings && !words.separator.has_value() && !words.name_prefixes && !words.rows;
  return style;
}

// What -o asks for: its own fields, or with a plus more than `fields`.
std::string FieldsOf(const Words& words, absl::string_view fields) {
  if (!words.options.has_value()) return std::string(fields);
  absl::string_view more = *words.options;
  if (!absl::ConsumePrefix(&more, "+")) return std::string(more);
  return absl::StrCat(fields, ",", more);
}

// `messages` are whole lines, among them the help on all fields; the last one says what is wrong.
void TellOfFields(Context& context, bool parsed, absl::string_view messages) {
  if (messages.empty()) return;
  absl::ConsumeSuffix(&messages, "\n");
  if (parsed) return context.Error(messages);
  if (context.findings != nullptr) messages.remove_prefix(messages.rfind('\n') + 1);
  context.Misused(messages);
}

bool InfoOf(Context& context, const std::string* name) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, name);
  if (!device.has_value()) return false;
  absl::StatusOr<DeviceInfo> info = dm->Info(device->Key(), context.words.inactive);
  if (!info.ok()) {
    if (IsLeftOut(context, info.status())) return true;
    if (sys::GetErrno(info.status()) == ENXIO) {
      context.Fail("Device does not exist.", ObjectOf(*device), info.status());
    } else {
      Refused(context, "info", *device, info.status());
    }
    return false;
  }
  const std::optional<DeviceInfo> shown = ShownInfo(context, *std::move(info));
  return shown.has_value() && ShowInfo(context, *shown);
}

}  // namespace

bool StartReport(Context& context, const Command& command) {
  const Words& words = context.words;
  if (words.sort.has_value() && (command.name == "status" || command.name == "table")) {
    context.Misused("--sort is not yet supported with status and table.");
    return false;
  }
  const bool splits = command.name == "splitname";
  Report& report = context.output.report.emplace();
  report.style = StyleOf(words);
  std::string messages;
  const bool parsed =
      report.Parse(FieldsOf(words, splits ? kSplitNameFields : kDefaultFields),
                   words.sort.value_or(""), splits ? uint32_t{kGroupSplit} : 0, &messages);
  if (context.findings != nullptr && report.help_only()) {
    context.Misused("-o help is not in JSON.");
    return false;
  }
  TellOfFields(context, parsed, messages);
  if (!parsed) return false;
  return (report.groups() & kGroupTree) == 0 || BuildTree(context);
}

void FinishOutput(Context& context) {
  if (context.output.concise_started) context.Print("\n");
  if (!context.output.report.has_value()) return;
  if (context.findings != nullptr) {
    context.findings->rows = context.output.report->TakeRows();
  } else {
    context.Print(context.output.report->TakeText());
  }
}

bool Info(Context& context, const Command&, Arguments arguments) {
  if (!MeansAll(context, arguments)) {
    return InfoOf(context, arguments.empty() ? nullptr : &arguments.front());
  }
  return ForEachDevice(context,
                       [&](const ListedDevice& device) { return InfoOf(context, &device.name); });
}

bool SplitName(Context& context, const Command&, Arguments arguments) {
  RowSource source;
  source.split = SplitName(arguments[0], arguments.size() == 2 ? arguments[1] : "LVM");
  if (context.output.report->help_only()) return true;
  std::optional<std::vector<ReportCell>> row = MakeRow(context, source);
  if (!row.has_value()) return false;
  context.output.report->AddRow(*std::move(row));
  if (context.findings != nullptr) context.findings->split = source.split;
  return true;
}

}  // namespace dmkit::dm::dmsetup
