// SPDX-License-Identifier: Apache-2.0
// Makes and opens the control node. No ioctls here.

#include "dm/control_node.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/errors.h"
#include "dm/uapi.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kMapperDir = "/dev/mapper";
constexpr absl::string_view kProcMisc = "/proc/misc";
constexpr absl::string_view kMiscName = "device-mapper";
constexpr size_t kProcMiscBytesMax = size_t{64} * 1024;

constexpr absl::string_view kNeedsRoot =
    "this needs root (CAP_SYS_ADMIN, and CAP_MKNOD where the node is missing)";
constexpr absl::string_view kNoDeviceMapper =
    "the kernel has no device-mapper: load the module dm_mod, or use a kernel with "
    "CONFIG_BLK_DEV_DM";

absl::Status WithCause(const absl::Status& status) {
  switch (sys::GetErrno(status)) {
    case EACCES:
    case EPERM:
      return WithHint(status, kNeedsRoot);
    case ENODEV:
    case ENXIO:
      return WithHint(status, kNoDeviceMapper);
    case EROFS:
      return WithHint(status,
                      "the control node is missing and /dev is read-only: mount devtmpfs on it");
    default:
      return status;
  }
}

// The directory, if it was missing, and the node. What is there afterwards is what `made` says.
struct Made {
  bool directory = false;
  bool node = false;
};

void Unmake(sys::Dir& root, const Made& made) {
  // Best effort: the error that led here is the one to report, and what is left does no harm.
  if (made.node) root.Unlink(kControlPath).IgnoreError();
  if (made.directory) root.RemoveDir(kMapperDir).IgnoreError();
}

absl::Status MakeNode(sys::Dir& root, sys::DeviceNumber number, Made& made) {
  absl::Status directory = root.MakeDir(kMapperDir, 0755);
  if (directory.ok()) {
    made.directory = true;
    // The umask may have taken bits away that everybody needs to look names up.
    directory = root.SetMode(kMapperDir, 0755);
  }
  if (!directory.ok() && sys::GetErrno(directory) != EEXIST) return directory;
  absl::Status node = root.MakeNode(kControlPath, sys::FileType::kCharDevice, number, 0600);
  // EEXIST: devtmpfs or somebody else was faster, and has the same number to go by.
  if (!node.ok() && sys::GetErrno(node) != EEXIST) return node;
  made.node = node.ok();
  return absl::OkStatus();
}

// Makes sure that the node is there with a number that may be opened: a wrong one could be any
// device.
absl::Status EnsureNode(sys::Dir& root, std::optional<uint32_t> misc_minor, Made& made) {
  const sys::DeviceNumber wanted = {kMiscMajor, misc_minor.value_or(kMapperControlMinor)};
  const absl::StatusOr<sys::FileStat> stat = root.Stat(kControlPath);
  if (sys::GetErrno(stat.status()) == ENOENT) return MakeNode(root, wanted, made);
  if (!stat.ok()) return stat.status();
  if (stat->type != sys::FileType::kCharDevice) {
    return absl::FailedPreconditionError(
        absl::StrCat("open ", kControlPath, ": it is no character device; remove it"));
  }
  if (stat->rdevice == wanted) return absl::OkStatus();
  if (!misc_minor.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "open ", kControlPath, ": it is character device ", sys::FormatDeviceNumber(stat->rdevice),
        ", not ", sys::FormatDeviceNumber(wanted), ", and ", kProcMisc,
        " does not list device-mapper; remove the node or load the module dm_mod"));
  }
  DMKIT_RETURN_IF_ERROR(root.Unlink(kControlPath));
  return MakeNode(root, wanted, made);
}

}  // namespace

std::optional<uint32_t> FindMiscMinor(absl::string_view proc_misc, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(proc_misc, '\n')) {
    const std::vector<absl::string_view> words = sys::SplitWords(line);
    if (words.size() == 2 && words[1] == name) return sys::ParseUnsigned32(words[0]);
  }
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenControlNode(const sys::Host& host) {
  sys::Dir& root = *host.root;
  // Without /proc the fixed number is the only guess, and the right one since Linux 2.6.36.
  const absl::StatusOr<std::string> misc = sys::ReadFile(root, kProcMisc, kProcMiscBytesMax);
  const std::optional<uint32_t> minor = misc.ok() ? FindMiscMinor(*misc, kMiscName) : std::nullopt;
  Made made;
  absl::Cleanup undo = [&root, &made] { Unmake(root, made); };
  const absl::Status node = EnsureNode(root, minor, made);
  if (!node.ok()) return WithCause(node);
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  absl::StatusOr<std::unique_ptr<sys::File>> control = root.OpenFile(kControlPath, options);
  if (!control.ok()) return WithCause(control.status());
  std::move(undo).Cancel();
  return control;
}

}  // namespace dmkit::dm
