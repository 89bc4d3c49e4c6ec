// SPDX-License-Identifier: Apache-2.0
// Files and directories of the faulty host: each call is admitted, then passed on.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/faulty_internal.h"
#include "sys/host.h"
#include "sys/path_label.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

class FaultyFile : public File {
 public:
  FaultyFile(std::shared_ptr<FaultyState> state, std::unique_ptr<File> inner, std::string path)
      : state_(state), count_(std::move(state)), inner_(std::move(inner)), path_(std::move(path)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("ReadAt", path_));
    return inner_->ReadAt(offset, buffer);
  }
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("WriteAt", path_));
    return inner_->WriteAt(offset, data);
  }
  absl::Status Truncate(uint64_t size_bytes) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Truncate", path_));
    return inner_->Truncate(size_bytes);
  }
  absl::Status Sync() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Sync", path_));
    return inner_->Sync();
  }
  absl::StatusOr<FileStat> Stat() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Stat", path_));
    return inner_->Stat();
  }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t offset) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("NextData", path_));
    return inner_->NextData(offset);
  }
  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Ioctl", IoctlLabel(request)));
    return inner_->Ioctl(request, argument);
  }
  absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t argument) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("IoctlValue", IoctlLabel(request)));
    return inner_->IoctlValue(request, argument);
  }
  absl::StatusOr<bool> WaitReadable(absl::Time deadline) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("WaitReadable", path_));
    return inner_->WaitReadable(deadline);
  }
  absl::StatusOr<bool> TryLock(LockMode mode) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("TryLock", path_));
    return inner_->TryLock(mode);
  }
  absl::Status Unlock() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Unlock", path_));
    return inner_->Unlock();
  }
  int descriptor() const override { return inner_->descriptor(); }

 private:
  std::string IoctlLabel(unsigned long request) const {
    return absl::StrCat("0x", absl::Hex(request), " ", path_);
  }

  std::shared_ptr<FaultyState> state_;
  HandleCount count_;
  std::unique_ptr<File> inner_;
  std::string path_;
};

// A directory seen through the plan. Owns nothing: FaultyDir does, the root belongs to its host.
class DirView : public Dir {
 public:
  DirView(std::shared_ptr<FaultyState> state, Dir& inner, std::string path)
      : state_(std::move(state)), inner_(inner), path_(std::move(path)) {}

