// SPDX-License-Identifier: Apache-2.0

#include "driver/init_layer.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr uint32_t kMode = 0755;

struct Item {
  sys::FileType type;
  const char* path;
  const char* target;  // of a symbolic link
};

constexpr Item kItems[] = {
    {sys::FileType::kDirectory, "dev/pts", ""},
    {sys::FileType::kDirectory, "dev/shm", ""},
    {sys::FileType::kRegular, "dev/console", ""},
    {sys::FileType::kDirectory, "proc", ""},
    {sys::FileType::kDirectory, "sys", ""},
    {sys::FileType::kRegular, ".dockerenv", ""},
    {sys::FileType::kRegular, "etc/hostname", ""},
    {sys::FileType::kRegular, "etc/hosts", ""},
    {sys::FileType::kRegular, "etc/resolv.conf", ""},
    {sys::FileType::kSymlink, "etc/mtab", "/proc/mounts"},
};

// Whether there is a directory at `path`, after anything else there was removed.
absl::StatusOr<bool> ClearUnlessDirectory(sys::Dir& rootfs, const std::string& path) {
  const auto stat = rootfs.StatLink(path);
  if (sys::GetErrno(stat.status()) == ENOENT) return false;
  if (!stat.ok()) return stat.status();
  if (stat->type == sys::FileType::kDirectory) return true;
  DMKIT_RETURN_IF_ERROR(rootfs.Unlink(path));
  return false;
}

absl::Status MakeRootsDir(sys::Dir& rootfs, const std::string& path) {
  DMKIT_RETURN_IF_ERROR(rootfs.MakeDir(path, kMode));
  // Whatever the umask is.
  return rootfs.SetMode(path, kMode);
}

absl::Status MakeEmptyFile(sys::Dir& rootfs, const std::string& path) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  options.exclusive = true;
  options.mode = kMode;
  DMKIT_RETURN_IF_ERROR(rootfs.OpenFile(path, options));
  return rootfs.SetMode(path, kMode);
}

absl::Status Make(sys::Dir& rootfs, const Item& item) {
  const std::vector<std::string> parts = absl::StrSplit(item.path, '/');
  std::string path;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool is_last = i + 1 == parts.size();
    path = path.empty() ? parts[i] : absl::StrCat(path, "/", parts[i]);
    DMKIT_ASSIGN_OR_RETURN(const bool is_directory, ClearUnlessDirectory(rootfs, path));
    if (is_directory) continue;
    if (!is_last || item.type == sys::FileType::kDirectory) {
      DMKIT_RETURN_IF_ERROR(MakeRootsDir(rootfs, path));
    } else if (item.type == sys::FileType::kRegular) {
      DMKIT_RETURN_IF_ERROR(MakeEmptyFile(rootfs, path));
    } else {
      DMKIT_RETURN_IF_ERROR(rootfs.MakeSymlink(item.target, path));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetUpInitLayer(sys::Dir& rootfs) {
  for (const Item& item : kItems) {
    DMKIT_RETURN_IF_ERROR(sys::AddContext(Make(rootfs, item), absl::StrCat("making /", item.path)));
  }
  return absl::OkStatus();
}

}  // namespace dmkit::driver
