// SPDX-License-Identifier: Apache-2.0
// Makes and removes nodes under /dev. No ioctls here.

#include "dm/nodes.h"

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kMapperDir = "/dev/mapper";
constexpr uint32_t kNodeMode = 0600;

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

std::string MapperPath(const DmName& name) {
  return absl::StrCat(kMapperDir, "/", MangledName(name));
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

absl::Status MakeBlockNode(sys::Dir& root, absl::string_view path, sys::DeviceNumber device) {
  return root.MakeNode(path, sys::FileType::kBlockDevice, device, kNodeMode);
}

absl::Status MakeMapperNode(sys::Dir& root, absl::string_view path, sys::DeviceNumber device) {
  absl::Status made = MakeBlockNode(root, path, device);
  if (sys::GetErrno(made) == ENOENT) {
    // No udevd and no other device-mapper tool has been here yet.
    absl::Status directory = root.MakeDir(kMapperDir, 0755);
    if (!directory.ok() && sys::GetErrno(directory) != EEXIST) return directory;
    made = MakeBlockNode(root, path, device);
  }
  return made;
}

}  // namespace

absl::StatusOr<std::string> EnsureDeviceNode(const sys::Host& host, sys::DeviceNumber device) {
  const std::string path = absl::StrCat("/dev/dm-", device.minor);
  absl::StatusOr<sys::FileStat> stat = host.root->Stat(path);
  if (sys::GetErrno(stat.status()) == ENOENT) {
    const absl::Status made = MakeBlockNode(*host.root, path, device);
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

absl::Status EnsureMapperNode(const sys::Host& host, const DmName& name, sys::DeviceNumber device) {
  sys::Dir& root = *host.root;
  const std::string path = MapperPath(name);
  absl::StatusOr<sys::FileStat> stat = root.StatLink(path);
  if (sys::GetErrno(stat.status()) == ENOENT) {
    absl::Status made = MakeMapperNode(root, path, device);
    // EEXIST: udevd was faster. Its link or node is looked at like one that was there before.
    if (sys::GetErrno(made) != EEXIST) return made;
    stat = root.StatLink(path);
  }
  if (!stat.ok()) return stat.status();
  if (stat->type == sys::FileType::kSymlink || IsNodeOf(*stat, device)) return absl::OkStatus();
  if (stat->type != sys::FileType::kBlockDevice) return InTheWay(path, *stat, device);
  DMKIT_RETURN_IF_ERROR(root.Unlink(path));
  return MakeBlockNode(root, path, device);
}

absl::Status RemoveMapperNode(const sys::Host& host, const DmName& name) {
  const std::string path = MapperPath(name);
  const absl::StatusOr<sys::FileStat> stat = host.root->StatLink(path);
  if (sys::GetErrno(stat.status()) == ENOENT) return absl::OkStatus();
  if (!stat.ok()) return stat.status();
  if (stat->type != sys::FileType::kBlockDevice) return absl::OkStatus();
  const absl::Status removed = host.root->Unlink(path);
  return sys::GetErrno(removed) == ENOENT ? absl::OkStatus() : removed;
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
