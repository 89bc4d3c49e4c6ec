// SPDX-License-Identifier: Apache-2.0
// An open loop device with the loop ioctls as typed calls: one call, one ioctl. No retries, no
// fallbacks, no decisions.

#ifndef DMKIT_LOOP_OPEN_DEVICE_H_
#define DMKIT_LOOP_OPEN_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loop/codec.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::loop {

// Move-only; closes the device on destruction, which is the last close that an autoclear device or
// a pending detach waits for. Mirrors drivers/block/loop.c, lo_ioctl(), v6.12.
class OpenDevice {
 public:
  // `file` is /dev/loop`number`; `trace` may be null and outlives this object.
  OpenDevice(uint32_t number, std::unique_ptr<sys::File> file, sys::TraceSink* trace);

  uint32_t number() const { return number_; }
  const std::string& path() const { return path_; }
  // Gives the open file away; no call may follow.
  std::unique_ptr<sys::File> Release() { return std::move(file_); }

  // EBUSY: bound already, or held exclusively by someone else. EINVAL, ENOTTY, ENOSYS: also what
  // kernels before 5.8 answer.
  absl::Status Configure(const ConfigureRequest& request);
  // EBUSY: as Configure. EBADF: no such descriptor, or the device itself. EINVAL: not a regular
  // file or block device.
  absl::Status SetBackingFile(int descriptor);
  // ENXIO: not bound. OK does not mean detached yet: see loop_device.h, Detach.
  absl::Status Clear();
  // ENXIO: not bound. EAGAIN: dirty pages, up to 5.10. EPERM: neither writable nor CAP_SYS_ADMIN.
  absl::Status SetStatus(const SetStatusRequest& request);
  // ENXIO: not bound, or being detached.
  absl::StatusOr<StatusReply> GetStatus();
  // ENXIO: not bound. EPERM: as SetStatus.
  absl::Status UpdateCapacity();
  // EINVAL: the kernel cannot do direct I/O on this backing file. ENXIO, EPERM: as SetStatus.
  absl::Status SetDirectIo(bool on);
  // EINVAL: not a power of two in 512..page size. EAGAIN: dirty pages, up to 5.10. EBUSY: held
  // exclusively.
  absl::Status SetBlockSize(uint32_t bytes);
  // As of any block device: the logical block size in bytes, and the size. Not loop ioctls; the
  // second is not traced.
  absl::StatusOr<uint32_t> LogicalBlockSize();
  absl::StatusOr<sys::Bytes> Size();

 private:
  absl::Status Value(unsigned long request, uint64_t value);

  uint32_t number_;
  std::string path_;
  std::unique_ptr<sys::File> file_;
  sys::TraceSink* trace_;
};

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_OPEN_DEVICE_H_
