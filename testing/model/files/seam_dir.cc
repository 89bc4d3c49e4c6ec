// SPDX-License-Identifier: Apache-2.0
// sys::Dir of a process of the model: the root, and open directories.

#include <cerrno>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sys/path_label.h"
#include "sys/status.h"
#include "testing/model/files/path_calls.h"
#include "testing/model/files/vfs_state.h"

namespace dmkit::model {
namespace {

class SeamDir : public sys::Dir {
 public:
  // The root of whatever process has that number at the time of a call.
  SeamDir(VfsState& state, int id) : state_(state), id_(id), path_("/") {}
  SeamDir(VfsState& state, std::shared_ptr<VfsProcess> process, DescriptorPtr descriptor,
          std::string path)
      : state_(state),
        id_(process->id()),
        process_(std::move(process)),
        descriptor_(std::move(descriptor)),
        path_(std::move(path)) {}
  ~SeamDir() override {
    if (process_ == nullptr) return;
    const Scheduler::Call call(state_.core.scheduler, id_);
    process_->Close(descriptor_);
  }

  absl::StatusOr<std::unique_ptr<sys::File>> OpenFile(absl::string_view path,
                                                      const sys::OpenOptions& options) override;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDir(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirNoFollow(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirInRoot(absl::string_view path) override;
  absl::Status MakeDir(absl::string_view path, uint32_t mode) override;
  absl::StatusOr<std::vector<sys::DirEntry>> List(absl::string_view path) override;
  absl::StatusOr<sys::FileStat> Stat(absl::string_view path) override;
  absl::StatusOr<sys::FileStat> StatLink(absl::string_view path) override;
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override;
  absl::Status Rename(absl::string_view from, absl::string_view to) override;
  absl::Status Unlink(absl::string_view path) override;
  absl::Status RemoveDir(absl::string_view path) override;
  absl::Status MakeSymlink(absl::string_view target, absl::string_view path) override;
  absl::Status MakeLink(absl::string_view from, absl::string_view to) override;
  absl::Status MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                        uint32_t mode) override;
  absl::Status SetMode(absl::string_view path, uint32_t mode) override;
  absl::Status SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) override;
  absl::Status SetTimes(absl::string_view path, absl::Time accessed, absl::Time modified) override;
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view path) override;
  absl::StatusOr<std::string> GetXattr(absl::string_view path, absl::string_view name) override;
  absl::Status SetXattr(absl::string_view path, absl::string_view name,
                        absl::string_view value) override;
  absl::Status RemoveXattr(absl::string_view path, absl::string_view name) override;
  absl::StatusOr<sys::SpaceInfo> Space() override;
  absl::Status Sync() override;
  absl::Status SyncFilesystem() override;

 private:
  // Who makes the call, and from where.
  struct Caller {
    std::shared_ptr<VfsProcess> process;
    Location start;
  };

  std::string Label(absl::string_view path) const { return sys::PathLabel(path_, path); }
  // -EBADF when the process has ended.
  int Begin(Caller* caller) const;
  absl::Status OnPath(absl::string_view operation, absl::string_view path,
                      const std::function<int(const PathCalls&)>& call) const;
  using XattrCall = std::function<int(const PathCalls&, const std::string& name)>;
  absl::Status OnXattr(absl::string_view operation, absl::string_view path, absl::string_view name,
                       const XattrCall& call) const;
  // The same for calls that open; the file gets its descriptor.
  struct Opened {
    std::shared_ptr<VfsProcess> process;
    DescriptorPtr descriptor;
  };
  using OpenCall =
      std::function<int(const PathCalls&, std::shared_ptr<model::OpenFile>*, Location*)>;
  absl::StatusOr<Opened> Open(absl::string_view operation, absl::string_view path,
                              const OpenCall& call) const;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirWith(absl::string_view path,
                                                        PathCalls::Resolving resolving) const;

  VfsState& state_;
  const int id_;
  const std::shared_ptr<VfsProcess> process_;  // null for the root
  const DescriptorPtr descriptor_;
  const std::string path_;
};

int SeamDir::Begin(Caller* caller) const {
  if (process_ == nullptr) {
    *caller = {state_.ProcessOf(id_), state_.names.Top(state_.names.root())};
    return 0;
  }
  if (descriptor_->file == nullptr) return -EBADF;
  *caller = {process_, descriptor_->location};
  return 0;
}

absl::Status SeamDir::OnPath(absl::string_view operation, absl::string_view path,
                             const std::function<int(const PathCalls&)>& call) const {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath(operation, path));
  const Scheduler::Call held(state_.core.scheduler, id_);
  Caller caller;
  int error = Begin(&caller);
  if (error == 0) {
    error = call(PathCalls(state_.core, state_.names, *caller.process, caller.start));
  }
  return SeamStatus(error, operation, Label(path));
}

