// SPDX-License-Identifier: Apache-2.0
// Makes and removes nodes under /dev. No ioctls here.

#include "dm/nodes.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kDevDir = "/dev";
// Of looks at a name before it is given up: what is in the way is removed in one, made in another,
// and others may come in between.
constexpr int kStepsMax = 5;

bool IsHexDigit(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

bool IsPlain(char c) {
  constexpr absl::string_view kPlain = "#+-.:=@_";
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         kPlain.find(c) != absl::string_view::npos;
}

// Whether all of `text` is what mangling gives.
bool IsMangled(absl::string_view text) {
  while (!text.empty()) {
    const bool escape = text.size() >= 4 && text[0] == '\\' && text[1] == 'x' &&
                        IsHexDigit(text[2]) && IsHexDigit(text[3]);
    if (!escape && !IsPlain(text[0])) return false;
    text.remove_prefix(escape ? 4 : 1);
  }
  return true;
}

std::string MapperDir(absl::string_view dev_dir) {
  return absl::StrCat(absl::StripSuffix(dev_dir, "/"), "/mapper");
}

absl::StatusOr<std::string> MapperPath(absl::string_view dev_dir, absl::string_view name) {
  const bool usable = !name.empty() && !absl::StrContains(name, '/') && name != "." &&
                      name != ".." && name != "control";
  if (usable) return absl::StrCat(MapperDir(dev_dir), "/", name);
  return absl::InvalidArgumentError(
      absl::StrCat("node \"", sys::Printable(name), "\": not a name for a device's node"));
}

bool IsMissing(const absl::Status& status) { return sys::GetErrno(status) == ENOENT; }

absl::Status OkIfMissing(const absl::Status& status) {
  return IsMissing(status) ? absl::OkStatus() : status;
}

bool IsNodeOf(const sys::FileStat& stat, sys::DeviceNumber device) {
  return stat.type == sys::FileType::kBlockDevice && stat.rdevice == device;
}

absl::Status InTheWay(absl::string_view path, const sys::FileStat& stat, sys::DeviceNumber wanted) {
  const bool block = stat.type == sys::FileType::kBlockDevice;
  return sys::ErrnoStatus(
      EEXIST,
      absl::StrCat("make node ", path, " for ", sys::FormatDeviceNumber(wanted), ": ",
                   block ? absl::StrCat("a node for ", sys::FormatDeviceNumber(stat.rdevice))
                         : "a file that is no block device",
                   " is in the way"));
}

absl::Status NoBlockDevice(absl::string_view path) {
  return sys::ErrnoStatus(
      EEXIST, absl::StrCat("make node ", path, ": a file that is no block device is in the way"));
}

absl::Status MakeBlockNode(sys::Dir& root, absl::string_view path, sys::DeviceNumber device,
                           const NodeOwner& owner) {
  DMKIT_RETURN_IF_ERROR(root.MakeNode(path, sys::FileType::kBlockDevice, device, owner.mode));
  if (owner.uid == 0 && owner.gid == 0) return absl::OkStatus();
  return root.SetOwner(path, owner.uid, owner.gid);
}

// With the directory: no udevd and no other device-mapper tool may have been here yet.
absl::Status MakeInMapperDir(sys::Dir& root, absl::string_view dev_dir, absl::string_view path,
                             sys::DeviceNumber device, const NodeOwner& owner) {
  absl::Status made = MakeBlockNode(root, path, device, owner);
  if (!IsMissing(made)) return made;
  const absl::Status directory = root.MakeDir(MapperDir(dev_dir), 0755);
  if (!directory.ok() && sys::GetErrno(directory) != EEXIST) return directory;
  return MakeBlockNode(root, path, device, owner);
}

// What a name leads to, through a link.
struct Lead {
  sys::FileType type = sys::FileType::kRegular;  // of the name itself
  std::optional<sys::FileStat> end;              // nothing: a link that leads nowhere
  bool is_link() const { return type == sys::FileType::kSymlink; }
  bool is_block() const { return end.has_value() && end->type == sys::FileType::kBlockDevice; }
  // Something that no function of this file touches.
  bool is_stranger() const { return end.has_value() && !is_block(); }
  bool is_of_other_than(sys::DeviceNumber device) const {
    return is_block() && end->rdevice != device;
  }
};

// ENOENT: there is no such name.
absl::StatusOr<Lead> FollowName(sys::Dir& root, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat own, root.StatLink(path));
  Lead lead;
  lead.type = own.type;
  if (!lead.is_link()) {
    lead.end = own;
    return lead;
  }
  absl::StatusOr<sys::FileStat> end = root.Stat(path);
  const int error = sys::GetErrno(end.status());
  if (end.ok()) {
    lead.end = *std::move(end);
  } else if (error != ENOENT && error != ELOOP && error != ENOTDIR) {
    return end.status();
  }
  return lead;
}

