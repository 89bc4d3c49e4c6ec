// SPDX-License-Identifier: Apache-2.0

#include "driver/read_only_mount.h"

#include <sys/mount.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/nodes.h"
#include "loop/loop_device.h"
#include "sys/status.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

constexpr absl::Duration kLoopPatience = absl::Seconds(10);

// struct ext4_super_block in fs/ext4/ext4.h: s_feature_incompat, which says whether the journal has
// to be replayed. It lies 1 KiB into the device.
constexpr uint64_t kExtSuperblock = 1024;
constexpr size_t kIncompatOffset = 0x60;
constexpr uint8_t kIncompatRecover = 0x04;

absl::StatusOr<FilesystemType> FindType(sys::File& device, absl::string_view node) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<thinp::Signature> found,
                         thinp::ProbeSignature(device));
  if (found.has_value() && found->kind == thinp::SignatureKind::kExt) return FilesystemType::kExt4;
  if (found.has_value() && found->kind == thinp::SignatureKind::kXfs) return FilesystemType::kXfs;
  return absl::FailedPreconditionError(absl::StrCat(
      node, " holds ", found.has_value() ? thinp::SignatureName(found->kind) : "nothing known",
      ", and neither ext4 nor xfs: its layer cannot be mounted"));
}

absl::StatusOr<bool> IsCleanExt4(sys::File& device) {
  std::vector<char> superblock(kIncompatOffset + 1);
  DMKIT_ASSIGN_OR_RETURN(const size_t length,
                         device.ReadAt(kExtSuperblock, absl::MakeSpan(superblock)));
  if (length < superblock.size()) return absl::DataLossError("the ext4 superblock is cut off");
  return (static_cast<uint8_t>(superblock[kIncompatOffset]) & kIncompatRecover) == 0;
}

// One mount, read-only.
class ReadOnlyMount {
 public:
  ReadOnlyMount(const sys::Host& host, FilesystemType type, absl::string_view target,
                const MountOptions& options)
      : host_(host), type_(type), target_(target), options_(options) {
    options_.flags |= MS_RDONLY;
  }

  absl::Status Mount(absl::string_view node, absl::string_view word) const {
    MountOptions options = options_;
    if (!word.empty()) {
      options.data = absl::StrCat(word, options.data.empty() ? "" : ",", options.data);
    }
    return MountFilesystem(host_, type_, node, target_, options).status();
  }

  // As xfs says it itself: it refuses to mount what it would have to recover and cannot.
  absl::StatusOr<bool> IsCleanXfs(absl::string_view node) const {
    const absl::Status mounted = Mount(node, "");
    if (sys::GetErrno(mounted) == EROFS) return false;
    DMKIT_RETURN_IF_ERROR(mounted);
    DMKIT_RETURN_IF_ERROR(host_.mounts->Unmount(target_, sys::UnmountMode::kNormal));
    return true;
  }

 private:
  const sys::Host& host_;
  FilesystemType type_;
  absl::string_view target_;
  MountOptions options_;
};

// A loop device on a sparse file without a name.
absl::StatusOr<loop::AttachedLoop> AttachScratch(const sys::Host& host, const std::string& path,
                                                 uint64_t size_bytes) {
  const absl::Status leftover = host.root->Unlink(path);
  if (!leftover.ok() && sys::GetErrno(leftover) != ENOENT) return leftover;
  {
    sys::OpenOptions create;
    create.access = sys::Access::kReadWrite;
    create.create = true;
    create.exclusive = true;
    DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file,
                           host.root->OpenFile(path, create));
    DMKIT_RETURN_IF_ERROR(file->Truncate(size_bytes));
  }
  auto attached =
      loop::Attach(host, path, loop::AttachOptions{}, host.clock->Now() + kLoopPatience);
  const absl::Status unlinked = host.root->Unlink(path);
  if (!attached.ok()) return attached.status();
  DMKIT_RETURN_IF_ERROR(unlinked);
  return attached;
}

// The node of a device on top of the layer's that takes what the replay writes.
absl::StatusOr<std::string> MakeOverlay(const sys::Host& host, thinp::DeviceSet& set,
                                        const thinp::proto::DeviceState& device,
                                        absl::string_view scratch) {
  DMKIT_ASSIGN_OR_RETURN(
      const loop::AttachedLoop store,
      AttachScratch(host, absl::StrCat(scratch, "/.overlay-", device.name()), device.size_bytes()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo overlay,
                         set.ActivateOverlay(device.name(), store.info.device));
  return dm::EnsureDeviceNode(host, overlay.device);
}

}  // namespace

absl::Status MountReadOnly(const sys::Host& host, thinp::DeviceSet& set,
                           const thinp::proto::DeviceState& device, absl::string_view node,
                           absl::string_view target, absl::string_view scratch,
                           const MountOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> file,
                         host.root->OpenFile(node, sys::OpenOptions{}));
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, FindType(*file, node));
  const ReadOnlyMount mounting(host, type, target, options);
  const bool is_ext4 = type == FilesystemType::kExt4;
  DMKIT_ASSIGN_OR_RETURN(const bool clean,
                         is_ext4 ? IsCleanExt4(*file) : mounting.IsCleanXfs(node));
  file.reset();
  if (clean) return mounting.Mount(node, is_ext4 ? "noload" : "norecovery");
  DMKIT_ASSIGN_OR_RETURN(const std::string overlay, MakeOverlay(host, set, device, scratch));
  return mounting.Mount(overlay, "");
}

}  // namespace dmkit::driver
