// SPDX-License-Identifier: Apache-2.0
// One function per report. Sizes are printed as Docker prints them.

#include "driver/cli/format.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/cli/displayable.h"
#include "driver/cli/layer_tree.h"
#include "driver/cli/rows.h"
#include "driver/options.h"
#include "driver/report.pb.h"
#include "sys/units.h"

namespace dmkit::driver::cli {
namespace {

constexpr absl::string_view kNothing = "-";

std::string Size(uint64_t bytes) { return HumanSize(sys::Bytes(bytes)); }

std::string Used(uint64_t used, uint64_t total) {
  return absl::StrCat(Size(used), " of ", Size(total));
}

std::string Mapped(const report::Layer& layer) {
  return layer.has_mapped_bytes() ? Size(layer.mapped_bytes()) : std::string(kNothing);
}

std::string Moment(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

absl::string_view YesNo(bool value) { return value ? "yes" : "no"; }

// Collects `Name: value` lines.
class Lines {
 public:
  void Add(absl::string_view name, absl::string_view value) {
    absl::StrAppend(&text_, name, ":", value.empty() ? "" : " ", DisplayableLine(value), "\n");
  }
  void AddUnlessEmpty(absl::string_view name, absl::string_view value) {
    if (!value.empty()) Add(name, value);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string ProblemText(const report::Problem& problem) {
  std::string text = absl::StrCat(DisplayableLine(problem.object()), ": ",
                                  DisplayableMessage(problem.problem()), "\n");
  if (!problem.advice().empty()) {
    absl::StrAppend(&text, "  what to do: ", DisplayableMessage(problem.advice()), "\n");
  }
  return text;
}

// Nothing where there is no problem.
template <typename Problems>
std::string ProblemList(absl::string_view title, const Problems& problems) {
  if (problems.empty()) return "";
  std::string text = absl::StrCat("\n", title, ":\n");
  for (const report::Problem& problem : problems) absl::StrAppend(&text, ProblemText(problem));
  return text;
}

std::string MountCell(const report::Layer& layer) {
  if (!layer.ready()) return "incomplete";
  if (layer.mount_path().empty()) return std::string(kNothing);
  std::string cell = DisplayableLine(layer.mount_path());
  if (layer.mount_count() != 1) absl::StrAppend(&cell, " (", layer.mount_count(), " gets)");
  return cell;
}

std::vector<std::string> LayerCells(const TreeRow& row) {
  const std::string indent(2 * row.depth, ' ');
  if (row.layer == nullptr) {
    return {absl::StrCat(indent, DisplayableLine(row.missing),
                         row.removed ? " (removed)" : " (not readable)"),
            std::string(kNothing), std::string(kNothing), std::string(kNothing)};
  }
  return {absl::StrCat(indent, DisplayableLine(row.layer->id())), Size(row.layer->size_bytes()),
          Mapped(*row.layer), MountCell(*row.layer)};
}

}  // namespace

std::string FormatText(const report::LayerList& list) {
  std::vector<std::vector<std::string>> rows = {{"LAYER", "SIZE", "MAPPED", "MOUNTED"}};
  for (const TreeRow& row : LayTree(list)) rows.push_back(LayerCells(row));
  return absl::StrCat(FormatColumns(rows),
                      ProblemList("Quarantined, not usable", list.quarantined()));
}

std::string FormatText(const report::Layer& layer) {
  Lines lines;
  lines.Add("Id", layer.id());
  if (layer.parent().empty()) {
    lines.Add("Parent", "none, made from the base");
  } else {
    lines.Add("Parent", absl::StrCat(layer.parent(), layer.parent_removed() ? " (removed)" : ""));
  }
  lines.Add("Ready", YesNo(layer.ready()));
  if (layer.created_unix_seconds() != 0) {
    lines.Add("Created", Moment(absl::FromUnixSeconds(layer.created_unix_seconds())));
  }
  lines.Add("Size", Size(layer.size_bytes()));
  lines.Add("Mapped", Mapped(layer));
  lines.Add("Filesystem", layer.filesystem());
  lines.Add("Thin id", absl::StrCat(layer.thin_id()));
  lines.Add("Device name", layer.device_name());
  lines.Add("Device number",
            layer.device_number().empty() ? "none, not active" : layer.device_number());
  lines.Add("Mounted at", layer.mount_path().empty() ? kNothing : layer.mount_path());
  lines.Add("Gets", absl::StrCat(layer.mount_count()));
  return lines.Take();
}

std::string FormatText(const report::DriverStatus& status) {
  Lines lines;
  for (const report::StatusRow& row : status.rows()) {
    lines.Add(DisplayableLine(row.name()), row.value());
  }
  return lines.Take();
}

std::string FormatText(const report::PoolStatus& status) {
  Lines lines;
  lines.Add("Name", status.name());
  lines.AddUnlessEmpty("UUID", status.uuid());
  lines.Add("Device number", status.device_number());
  lines.Add("Mode", status.mode());
  lines.Add("Needs check", YesNo(status.needs_check()));
  lines.Add("Transaction id", absl::StrCat(status.transaction_id()));
  lines.Add("Block size", Size(status.block_size_bytes()));
  lines.Add("Data used", Used(status.used_data_bytes(), status.total_data_bytes()));
  lines.Add("Metadata used", Used(status.used_metadata_bytes(), status.total_metadata_bytes()));
  lines.Add("Discard", status.discard());
  lines.Add("When full", status.error_if_no_space() ? "error" : "queue");
  lines.AddUnlessEmpty("Data on", status.data_backing());
  lines.AddUnlessEmpty("Metadata on", status.metadata_backing());
  return lines.Take();
}

std::string FormatText(const report::PoolEvent& event) {
  std::string text =
      absl::StrCat(Moment(absl::FromUnixMillis(event.unix_milliseconds())), " ", event.event());
  if (!event.name().empty()) {
    absl::StrAppend(&text, ": ", DisplayableLine(event.name()), ": mode ", event.mode());
    if (!event.mode_before().empty()) absl::StrAppend(&text, " (was ", event.mode_before(), ")");
    absl::StrAppend(&text, event.needs_check() ? ", needs check" : "", ", data ",
                    Used(event.used_data_bytes(), event.total_data_bytes()), ", metadata ",
                    Used(event.used_metadata_bytes(), event.total_metadata_bytes()));
  }
  absl::StrAppend(&text, "\n");
  return text;
}

std::string FormatText(const report::VersionInfo& version) {
  Lines lines;
  lines.Add("dmkit", version.version());
  lines.Add("commit", version.commit());
  lines.Add("device-mapper interface",
            version.dm_interface().empty() ? "not available" : version.dm_interface());
  return lines.Take();
}

std::string FormatText(const report::PoolCheck& check) {
  std::string text = absl::StrCat(
      DisplayableLine(check.pool().name()), ": mode ", DisplayableLine(check.pool().mode()),
      check.pool().needs_check() ? ", needs check" : "", ", ",
      check.clean() ? "nothing is wrong" : absl::StrCat("problems: ", check.problems_size()), "\n");
  for (const report::Problem& problem : check.problems()) {
    absl::StrAppend(&text, ProblemText(problem));
  }
  return text;
}

std::string FormatText(const report::Mounted& mounted) {
  return absl::StrCat(mounted.path(), "\n");
}

std::string FormatText(const report::Exists&) { return ""; }

std::string FormatText(const report::ImportReport& import) {
  Lines lines;
  lines.Add("Docker store", import.docker_root());
  lines.Add("Store", import.root());
  lines.Add("Writable", import.adopted() ? "yes, adopted" : "no");
  if (import.dry_run()) lines.Add("Dry run", "nothing was made or written");
  lines.AddUnlessEmpty("Pool", import.pool_name());
  lines.AddUnlessEmpty("Data on", import.data_backing());
  lines.AddUnlessEmpty("Metadata on", import.metadata_backing());
  lines.Add("Block size", Size(import.block_size_bytes()));
  lines.Add("Transaction id", absl::StrCat(import.transaction_id()));
  lines.AddUnlessEmpty("Filesystem", import.filesystem());
  report::LayerList list;
  *list.mutable_layers() = import.layers();
  return absl::StrCat(lines.Take(), "\n", FormatText(list),
                      ProblemList("Not usable", import.problems()));
}

std::string FormatText(const report::GarbageReport& garbage) {
  std::string text;
  for (const std::string& id : garbage.freed()) {
    absl::StrAppend(&text, "freed: ", DisplayableLine(id), "\n");
  }
  for (const report::Problem& problem : garbage.left()) {
    absl::StrAppend(&text, "left: ", ProblemText(problem));
  }
  return text;
}

std::string FormatText(const report::ChangesSize& size) { return absl::StrCat(size.bytes(), "\n"); }

std::string FormatText(const report::Archive&) { return ""; }

std::string FormatText(const report::Applied&) { return ""; }

std::string FormatText(const report::LoopDevice& device) {
  return absl::StrCat(device.path(), "\n");
}

std::string FormatText(const report::LoopDeviceList& list) {
  std::vector<std::vector<std::string>> rows = {
      {"DEVICE", "OFFSET", "LIMIT", "READ-ONLY", "AUTOCLEAR", "DIRECT-IO", "FILE"}};
  for (const report::LoopDevice& device : list.devices()) {
    rows.push_back({device.path(), absl::StrCat(device.offset_bytes()),
                    absl::StrCat(device.size_limit_bytes()), std::string(YesNo(device.read_only())),
                    std::string(YesNo(device.autoclear())), std::string(YesNo(device.direct_io())),
                    DisplayableLine(device.backing_file())});
  }
  return FormatColumns(rows);
}

}  // namespace dmkit::driver::cli
