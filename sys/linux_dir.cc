// SPDX-License-Identifier: Apache-2.0
// Directory handles on Linux: everything relative to a descriptor.

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/linux_internal.h"
#include "sys/path_label.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

constexpr int kDirFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

class LinuxDir : public Dir {
 public:
  LinuxDir(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  absl::StatusOr<std::unique_ptr<File>> OpenFile(absl::string_view path,
                                                 const OpenOptions& options) override;
  absl::StatusOr<std::unique_ptr<Dir>> OpenDir(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirNoFollow(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirInRoot(absl::string_view path) override;
  absl::Status MakeDir(absl::string_view path, uint32_t mode) override;
  absl::StatusOr<std::vector<DirEntry>> List(absl::string_view path) override;
  absl::StatusOr<FileStat> Stat(absl::string_view path) override;
  absl::StatusOr<FileStat> StatLink(absl::string_view path) override;
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override;
  absl::Status Rename(absl::string_view from, absl::string_view to) override;
  absl::Status Unlink(absl::string_view path) override;
  absl::Status RemoveDir(absl::string_view path) override;
  absl::Status MakeSymlink(absl::string_view target, absl::string_view path) override;
  absl::Status MakeLink(absl::string_view from, absl::string_view to) override;
  absl::Status MakeNode(absl::string_view path, FileType type, DeviceNumber device,
                        uint32_t mode) override;
  absl::Status SetMode(absl::string_view path, uint32_t mode) override;
  absl::Status SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) override;
  absl::Status SetTimes(absl::string_view path, absl::Time accessed, absl::Time modified) override;
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view path) override {
    return ListXattrsAt({fd_.get(), path, Label(path)});
  }
  absl::StatusOr<std::string> GetXattr(absl::string_view path, absl::string_view name) override {
    return GetXattrAt({fd_.get(), path, Label(path)}, name);
  }
  absl::Status SetXattr(absl::string_view path, absl::string_view name,
                        absl::string_view value) override {
    return SetXattrAt({fd_.get(), path, Label(path)}, name, value);
  }
  absl::Status RemoveXattr(absl::string_view path, absl::string_view name) override {
    return RemoveXattrAt({fd_.get(), path, Label(path)}, name);
  }
  absl::StatusOr<SpaceInfo> Space() override;
  absl::Status Sync() override;
  absl::Status SyncFilesystem() override;

 private:
  std::string Label(absl::string_view path) const { return PathLabel(path_, path); }
  // Makes a call that takes (descriptor, path), returns -1 or a number, and is safe to repeat on
  // EINTR; gives its status, and the number through `result` when that is asked for.
  template <typename Call>
  absl::Status OnPath(absl::string_view operation, absl::string_view path, Call call,
                      int* result = nullptr) const;
  absl::StatusOr<std::unique_ptr<Dir>> OpenWith(absl::string_view path, int flags) const;
  absl::StatusOr<FileStat> StatWith(absl::string_view path, int flags) const;
  absl::StatusOr<std::optional<DirEntry>> Entry(int fd, const struct dirent& entry,
                                                absl::string_view path) const;

  UniqueFd fd_;
  std::string path_;
};

template <typename Call>
absl::Status LinuxDir::OnPath(absl::string_view operation, absl::string_view path, Call call,
                              int* result) const {
  DMKIT_ASSIGN_OR_RETURN(const std::string name, KernelPath(operation, path));
  const int got = RetryOnEintr([&] { return call(fd_.get(), name.c_str()); });
  if (got == -1) return CallStatus(-1, operation, Label(path));
  if (result != nullptr) *result = got;
  return absl::OkStatus();
}

int OpenFlags(const OpenOptions& options) {
  int flags = O_CLOEXEC | O_NOCTTY;
  flags |= options.access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  if (options.create) flags |= O_CREAT;
  if (options.exclusive) flags |= O_EXCL;
  if (options.direct) flags |= O_DIRECT;
  if (options.no_follow) flags |= O_NOFOLLOW;
  if (options.nonblock) flags |= O_NONBLOCK;
  return flags;
}

absl::StatusOr<std::unique_ptr<File>> LinuxDir::OpenFile(absl::string_view path,
                                                         const OpenOptions& options) {
  int fd = -1;
  const auto call = [flags = OpenFlags(options), mode = options.mode](int dir, const char* name) {
    return openat(dir, name, flags, mode);
  };
  DMKIT_RETURN_IF_ERROR(OnPath("open", path, call, &fd));
  return MakeLinuxFile(UniqueFd(fd), Label(path));
}

absl::StatusOr<std::unique_ptr<Dir>> LinuxDir::OpenWith(absl::string_view path, int flags) const {
  int fd = -1;
  const auto call = [flags](int dir, const char* name) { return openat(dir, name, flags); };
  DMKIT_RETURN_IF_ERROR(OnPath("open directory", path, call, &fd));
  return std::make_unique<LinuxDir>(UniqueFd(fd), Label(path));
}

absl::StatusOr<std::unique_ptr<Dir>> LinuxDir::OpenDir(absl::string_view path) {
  return OpenWith(path, kDirFlags);
}

absl::StatusOr<std::unique_ptr<Dir>> LinuxDir::OpenDirNoFollow(absl::string_view path) {
  return OpenWith(path, kDirFlags | O_NOFOLLOW);
}

absl::StatusOr<std::unique_ptr<Dir>> LinuxDir::OpenDirInRoot(absl::string_view path) {
  struct open_how how = {};
  how.flags = kDirFlags;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  // Any rename on the machine while a ".." is walked makes the kernel give up, as a signal does.
  constexpr int kRoundsMax = 64;
  const auto call = [&how](int dir, const char* name) {
    int fd = -1;
    for (int round = 0; round < kRoundsMax; ++round) {
      fd = static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof(how)));
      if (fd != -1 || errno != EAGAIN) break;
    }
    return fd;
  };
  int fd = -1;
  DMKIT_RETURN_IF_ERROR(OnPath("open directory", path, call, &fd));
  return std::make_unique<LinuxDir>(UniqueFd(fd), Label(path));
}

