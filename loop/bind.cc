// SPDX-License-Identifier: Apache-2.0
// The order of the ioctls that attach, and the way back.

#include "loop/bind.h"

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "loop/codec.h"
#include "loop/info.h"
#include "sys/retry.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

ConfigureRequest RequestFor(const BackingFile& backing, const AttachOptions& options) {
  ConfigureRequest request;
  request.fd = backing.file->descriptor();
  request.block_size = options.block_size;
  request.status.offset = options.offset;
  request.status.size_limit = options.size_limit;
  if (options.read_only) request.status.flags |= kFlagReadOnly;
  if (options.autoclear) request.status.flags |= kFlagAutoclear;
  if (options.direct_io) request.status.flags |= kFlagDirectIo;
  request.status.file_name = CutFileName(backing.real_path);
  return request;
}

// Kernels before 5.8 answer EINVAL to an ioctl that they do not know.
bool MayBeUnknownCall(int error) { return error == EINVAL || error == ENOTTY || error == ENOSYS; }

template <typename Attempt>
absl::Status RetryOnDirtyPages(const sys::Host& host, absl::Time deadline, Attempt attempt) {
  return sys::RetryWhile(*host.clock, EAGAIN, deadline - host.clock->Now(), attempt);
}

// What LOOP_SET_FD leaves to be said. Direct I/O is asked for by the check that follows.
absl::Status Describe(const sys::Host& host, OpenDevice& device, const ConfigureRequest& request,
                      absl::Time deadline) {
  SetStatusRequest status = request.status;
  // READ_ONLY follows from how the files are open; the call does not take it.
  status.flags &= kFlagAutoclear;
  DMKIT_RETURN_IF_ERROR(
      RetryOnDirtyPages(host, deadline, [&] { return device.SetStatus(status); }));
  if (request.block_size == 0) return absl::OkStatus();
  return RetryOnDirtyPages(host, deadline, [&] { return device.SetBlockSize(request.block_size); });
}

absl::Status Mismatch(const LoopInfo& info, absl::string_view what, absl::string_view has,
                      absl::string_view asked) {
  return absl::FailedPreconditionError(
      absl::StrCat("/dev/loop", info.number, ": ", what, " is ", has, ", asked for ", asked));
}

absl::string_view YesNo(bool value) { return value ? "yes" : "no"; }

// What CheckAsAsked leaves out, because a device found attached may have it otherwise.
absl::Status CheckAsRequested(const LoopInfo& info, const BackingFile& backing,
                              const AttachOptions& options) {
  StatusReply file;
  file.device = info.backing_device;
  file.inode = info.backing_inode;
  file.rdevice = info.backing_rdevice;
  if (!SameBackingFile(backing.identity, file)) {
    return Mismatch(info, "backing file",
                    absl::StrCat("inode ", info.backing_inode, " on ",
                                 sys::FormatDeviceNumber(info.backing_device)),
                    absl::StrCat("inode ", backing.identity.inode, " on ",
                                 sys::FormatDeviceNumber(backing.identity.device)));
  }
  if (info.offset != options.offset) {
    return Mismatch(info, "offset", absl::StrCat(info.offset.count()),
                    absl::StrCat(options.offset.count()));
  }
  if (info.autoclear != options.autoclear) {
    return Mismatch(info, "autoclear", YesNo(info.autoclear), YesNo(options.autoclear));
  }
  if (const std::string asked = CutFileName(backing.real_path); info.file_name != asked) {
    return Mismatch(info, "file name", info.file_name, asked);
  }
  // The first kernels with LOOP_CONFIGURE stored the limit and did not apply it.
  const bool unlimited = options.size_limit.count() != 0 && info.size > options.size_limit;
  if (info.size.count() == 0 || unlimited) {
    return Mismatch(info, "size in bytes", absl::StrCat(info.size.count()),
                    unlimited ? absl::StrCat("at most ", options.size_limit.count())
                              : "what the backing file had");
  }
  return CheckAsAsked(info, options);
}

absl::StatusOr<LoopInfo> Prove(const sys::Host& host, OpenDevice& device,
                               const BackingFile& backing, const AttachOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(LoopInfo info, ReadInfo(host, device));
  if (options.direct_io && !info.direct_io) {
    const absl::Status refused = device.SetDirectIo(true);
    if (!refused.ok()) {
      return sys::AddContext(refused,
                             "the kernel refuses direct I/O on this file, attach without it");
    }
    DMKIT_ASSIGN_OR_RETURN(info, ReadInfo(host, device));
  }
  DMKIT_RETURN_IF_ERROR(CheckAsRequested(info, backing, options));
  return info;
}

}  // namespace

absl::Status CheckAsAsked(const LoopInfo& info, const AttachOptions& options) {
  if (info.read_only != options.read_only) {
    return Mismatch(info, "read-only", YesNo(info.read_only), YesNo(options.read_only));
  }
  if (info.size_limit != options.size_limit) {
    return Mismatch(info, "size limit in bytes", absl::StrCat(info.size_limit.count()),
                    absl::StrCat(options.size_limit.count()));
  }
  if (options.block_size != 0 && info.block_size != options.block_size) {
    return Mismatch(info, "block size in bytes", absl::StrCat(info.block_size),
                    absl::StrCat(options.block_size));
  }
  if (options.direct_io && !info.direct_io) return Mismatch(info, "direct I/O", "no", "yes");
  return absl::OkStatus();
}

absl::StatusOr<LoopInfo> Bind(const sys::Host& host, OpenDevice& device, const BackingFile& backing,
                              const AttachOptions& options, absl::Time deadline) {
  const ConfigureRequest request = RequestFor(backing, options);
  const absl::Status configured = device.Configure(request);
  const bool in_steps = MayBeUnknownCall(sys::GetErrno(configured));
  if (in_steps) {
    DMKIT_RETURN_IF_ERROR(device.SetBackingFile(request.fd));
  } else {
    DMKIT_RETURN_IF_ERROR(configured);
  }
  const absl::Status described =
      in_steps ? Describe(host, device, request, deadline) : absl::OkStatus();
  absl::StatusOr<LoopInfo> info =
      described.ok() ? Prove(host, device, backing, options) : described;
  if (info.ok()) return info;
  return sys::WithSecondError(info.status(), "detach again", device.Clear());
}

}  // namespace dmkit::loop
