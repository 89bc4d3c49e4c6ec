// SPDX-License-Identifier: Apache-2.0
// Both directions.

#include "driver/cli/archive_file.h"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {
namespace {

constexpr uint32_t kNewMode = 0600;

class FileSource : public sys::ByteSource {
 public:
  explicit FileSource(std::unique_ptr<sys::File> file) : file_(std::move(file)) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    DMKIT_ASSIGN_OR_RETURN(const size_t length, file_->ReadAt(at_, buffer));
    at_ += length;
    return length;
  }

 private:
  const std::unique_ptr<sys::File> file_;
  uint64_t at_ = 0;
};

// The directory that holds `path`.
std::string Folder(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace

absl::StatusOr<std::unique_ptr<sys::ByteSource>> OpenArchive(const sys::Host& host,
                                                             absl::string_view path) {
  // Opening a pipe would wait for its writer.
  sys::OpenOptions options;
  options.nonblock = true;
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> file, host.root->OpenFile(path, options));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, file->Stat());
  if (stat.type != sys::FileType::kRegular) {
    return sys::ErrnoStatus(
        EINVAL, absl::StrCat("read \"", path, "\": no regular file; use standard input for it"));
  }
  return std::make_unique<FileSource>(std::move(file));
}

absl::StatusOr<std::unique_ptr<NewArchive>> NewArchive::Make(const sys::Host& host,
                                                             absl::string_view path) {
  const absl::StatusOr<sys::FileStat> there = host.root->Stat(path);
  if (there.ok() && there->type != sys::FileType::kRegular) {
    return sys::ErrnoStatus(
        EEXIST,
        absl::StrCat("write \"", path,
                     "\": there is something that is no regular file; use standard output for it"));
  }
  if (!there.ok() && sys::GetErrno(there.status()) != ENOENT) return there.status();
  std::string partial = absl::StrCat(path, ".partial-", host.processes->ProcessId());
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  options.exclusive = true;
  options.mode = kNewMode;
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> file, host.root->OpenFile(partial, options));
  return absl::WrapUnique(new NewArchive(host, path, std::move(partial), std::move(file)));
}

NewArchive::NewArchive(const sys::Host& host, absl::string_view path, std::string partial,
                       std::unique_ptr<sys::File> file)
    : host_(host), path_(path), partial_(std::move(partial)), file_(std::move(file)) {}

NewArchive::~NewArchive() {
  // The error that led here was told; a left file has a name that says what it is.
  if (file_ != nullptr) host_.root->Unlink(partial_).IgnoreError();
}

absl::Status NewArchive::Write(absl::string_view data) {
  DMKIT_RETURN_IF_ERROR(file_->WriteAt(size_, data));
  size_ += data.size();
  return absl::OkStatus();
}

absl::Status NewArchive::Commit() {
  DMKIT_RETURN_IF_ERROR(file_->Sync());
  DMKIT_RETURN_IF_ERROR(host_.root->Rename(partial_, path_));
  file_ = nullptr;
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> folder,
                         host_.root->OpenDir(Folder(path_)));
  return folder->Sync();
}

}  // namespace dmkit::driver::cli