absl::Status LinuxDir::MakeDir(absl::string_view path, uint32_t mode) {
  return OnPath("mkdir", path,
                [mode](int dir, const char* name) { return mkdirat(dir, name, mode); });
}

// Nothing for "." and "..", and for a file that was removed meanwhile.
absl::StatusOr<std::optional<DirEntry>> LinuxDir::Entry(int fd, const struct dirent& entry,
                                                        absl::string_view path) const {
  const absl::string_view name = entry.d_name;
  if (name == "." || name == "..") return std::optional<DirEntry>();
  mode_t mode = DTTOIF(mode_t{entry.d_type});
  if (entry.d_type == DT_UNKNOWN) {
    struct stat stat = {};
    const int result = fstatat(fd, entry.d_name, &stat, AT_SYMLINK_NOFOLLOW);
    if (result == -1 && errno == ENOENT) return std::optional<DirEntry>();
    if (result == -1) return CallStatus(-1, "stat", absl::StrCat(Label(path), "/", name));
    mode = stat.st_mode;
  }
  return std::optional<DirEntry>(DirEntry{std::string(name), FileTypeOf(mode)});
}

absl::StatusOr<std::vector<DirEntry>> LinuxDir::List(absl::string_view path) {
  int fd = -1;
  const auto call = [](int dir, const char* name) { return openat(dir, name, kDirFlags); };
  DMKIT_RETURN_IF_ERROR(OnPath("list", path, call, &fd));
  UniqueFd owner(fd);
  DIR* const stream = fdopendir(fd);
  if (stream == nullptr) return CallStatus(-1, "list", Label(path));
  owner.Release();
  const absl::Cleanup close_stream = [stream] { closedir(stream); };

  std::vector<DirEntry> entries;
  while (true) {
    errno = 0;
    const struct dirent* const entry = readdir(stream);
    if (entry == nullptr && errno != 0) return CallStatus(-1, "list", Label(path));
    if (entry == nullptr) break;
    DMKIT_ASSIGN_OR_RETURN(std::optional<DirEntry> known, Entry(fd, *entry, path));
    if (known.has_value()) entries.push_back(*std::move(known));
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

absl::StatusOr<FileStat> LinuxDir::StatWith(absl::string_view path, int flags) const {
  struct stat stat = {};
  const auto call = [&stat, flags](int dir, const char* name) {
    return fstatat(dir, name, &stat, flags);
  };
  DMKIT_RETURN_IF_ERROR(OnPath("stat", path, call));
  return FileStatOf(stat);
}

absl::StatusOr<FileStat> LinuxDir::Stat(absl::string_view path) { return StatWith(path, 0); }

absl::StatusOr<FileStat> LinuxDir::StatLink(absl::string_view path) {
  return StatWith(path, AT_SYMLINK_NOFOLLOW);
}

absl::StatusOr<std::string> LinuxDir::ReadLink(absl::string_view path) {
  // The kernel cuts a longer target off without a word; none is longer than PATH_MAX.
  std::string target(PATH_MAX + 1, '\0');
  int length = 0;
  const auto call = [&target](int dir, const char* name) {
    return static_cast<int>(readlinkat(dir, name, &target[0], target.size()));
  };
  DMKIT_RETURN_IF_ERROR(OnPath("readlink", path, call, &length));
  target.resize(static_cast<size_t>(length));
  return target;
}

absl::Status LinuxDir::Rename(absl::string_view from, absl::string_view to) {
  DMKIT_ASSIGN_OR_RETURN(const std::string to_name, KernelPath("rename to", to));
  const auto call = [&to_name](int dir, const char* name) {
    return renameat(dir, name, dir, to_name.c_str());
  };
  return OnPath(absl::StrCat("rename to ", Label(to), " from"), from, call);
}

absl::Status LinuxDir::Unlink(absl::string_view path) {
  return OnPath("unlink", path, [](int dir, const char* name) { return unlinkat(dir, name, 0); });
}

absl::Status LinuxDir::RemoveDir(absl::string_view path) {
  return OnPath("rmdir", path,
                [](int dir, const char* name) { return unlinkat(dir, name, AT_REMOVEDIR); });
}

absl::Status LinuxDir::MakeSymlink(absl::string_view target, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const std::string target_text, KernelPath("symlink to", target));
  return OnPath("symlink", path, [&target_text](int dir, const char* name) {
    return symlinkat(target_text.c_str(), dir, name);
  });
}

absl::Status LinuxDir::MakeLink(absl::string_view from, absl::string_view to) {
  DMKIT_ASSIGN_OR_RETURN(const std::string to_name, KernelPath("link to", to));
  const auto call = [&to_name](int dir, const char* name) {
    return linkat(dir, name, dir, to_name.c_str(), 0);
  };
  return OnPath(absl::StrCat("link ", Label(to), " to"), from, call);
}

// 0 for what mknod does not make.
mode_t NodeFormat(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return S_IFREG;
    case FileType::kBlockDevice:
      return S_IFBLK;
    case FileType::kCharDevice:
      return S_IFCHR;
    case FileType::kFifo:
      return S_IFIFO;
    case FileType::kSocket:
      return S_IFSOCK;
    case FileType::kDirectory:
    case FileType::kSymlink:
      return 0;
  }
  return 0;
}

