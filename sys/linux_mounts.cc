// SPDX-License-Identifier: Apache-2.0
// Mounts on Linux.

#include <sys/mount.h>

#include <cerrno>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {

absl::StatusOr<std::unique_ptr<Dir>> LinuxMounts::Mount(const MountRequest& request) {
  const std::string object =
      absl::StrCat(request.source, " (", request.filesystem, ") on ", request.target);
  for (const std::string* text :
       {&request.source, &request.target, &request.filesystem, &request.data}) {
    DMKIT_RETURN_IF_ERROR(KernelPath("mount", *text));
  }
  // From a relative path the working directory would decide.
  if (request.target.empty() || request.target.front() != '/') {
    return ErrnoStatus(EINVAL, absl::StrCat("mount ", object, ": the target is no absolute path"));
  }
  DMKIT_RETURN_IF_ERROR(CallStatus(
      RetryOnEintr([&] {
        return mount(request.source.c_str(), request.target.c_str(), request.filesystem.c_str(),
                     static_cast<unsigned long>(request.flags), request.data.c_str());
      }),
      "mount", object));
  absl::StatusOr<std::unique_ptr<Dir>> root = OpenLinuxDir(request.target);
  if (root.ok()) return root;
  return WithSecondError(root.status(), "undo the mount",
                         Unmount(request.target, UnmountMode::kNormal));
}

absl::Status LinuxMounts::Unmount(absl::string_view target, UnmountMode mode) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, KernelPath("umount", target));
  const int flags = mode == UnmountMode::kDetach ? MNT_DETACH : 0;
  return CallStatus(RetryOnEintr([&] { return umount2(path.c_str(), flags); }), "umount", path);
}

}  // namespace dmkit::sys::internal
