// SPDX-License-Identifier: Apache-2.0
// Io of a loop device on its file. Mirrors loop_queue_rq(), loop_handle_cmd() and
// do_req_filebacked().

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "testing/model/loop/loop_device.h"

namespace dmkit::model {
namespace {

// Zeros go to a file that cannot punch holes in pieces of this size.
constexpr uint64_t kZeroBytesMax = 1 << 20;

}  // namespace

int LoopDevice::DoIo(const Io& io) {
  if (!is_bound()) return -EIO;
  const bool writes = io.kind != IoKind::kRead && io.kind != IoKind::kFlush;
  const bool is_read_only = (flags_ & kLoopReadOnly) != 0;
  if (writes && is_read_only) return -EIO;
  // The file may be replaced or dropped while the io waits.
  const std::shared_ptr<OpenFile> file = file_;
  switch (io.kind) {
    case IoKind::kRead:
      return ReadFile(io);
    case IoKind::kWrite:
      return WriteFile(io);
    case IoKind::kWriteZeroes:
    case IoKind::kDiscard:
      return PunchFile(io);
    case IoKind::kFlush:
      break;
  }
  // Of a read-only device it never comes this far: that has no write cache.
  return file->Sync() == 0 ? 0 : -EIO;
}

int LoopDevice::ReadFile(const Io& io) {
  const Profile& profile = core().profile;
  if (!file_->mode().read && !profile.loop_reads_write_only_files) return -EIO;
  const absl::Span<char> into(io.into, io.length);
  const int64_t count = file_->ReadAt(offset_ + io.offset, into);
  if (count < 0) return -EIO;
  const auto done = static_cast<uint64_t>(count);
  if (done == io.length) return 0;
  // The file is shorter than it was when the device got its size.
  if (profile.loop_reports_file_results || uses_direct_io_) {
    std::fill(into.begin() + count, into.end(), '\0');
    return -EIO;
  }
  std::fill(into.begin(), into.end(), '\0');
  return 0;
}

int LoopDevice::WriteFile(const Io& io) {
  const bool reports_no_space = core().profile.loop_reports_file_results || uses_direct_io_;
  const std::shared_ptr<OpenFile> file = file_;
  const int error = file->WriteAt(offset_ + io.offset, absl::string_view(io.from, io.length));
  if (error == -ENOSPC && reports_no_space) return -ENOSPC;
  if (error != 0) return -EIO;
  return !io.fua || file->Sync() == 0 ? 0 : -EIO;
}

int LoopDevice::PunchFile(const Io& io) {
  const std::shared_ptr<OpenFile> file = file_;
  const int error = file->PunchHole(offset_ + io.offset, io.length);
  if (error == 0) return 0;
  if (error != -EOPNOTSUPP) return -EIO;
  if (io.kind == IoKind::kDiscard) {
    if (core().profile.loop_reports_file_results) {
      mutable_limits().max_discard_sectors = 0;
      mutable_limits().discard_granularity_bytes = 0;
    }
    return -EOPNOTSUPP;
  }
  for (uint64_t done = 0; done < io.length;) {
    const std::string zeros(std::min(kZeroBytesMax, io.length - done), '\0');
    if (file->WriteAt(offset_ + io.offset + done, zeros) != 0) return -EIO;
    done += zeros.size();
  }
  return 0;
}

}  // namespace dmkit::model