absl::StatusOr<SeamDir::Opened> SeamDir::Open(absl::string_view operation, absl::string_view path,
                                              const OpenCall& call) const {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath(operation, path));
  const Scheduler::Call held(state_.core.scheduler, id_);
  Caller caller;
  std::shared_ptr<model::OpenFile> file;
  Location location;
  int error = Begin(&caller);
  if (error == 0) {
    const PathCalls calls(state_.core, state_.names, *caller.process, caller.start);
    error = call(calls, &file, &location);
  }
  if (error != 0) return SeamStatus(error, operation, Label(path));
  Opened opened = {caller.process, caller.process->Add(std::move(file), std::move(location))};
  if (opened.descriptor == nullptr) return SeamStatus(-EMFILE, operation, Label(path));
  return opened;
}

absl::StatusOr<std::unique_ptr<sys::File>> SeamDir::OpenFile(absl::string_view path,
                                                             const sys::OpenOptions& options) {
  const OpenCall call = [&](const PathCalls& calls, std::shared_ptr<model::OpenFile>* file,
                            Location* location) {
    return calls.Open(path, options, file, location);
  };
  DMKIT_ASSIGN_OR_RETURN(Opened opened, Open("open", path, call));
  return MakeSeamFile(state_, std::move(opened.process), std::move(opened.descriptor), Label(path));
}

absl::StatusOr<std::unique_ptr<sys::Dir>> SeamDir::OpenDirWith(
    absl::string_view path, PathCalls::Resolving resolving) const {
  const OpenCall call = [&](const PathCalls& calls, std::shared_ptr<model::OpenFile>* file,
                            Location* location) {
    return calls.OpenDirectory(path, resolving, file, location);
  };
  DMKIT_ASSIGN_OR_RETURN(Opened opened, Open("open directory", path, call));
  return MakeSeamDir(state_, std::move(opened.process), std::move(opened.descriptor), Label(path));
}

absl::StatusOr<std::unique_ptr<sys::Dir>> SeamDir::OpenDir(absl::string_view path) {
  return OpenDirWith(path, PathCalls::Resolving::kFollow);
}

absl::StatusOr<std::unique_ptr<sys::Dir>> SeamDir::OpenDirNoFollow(absl::string_view path) {
  return OpenDirWith(path, PathCalls::Resolving::kNoFollow);
}

absl::StatusOr<std::unique_ptr<sys::Dir>> SeamDir::OpenDirInRoot(absl::string_view path) {
  return OpenDirWith(path, PathCalls::Resolving::kInRoot);
}

absl::Status SeamDir::MakeDir(absl::string_view path, uint32_t mode) {
  return OnPath("mkdir", path, [&](const PathCalls& calls) { return calls.MakeDir(path, mode); });
}

absl::StatusOr<std::vector<sys::DirEntry>> SeamDir::List(absl::string_view path) {
  std::vector<sys::DirEntry> entries;
  DMKIT_RETURN_IF_ERROR(
      OnPath("list", path, [&](const PathCalls& calls) { return calls.List(path, &entries); }));
  return entries;
}

absl::StatusOr<sys::FileStat> SeamDir::Stat(absl::string_view path) {
  sys::FileStat stat;
  DMKIT_RETURN_IF_ERROR(
      OnPath("stat", path, [&](const PathCalls& calls) { return calls.Stat(path, true, &stat); }));
  return stat;
}

absl::StatusOr<sys::FileStat> SeamDir::StatLink(absl::string_view path) {
  sys::FileStat stat;
  DMKIT_RETURN_IF_ERROR(
      OnPath("stat", path, [&](const PathCalls& calls) { return calls.Stat(path, false, &stat); }));
  return stat;
}

absl::StatusOr<std::string> SeamDir::ReadLink(absl::string_view path) {
  std::string target;
  DMKIT_RETURN_IF_ERROR(OnPath(
      "readlink", path, [&](const PathCalls& calls) { return calls.ReadLink(path, &target); }));
  return target;
}

absl::Status SeamDir::Rename(absl::string_view from, absl::string_view to) {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath("rename to", to));
  return OnPath(absl::StrCat("rename to ", Label(to), " from"), from,
                [&](const PathCalls& calls) { return calls.Rename(from, to); });
}

absl::Status SeamDir::Unlink(absl::string_view path) {
  return OnPath("unlink", path, [&](const PathCalls& calls) { return calls.Unlink(path); });
}

absl::Status SeamDir::RemoveDir(absl::string_view path) {
  return OnPath("rmdir", path, [&](const PathCalls& calls) { return calls.RemoveDir(path); });
}

