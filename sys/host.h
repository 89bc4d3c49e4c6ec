// SPDX-License-Identifier: Apache-2.0
// The seam: everything the product asks of the operating system, as narrow interfaces at byte
// level. Implementations: linux_host.h (a thin shell, no policy), faulty_host.h (wraps another one
// and fails chosen calls), and the model kernel in testing/. No policy, no retries and no knowledge
// of device-mapper belong here.
//
// Rules that hold for every call: a failed call returns ErrnoStatus with the operation and the
// object in its message; EINTR is retried where the call has no deadline; every descriptor is
// close-on-exec.

#ifndef DMKIT_SYS_HOST_H_
#define DMKIT_SYS_HOST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/device_number.h"

namespace dmkit::sys {

enum class FileType { kRegular, kDirectory, kSymlink, kBlockDevice, kCharDevice, kFifo, kSocket };

struct FileStat {
  FileType type = FileType::kRegular;
  uint32_t mode = 0;  // permission bits with setuid, setgid and sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  DeviceNumber device;   // the filesystem that holds the file
  DeviceNumber rdevice;  // of a device node; 0:0 otherwise
  uint64_t inode = 0;
  uint64_t links = 0;
  uint64_t size_bytes = 0;
  uint64_t allocated_bytes = 0;
  absl::Time modified;
  absl::Time changed;  // the last change of contents, attributes or names (ctime); set by no call
};

enum class Access { kReadOnly, kReadWrite };

struct OpenOptions {
  Access access = Access::kReadOnly;
  bool create = false;  // make the file when it is not there
  // With create: EEXIST when it is there. On a block device: EBUSY when held.
  bool exclusive = false;
  bool direct = false;     // bypass the page cache
  bool no_follow = false;  // ELOOP when the last component is a symbolic link
  bool nonblock = false;   // do not wait in open
  uint32_t mode = 0600;    // with create, before the umask
};

enum class LockMode { kShared, kExclusive };

// An open file or device. Closes on destruction; errors of close are not reported, since Sync() is
// the call that proves durability.
class File {
 public:
  virtual ~File() = default;

  // Reads up to buffer.size() bytes at `offset`; fewer only at the end of the file. A pipe, which
  // has no offsets, is read on where the last read ended, and waited for; ESPIPE when it was opened
  // with nonblock.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) = 0;
  // Writes all of `data` at `offset`.
  virtual absl::Status WriteAt(uint64_t offset, absl::string_view data) = 0;
  // Makes the file `size_bytes` long; the new part reads as zeros and takes no space.
  virtual absl::Status Truncate(uint64_t size_bytes) = 0;
  // Blocks until the file's data and size are on stable storage (fsync).
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<FileStat> Stat() = 0;
  // Bytes [begin, end) of a file.
  struct DataRange {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  // The first range of data that ends behind `offset`, cut off in front of it; nothing when there
  // are only holes from there to the end. What lies outside of all ranges reads as zeros. A
  // filesystem that knows no holes gives all there is.
  virtual absl::StatusOr<std::optional<DataRange>> NextData(uint64_t offset) = 0;
  // ioctl with a pointer to `argument`, which the kernel may read and write up to the length that
  // the request itself implies. Returns the call's non-negative result. Not retried on EINTR.
  // EINVAL, no call made: `argument` is shorter than the size in the request number.
  virtual absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) = 0;
  // ioctl whose argument is a number, or none (0).
  virtual absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t argument) = 0;
  // Waits until reading would not block: true then, false when `deadline`, by Clock::Now(), has
  // passed first.
  virtual absl::StatusOr<bool> WaitReadable(absl::Time deadline) = 0;
  // Takes an advisory flock without blocking: true when it is held now, false when another open
  // file holds it. Released by Unlock, by destruction, and by the end of the process.
  virtual absl::StatusOr<bool> TryLock(LockMode mode) = 0;
  virtual absl::Status Unlock() = 0;
  // The descriptor number, for ioctls that carry one in their argument (LOOP_CONFIGURE).
  virtual int descriptor() const = 0;
};

struct DirEntry {
  std::string name;
  FileType type = FileType::kRegular;
};

struct SpaceInfo {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;  // to an ordinary user
};

