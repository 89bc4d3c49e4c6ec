// SPDX-License-Identifier: Apache-2.0
// One attempt to bind a file to one open loop device: the new call, the old calls, and the proof
// that the kernel did what was asked. Does not choose the device and does not start over.

#ifndef DMKIT_LOOP_BIND_H_
#define DMKIT_LOOP_BIND_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "loop/backing_file.h"
#include "loop/open_device.h"
#include "loop/types.h"
#include "sys/host.h"

namespace dmkit::loop {

// What `info` has otherwise than `options` ask, as FAILED_PRECONDITION with both values: read_only,
// size limit, block size (0 asks for none), missing direct I/O. Offset and autoclear are not
// compared.
absl::Status CheckAsAsked(const LoopInfo& info, const AttachOptions& options);

// Binds `backing` to `device`: LOOP_CONFIGURE, or where that answers EINVAL, ENOTTY or ENOSYS,
// LOOP_SET_FD with LOOP_SET_STATUS64 (repeated on EAGAIN until `deadline`) and LOOP_SET_BLOCK_SIZE.
// The status is read back and compared; direct I/O that is asked for and not on is asked for again
// by LOOP_SET_DIRECT_IO, so that the kernel's refusal has an errno. After an error the device is
// unbound again, or will be when it is closed. EBUSY: somebody else has the device.
absl::StatusOr<LoopInfo> Bind(const sys::Host& host, OpenDevice& device, const BackingFile& backing,
                              const AttachOptions& options, absl::Time deadline);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_BIND_H_