absl::Status LinuxDir::MakeNode(absl::string_view path, FileType type, DeviceNumber device,
                                uint32_t mode) {
  const mode_t format = NodeFormat(type);
  if (format == 0) {
    return ErrnoStatus(EINVAL, absl::StrCat("mknod ", Label(path), ": not a kind of node"));
  }
  const dev_t number = makedev(device.major, device.minor);
  DMKIT_RETURN_IF_ERROR(OnPath("mknod", path, [format, mode, number](int dir, const char* name) {
    return mknodat(dir, name, format | (mode & 07777), number);
  }));
  // The umask, which belongs to the whole process, has taken bits away.
  absl::Status set = SetMode(path, mode);
  if (set.ok()) return set;
  return WithSecondError(set, "remove the node", Unlink(path));
}

absl::Status LinuxDir::SetMode(absl::string_view path, uint32_t mode) {
  return OnPath("chmod", path,
                [mode](int dir, const char* name) { return fchmodat(dir, name, mode, 0); });
}

absl::Status LinuxDir::SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) {
  return OnPath("chown", path, [uid, gid](int dir, const char* name) {
    return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  });
}

absl::Status LinuxDir::SetTimes(absl::string_view path, absl::Time accessed, absl::Time modified) {
  const struct timespec times[2] = {absl::ToTimespec(accessed), absl::ToTimespec(modified)};
  return OnPath("utime", path, [&times](int dir, const char* name) {
    return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
  });
}

absl::StatusOr<SpaceInfo> LinuxDir::Space() {
  struct statvfs space = {};
  const int result = RetryOnEintr([&] { return fstatvfs(fd_.get(), &space); });
  DMKIT_RETURN_IF_ERROR(CallStatus(result, "statfs", path_));
  return SpaceInfo{space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize};
}

absl::Status LinuxDir::Sync() {
  return CallStatus(RetryOnEintr([&] { return fsync(fd_.get()); }), "fsync", path_);
}

absl::Status LinuxDir::SyncFilesystem() {
  return CallStatus(RetryOnEintr([&] { return syncfs(fd_.get()); }), "syncfs", path_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dir>> OpenLinuxDir(const std::string& path) {
  const int fd = RetryOnEintr([&] { return open(path.c_str(), kDirFlags); });
  DMKIT_RETURN_IF_ERROR(CallStatus(fd, "open directory", path));
  return std::make_unique<LinuxDir>(UniqueFd(fd), path);
}

std::unique_ptr<Dir> OpenLinuxRoot() {
  return std::make_unique<LinuxDir>(UniqueFd(open("/", kDirFlags)), "/");
}

}  // namespace dmkit::sys::internal
