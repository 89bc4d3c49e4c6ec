// SPDX-License-Identifier: Apache-2.0
// sys::File of a process of the model. What sys/linux_file.cc does before and after its system call
// is done here as well.

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/model/files/open_files.h"
#include "testing/model/files/vfs_state.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kOffsetMax = std::numeric_limits<int64_t>::max();

bool OffsetsFit(uint64_t offset, uint64_t length) {
  return offset <= kOffsetMax && kOffsetMax - offset >= length;
}

class SeamFile : public sys::File {
 public:
  SeamFile(VfsState& state, std::shared_ptr<VfsProcess> process, DescriptorPtr descriptor,
           std::string path)
      : state_(state),
        process_(std::move(process)),
        descriptor_(std::move(descriptor)),
        number_(descriptor_->number),
        path_(std::move(path)) {}
  ~SeamFile() override {
    const Scheduler::Call call(state_.core.scheduler, process_->id());
    process_->Close(descriptor_);
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override;
  absl::Status Truncate(uint64_t size_bytes) override;
  absl::Status Sync() override;
  absl::StatusOr<sys::FileStat> Stat() override;
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t offset) override;
  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override;
  absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t argument) override;
  absl::StatusOr<bool> WaitReadable(absl::Time deadline) override;
  absl::StatusOr<bool> TryLock(sys::LockMode mode) override;
  absl::Status Unlock() override;
  int descriptor() const override { return number_; }

 private:
  // Makes one call on the open file: a count or 0, or a negative errno. -EBADF when the process has
  // ended.
  template <typename Call>
  int64_t OnFile(Call call) {
    const Scheduler::Call held(state_.core.scheduler, process_->id());
    const std::shared_ptr<OpenFile> file = descriptor_->file;
    return file == nullptr ? -EBADF : static_cast<int64_t>(call(*file));
  }
  absl::Status StatusOf(int64_t result, absl::string_view operation) const {
    return SeamStatus(static_cast<int>(std::min<int64_t>(result, 0)), operation, path_);
  }
  absl::StatusOr<int> IoctlWith(unsigned long request, UserMemory memory);

  VfsState& state_;
  const std::shared_ptr<VfsProcess> process_;
  const DescriptorPtr descriptor_;
  const int number_;
  const std::string path_;
};

absl::StatusOr<size_t> SeamFile::ReadAt(uint64_t offset, absl::Span<char> buffer) {
  if (!OffsetsFit(offset, buffer.size())) {
    return sys::ErrnoStatus(EINVAL, absl::StrCat("read ", path_, ": offset ", offset));
  }
  if (buffer.empty()) return size_t{0};
  const int64_t got = OnFile([&](OpenFile& file) { return file.ReadAt(offset, buffer); });
  if (got < 0) return StatusOf(got, "read");
  return static_cast<size_t>(got);
}

absl::Status SeamFile::WriteAt(uint64_t offset, absl::string_view data) {
  if (!OffsetsFit(offset, data.size())) {
    return sys::ErrnoStatus(EFBIG, absl::StrCat("write ", path_, ": offset ", offset));
  }
  if (data.empty()) return absl::OkStatus();
  return StatusOf(OnFile([&](OpenFile& file) { return file.WriteAt(offset, data); }), "write");
}

absl::Status SeamFile::Truncate(uint64_t size_bytes) {
  if (!OffsetsFit(size_bytes, 0)) {
    return sys::ErrnoStatus(EFBIG, absl::StrCat("truncate ", path_, ": size ", size_bytes));
  }
  return StatusOf(OnFile([&](OpenFile& file) { return file.Truncate(size_bytes); }), "truncate");
}

absl::Status SeamFile::Sync() {
  return StatusOf(OnFile([](OpenFile& file) { return file.Sync(); }), "fsync");
}

absl::StatusOr<sys::FileStat> SeamFile::Stat() {
  sys::FileStat stat;
  // A driver's file knows its device; the node that it was opened by is what stat shows.
  const int64_t result = OnFile([&](OpenFile&) {
    stat = StatOf(descriptor_->location);
    return 0;
  });
  if (result < 0) return StatusOf(result, "stat");
  return stat;
}

