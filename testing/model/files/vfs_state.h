// SPDX-License-Identifier: Apache-2.0
// What the seams of all processes share. For vfs and the seam_* files only.

#ifndef DMKIT_TESTING_MODEL_FILES_VFS_STATE_H_
#define DMKIT_TESTING_MODEL_FILES_VFS_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/files/filesystem.h"
#include "testing/model/files/namespace.h"
#include "testing/model/files/vfs_process.h"

namespace dmkit::model {

struct VfsState {
  explicit VfsState(Core& core_in) : core(core_in) {}

  Core& core;
  Namespace names;
  std::map<std::string, MountBlockDevice> kinds;
  std::map<int, std::shared_ptr<VfsProcess>> processes;  // the living ones
  std::map<int, uint32_t> users;                         // as which a process starts anew
  // One address for each device, as the claim of the filesystem on it.
  std::map<std::pair<uint32_t, uint32_t>, char> claims;
  static constexpr uint32_t kFirstTmpfs = 40;  // the minor of the first that a process mounts
  uint32_t next_tmpfs = kFirstTmpfs;

  // The living process of that number; started when there is none.
  std::shared_ptr<VfsProcess> ProcessOf(int id);
};

// lookup_bdev(): 0 and the number, or as PathLookup::FindBlockDevice.
int LookupBlockDevice(const Namespace& names, uint32_t user, absl::string_view path,
                      sys::DeviceNumber* device);

// mount(2) of a block device and umount2(2). 0 or a negative errno.
int MountDevice(VfsState& state, Process& process, const sys::MountRequest& request);
int UnmountPath(VfsState& state, Process& process, absl::string_view target, sys::UnmountMode mode);

// The seam's objects. They take a Call for each of their calls, and for their destruction when they
// have a descriptor.
std::unique_ptr<sys::File> MakeSeamFile(VfsState& state, std::shared_ptr<VfsProcess> process,
                                        DescriptorPtr descriptor, std::string path);
std::unique_ptr<sys::Dir> MakeSeamDir(VfsState& state, std::shared_ptr<VfsProcess> process,
                                      DescriptorPtr descriptor, std::string path);
std::unique_ptr<sys::Dir> MakeSeamRoot(VfsState& state, int process);
std::unique_ptr<sys::Mounts> MakeSeamMounts(VfsState& state, int process);

// OK, or the status of a negative errno: "<operation> <object>: <reason>".
absl::Status SeamStatus(int error, absl::string_view operation, absl::string_view object);
// -EINVAL for a path with a NUL in it, which a kernel would take for another one.
absl::Status CheckSeamPath(absl::string_view operation, absl::string_view path);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_VFS_STATE_H_
