// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_backing.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "loop/loop_device.h"
#include "sys/block.h"
#include "sys/durable.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

constexpr sys::Bytes kDataLoopSize{uint64_t{100} << 30};
constexpr sys::Bytes kMetadataLoopSize{uint64_t{2} << 30};
constexpr absl::Duration kLoopPatience = absl::Seconds(10);

sys::OpenOptions ReadWrite() {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  return options;
}

// Makes the loop file, or the existing one larger, as sparse as before.
absl::Status SizeLoopFile(const sys::Host& host, const std::string& path, bool create,
                          std::optional<sys::Bytes> wanted, sys::Bytes size_default) {
  sys::OpenOptions options = ReadWrite();
  options.create = create;
  const auto file = host.root->OpenFile(path, options);
  if (!file.ok()) {
    if (sys::GetErrno(file.status()) != ENOENT) return file.status();
    return sys::AddContext(file.status(),
                           "a file of the pool is missing; the pool is not made anew, "
                           "since that would lose every layer: bring the file back");
  }
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, (*file)->Stat());
  const sys::Bytes current{stat.size_bytes};
  const sys::Bytes target = wanted.value_or(current.count() == 0 ? size_default : current);
  if (target <= current) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR((*file)->Truncate(target.count()));
  return (*file)->Sync();
}

absl::StatusOr<Half> AttachLoopFile(const sys::Host& host, const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(
      loop::AttachedLoop attached,
      loop::FindOrAttach(host, path, loop::AttachOptions{}, host.clock->Now() + kLoopPatience));
  // A device found attached may be older than the file's size.
  DMKIT_RETURN_IF_ERROR(loop::UpdateCapacity(host, attached.info.number));
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, sys::BlockSize(*attached.device));
  return Half{attached.info.device, size, std::move(attached.device)};
}

absl::StatusOr<Half> OpenHalfDevice(const sys::Host& host, const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> device,
                         OpenGivenDevice(host, path, ReadWrite()));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, device->Stat());
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, sys::BlockSize(*device));
  return Half{stat.rdevice, size, std::move(device)};
}

absl::Status SyncDir(const sys::Host& host, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, host.root->OpenDir(path));
  return dir->Sync();
}

}  // namespace

std::string LoopPath(const std::string& root, const proto::Backing& backing) {
  if (!backing.imported_file().empty()) return backing.imported_file();
  if (backing.loop_file().empty()) return "";
  return absl::StrCat(root, "/", backing.loop_file());
}

std::string BackingPath(const std::string& root, const proto::Backing& backing) {
  return backing.device().empty() ? LoopPath(root, backing) : backing.device();
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenGivenDevice(const sys::Host& host,
                                                           const std::string& path,
                                                           const sys::OpenOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  if (stat.type != sys::FileType::kBlockDevice) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a block device"));
  }
  return host.root->OpenFile(path, options);
}

absl::StatusOr<Half> OpenHalf(const sys::Host& host, const std::string& root,
                              const proto::Backing& backing) {
  const std::string path = BackingPath(root, backing);
  return backing.device().empty() ? AttachLoopFile(host, path) : OpenHalfDevice(host, path);
}

absl::Status PrepareLoopFiles(const sys::Host& host, const std::string& root,
                              const proto::PoolState& state, const PoolOptions& options) {
  const bool create = !state.formatted();
  const std::string data = LoopPath(root, state.data());
  const std::string metadata = LoopPath(root, state.metadata());
  const bool made = create && !(data.empty() && metadata.empty());
  if (made) {
    DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host.root, absl::StrCat(root, "/pool"), 0700));
  }
  if (!data.empty()) {
    DMKIT_RETURN_IF_ERROR(SizeLoopFile(host, data, create, options.data_loop_size, kDataLoopSize));
  }
  if (!metadata.empty()) {
    DMKIT_RETURN_IF_ERROR(
        SizeLoopFile(host, metadata, create, options.metadata_loop_size, kMetadataLoopSize));
  }
  return made ? SyncDir(host, absl::StrCat(root, "/pool")) : absl::OkStatus();
}

absl::Status RemovePoolFiles(const sys::Host& host, const std::string& root,
                             const proto::PoolState& state) {
  bool any_removed = false;
  for (const proto::Backing* half : {&state.data(), &state.metadata()}) {
    const std::string path = LoopPath(root, *half);
    if (path.empty()) continue;
    const absl::Status removed = host.root->Unlink(path);
    if (!removed.ok() && sys::GetErrno(removed) != ENOENT) return removed;
    any_removed = any_removed || removed.ok();
  }
  return any_removed ? SyncDir(host, absl::StrCat(root, "/pool")) : absl::OkStatus();
}

}  // namespace dmkit::thinp
