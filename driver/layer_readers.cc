// SPDX-License-Identifier: Apache-2.0

#include "driver/layer_readers.h"

#include <cerrno>
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
#include "driver/layer_id.h"
#include "driver/run_dir.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr int kReadersMax = 1000;
constexpr uint32_t kDirectoryMode = 0700;

absl::StatusOr<std::vector<sys::DirEntry>> Files(sys::Dir& dir, const LayerId& layer) {
  auto files = dir.List(layer.text());
  if (sys::GetErrno(files.status()) == ENOENT) return std::vector<sys::DirEntry>();
  return files;
}

}  // namespace

absl::StatusOr<LayerReaders> LayerReaders::Open(const sys::Host& host, absl::string_view run_dir) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, OpenRunDir(host, run_dir, "readers"));
  return LayerReaders(host, std::move(dir));
}

absl::StatusOr<LayerReaders::Reader> LayerReaders::Add(const LayerId& layer,
                                                       absl::string_view what) {
  const absl::Status made = dir_->MakeDir(layer.text(), kDirectoryMode);
  if (!made.ok() && sys::GetErrno(made) != EEXIST) return made;
  for (int number = 0; number < kReadersMax; ++number) {
    std::string file = absl::StrCat(layer.text(), "/", number);
    auto lock = sys::AcquireLock(host_, *dir_, file, what, absl::ZeroDuration());
    // Another reader's, or of somebody who just looks.
    if (sys::GetErrno(lock.status()) == ETIMEDOUT) continue;
    DMKIT_RETURN_IF_ERROR(lock);
    return Reader(std::move(file), *std::move(lock));
  }
  return sys::ErrnoStatus(
      EUSERS, absl::StrCat("layer \"", layer.text(), "\" is read by ", kReadersMax, " already"));
}

absl::Status LayerReaders::Leave(const LayerId& layer, Reader reader) {
  const absl::Status removed = dir_->Unlink(reader.file_);
  // Not empty while others read.
  dir_->RemoveDir(layer.text()).IgnoreError();
  return sys::GetErrno(removed) == ENOENT ? absl::OkStatus() : removed;
}

absl::StatusOr<std::vector<std::string>> LayerReaders::Alive(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<sys::DirEntry> files, Files(*dir_, layer));
  std::vector<std::string> alive;
  for (const sys::DirEntry& file : files) {
    DMKIT_ASSIGN_OR_RETURN(std::optional<std::string> holder,
                           sys::FindLockHolder(*dir_, absl::StrCat(layer.text(), "/", file.name)));
    if (holder.has_value()) alive.push_back(*std::move(holder));
  }
  return alive;
}

void LayerReaders::RemoveDead(const LayerId& layer) {
  const auto files = Files(*dir_, layer);
  if (!files.ok() || files->empty()) return;
  for (const sys::DirEntry& file : *files) {
    const std::string path = absl::StrCat(layer.text(), "/", file.name);
    const auto holder = sys::FindLockHolder(*dir_, path);
    if (holder.ok() && !holder->has_value()) dir_->Unlink(path).IgnoreError();
  }
  dir_->RemoveDir(layer.text()).IgnoreError();
}

}  // namespace dmkit::driver
