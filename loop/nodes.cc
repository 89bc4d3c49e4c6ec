// SPDX-License-Identifier: Apache-2.0
// Opening by number. Names in /dev and /sys are spelled here only.

#include "loop/nodes.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "loop/uapi.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::loop {
namespace {

constexpr absl::string_view kControlName = "loop-control";
constexpr uint32_t kMiscMajor = 10;
constexpr uint32_t kNodeMode = 0600;
// /proc/misc has some 20 bytes per driver.
constexpr size_t kMiscBytesMax = size_t{64} * 1024;
// PATH_MAX, " (deleted)" and a newline; sysfs gives a page at most.
constexpr size_t kSysfsBytesMax = size_t{64} * 1024;

std::string NodePath(uint32_t number) { return absl::StrCat("/dev/loop", number); }
std::string SysfsPath(uint32_t number) { return absl::StrCat("/sys/block/loop", number); }

// The N of "loopN" as the kernel writes it.
std::optional<uint32_t> NumberOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "loop")) return std::nullopt;
  const std::optional<uint32_t> number = sys::ParseUnsigned32(name);
  if (!number || *number > kNumberMax || absl::StrCat(*number) != name) return std::nullopt;
  return number;
}

// Whether the node was made here; somebody else may have been faster.
absl::StatusOr<bool> MakeNode(const sys::Host& host, absl::string_view path, sys::FileType type,
                              sys::DeviceNumber device) {
  const absl::Status made = host.root->MakeNode(path, type, device, kNodeMode);
  if (sys::GetErrno(made) == EEXIST) return false;
  if (!made.ok()) return sys::AddContext(made, "make the missing device node");
  return true;
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenOrMake(const sys::Host& host, uint32_t number,
                                                      const sys::OpenOptions& options) {
  const std::string path = NodePath(number);
  absl::StatusOr<std::unique_ptr<sys::File>> file = host.root->OpenFile(path, options);
  if (sys::GetErrno(file.status()) != ENOENT) return file;
  DMKIT_ASSIGN_OR_RETURN(const bool made_here, MakeNode(host, path, sys::FileType::kBlockDevice,
                                                        sys::DeviceNumber{kLoopMajor, number}));
  file = host.root->OpenFile(path, options);
  if (!file.ok() && made_here) {
    return sys::WithSecondError(file.status(), "remove the node again", host.root->Unlink(path));
  }
  return file;
}

// The minor number of loop-control in /proc/misc, whose lines read "<minor> <name>".
std::optional<uint32_t> ControlMinor(const sys::Host& host) {
  const absl::StatusOr<std::string> misc = sys::ReadFile(*host.root, "/proc/misc", kMiscBytesMax);
  if (!misc.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*misc, '\n')) {
    const std::vector<absl::string_view> words = sys::SplitWords(line);
    if (words.size() == 2 && words[1] == kControlName) return sys::ParseUnsigned32(words[0]);
  }
  return std::nullopt;
}

// An error after which the control device counts as absent.
bool ControlIsOutOfReach(int error) {
  return error == ENOENT || error == EACCES || error == EPERM || error == ENXIO || error == ENODEV;
}

}  // namespace

absl::StatusOr<OpenDevice> OpenNode(const sys::Host& host, uint32_t number, sys::Access access) {
  if (number > kNumberMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("open loop device ", number, ": numbers end at ", kNumberMax));
  }
  sys::OpenOptions options;
  options.access = access;
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> file, OpenOrMake(host, number, options));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, file->Stat());
  if (stat.type != sys::FileType::kBlockDevice ||
      stat.rdevice != sys::DeviceNumber{kLoopMajor, number}) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", NodePath(number), ": is not block device ", kLoopMajor, ":", number,
                     "; remove it, dmkit makes the right node itself"));
  }
  return OpenDevice(number, std::move(file), host.trace);
}

absl::StatusOr<OpenDevice> OpenExisting(const sys::Host& host, uint32_t number,
                                        sys::Access access) {
  absl::StatusOr<sys::FileStat> there = host.root->Stat(SysfsPath(number));
  if (sys::GetErrno(there.status()) == ENOENT) {
    const bool sysfs_is_there = host.root->Stat("/sys/block").ok();
    if (!sysfs_is_there) there = host.root->Stat(NodePath(number));
  }
  if (sys::GetErrno(there.status()) == ENOENT) {
    return sys::ErrnoStatus(ENXIO, absl::StrCat("open ", NodePath(number), ": no such device"));
  }
  DMKIT_RETURN_IF_ERROR(there);
  return OpenNode(host, number, access);
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenControl(const sys::Host& host) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  absl::StatusOr<std::unique_ptr<sys::File>> file = host.root->OpenFile(kControlPath, options);
  if (sys::GetErrno(file.status()) == ENOENT) {
    const std::optional<uint32_t> minor = ControlMinor(host);
    if (!minor) return std::unique_ptr<sys::File>();
    // A node that cannot be made (a read-only /dev) is as good as none.
    if (!MakeNode(host, kControlPath, sys::FileType::kCharDevice, {kMiscMajor, *minor}).ok()) {
      return std::unique_ptr<sys::File>();
    }
    file = host.root->OpenFile(kControlPath, options);
  }
  if (ControlIsOutOfReach(sys::GetErrno(file.status()))) return std::unique_ptr<sys::File>();
  return file;
}

absl::StatusOr<std::vector<uint32_t>> KnownNumbers(const sys::Host& host) {
  absl::StatusOr<std::vector<sys::DirEntry>> entries = host.root->List("/sys/block");
  const bool from_nodes = sys::GetErrno(entries.status()) == ENOENT;
  if (from_nodes) entries = host.root->List("/dev");
  DMKIT_RETURN_IF_ERROR(entries);
  std::vector<uint32_t> numbers;
  for (const sys::DirEntry& entry : *entries) {
    if (from_nodes && entry.type != sys::FileType::kBlockDevice) continue;
    if (const std::optional<uint32_t> number = NumberOf(entry.name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

absl::StatusOr<std::optional<std::string>> SysfsBackingFile(const sys::Host& host,
                                                            uint32_t number) {
  absl::StatusOr<std::string> text = sys::ReadFile(
      *host.root, absl::StrCat(SysfsPath(number), "/loop/backing_file"), kSysfsBytesMax);
  const int error = sys::GetErrno(text.status());
  // ENODEV: detached between opening and reading the attribute.
  if (error == ENOENT || error == ENODEV) return std::optional<std::string>();
  DMKIT_RETURN_IF_ERROR(text);
  if (!text->empty() && text->back() == '\n') text->pop_back();
  return std::optional<std::string>(*std::move(text));
}

}  // namespace dmkit::loop
