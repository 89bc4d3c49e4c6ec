// SPDX-License-Identifier: Apache-2.0
// Loop devices: attach, find, detach, grow. Knows nothing of device-mapper. Errors by errno stand
// in README.md; those that matter to a caller's decision are repeated here.

#ifndef DMKIT_LOOP_LOOP_DEVICE_H_
#define DMKIT_LOOP_LOOP_DEVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "loop/types.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::loop {

// An attached loop device and the open file that keeps an autoclear one attached. Whoever uses the
// device (a dm table, a mount) keeps it too; after that this object may go.
struct AttachedLoop {
  LoopInfo info;
  std::unique_ptr<sys::File> device;
};

// Attaches the file or block device `path` (absolute) to a free loop device, whether or not it is
// attached already: callers that must not attach twice use FindOrAttach. `deadline` bounds all
// retries of the races with other attachers; one attempt is always made. After an error nothing is
// attached. INVALID_ARGUMENT without an errno: the options or the path are wrong, or the file is
// empty or ends before the offset. EBUSY: others were faster until the deadline. ENODEV: no free
// device and no way to make one. EINVAL with direct_io: the kernel cannot do direct I/O on this
// file. Not repeatable: a second call attaches a second device.
absl::StatusOr<AttachedLoop> Attach(const sys::Host& host, absl::string_view path,
                                    const AttachOptions& options, absl::Time deadline);

// The device that `path` is attached to at the asked offset, or else a new one as from Attach. The
// same file is known by device and inode (a block device by its number), not by name. With a lock
// that every attacher of this file holds, it is never attached twice; this function takes none. A
// device found with other read_only, size limit, block size (0 asks for none) or without the direct
// I/O asked is FAILED_PRECONDITION naming both values, nothing changed. A found one keeps its own
// autoclear. Repeatable.
absl::StatusOr<AttachedLoop> FindOrAttach(const sys::Host& host, absl::string_view path,
                                          const AttachOptions& options, absl::Time deadline);

// The device that `path` is attached to at `offset`, if any; the lowest number when there are
// several. Opens every loop device for a moment, read-only; does not stop at gaps.
absl::StatusOr<std::optional<LoopInfo>> FindByBackingFile(const sys::Host& host,
                                                          absl::string_view path,
                                                          sys::Bytes offset);

// Bound loop devices, by number. Opens every loop device for a moment, read-only.
absl::StatusOr<std::vector<LoopInfo>> List(const sys::Host& host);

// ENXIO: not bound, or no such device.
absl::StatusOr<LoopInfo> Info(const sys::Host& host, uint32_t number);

// Opens /dev/loopN by number, making the node when it is missing. Opening a number that was never
// added creates the device on most kernels. ENXIO: no such device, or (6.12) it is being detached.
absl::StatusOr<std::unique_ptr<sys::File>> OpenLoop(const sys::Host& host, uint32_t number,
                                                    sys::Access access);

struct DetachResult {
  bool deferred = false;
};

// Detaches. OK also when it is not bound (ENXIO): repeatable. When nobody else has it open, waits
// until the kernel has let go of the backing file. When somebody else has it open (a file of this
// process counts), the kernel detaches it at their last close, and `deferred` in the result says
// that this is pending; a short wait lets udev's brief opens pass. `deferred` is also set when
// `deadline` came first. Blocks while the kernel writes back the device's cached data.
absl::StatusOr<DetachResult> Detach(const sys::Host& host, uint32_t number, absl::Time deadline);

// Makes the device as large as its backing file is now (LOOP_SET_CAPACITY), within its size limit.
// ENXIO: not bound. Repeatable. Also allowed while a dm table or a mount uses it.
absl::Status UpdateCapacity(const sys::Host& host, uint32_t number);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_LOOP_DEVICE_H_
