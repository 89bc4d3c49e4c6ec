// SPDX-License-Identifier: Apache-2.0
// Attach and FindOrAttach: options, the choice of a device, and the races for it.

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loop/backing_file.h"
#include "loop/backoff.h"
#include "loop/bind.h"
#include "loop/codec.h"
#include "loop/free_device.h"
#include "loop/info.h"
#include "loop/lookup.h"
#include "loop/loop_device.h"
#include "loop/nodes.h"
#include "loop/open_device.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

// A device that was lost this often is not raced for but stuck: unbound, and held exclusively by
// somebody. GET_FREE would name it forever.
constexpr int kLostBeforeAvoided = 3;

// All of the request but the descriptor, before any system call.
absl::Status CheckOptions(absl::string_view path, const AttachOptions& options) {
  DMKIT_RETURN_IF_ERROR(CheckBackingPath(path));
  ConfigureRequest request;
  request.fd = 0;
  request.block_size = options.block_size;
  request.status.offset = options.offset;
  request.status.size_limit = options.size_limit;
  const absl::StatusOr<std::string> encoded = EncodeConfigure(request);
  if (!encoded.ok()) return sys::AddContext(encoded.status(), absl::StrCat("attach ", path));
  const uint64_t limit = options.size_limit.count();
  if (limit != 0 && limit < sys::kSectorBytes) {
    return absl::InvalidArgumentError(absl::StrCat("attach ", path, ": size limit of ", limit,
                                                   " bytes leaves no whole sector of ",
                                                   sys::kSectorBytes));
  }
  return absl::OkStatus();
}

sys::Access AccessFor(const AttachOptions& options) {
  return options.read_only ? sys::Access::kReadOnly : sys::Access::kReadWrite;
}

// Attempts to attach one file until a device is won, or the deadline comes.
class Attacher {
 public:
  Attacher(const sys::Host& host, const BackingFile& backing, const AttachOptions& options,
           absl::Time deadline)
      : host_(host), backing_(backing), options_(options), deadline_(deadline), free_(host) {}

  absl::StatusOr<AttachedLoop> Run() {
    Backoff backoff(*host_.clock, deadline_);
    while (true) {
      bool raced = false;
      absl::StatusOr<AttachedLoop> attached = TryOnce(raced);
      if (attached.ok() || !raced) return attached;
      if (!backoff.Wait()) {
        return sys::AddContext(attached.status(),
                               "others were faster at every free loop device until the deadline");
      }
    }
  }

 private:
  // `raced` says that another attempt may do better.
  absl::StatusOr<AttachedLoop> TryOnce(bool& raced) {
    DMKIT_ASSIGN_OR_RETURN(const uint32_t number, free_.Find(avoid_));
    absl::StatusOr<OpenDevice> device = OpenNode(host_, number, AccessFor(options_));
    const int open_error = sys::GetErrno(device.status());
    // Being detached, or removed, since it was found free.
    raced = open_error == ENXIO || open_error == ENODEV;
    DMKIT_RETURN_IF_ERROR(device);
    absl::StatusOr<LoopInfo> info = Bind(host_, *device, backing_, options_, deadline_);
    const int bind_error = sys::GetErrno(info.status());
    raced = bind_error == EBUSY || bind_error == EAGAIN;
    if (raced && ++lost_[number] >= kLostBeforeAvoided) avoid_.insert(number);
    DMKIT_RETURN_IF_ERROR(info);
    return AttachedLoop{*std::move(info), device->Release()};
  }

  const sys::Host& host_;
  const BackingFile& backing_;
  const AttachOptions& options_;
  const absl::Time deadline_;
  FreeDevices free_;
  std::map<uint32_t, int> lost_;
  std::set<uint32_t> avoid_;
};

}  // namespace

absl::StatusOr<AttachedLoop> Attach(const sys::Host& host, absl::string_view path,
                                    const AttachOptions& options, absl::Time deadline) {
  DMKIT_RETURN_IF_ERROR(CheckOptions(path, options));
  const absl::StatusOr<BackingFile> backing = OpenBackingFile(host, path, options);
  const std::string context = absl::StrCat("attach ", path);
  if (!backing.ok()) return sys::AddContext(backing.status(), context);
  absl::StatusOr<AttachedLoop> attached = Attacher(host, *backing, options, deadline).Run();
  if (!attached.ok()) return sys::AddContext(attached.status(), context);
  return attached;
}

absl::StatusOr<AttachedLoop> FindOrAttach(const sys::Host& host, absl::string_view path,
                                          const AttachOptions& options, absl::Time deadline) {
  DMKIT_RETURN_IF_ERROR(CheckOptions(path, options));
  const std::string context = absl::StrCat("find or attach ", path);
  const absl::StatusOr<BackingIdentity> identity = IdentifyBackingFile(host, path);
  if (!identity.ok()) return sys::AddContext(identity.status(), context);
  absl::StatusOr<std::optional<BoundDevice>> bound = FindBound(host, *identity, options.offset);
  if (!bound.ok()) return sys::AddContext(bound.status(), context);
  if (!bound->has_value()) return Attach(host, path, options, deadline);

  // While `bound` has it open, the device stays bound.
  BoundDevice& found = **bound;
  const absl::Status as_asked = CheckAsAsked(found.info, options);
  if (!as_asked.ok()) return sys::AddContext(as_asked, context);
  absl::StatusOr<OpenDevice> device = OpenNode(host, found.info.number, AccessFor(options));
  if (!device.ok()) return sys::AddContext(device.status(), context);
  return AttachedLoop{std::move(found.info), device->Release()};
}

}  // namespace dmkit::loop