absl::StatusOr<std::optional<sys::File::DataRange>> SeamFile::NextData(uint64_t offset) {
  if (!OffsetsFit(offset, 0)) return std::optional<DataRange>();
  DataRange range;
  const int64_t result = OnFile([&](OpenFile& file) {
    const int error = file.NextData(offset, &range.begin, &range.end);
    if (error != -EINVAL) return error;
    range = {offset, StatOf(descriptor_->location).size_bytes};
    return range.end > offset ? 0 : -ENXIO;
  });
  if (result == -ENXIO) return std::optional<DataRange>();
  if (result < 0) return StatusOf(result, "seek data in");
  return std::optional<DataRange>(range);
}

absl::StatusOr<int> SeamFile::IoctlWith(unsigned long request, UserMemory memory) {
  const int64_t result =
      OnFile([&](OpenFile& file) { return file.Ioctl(*process_, request, memory); });
  if (result < 0) return StatusOf(result, absl::StrCat("ioctl 0x", absl::Hex(request)));
  return static_cast<int>(result);
}

absl::StatusOr<int> SeamFile::Ioctl(unsigned long request, absl::Span<char> argument) {
  if (argument.size() < _IOC_SIZE(request)) {
    return sys::ErrnoStatus(EINVAL,
                            absl::StrCat("ioctl 0x", absl::Hex(request), " ", path_, ": needs ",
                                         _IOC_SIZE(request), " bytes, got ", argument.size()));
  }
  return IoctlWith(request, UserMemory(argument));
}

absl::StatusOr<int> SeamFile::IoctlValue(unsigned long request, uint64_t argument) {
  return IoctlWith(request, UserMemory(argument));
}

absl::StatusOr<bool> SeamFile::WaitReadable(absl::Time deadline) {
  bool has_passed = false;
  bool is_readable = false;
  const int64_t result = OnFile([&](OpenFile& file) {
    Scheduler& scheduler = state_.core.scheduler;
    const auto ready = [&] {
      is_readable = file.IsReadable();
      return is_readable || has_passed;
    };
    has_passed = deadline <= scheduler.Now();
    if (ready()) return 0;
    const bool has_timer = deadline != absl::InfiniteFuture();
    Scheduler::TimerId timer = 0;
    if (has_timer) {
      timer = scheduler.After(deadline - scheduler.Now(), [&has_passed] { has_passed = true; });
    }
    const int error =
        scheduler.Wait(WaitKind::kInterruptible, absl::StrCat("poll of ", path_), ready);
    if (has_timer) scheduler.Cancel(timer);
    return error;
  });
  if (result < 0) return StatusOf(result, "poll");
  return is_readable;
}

// flock_lock_inode(): a change of the mode gives the old lock up first, and does not take it back.
absl::StatusOr<bool> SeamFile::TryLock(sys::LockMode mode) {
  const int64_t result = OnFile([&](OpenFile& file) {
    FileLock& lock = descriptor_->location.inode->lock;
    const bool is_exclusive = mode == sys::LockMode::kExclusive;
    const bool is_held = is_exclusive ? lock.exclusive == &file : lock.shared.count(&file) != 0;
    if (is_held) return 0;
    ReleaseLock(*descriptor_->location.inode, &file);
    if (lock.exclusive != nullptr || (is_exclusive && !lock.shared.empty())) return -EWOULDBLOCK;
    if (is_exclusive) {
      lock.exclusive = &file;
    } else {
      lock.shared.insert(&file);
    }
    return 0;
  });
  if (result == -EWOULDBLOCK) return false;
  if (result < 0) return StatusOf(result, "lock");
  return true;
}

absl::Status SeamFile::Unlock() {
  return StatusOf(OnFile([&](OpenFile& file) {
                    ReleaseLock(*descriptor_->location.inode, &file);
                    return 0;
                  }),
                  "unlock");
}

}  // namespace

std::unique_ptr<sys::File> MakeSeamFile(VfsState& state, std::shared_ptr<VfsProcess> process,
                                        DescriptorPtr descriptor, std::string path) {
  return std::make_unique<SeamFile>(state, std::move(process), std::move(descriptor),
                                    std::move(path));
}

absl::Status SeamStatus(int error, absl::string_view operation, absl::string_view object) {
  if (error == 0) return absl::OkStatus();
  return sys::ErrnoStatus(-error, absl::StrCat(operation, " ", object));
}

absl::Status CheckSeamPath(absl::string_view operation, absl::string_view path) {
  const size_t end = path.find('\0');
  if (end == absl::string_view::npos) return absl::OkStatus();
  return sys::ErrnoStatus(EINVAL, absl::StrCat(operation, " ", path.substr(0, end),
                                               ": the path goes on behind a NUL byte"));
}

}  // namespace dmkit::model
