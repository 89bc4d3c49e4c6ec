// SPDX-License-Identifier: Apache-2.0
// Open files of the file side: files and directories of a Tree, made-up texts, block devices,
// /dev/null and /dev/zero. How a path comes to one of them is for open_path.

#ifndef DMKIT_TESTING_MODEL_FILES_OPEN_FILES_H_
#define DMKIT_TESTING_MODEL_FILES_OPEN_FILES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/files/namespace.h"
#include "testing/model/open_file.h"

namespace dmkit::model {

// What a change of the contents or the owner of a file takes away from it.
inline constexpr char kCapabilityXattr[] = "security.capability";

// What stat shows of a file.
sys::FileStat StatOf(const Location& location);

// Takes the flock of an open file away, if it has one.
void ReleaseLock(Inode& inode, const OpenFile* file);

// What every open file with a path has. Keeps its mount busy and its flock until the last user of
// the open file has closed it, be it a loop device.
class PathFile : public OpenFile {
 public:
  PathFile(Core& core, Namespace& names, Location location, OpenMode mode);
  ~PathFile() override;

  sys::FileStat Stat() const override { return StatOf(location_); }
  std::string Path() const override { return names_.PathOf(location_); }
  // fsync, as the filesystem has it.
  int Sync() override;
  const Location& location() const { return location_; }

 protected:
  Inode& inode() const { return *location_.inode; }
  Core& core() const { return core_; }

 private:
  Core& core_;
  Namespace& names_;
  const Location location_;
  const MountUse use_;
};

class RegularFile : public PathFile {
 public:
  using PathFile::PathFile;
  int64_t ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  int WriteAt(uint64_t offset, absl::string_view data) override;
  int PunchHole(uint64_t offset, uint64_t length) override;
  int Truncate(uint64_t size) override;
  int NextData(uint64_t offset, uint64_t* begin, uint64_t* end) override;
  uint32_t DirectIoBytes() const override;

 private:
  bool IsDirectAligned(uint64_t offset, uint64_t length) const;
  void Changed();
};

class DirectoryFile : public PathFile {
 public:
  using PathFile::PathFile;
  int64_t ReadAt(uint64_t, absl::Span<char>) override { return -EISDIR; }
  int WriteAt(uint64_t, absl::string_view) override { return -EBADF; }
};

// The text is made up at the open.
class MadeUpTextFile : public PathFile {
 public:
  MadeUpTextFile(Core& core, Namespace& names, Location location, OpenMode mode, std::string text)
      : PathFile(core, names, std::move(location), mode), text_(std::move(text)) {}
  int64_t ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  int WriteAt(uint64_t, absl::string_view) override { return mode().write ? -EIO : -EBADF; }

 private:
  const std::string text_;
};

// /dev/null, /dev/zero and /dev/full, by minor number.
class MemoryDeviceFile : public PathFile {
 public:
  using PathFile::PathFile;
  static bool Has(uint32_t minor) { return minor == 3 || minor == 5 || minor == 7; }
  int64_t ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  int WriteAt(uint64_t offset, absl::string_view data) override;
  int Sync() override { return -EINVAL; }
};

// A FIFO that was opened without a partner, or to read and write: nothing ever comes.
class FifoFile : public PathFile {
 public:
  using PathFile::PathFile;
  int64_t ReadAt(uint64_t, absl::Span<char>) override { return -ESPIPE; }
  int WriteAt(uint64_t, absl::string_view) override { return mode().write ? -ESPIPE : -EBADF; }
  int Sync() override { return -EINVAL; }
  int NextData(uint64_t, uint64_t*, uint64_t*) override { return -ESPIPE; }
  bool IsReadable() const override { return false; }
};

// Mirrors block/fops.c.
class BlockFile : public PathFile {
 public:
  using PathFile::PathFile;
  // 0, or what opening the device says. Nothing else may be called before.
  int OpenDevice();

  int64_t ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  int WriteAt(uint64_t offset, absl::string_view data) override;
  int PunchHole(uint64_t offset, uint64_t length) override;
  int Sync() override { return device_->SyncBuffered(); }
  int Ioctl(Process& process, unsigned long request, UserMemory argument) override;
  BlockDevice* block_device() const override { return device_.get(); }
  uint32_t DirectIoBytes() const override { return device_->limits().logical_block_bytes; }

 private:
  uint64_t size() const { return device_->sectors() * kSectorBytes; }
  bool IsDirectAligned(uint64_t offset, uint64_t length) const;
  int WriteInside(uint64_t offset, absl::string_view data);

  BlockHandle device_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_OPEN_FILES_H_
