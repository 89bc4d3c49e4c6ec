// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/report_row.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/dmsetup/device_names.h"
#include "dm/dmsetup/mangling.h"

namespace dmkit::dm::dmsetup {
namespace {

using Cell = std::optional<ReportCell>;

ReportCell TextCell(absl::string_view text) { return {std::string(text), 0}; }

// A negative number is sorted behind all others, as dmsetup does.
ReportCell NumberCell(int64_t number) {
  return {absl::StrCat(number), static_cast<uint64_t>(number)};
}

// The name that the kernel might have for what is shown as `text`: in kNone too, where what is
// mangled already stays.
Cell MangledCell(Context& context, const std::string& text, absl::string_view what,
                 absl::string_view noun, size_t bytes_max) {
  const bool none = context.mangling == Mangling::kNone;
  if (none && IsMangledTwice(text, Mangling::kAuto)) return TextCell(text);
  const absl::StatusOr<std::string> mangled =
      Mangle(text, what, none ? Mangling::kAuto : context.mangling, bytes_max);
  if (mangled.ok()) return TextCell(*mangled);
  context.Error(mangled.status().message());
  context.Error(absl::StrCat("Failed to mangle device ", noun, " \"", text, "\"."));
  return std::nullopt;
}

// What is shown is unmangled already, but with kNone.
Cell UnmangledCell(Context& context, const std::string& text, absl::string_view what,
                   absl::string_view noun) {
  if (context.mangling != Mangling::kNone) return TextCell(text);
  const absl::StatusOr<std::string> plain = Unmangle(text, what, context.mangling);
  if (plain.ok()) return TextCell(*plain);
  context.Error(plain.status().message());
  context.Error(absl::StrCat("Failed to unmangle device ", noun, " \"", text, "\"."));
  return std::nullopt;
}

std::string Attributes(const DeviceInfo& info) {
  std::string text = "----";
  if (info.has_active_table) text[0] = 'L';
  if (info.has_inactive_table) text[1] = 'I';
  if (info.suspended) text[2] = 's';
  text[3] = info.read_only ? 'r' : 'w';
  return text;
}

absl::string_view TablesLoaded(const DeviceInfo& info) {
  if (info.has_active_table) return info.has_inactive_table ? "Both" : "Live";
  return info.has_inactive_table ? "Inactive" : "None";
}

std::optional<std::string> BlockName(Context& context, sys::DeviceNumber device) {
  std::optional<std::string> name = BlockDeviceName(context, device);
  if (!name.has_value()) {
    context.Error(absl::StrCat("Could not resolve block device name for ",
                               sys::FormatDeviceNumber(device), "."));
  }
  return name;
}

Cell NameCell(Context& context, FieldId field, const DeviceInfo& info) {
  switch (field) {
    case kFieldMangledName:
      return MangledCell(context, info.name, "name", "name", kNameBytesMax);
    case kFieldUnmangledName:
      return UnmangledCell(context, info.name, "name", "name");
    case kFieldUuid:
      return TextCell(info.uuid);
    case kFieldMangledUuid:
      return MangledCell(context, info.uuid, "UUID", "uuid", kUuidBytesMax);
    case kFieldUnmangledUuid:
      return UnmangledCell(context, info.uuid, "UUID", "uuid");
    case kFieldReadAhead:
      return NumberCell(ReadAheadOf(context, info.name, info.device).value_or(0));
    default:
      return TextCell(info.name);
  }
}

Cell InfoCell(Context& context, FieldId field, const DeviceInfo& info) {
  switch (field) {
    case kFieldBlkDevName: {
      const std::optional<std::string> name = BlockName(context, info.device);
      return name.has_value() ? Cell(TextCell(*name)) : std::nullopt;
    }
    case kFieldAttr:
      return TextCell(Attributes(info));
    case kFieldTablesLoaded:
      return TextCell(TablesLoaded(info));
    case kFieldSuspended:
      return TextCell(info.suspended ? "Suspended" : "Active");
    case kFieldReadOnly:
      return TextCell(info.read_only ? "Read-only" : "Writeable");
    case kFieldDevNo:
      return TextCell(sys::FormatDeviceNumber(info.device));
    case kFieldMajor:
      return NumberCell(info.device.major);
    case kFieldMinor:
      return NumberCell(info.device.minor);
    case kFieldOpen:
      return NumberCell(info.open_count);
    case kFieldSegments:
      return NumberCell(info.target_count);
    default:
      return NumberCell(info.event_nr);
  }
}

Cell DependenciesCell(Context& context, FieldId field, const std::vector<sys::DeviceNumber>& used) {
  if (field == kFieldDeviceCount) return NumberCell(static_cast<int64_t>(used.size()));
  std::vector<std::string> words;
  for (const sys::DeviceNumber device : used) {
    if (field == kFieldDevNosUsed) {
      words.push_back(sys::FormatDeviceNumber(device));
      continue;
    }
    std::optional<std::string> name = BlockName(context, device);
    if (!name.has_value()) return std::nullopt;
    words.push_back(*std::move(name));
  }
  return TextCell(absl::StrJoin(words, ","));
}

Cell TreeCell(const DeviceTree& tree, FieldId field, size_t node) {
  using Direction = DeviceTree::Direction;
  if (field == kFieldDeviceRefCount) {
    return NumberCell(static_cast<int64_t>(tree.Count(node, Direction::kUsers)));
  }
  const Direction direction = field == kFieldDevsUsed ? Direction::kUsed : Direction::kUsers;
  std::vector<std::string> words;
  for (const size_t next : tree.Next(node, direction)) {
    const TreeDevice& device = tree.device(next);
    if (field == kFieldDevNosUsingDev) {
      if (next != DeviceTree::kRoot) words.push_back(sys::FormatDeviceNumber(device.number));
    } else if (!device.info.name.empty()) {
      words.push_back(device.info.name);
    }
  }
  return TextCell(absl::StrJoin(words, ","));
}

Cell SplitCell(FieldId field, const SplitDeviceName& split) {
  switch (field) {
    case kFieldSubsystem:
      return TextCell(split.subsystem);
    case kFieldVgName:
      return TextCell(split.vg_name);
    case kFieldLvName:
      return TextCell(split.lv_name);
    default:
      return TextCell(split.lv_layer);
  }
}

// Nothing after an error. `missing`: the command has no such thing to tell of.
Cell MakeCell(Context& context, const Field& field, const RowSource& source, bool* missing) {
  *missing = false;
  switch (field.group) {
    case kGroupName:
      if (source.info != nullptr) return NameCell(context, field.id, *source.info);
      break;
    case kGroupInfo:
      if (source.info != nullptr) return InfoCell(context, field.id, *source.info);
      break;
    case kGroupDeps:
      if (source.used.has_value()) return DependenciesCell(context, field.id, *source.used);
      break;
    case kGroupTree:
      if (source.tree_node.has_value()) {
        return TreeCell(*context.output.tree, field.id, *source.tree_node);
      }
      break;
    case kGroupSplit:
      if (source.split.has_value()) return SplitCell(field.id, *source.split);
      break;
    case kGroupSpecial:
      return NumberCell(1);
    case kGroupStats:
    case kGroupRegion:
      break;
  }
  *missing = true;
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<ReportCell>> MakeRow(Context& context, const RowSource& source) {
  std::vector<ReportCell> row;
  for (const ReportColumn& column : context.output.report->columns()) {
    bool missing = false;
    Cell cell = MakeCell(context, *column.field, source, &missing);
    if (!cell.has_value()) {
      context.Error(
          absl::StrCat("_do_report_object: ",
                       missing ? "no data assigned to field " : "report function failed for field ",
                       column.field->name));
      return std::nullopt;
    }
    row.push_back(*std::move(cell));
  }
  return row;
}

}  // namespace dmkit::dm::dmsetup