absl::Status SeamDir::MakeSymlink(absl::string_view target, absl::string_view path) {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath("symlink to", target));
  return OnPath("symlink", path,
                [&](const PathCalls& calls) { return calls.MakeSymlink(target, path); });
}

absl::Status SeamDir::MakeLink(absl::string_view from, absl::string_view to) {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath("link to", to));
  return OnPath(absl::StrCat("link ", Label(to), " to"), from,
                [&](const PathCalls& calls) { return calls.MakeLink(from, to); });
}

absl::Status SeamDir::MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                               uint32_t mode) {
  if (type == sys::FileType::kDirectory || type == sys::FileType::kSymlink) {
    return sys::ErrnoStatus(EINVAL, absl::StrCat("mknod ", Label(path), ": not a kind of node"));
  }
  return OnPath("mknod", path,
                [&](const PathCalls& calls) { return calls.MakeNode(path, type, device, mode); });
}

absl::Status SeamDir::SetMode(absl::string_view path, uint32_t mode) {
  return OnPath("chmod", path, [&](const PathCalls& calls) { return calls.SetMode(path, mode); });
}

absl::Status SeamDir::SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) {
  return OnPath("chown", path,
                [&](const PathCalls& calls) { return calls.SetOwner(path, uid, gid); });
}

// When a file was read last is nothing that the model keeps.
absl::Status SeamDir::SetTimes(absl::string_view path, absl::Time /*accessed*/,
                               absl::Time modified) {
  return OnPath("utime", path,
                [&](const PathCalls& calls) { return calls.SetModified(path, modified); });
}

absl::Status SeamDir::OnXattr(absl::string_view operation, absl::string_view path,
                              absl::string_view name, const XattrCall& call) const {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath(operation, name));
  if (path.empty()) return SeamStatus(-ENOENT, operation, path_);
  const std::string key(name);
  return OnPath(absl::StrCat(operation, " ", name, " of"), path,
                [&](const PathCalls& calls) { return call(calls, key); });
}

absl::StatusOr<std::vector<std::string>> SeamDir::ListXattrs(absl::string_view path) {
  std::vector<std::string> names;
  DMKIT_RETURN_IF_ERROR(OnPath(
      "list xattrs", path, [&](const PathCalls& calls) { return calls.ListXattrs(path, &names); }));
  return names;
}

absl::StatusOr<std::string> SeamDir::GetXattr(absl::string_view path, absl::string_view name) {
  std::string value;
  const XattrCall call = [&](const PathCalls& calls, const std::string& key) {
    return calls.GetXattr(path, key, &value);
  };
  DMKIT_RETURN_IF_ERROR(OnXattr("get xattr", path, name, call));
  return value;
}

absl::Status SeamDir::SetXattr(absl::string_view path, absl::string_view name,
                               absl::string_view value) {
  return OnXattr("set xattr", path, name, [&](const PathCalls& calls, const std::string& key) {
    return calls.SetXattr(path, key, value);
  });
}

absl::Status SeamDir::RemoveXattr(absl::string_view path, absl::string_view name) {
  return OnXattr("remove xattr", path, name, [&](const PathCalls& calls, const std::string& key) {
    return calls.RemoveXattr(path, key);
  });
}

absl::StatusOr<sys::SpaceInfo> SeamDir::Space() {
  const Scheduler::Call held(state_.core.scheduler, id_);
  Caller caller;
  const int error = Begin(&caller);
  if (error != 0) return SeamStatus(error, "statfs", path_);
  return caller.start.filesystem().Space();
}

absl::Status SeamDir::Sync() {
  const Scheduler::Call held(state_.core.scheduler, id_);
  Caller caller;
  int error = Begin(&caller);
  if (error == 0) error = caller.start.filesystem().SyncDirectory(*caller.start.inode);
  return SeamStatus(error, "fsync", path_);
}

absl::Status SeamDir::SyncFilesystem() {
  const Scheduler::Call held(state_.core.scheduler, id_);
  Caller caller;
  int error = Begin(&caller);
  if (error == 0) error = caller.start.filesystem().SyncAll();
  return SeamStatus(error, "syncfs", path_);
}

}  // namespace

std::unique_ptr<sys::Dir> MakeSeamDir(VfsState& state, std::shared_ptr<VfsProcess> process,
                                      DescriptorPtr descriptor, std::string path) {
  return std::make_unique<SeamDir>(state, std::move(process), std::move(descriptor),
                                   std::move(path));
}

std::unique_ptr<sys::Dir> MakeSeamRoot(VfsState& state, int process) {
  return std::make_unique<SeamDir>(state, process);
}

}  // namespace dmkit::model