// A directory handle. Paths are relative to it, or absolute. Names are bytes.
class Dir {
 public:
  virtual ~Dir() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> OpenFile(absl::string_view path,
                                                         const OpenOptions& options) = 0;
  virtual absl::StatusOr<std::unique_ptr<Dir>> OpenDir(absl::string_view path) = 0;
  // ENOTDIR or ELOOP when the last component is a symbolic link.
  virtual absl::StatusOr<std::unique_ptr<Dir>> OpenDirNoFollow(absl::string_view path) = 0;
  // Resolves `path` as if this directory were "/": "..", absolute names and symbolic links, also
  // those on the way, stay below it. ENOSYS before Linux 5.6, EPERM where a filter forbids the
  // call; EAGAIN when renames elsewhere were in the way again and again.
  virtual absl::StatusOr<std::unique_ptr<Dir>> OpenDirInRoot(absl::string_view path) = 0;
  virtual absl::Status MakeDir(absl::string_view path, uint32_t mode) = 0;
  // The entries without "." and "..", in the order of their bytes.
  virtual absl::StatusOr<std::vector<DirEntry>> List(absl::string_view path) = 0;
  // Stat follows a symbolic link at the end of `path`; StatLink does not.
  virtual absl::StatusOr<FileStat> Stat(absl::string_view path) = 0;
  virtual absl::StatusOr<FileStat> StatLink(absl::string_view path) = 0;
  virtual absl::StatusOr<std::string> ReadLink(absl::string_view path) = 0;
  // Replaces `to` when it is there. Atomic for observers; durable after Sync() of both directories.
  virtual absl::Status Rename(absl::string_view from, absl::string_view to) = 0;
  virtual absl::Status Unlink(absl::string_view path) = 0;
  virtual absl::Status RemoveDir(absl::string_view path) = 0;
  virtual absl::Status MakeSymlink(absl::string_view target, absl::string_view path) = 0;
  // Gives the file `from` a second name. A symbolic link gets one itself, not what it leads to.
  // EEXIST, EXDEV; EPERM for a directory; EMLINK when it has as many as it can have.
  virtual absl::Status MakeLink(absl::string_view from, absl::string_view to) = 0;
  // Makes a device node, a FIFO, a socket or an empty file with exactly `mode`, whatever the umask
  // is. `device` is 0:0 for what is no device node.
  virtual absl::Status MakeNode(absl::string_view path, FileType type, DeviceNumber device,
                                uint32_t mode) = 0;
  // SetMode follows a symbolic link at the end of `path`; SetOwner changes the link itself.
  virtual absl::Status SetMode(absl::string_view path, uint32_t mode) = 0;
  virtual absl::Status SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) = 0;
  // To the nanosecond, of a symbolic link itself. Comes last: whatever changes the contents of a
  // file or the names in a directory sets `modified` anew.
  virtual absl::Status SetTimes(absl::string_view path, absl::Time accessed,
                                absl::Time modified) = 0;
  // Extended attributes, of a symbolic link itself. Names are whole ("user.x") and in the order of
  // their bytes, those of "trusted" only for who may see them; values are bytes. ENODATA: no such
  // attribute; ENOTSUP: the filesystem has none of this kind; EPERM: not of this file, or not by
  // this user; ENOSPC, ERANGE, E2BIG: too large. A change of contents or owner takes
  // "security.capability" away.
  virtual absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view path) = 0;
  virtual absl::StatusOr<std::string> GetXattr(absl::string_view path, absl::string_view name) = 0;
  virtual absl::Status SetXattr(absl::string_view path, absl::string_view name,
                                absl::string_view value) = 0;
  virtual absl::Status RemoveXattr(absl::string_view path, absl::string_view name) = 0;
  virtual absl::StatusOr<SpaceInfo> Space() = 0;
  // Blocks until the directory's entries are on stable storage (fsync of the directory).
  virtual absl::Status Sync() = 0;
  // Blocks until all of the filesystem that the directory is on is on stable storage (syncfs).
  // Since Linux 5.8 an error (EIO, ENOSPC) also tells of what could not be written at any time
  // since this handle was opened: an unmount tells nobody.
  virtual absl::Status SyncFilesystem() = 0;
};

struct MountRequest {
  std::string source;      // path of a block device
  std::string target;      // absolute path of an existing directory
  std::string filesystem;  // "ext4", "xfs"
  uint64_t flags = 0;      // MS_* of <sys/mount.h>
  std::string data;        // comma-separated options for the filesystem
};

enum class UnmountMode { kNormal, kDetach };

