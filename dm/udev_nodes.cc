// SPDX-License-Identifier: Apache-2.0
// After an operation: wait for udevd, look, repair.

#include "dm/udev_nodes.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

using Kind = NodeChange::Kind;

// For a udevd that works and cannot tell: it takes some hundredths of a second, more under load.
constexpr absl::Duration kUntoldPatience = absl::Seconds(2);
constexpr absl::Duration kLookInterval = absl::Milliseconds(10);

// The names of a change as paths, for looking and for warnings.
class Names {
 public:
  Names(const sys::Host& host, absl::string_view dev_dir, const NodeChange& change)
      : root_(*host.root),
        change_(change),
        dir_(absl::StrCat(absl::StripSuffix(dev_dir, "/"), "/mapper/")),
        old_path_(absl::StrCat(dir_, change.name)),
        new_path_(absl::StrCat(dir_, change.new_name)) {}

  // What udevd left undone, in a sentence; empty when nothing.
  std::string LeftUndone() const {
    switch (change_.kind) {
      case Kind::kMake:
        if (LeadsToDevice(old_path_)) return "";
        return absl::StrCat(old_path_,
                            " not set up by udev: Falling back to direct node creation.");
      case Kind::kRename:
        return RenameLeftUndone();
      case Kind::kRemove:
        if (!IsLeftOver(old_path_)) return "";
        return absl::StrCat("Node ", old_path_,
                            " was not removed by udev. Falling back to direct node removal.");
    }
    return "";
  }

  // Whether there is something at `name` in which udevd will not put its link.
  bool IsTaken(const std::string& name) const {
    const absl::StatusOr<sys::FileStat> own = root_.StatLink(absl::StrCat(dir_, name));
    return own.ok() && own->type != sys::FileType::kSymlink;
  }

 private:
  std::string RenameLeftUndone() const {
    if (!LeadsToDevice(new_path_)) {
      return absl::StrCat("The node ", old_path_, " should have been renamed to ", new_path_,
                          " by udev but new node is not present. Falling back to direct node "
                          "rename.");
    }
    // Under the old name there may be another device by now.
    if (!LeadsToDevice(old_path_)) return "";
    return absl::StrCat("The node ", old_path_, " should have been renamed to ", new_path_,
                        " by udev but old node is still present. Falling back to direct old node "
                        "removal.");
  }

  bool LeadsToDevice(const std::string& path) const {
    const absl::StatusOr<sys::FileStat> stat = root_.Stat(path);
    return stat.ok() && stat->type == sys::FileType::kBlockDevice &&
           stat->rdevice == change_.device;
  }

  // The device's node, or a link that leads nowhere. A link that leads somewhere, and a node of
  // another number, are of a device that got the name meanwhile.
  bool IsLeftOver(const std::string& path) const {
    const absl::StatusOr<sys::FileStat> own = root_.StatLink(path);
    if (!own.ok()) return false;
    if (own->type == sys::FileType::kBlockDevice) return own->rdevice == change_.device;
    return own->type == sys::FileType::kSymlink &&
           sys::GetErrno(root_.Stat(path).status()) == ENOENT;
  }

  sys::Dir& root_;
  const NodeChange& change_;
  const std::string dir_;
  const std::string old_path_;
  const std::string new_path_;
};

absl::Status Apply(const sys::Host& host, absl::string_view dev_dir, const NodeChange& change) {
  switch (change.kind) {
    case Kind::kMake:
      return MakeMapperNode(host, dev_dir, change.name, change.device, change.owner);
    case Kind::kRename:
      DMKIT_RETURN_IF_ERROR(
          RenameMapperNode(host, dev_dir, change.name, change.new_name, change.device));
      return MakeMapperNode(host, dev_dir, change.new_name, change.device, change.owner);
    case Kind::kRemove:
      return RemoveMapperNodeOf(host, dev_dir, change.name, change.device);
  }
  return absl::OkStatus();
}

// For a udevd that does its work some time later, and leaves nodes alone: one that the change takes
// the name from goes, and one that has the name already is made right.
absl::Status ApplyToNodes(const sys::Host& host, absl::string_view dev_dir,
                          const NodeChange& change) {
  if (change.kind != Kind::kMake) {
    DMKIT_RETURN_IF_ERROR(RemoveMapperNodeOf(host, dev_dir, change.name, change.device));
  }
  if (change.kind == Kind::kRemove) return absl::OkStatus();
  const std::string& name = change.kind == Kind::kRename ? change.new_name : change.name;
  if (!Names(host, dev_dir, change).IsTaken(name)) return absl::OkStatus();
  return MakeMapperNode(host, dev_dir, name, change.device, change.owner);
}

// What udevd has left undone when it had its time.
std::string LeftUndoneInTime(sys::Clock& clock, const Names& names) {
  const absl::Time deadline = clock.Now() + kUntoldPatience;
  std::string undone = names.LeftUndone();
  while (!undone.empty() && clock.Now() < deadline) {
    clock.Sleep(kLookInterval);
    undone = names.LeftUndone();
  }
  return undone;
}

// `warnings` as the result, or with the error.
absl::StatusOr<std::string> WithWarnings(const absl::Status& status, const std::string& warnings) {
  if (status.ok()) return warnings;
  return warnings.empty() ? status : sys::AddContext(status, warnings);
}

}  // namespace

absl::StatusOr<std::string> SettleMapperNode(const sys::Host& host, UdevSync& sync,
                                             absl::string_view dev_dir, const NodeChange& change) {
  const bool is_udevs = absl::StripSuffix(dev_dir, "/") == "/dev" && sync.UdevdMakesLinks();
  const bool is_told = sync.waits() && sync.uevent_sent();
  const bool is_awaited = sync.wants_to_wait() && sync.uevent_sent();
  sync.Wait();
  std::string warnings = sync.warning();
  if (is_udevs) {
    if (!is_told) {
      const absl::Status applied = ApplyToNodes(host, dev_dir, change);
      if (!applied.ok() || !is_awaited) return WithWarnings(applied, warnings);
    }
    const Names names(host, dev_dir, change);
    const std::string undone = is_told ? names.LeftUndone() : LeftUndoneInTime(*host.clock, names);
    if (undone.empty()) return warnings;
    absl::StrAppend(&warnings, warnings.empty() ? "" : "\n", undone);
  }
  return WithWarnings(Apply(host, dev_dir, change), warnings);
}

}  // namespace dmkit::dm
