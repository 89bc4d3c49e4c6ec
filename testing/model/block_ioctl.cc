// SPDX-License-Identifier: Apache-2.0
// The ioctls that every block device's node has. Mirrors block/ioctl.c.

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

#include "testing/model/block_layer.h"

namespace dmkit::model {
namespace {

// From <linux/fs.h> and <linux/hdreg.h>.
constexpr unsigned long kRoSet = _IO(0x12, 93);
constexpr unsigned long kRoGet = _IO(0x12, 94);
constexpr unsigned long kGetSize = _IO(0x12, 96);
constexpr unsigned long kFlushBuffers = _IO(0x12, 97);
constexpr unsigned long kSectorSizeGet = _IO(0x12, 104);
constexpr unsigned long kBlockSizeGet = _IOR(0x12, 112, size_t);
constexpr unsigned long kGetSize64 = _IOR(0x12, 114, size_t);
constexpr unsigned long kDiscard = _IO(0x12, 119);
constexpr unsigned long kPhysicalSectorSizeGet = _IO(0x12, 123);
constexpr unsigned long kZeroOut = _IO(0x12, 127);
constexpr unsigned long kGetDiskSequence = _IOR(0x12, 128, uint64_t);
constexpr unsigned long kGetGeometry = 0x0301;

// struct hd_geometry: heads 0, sectors 1, cylinders 2 (u16), start 8 (unsigned long).
constexpr size_t kGeometryBytes = 16;

template <typename T>
int Put(UserMemory argument, T value) {
  return argument.CopyOut(0, &value, sizeof(value));
}

struct Range {
  uint64_t start = 0;
  uint64_t length = 0;
};

// -EINVAL: `range` is not in multiples of `unit` bytes, or not inside the device.
int CheckRange(const BlockDevice& device, Range range, uint64_t unit) {
  const uint64_t size = device.sectors() * kSectorBytes;
  if (((range.start | range.length) & (unit - 1)) != 0) return -EINVAL;
  if (range.length > size || range.start > size - range.length) return -EINVAL;
  return 0;
}

int DiscardIoctl(BlockDevice& device, bool writable, UserMemory argument) {
  const bool copies_first = device.core().profile.discards_without_devices;
  Range range;
  const int copied = argument.CopyIn(0, &range, sizeof(range));
  if (copies_first && copied != 0) return copied;
  if (!copies_first && !writable) return -EBADF;
  if (device.limits().max_discard_sectors == 0) return -EOPNOTSUPP;
  if (copied != 0) return copied;
  if (!writable) return -EBADF;
  if (!copies_first && CheckRange(device, range, kSectorBytes) != 0) return -EINVAL;
  if (device.read_only()) return -EPERM;
  if (range.length == 0) return -EINVAL;
  const int checked = CheckRange(device, range, device.limits().logical_block_bytes);
  if (checked != 0) return checked;
  device.Forget(range.start, range.length);
  const int error = device.Discard(range.start, range.length);
  return error == -EOPNOTSUPP ? 0 : error;
}

int ZeroOutIoctl(BlockDevice& device, bool writable, UserMemory argument) {
  if (!writable) return -EBADF;
  Range range;
  const int copied = argument.CopyIn(0, &range, sizeof(range));
  if (copied != 0) return copied;
  if (range.start % kSectorBytes != 0 || range.length % kSectorBytes != 0) return -EINVAL;
  const uint64_t last = range.start + range.length - 1;
  if (last >= device.sectors() * kSectorBytes || last < range.start) return -EINVAL;
  if (device.read_only()) return -EPERM;
  device.Forget(range.start, range.length);
  Io io;
  io.kind = IoKind::kWriteZeroes;
  io.offset = range.start;
  io.length = range.length;
  return device.Submit(io);
}

int RoSetIoctl(BlockDevice& device, const Process& process, UserMemory argument) {
  if (!process.is_root()) return -EACCES;
  int32_t value = 0;
  const int copied = argument.CopyIn(0, &value, sizeof(value));
  if (copied == 0) device.SetNodeReadOnly(value != 0);
  return copied;
}

int FlushIoctl(BlockDevice& device, const Process& process) {
  if (!process.is_root()) return -EACCES;
  device.WriteBack(0, device.sectors() * kSectorBytes);
  device.Forget(0, device.sectors() * kSectorBytes);
  return 0;
}

int GeometryIoctl(BlockDevice& device, UserMemory argument) {
  if (argument.is_null()) return -EINVAL;
  uint16_t cylinders = 0;
  uint8_t heads = 0;
  uint8_t sectors = 0;
  uint64_t start = 0;
  const int error = device.Geometry(&cylinders, &heads, &sectors, &start);
  if (error != 0) return error;
  char bytes[kGeometryBytes] = {};
  std::memcpy(bytes, &heads, sizeof(heads));
  std::memcpy(bytes + 1, &sectors, sizeof(sectors));
  std::memcpy(bytes + 2, &cylinders, sizeof(cylinders));
  std::memcpy(bytes + 8, &start, sizeof(start));
  return argument.CopyOut(0, bytes, sizeof(bytes));
}

}  // namespace

int BlockIoctl(BlockDevice& device, const BlockDevice::IoctlContext& context, unsigned long request,
               UserMemory argument) {
  switch (request) {
    case kRoSet:
      return RoSetIoctl(device, context.process, argument);
    case kRoGet:
      return Put<int32_t>(argument, device.read_only() ? 1 : 0);
    case kGetSize:
      return Put<uint64_t>(argument, device.sectors());
    case kGetSize64:
      return Put<uint64_t>(argument, device.sectors() * kSectorBytes);
    case kFlushBuffers:
      return FlushIoctl(device, context.process);
    case kSectorSizeGet:
      return Put<uint32_t>(argument, device.limits().logical_block_bytes);
    case kPhysicalSectorSizeGet:
      return Put<uint32_t>(argument, device.limits().physical_block_bytes);
    case kBlockSizeGet:
      return Put<uint32_t>(argument, kPageBytes);
    case kDiscard:
      return DiscardIoctl(device, context.writable, argument);
    case kZeroOut:
      return ZeroOutIoctl(device, context.writable, argument);
    case kGetDiskSequence:
      return Put<uint64_t>(argument, device.disk_sequence());
    case kGetGeometry:
      return GeometryIoctl(device, argument);
    default:
      return device.DriverIoctl(context, request, argument);
  }
}

}  // namespace dmkit::model