// One step of MakeMapperNode: true when `path` leads to `device`, false when what was in the way
// is gone now, or something new came: look again.
absl::StatusOr<bool> TryMake(sys::Dir& root, absl::string_view dev_dir, absl::string_view path,
                             sys::DeviceNumber device, const NodeOwner& owner) {
  const absl::StatusOr<Lead> lead = FollowName(root, path);
  if (IsMissing(lead.status())) {
    const absl::Status made = MakeInMapperDir(root, dev_dir, path, device, owner);
    if (made.ok()) return true;
    // udevd, or another process, was faster.
    if (sys::GetErrno(made) == EEXIST) return false;
    return made;
  }
  if (!lead.ok()) return lead.status();
  if (lead->is_stranger()) return NoBlockDevice(path);
  if (lead->is_block() && lead->end->rdevice == device) return true;
  DMKIT_RETURN_IF_ERROR(OkIfMissing(root.Unlink(path)));
  return false;
}

// Of `device` only, where one is given.
absl::Status RemoveNode(const sys::Host& host, absl::string_view dev_dir, absl::string_view name,
                        std::optional<sys::DeviceNumber> device) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, MapperPath(dev_dir, name));
  const absl::StatusOr<Lead> lead = FollowName(*host.root, path);
  if (!lead.ok()) return OkIfMissing(lead.status());
  const bool stays = lead->is_link() ? lead->end.has_value() : !lead->is_block();
  if (stays || (device.has_value() && lead->is_of_other_than(*device))) return absl::OkStatus();
  return OkIfMissing(host.root->Unlink(path));
}

void KeepFirst(absl::Status status, absl::Status* first) {
  if (first->ok()) *first = std::move(status);
}

// Returns the names, sorted.
std::vector<std::string> MakeNodesOf(const sys::Host& host, absl::string_view dev_dir,
                                     const std::vector<MapperEntry>& entries, absl::Status* first) {
  std::vector<std::string> names;
  for (const MapperEntry& entry : entries) {
    names.push_back(entry.name);
    KeepFirst(MakeMapperNode(host, dev_dir, entry.name, entry.device, NodeOwner()), first);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Has(const std::vector<std::string>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

}  // namespace

absl::StatusOr<std::string> EnsureDeviceNode(const sys::Host& host, sys::DeviceNumber device) {
  const std::string path = absl::StrCat("/dev/dm-", device.minor);
  absl::StatusOr<sys::FileStat> stat = host.root->Stat(path);
  if (sys::GetErrno(stat.status()) == ENOENT) {
    const absl::Status made = MakeBlockNode(*host.root, path, device, NodeOwner());
    if (made.ok()) return path;
    // EEXIST: devtmpfs was faster.
    if (sys::GetErrno(made) != EEXIST) return made;
    stat = host.root->Stat(path);
  }
  if (!stat.ok()) return stat.status();
  if (!IsNodeOf(*stat, device)) return InTheWay(path, *stat, device);
  return path;
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenDevice(const sys::Host& host,
                                                      sys::DeviceNumber device,
                                                      const sys::OpenOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, EnsureDeviceNode(host, device));
  return host.root->OpenFile(path, options);
}

absl::Status MakeMapperNode(const sys::Host& host, absl::string_view dev_dir,
                            absl::string_view name, sys::DeviceNumber device,
                            const NodeOwner& owner) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, MapperPath(dev_dir, name));
  for (int step = 0; step < kStepsMax; ++step) {
    DMKIT_ASSIGN_OR_RETURN(const bool done, TryMake(*host.root, dev_dir, path, device, owner));
    if (done) return absl::OkStatus();
  }
  return sys::ErrnoStatus(EBUSY, absl::StrCat("make node ", path, ": others keep changing it"));
}

