// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/report_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmkit::dm::dmsetup {
namespace {

// Statistics are in the help, and can be asked for, but no device has a row for them.
constexpr Field Statistic(FieldGroup group, absl::string_view name, absl::string_view description) {
  return {kFieldStats, group, true, 0, name, "", description};
}

// Names, headings and descriptions are dmsetup's: people and scripts look for them.
constexpr Field kFields[] = {
    {kFieldName, kGroupName, false, 16, "name", "Name", "Name of mapped device."},
    {kFieldMangledName, kGroupName, false, 16, "mangled_name", "MangledName",
     "Mangled name of mapped device."},
    {kFieldUnmangledName, kGroupName, false, 16, "unmangled_name", "UnmangledName",
     "Unmangled name of mapped device."},
    {kFieldUuid, kGroupName, false, 32, "uuid", "UUID",
     "Unique (optional) identifier for mapped device."},
    {kFieldMangledUuid, kGroupName, false, 32, "mangled_uuid", "MangledUUID",
     "Mangled unique (optional) identifier for mapped device."},
    {kFieldUnmangledUuid, kGroupName, false, 32, "unmangled_uuid", "UnmangledUUID",
     "Unmangled unique (optional) identifier for mapped device."},
    {kFieldReadAhead, kGroupName, true, 6, "read_ahead", "RAhead", "Read ahead value."},
    {kFieldBlkDevName, kGroupInfo, false, 16, "blkdevname", "BlkDevName", "Name of block device."},
    {kFieldAttr, kGroupInfo, false, 4, "attr", "Stat",
     "(L)ive, (I)nactive, (s)uspended, (r)ead-only, read-(w)rite."},
    {kFieldTablesLoaded, kGroupInfo, false, 6, "tables_loaded", "Tables",
     "Which of the live and inactive table slots are filled."},
    {kFieldSuspended, kGroupInfo, false, 9, "suspended", "Suspended",
     "Whether the device is suspended."},
    {kFieldReadOnly, kGroupInfo, false, 9, "readonly", "Read-only",
     "Whether the device is read-only or writeable."},
    {kFieldDevNo, kGroupInfo, false, 5, "devno", "DevNo", "Device major and minor numbers"},
    {kFieldMajor, kGroupInfo, true, 3, "major", "Maj", "Block device major number."},
    {kFieldMinor, kGroupInfo, true, 3, "minor", "Min", "Block device minor number."},
    {kFieldOpen, kGroupInfo, true, 4, "open", "Open",
     "Number of references to open device, if requested."},
    {kFieldSegments, kGroupInfo, true, 4, "segments", "Targ",
     "Number of segments in live table, if present."},
    {kFieldEvents, kGroupInfo, true, 6, "events", "Event", "Number of most recent event."},
    {kFieldDeviceCount, kGroupDeps, true, 5, "device_count", "#Devs",
     "Number of devices used by this one."},
    {kFieldDevsUsed, kGroupTree, false, 16, "devs_used", "DevNamesUsed",
     "List of names of mapped devices used by this one."},
    {kFieldDevNosUsed, kGroupDeps, false, 16, "devnos_used", "DevNosUsed",
     "List of device numbers of devices used by this one."},
    {kFieldBlkDevsUsed, kGroupDeps, false, 16, "blkdevs_used", "BlkDevNamesUsed",
     "List of names of block devices used by this one."},
    {kFieldDeviceRefCount, kGroupTree, true, 5, "device_ref_count", "#Refs",
     "Number of mapped devices referencing this one."},
    {kFieldNamesUsingDev, kGroupTree, false, 8, "names_using_dev", "RefNames",
     "List of names of mapped devices using this one."},
    {kFieldDevNosUsingDev, kGroupTree, false, 9, "devnos_using_dev", "RefDevNos",
     "List of device numbers of mapped devices using this one."},
    {kFieldSubsystem, kGroupSplit, false, 6, "subsystem", "Subsys",
     "Userspace subsystem responsible for this device."},
    {kFieldVgName, kGroupSplit, false, 4, "vg_name", "VG", "LVM Volume Group name."},
    {kFieldLvName, kGroupSplit, false, 4, "lv_name", "LV", "LVM Logical Volume name."},
    {kFieldLvLayer, kGroupSplit, false, 7, "lv_layer", "LVLayer", "LVM device layer."},
    Statistic(kGroupStats, "read_count", "Count of reads completed."),
    Statistic(kGroupStats, "reads_merged_count", "Count of read requests merged."),
    Statistic(kGroupStats, "read_sector_count", "Count of sectors read."),
    Statistic(kGroupStats, "read_time", "Accumulated duration of all read requests (ns)."),
    Statistic(kGroupStats, "write_count", "Count of writes completed."),
    Statistic(kGroupStats, "writes_merged_count", "Count of write requests merged."),
    Statistic(kGroupStats, "write_sector_count", "Count of sectors written."),
    Statistic(kGroupStats, "write_time", "Accumulated duration of all writes (ns)."),
    Statistic(kGroupStats, "in_progress_count", "Count of requests currently in progress."),
    Statistic(kGroupStats, "io_ticks", "Nanoseconds spent servicing requests."),
    Statistic(kGroupStats, "queue_ticks", "Total nanoseconds spent in queue."),
    Statistic(kGroupStats, "read_ticks", "Nanoseconds spent servicing reads."),
    Statistic(kGroupStats, "write_ticks", "Nanoseconds spent servicing writes."),
    Statistic(kGroupStats, "reads_merged_per_sec", "Read requests merged per second."),
    Statistic(kGroupStats, "writes_merged_per_sec", "Write requests merged per second."),
    Statistic(kGroupStats, "reads_per_sec", "Reads per second."),
    Statistic(kGroupStats, "writes_per_sec", "Writes per second."),
    Statistic(kGroupStats, "read_size_per_sec", "Size of data read per second."),
    Statistic(kGroupStats, "write_size_per_sec", "Size of data written per second."),
    Statistic(kGroupStats, "avg_request_size", "Average request size."),
    Statistic(kGroupStats, "queue_size", "Average queue size."),
    Statistic(kGroupStats, "await", "Averate wait time."),
    Statistic(kGroupStats, "read_await", "Averate read wait time."),
    Statistic(kGroupStats, "write_await", "Averate write wait time."),
    Statistic(kGroupStats, "throughput", "Throughput."),
    Statistic(kGroupStats, "service_time", "Service time."),
    Statistic(kGroupStats, "util", "Utilization."),
    Statistic(kGroupStats, "hist_count", "Latency histogram counts."),
    Statistic(kGroupStats, "hist_count_bounds", "Latency histogram counts with bin boundaries."),
    Statistic(kGroupStats, "hist_count_ranges", "Latency histogram counts with bin ranges."),
    Statistic(kGroupStats, "hist_percent", "Relative latency histogram."),
    Statistic(kGroupStats, "hist_percent_bounds",
              "Relative latency histogram with bin boundaries."),
    Statistic(kGroupStats, "hist_percent_ranges", "Relative latency histogram with bin ranges."),
    Statistic(kGroupStats, "interval_ns", "Sampling interval in nanoseconds."),
    Statistic(kGroupStats, "interval", "Sampling interval."),
    Statistic(kGroupRegion, "region_id", "Region ID."),
    Statistic(kGroupRegion, "region_start", "Region start."),
    Statistic(kGroupRegion, "region_len", "Region length."),
    Statistic(kGroupRegion, "area_id", "Area ID."),
    Statistic(kGroupRegion, "area_start", "Area offset from start of device."),
    Statistic(kGroupRegion, "area_len", "Area length."),
    Statistic(kGroupRegion, "area_offset", "Area offset from start of region."),
    Statistic(kGroupRegion, "area_count", "Area count."),
    Statistic(kGroupRegion, "group_id", "Group ID."),
    Statistic(kGroupRegion, "program_id", "Program ID."),
    Statistic(kGroupRegion, "user_data", "Auxiliary data."),
    Statistic(kGroupRegion, "precise", "Set if nanosecond precision counters are enabled."),
    Statistic(kGroupRegion, "hist_bins", "The number of histogram bins configured."),
    Statistic(kGroupRegion, "hist_bounds", "Latency histogram bin boundaries."),
    Statistic(kGroupRegion, "hist_ranges", "Latency histogram bin ranges."),
    Statistic(kGroupRegion, "stats_name", "Stats name of current object."),
    Statistic(kGroupRegion, "obj_type", "Type of stats object being reported."),
};

constexpr Field kSpecialFields[] = {
    {kFieldSelected, kGroupSpecial, true, 8, "selected", "Selected",
     "Set if item passes selection criteria."},
    {kFieldHelp, kGroupSpecial, true, 8, "help", "Help", "Show help."},
    {kFieldHelp, kGroupSpecial, true, 8, "?", "Help", "Show help."},
};

struct Group {
  FieldGroup group;
  absl::string_view prefix;
  absl::string_view title;
};

constexpr Group kGroups[] = {
    {kGroupName, "name_", "Mapped Device Name"},
    {kGroupInfo, "info_", "Mapped Device Information"},
    {kGroupDeps, "deps_", "Mapped Device Relationship Information"},
    {kGroupTree, "tree_", "Mapped Device Relationship Information"},
    {kGroupSplit, "splitname_", "Mapped Device Name Components"},
    {kGroupStats, "stats_", "Mapped Device Statistics"},
    {kGroupRegion, "region_", "Mapped Device Statistics Region Information"},
    {kGroupSpecial, "", "Special"},
};

const Group& GroupOf(const Field& field) {
  const Group* group = kGroups;
  while (group->group != field.group) ++group;
  return *group;
}

size_t NameWidth() {
  size_t width = 0;
  for (const Field& field : kFields) width = std::max(width, field.name.size());
  return width;
}

void AppendLine(std::string* text, size_t width, absl::string_view name,
                absl::string_view description) {
  absl::StrAppend(text, "  ", name, std::string(width - name.size(), ' '), " - ", description,
                  "\n");
}

// The sections of `fields`, with an empty line between two of them.
void AppendSections(std::string* text, absl::Span<const Field> fields) {
  const size_t width = NameWidth();
  absl::string_view title;
  for (const Field& field : fields) {
    const Group& group = GroupOf(field);
    if (group.title != title) {
      if (!title.empty()) absl::StrAppend(text, " \n");
      title = group.title;
      absl::StrAppend(text, title, " Fields\n", std::string(title.size() + 7, '-'), "\n");
      if (!group.prefix.empty()) {
        AppendLine(text, width, absl::StrCat(group.prefix, "all"), "All fields in this section.");
      }
    }
    AppendLine(text, width, field.name, field.description);
  }
}

}  // namespace

absl::Span<const Field> ReportFields() { return kFields; }

std::string CanonicalFieldName(absl::string_view word) {
  std::string canonical;
  for (const char c : word) {
    if (c != '_') canonical.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return canonical;
}

const Field* FindField(absl::string_view canonical) {
  for (const Field& field : kSpecialFields) {
    if (field.name == canonical) return &field;
  }
  for (const Field& field : kFields) {
    if (CanonicalFieldName(field.name) == canonical) return &field;
  }
  return nullptr;
}

uint32_t GroupsOfAll(absl::string_view canonical) {
  uint32_t groups = 0;
  for (const Group& group : kGroups) {
    absl::string_view rest = canonical;
    const bool matches = !group.prefix.empty() &&
                         absl::ConsumePrefix(&rest, absl::StripSuffix(group.prefix, "_")) &&
                         rest == "all";
    if (matches) groups |= group.group;
  }
  return groups;
}

std::string FieldHelp() {
  std::string text;
  AppendSections(&text, kFields);
  absl::StrAppend(&text, " \n");
  AppendSections(&text, kSpecialFields);
  absl::StrAppend(&text, " \n");
  return text;
}

}  // namespace dmkit::dm::dmsetup