  absl::StatusOr<std::unique_ptr<File>> OpenFile(absl::string_view path,
                                                 const OpenOptions& options) override {
    DMKIT_RETURN_IF_ERROR(Admit("OpenFile", path));
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<File> file, inner_.OpenFile(path, options));
    return std::make_unique<FaultyFile>(state_, std::move(file), PathLabel(path_, path));
  }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDir(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("OpenDir", path));
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<Dir> dir, inner_.OpenDir(path));
    return MakeFaultyDir(state_, std::move(dir), PathLabel(path_, path));
  }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirNoFollow(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("OpenDirNoFollow", path));
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<Dir> dir, inner_.OpenDirNoFollow(path));
    return MakeFaultyDir(state_, std::move(dir), PathLabel(path_, path));
  }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirInRoot(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("OpenDirInRoot", path));
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<Dir> dir, inner_.OpenDirInRoot(path));
    return MakeFaultyDir(state_, std::move(dir), PathLabel(path_, path));
  }
  absl::Status MakeDir(absl::string_view path, uint32_t mode) override {
    DMKIT_RETURN_IF_ERROR(Admit("MakeDir", path));
    return inner_.MakeDir(path, mode);
  }
  absl::StatusOr<std::vector<DirEntry>> List(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("List", path));
    return inner_.List(path);
  }
  absl::StatusOr<FileStat> Stat(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("Stat", path));
    return inner_.Stat(path);
  }
  absl::StatusOr<FileStat> StatLink(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("StatLink", path));
    return inner_.StatLink(path);
  }
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("ReadLink", path));
    return inner_.ReadLink(path);
  }
  absl::Status Rename(absl::string_view from, absl::string_view to) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit(
        "Rename", absl::StrCat(PathLabel(path_, from), " to ", PathLabel(path_, to))));
    return inner_.Rename(from, to);
  }
  absl::Status Unlink(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("Unlink", path));
    return inner_.Unlink(path);
  }
  absl::Status RemoveDir(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("RemoveDir", path));
    return inner_.RemoveDir(path);
  }
  absl::Status MakeSymlink(absl::string_view target, absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("MakeSymlink", path));
    return inner_.MakeSymlink(target, path);
  }
  absl::Status MakeLink(absl::string_view from, absl::string_view to) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit(
        "MakeLink", absl::StrCat(PathLabel(path_, from), " to ", PathLabel(path_, to))));
    return inner_.MakeLink(from, to);
  }
  absl::Status MakeNode(absl::string_view path, FileType type, DeviceNumber device,
                        uint32_t mode) override {
    DMKIT_RETURN_IF_ERROR(Admit("MakeNode", path));
    return inner_.MakeNode(path, type, device, mode);
  }
  absl::Status SetMode(absl::string_view path, uint32_t mode) override {
    DMKIT_RETURN_IF_ERROR(Admit("SetMode", path));
    return inner_.SetMode(path, mode);
  }
  absl::Status SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) override {
    DMKIT_RETURN_IF_ERROR(Admit("SetOwner", path));
    return inner_.SetOwner(path, uid, gid);
  }
  absl::Status SetTimes(absl::string_view path, absl::Time accessed, absl::Time modified) override {
    DMKIT_RETURN_IF_ERROR(Admit("SetTimes", path));
    return inner_.SetTimes(path, accessed, modified);
  }
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view path) override {
    DMKIT_RETURN_IF_ERROR(Admit("ListXattrs", path));
    return inner_.ListXattrs(path);
  }
  absl::StatusOr<std::string> GetXattr(absl::string_view path, absl::string_view name) override {
    DMKIT_RETURN_IF_ERROR(AdmitXattr("GetXattr", path, name));
    return inner_.GetXattr(path, name);
  }
  absl::Status SetXattr(absl::string_view path, absl::string_view name,
                        absl::string_view value) override {
    DMKIT_RETURN_IF_ERROR(AdmitXattr("SetXattr", path, name));
    return inner_.SetXattr(path, name, value);
  }
  absl::Status RemoveXattr(absl::string_view path, absl::string_view name) override {
    DMKIT_RETURN_IF_ERROR(AdmitXattr("RemoveXattr", path, name));
    return inner_.RemoveXattr(path, name);
  }
  absl::StatusOr<SpaceInfo> Space() override {
    DMKIT_RETURN_IF_ERROR(Admit("Space", ""));
    return inner_.Space();
  }
  absl::Status Sync() override {
    DMKIT_RETURN_IF_ERROR(Admit("Sync", ""));
    return inner_.Sync();
  }
  absl::Status SyncFilesystem() override {
    DMKIT_RETURN_IF_ERROR(Admit("SyncFilesystem", ""));
    return inner_.SyncFilesystem();
  }

 private:
  absl::Status Admit(absl::string_view method, absl::string_view path) {
    return state_->Admit(method, PathLabel(path_, path));
  }
  absl::Status AdmitXattr(absl::string_view method, absl::string_view path,
                          absl::string_view name) {
    return state_->Admit(method, absl::StrCat(PathLabel(path_, path), " ", name));
  }

  std::shared_ptr<FaultyState> state_;
  Dir& inner_;
  std::string path_;
};

// The members are made before the base that looks at them.
struct OwnedDir {
  OwnedDir(std::shared_ptr<FaultyState> state, std::unique_ptr<Dir> dir)
      : count(std::move(state)), inner(std::move(dir)) {}
  HandleCount count;
  std::unique_ptr<Dir> inner;
};

class FaultyDir : private OwnedDir, public DirView {
 public:
  FaultyDir(const std::shared_ptr<FaultyState>& state, std::unique_ptr<Dir> dir, std::string path)
      : OwnedDir(state, std::move(dir)), DirView(state, *inner, std::move(path)) {}
};

}  // namespace

std::unique_ptr<Dir> MakeFaultyRoot(std::shared_ptr<FaultyState> state, Dir& inner) {
  return std::make_unique<DirView>(std::move(state), inner, "/");
}

std::unique_ptr<Dir> MakeFaultyDir(const std::shared_ptr<FaultyState>& state,
                                   std::unique_ptr<Dir> inner, std::string path) {
  return std::make_unique<FaultyDir>(state, std::move(inner), std::move(path));
}

}  // namespace dmkit::sys::internal