absl::Status RenameMapperNode(const sys::Host& host, absl::string_view dev_dir,
                              absl::string_view name, absl::string_view new_name,
                              sys::DeviceNumber device) {
  DMKIT_ASSIGN_OR_RETURN(const std::string from, MapperPath(dev_dir, name));
  DMKIT_ASSIGN_OR_RETURN(const std::string to, MapperPath(dev_dir, new_name));
  const absl::StatusOr<Lead> old = FollowName(*host.root, from);
  if (!old.ok()) return OkIfMissing(old.status());
  if (old->is_stranger() || old->is_of_other_than(device)) return absl::OkStatus();
  const absl::StatusOr<Lead> taken = FollowName(*host.root, to);
  DMKIT_RETURN_IF_ERROR(OkIfMissing(taken.status()));
  if (taken.ok() && taken->is_stranger()) return NoBlockDevice(to);
  return OkIfMissing(host.root->Rename(from, to));
}

absl::Status RemoveMapperNode(const sys::Host& host, absl::string_view dev_dir,
                              absl::string_view name) {
  return RemoveNode(host, dev_dir, name, std::nullopt);
}

absl::Status RemoveMapperNodeOf(const sys::Host& host, absl::string_view dev_dir,
                                absl::string_view name, sys::DeviceNumber device) {
  return RemoveNode(host, dev_dir, name, device);
}

absl::Status RepairMapperNodes(const sys::Host& host, absl::string_view dev_dir,
                               ListMapperEntries list) {
  absl::StatusOr<std::vector<sys::DirEntry>> there = host.root->List(MapperDir(dev_dir));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<MapperEntry> entries, list());
  absl::Status first = OkIfMissing(there.status());
  const std::vector<std::string> wanted = MakeNodesOf(host, dev_dir, entries, &first);
  for (const sys::DirEntry& entry : there.value_or(std::vector<sys::DirEntry>())) {
    if (entry.name == "control" || Has(wanted, entry.name)) continue;
    KeepFirst(RemoveMapperNode(host, dev_dir, entry.name), &first);
  }
  const absl::StatusOr<std::vector<MapperEntry>> now = list();
  KeepFirst(now.status(), &first);
  if (!now.ok()) return first;
  const std::vector<std::string> left = MakeNodesOf(host, dev_dir, *now, &first);
  for (const MapperEntry& entry : entries) {
    if (Has(left, entry.name)) continue;
    KeepFirst(RemoveMapperNodeOf(host, dev_dir, entry.name, entry.device), &first);
  }
  return first;
}

absl::Status EnsureMapperNode(const sys::Host& host, const DmName& name, sys::DeviceNumber device) {
  return MakeMapperNode(host, kDevDir, MangledName(name), device, NodeOwner());
}

absl::Status RemoveMapperNode(const sys::Host& host, const DmName& name) {
  return RemoveMapperNode(host, kDevDir, MangledName(name));
}

absl::Status RemoveMapperNodeOf(const sys::Host& host, const DmName& name,
                                sys::DeviceNumber device) {
  return RemoveMapperNodeOf(host, kDevDir, MangledName(name), device);
}

std::optional<sys::DeviceNumber> FindMapperNode(const sys::Host& host, const DmName& name) {
  const auto stat = host.root->Stat(absl::StrCat(MapperDir(kDevDir), "/", MangledName(name)));
  const bool is_block = stat.ok() && stat->type == sys::FileType::kBlockDevice;
  return is_block ? std::make_optional(stat->rdevice) : std::nullopt;
}

std::string MangledName(const DmName& name) {
  if (IsMangled(name.text())) return name.text();
  std::string mangled;
  for (const char c : name.text()) {
    if (IsPlain(c)) {
      mangled.push_back(c);
    } else {
      absl::StrAppend(&mangled, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return mangled;
}

}  // namespace dmkit::dm
