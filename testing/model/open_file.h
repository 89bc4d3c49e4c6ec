// SPDX-License-Identifier: Apache-2.0
// An open file as the kernel sees it: what a descriptor refers to, what a loop device reads and
// writes, and what a driver puts behind a character device. Results are a count or 0, or a negative
// errno, as everywhere in the model.

#ifndef DMKIT_TESTING_MODEL_OPEN_FILE_H_
#define DMKIT_TESTING_MODEL_OPEN_FILE_H_

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "testing/model/process.h"
#include "testing/model/user_memory.h"

namespace dmkit::model {

class BlockDevice;

// How a file was opened.
struct OpenMode {
  bool read = true;
  bool write = false;
  bool direct = false;
  bool exclusive = false;  // O_EXCL of a block device
};

class OpenFile {
 public:
  explicit OpenFile(OpenMode mode) : mode_(mode) {}
  // Closes: what a release of the last descriptor does in a kernel happens here.
  virtual ~OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const OpenMode& mode() const { return mode_; }

  // Fewer than asked for only at the end of the file.
  virtual int64_t ReadAt(uint64_t, absl::Span<char>) { return -EINVAL; }
  // All of `data`, or an errno. Into the page cache, unless it was opened direct.
  virtual int WriteAt(uint64_t, absl::string_view) { return -EINVAL; }
  // Frees the range, which reads as zeros then (fallocate with PUNCH_HOLE and KEEP_SIZE); what a
  // loop device makes of a discard. -EOPNOTSUPP where the filesystem cannot.
  virtual int PunchHole(uint64_t, uint64_t) { return -EOPNOTSUPP; }
  virtual int Truncate(uint64_t) { return -EINVAL; }
  // lseek with SEEK_DATA, and SEEK_HOLE from there. -ENXIO: nothing but a hole; -EINVAL: what knows
  // no holes.
  virtual int NextData(uint64_t /*offset*/, uint64_t* /*begin*/, uint64_t* /*end*/) {
    return -EINVAL;
  }
  // fsync: contents and size are on stable storage afterwards, its name only if its directory was
  // synced too.
  virtual int Sync() { return -EINVAL; }
  // -EBADF and the like never come: an open file can be looked at.
  virtual sys::FileStat Stat() const = 0;
  virtual int Ioctl(Process&, unsigned long, UserMemory) { return -ENOTTY; }
  // What poll says of reading.
  virtual bool IsReadable() const { return true; }

  // The device of a block device's node; null for everything else.
  virtual BlockDevice* block_device() const { return nullptr; }
  // What /proc/self/fd and sysfs show: the path at which it was opened, with " (deleted)" behind it
  // when that name is gone.
  virtual std::string Path() const = 0;
  // The logical block size that direct I/O to this file needs; 0 when it cannot be done.
  virtual uint32_t DirectIoBytes() const { return 0; }

 private:
  OpenMode mode_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_OPEN_FILE_H_