class Mounts {
 public:
  virtual ~Mounts() = default;
  // Mounts and returns a handle on the root of the mounted filesystem. The handle keeps the mount
  // busy while it lives. Blocks on the device.
  virtual absl::StatusOr<std::unique_ptr<Dir>> Mount(const MountRequest& request) = 0;
  // EBUSY: still in use (kNormal only). EINVAL: not a mount point. ENOENT: no such path.
  // kNormal blocks while the filesystem writes back.
  virtual absl::Status Unmount(absl::string_view target, UnmountMode mode) = 0;
};

struct ProcessResult {
  int exit_status = 0;  // 128 + signal number when it was killed by a signal
  std::string output;   // the last 64 KiB of standard output and standard error together
};

class Processes {
 public:
  virtual ~Processes() = default;
  // Runs argv[0] (searched in /usr/sbin:/usr/bin:/sbin:/bin, also when the caller's PATH lacks
  // them) with a minimal environment, LC_ALL=C, standard input from /dev/null, and waits. ENOENT
  // when there is no such program; ETIMEDOUT when it ran past `timeout`: it is killed then with its
  // process group, and left alone when it does not go within two seconds, held in the kernel. It is
  // killed as well when the calling thread ends. What it leaves in the background is not waited
  // for.
  virtual absl::StatusOr<ProcessResult> Run(const std::vector<std::string>& argv,
                                            absl::Duration timeout) = 0;
  // The path of `program` as Run would find it; ENOENT when there is none.
  virtual absl::StatusOr<std::string> Find(absl::string_view program) = 0;
  virtual int32_t ProcessId() = 0;
  virtual uint32_t EffectiveUserId() = 0;
  // Keeps all pages of this process in memory until UnlockMemory: nothing may page in from a device
  // that is suspended.
  virtual absl::Status LockMemory() = 0;
  virtual absl::Status UnlockMemory() = 0;
};

// A set of semaphores as a listing shows it.
struct SemaphoreSet {
  int32_t id = 0;
  uint32_t key = 0;
  absl::Time last_operation;  // in whole seconds; the epoch: none yet
  absl::Time changed;         // in whole seconds: made, or set to a value
};

// System V semaphores, as the udev cookie protocol needs them: sets of one semaphore.
class Semaphores {
 public:
  virtual ~Semaphores() = default;
  // Makes the set for `key` with mode 0600. EEXIST when it is there, ENOSPC when the system has no
  // more.
  virtual absl::StatusOr<int32_t> Create(uint32_t key) = 0;
  // ENOENT when there is none.
  virtual absl::StatusOr<int32_t> Find(uint32_t key) = 0;
  virtual absl::StatusOr<int32_t> Value(int32_t id) = 0;
  virtual absl::Status SetValue(int32_t id, int32_t value) = 0;
  // Adds `delta`, which is not 0, without blocking. EAGAIN when the value would become negative.
  virtual absl::Status Add(int32_t id, int32_t delta) = 0;
  // Waits for zero: true then, false when `timeout` has passed. EIDRM when the set is removed
  // meanwhile, EINVAL when it was gone before.
  virtual absl::StatusOr<bool> WaitForZero(int32_t id, absl::Duration timeout) = 0;
  virtual absl::Status Remove(int32_t id) = 0;
  // The sets of the IPC namespace that the caller may read, whoever made them, in the kernel's
  // order. Sets that come or go meanwhile may be listed or not.
  virtual absl::StatusOr<std::vector<SemaphoreSet>> ListSets() = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // For deadlines: wall time at first, from which setting the clock moves it no more.
  virtual absl::Time Now() = 0;
  // Wall time, for records that people read and for comparing with what the kernel keeps. May jump.
  virtual absl::Time WallTime() { return Now(); }
  virtual void Sleep(absl::Duration duration) = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  // Blocks early in the boot, until the kernel's random pool is ready.
  virtual absl::Status Fill(absl::Span<char> buffer) = 0;
};

// Takes one line of text per ioctl. While held, an implementation must keep lines in memory: a
// write could go to the very device that is suspended.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void Line(absl::string_view line) = 0;
  virtual void Hold() = 0;
  virtual void Release() = 0;
};

// All of the above, handed in through constructors. Does not own what it points to; every pointer
// but `trace` is set.
struct Host {
  Dir* root = nullptr;  // "/"
  Mounts* mounts = nullptr;
  Processes* processes = nullptr;
  Semaphores* semaphores = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  TraceSink* trace = nullptr;  // null: no tracing
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_HOST_H_
