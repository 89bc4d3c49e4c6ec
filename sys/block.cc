// SPDX-License-Identifier: Apache-2.0
// Finds a node through sysfs. Knows no kind of block device more than another.

#include "sys/block.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "sys/device_number.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::sys {
namespace {

constexpr size_t kUeventBytesMax = 4096;
// BLKGETSIZE64 of <linux/fs.h>, whose other definitions clash with <sys/mount.h>.
constexpr unsigned long kGetSize64 = _IOR(0x12, 114, size_t);
constexpr unsigned long kDiscard = _IO(0x12, 119);  // BLKDISCARD

// The DEVNAME of the device, which is its node's path under /dev.
absl::StatusOr<std::string> KernelName(const Host& host, DeviceNumber device) {
  const std::string path = absl::StrCat("/sys/dev/block/", FormatDeviceNumber(device), "/uevent");
  DMKIT_ASSIGN_OR_RETURN(const std::string uevent, ReadFile(*host.root, path, kUeventBytesMax));
  for (absl::string_view line : absl::StrSplit(uevent, '\n')) {
    if (absl::ConsumePrefix(&line, "DEVNAME=") && !line.empty()) return std::string(line);
  }
  return absl::DataLossError(absl::StrCat(path, " has no DEVNAME"));
}

}  // namespace

absl::StatusOr<std::string> BlockNode(const Host& host, DeviceNumber device) {
  DMKIT_ASSIGN_OR_RETURN(const std::string name, KernelName(host, device));
  const std::string path = absl::StrCat("/dev/", name);
  auto stat = host.root->Stat(path);
  if (GetErrno(stat.status()) == ENOENT) {
    const absl::Status made = host.root->MakeNode(path, FileType::kBlockDevice, device, 0600);
    // EEXIST: devtmpfs was faster.
    if (!made.ok() && GetErrno(made) != EEXIST) return made;
    stat = host.root->Stat(path);
  }
  if (!stat.ok()) return stat.status();
  if (stat->type != FileType::kBlockDevice || stat->rdevice != device) {
    return ErrnoStatus(EEXIST, absl::StrCat(path, " is not the node of block device ",
                                            FormatDeviceNumber(device)));
  }
  return path;
}

absl::StatusOr<std::unique_ptr<File>> OpenBlock(const Host& host, DeviceNumber device,
                                                const OpenOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, BlockNode(host, device));
  return host.root->OpenFile(path, options);
}

absl::StatusOr<Bytes> BlockSize(File& device) {
  char buffer[sizeof(uint64_t)] = {};
  DMKIT_RETURN_IF_ERROR(device.Ioctl(kGetSize64, absl::MakeSpan(buffer)));
  uint64_t size = 0;
  std::memcpy(&size, buffer, sizeof(size));
  return Bytes{size};
}

absl::Status DiscardBlocks(File& device, Bytes length) {
  const uint64_t range[2] = {0, length.count()};  // offset, length
  char buffer[sizeof(range)];
  std::memcpy(buffer, range, sizeof(range));
  return device.Ioctl(kDiscard, absl::MakeSpan(buffer)).status();
}

}  // namespace dmkit::sys
