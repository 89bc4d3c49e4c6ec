// SPDX-License-Identifier: Apache-2.0
// The file behind a loop device, before it is attached: who it is, and whether it can serve.
// Changes nothing.

#ifndef DMKIT_LOOP_BACKING_FILE_H_
#define DMKIT_LOOP_BACKING_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "loop/codec.h"
#include "loop/types.h"
#include "sys/device_number.h"
#include "sys/host.h"

namespace dmkit::loop {

// Which file it is, whatever its name: as stat and LOOP_GET_STATUS64 say it.
struct BackingIdentity {
  sys::DeviceNumber device;
  uint64_t inode = 0;
  sys::DeviceNumber rdevice;  // of a block device; 0:0 for a regular file
};

// Whether a bound device has this file. A block device is the same by whichever node it was opened.
bool SameBackingFile(const BackingIdentity& identity, const StatusReply& status);

struct BackingFile {
  std::unique_ptr<sys::File> file;
  BackingIdentity identity;
  std::string real_path;  // links resolved
};

// INVALID_ARGUMENT for a path that is relative, empty or holds a NUL.
absl::Status CheckBackingPath(absl::string_view path);

// Stats `path`, following links. EISDIR: a directory. EINVAL: neither a regular file nor a block
// device. ENOENT, EACCES: of stat.
absl::StatusOr<BackingIdentity> IdentifyBackingFile(const sys::Host& host, absl::string_view path);

// Opens `path` as `options` say: for writing unless read_only, past the page cache with direct_io.
// Errors as IdentifyBackingFile, and: EROFS, EACCES, EPERM, ETXTBSY: it cannot be written, ask for
// read_only. EINVAL with direct_io: its filesystem has no direct I/O. INVALID_ARGUMENT without an
// errno: it has not one whole sector behind the offset.
absl::StatusOr<BackingFile> OpenBackingFile(const sys::Host& host, absl::string_view path,
                                            const AttachOptions& options);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_BACKING_FILE_H_
