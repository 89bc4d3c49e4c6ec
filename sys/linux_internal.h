// SPDX-License-Identifier: Apache-2.0
// What the files of the Linux host share: the owner of a descriptor and the classes behind the
// seam. For sys/linux_*.cc only.

#ifndef DMKIT_SYS_LINUX_INTERNAL_H_
#define DMKIT_SYS_LINUX_INTERNAL_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/host.h"

namespace dmkit::sys::internal {

// Owns a descriptor, or nothing (-1).
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  // Closes. Never repeated on EINTR: Linux has released the number by then.
  void Reset();

 private:
  int fd_ = -1;
};

// The result of `call`, made again while it fails with EINTR. errno is the call's.
template <typename Call>
auto RetryOnEintr(Call call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

// A point in time that setting the wall clock does not move.
class Deadline {
 public:
  // An infinite or absurd timeout becomes a year.
  explicit Deadline(absl::Duration timeout);
  // Zero when it has passed.
  absl::Duration Left() const;
  // The same for poll(), rounded up and at most `most`, so that a poll of 0 ms means "passed".
  int LeftMilliseconds(absl::Duration most) const;

 private:
  std::chrono::steady_clock::time_point end_;
};

// OK for a call that succeeded; for -1 the status of errno, which must still be the call's. The
// message reads
// "<operation> <object>: <reason>".
absl::Status CallStatus(int result, absl::string_view operation, absl::string_view object);

// The NUL-terminated form of a path for the kernel; EINVAL for a path that holds a NUL itself,
// which the kernel would take for another, shorter path.
absl::StatusOr<std::string> KernelPath(absl::string_view operation, absl::string_view path);

FileType FileTypeOf(mode_t mode);
FileStat FileStatOf(const struct stat& stat);

// Takes `fd`, an open file; `path` is for messages.
std::unique_ptr<File> MakeLinuxFile(UniqueFd fd, std::string path);
// The directory at the absolute `path`.
absl::StatusOr<std::unique_ptr<Dir>> OpenLinuxDir(const std::string& path);
// "/". Never fails; where it cannot be opened, each call on it does.
std::unique_ptr<Dir> OpenLinuxRoot();

class LinuxMounts : public Mounts {
 public:
  absl::StatusOr<std::unique_ptr<Dir>> Mount(const MountRequest& request) override;
  absl::Status Unmount(absl::string_view target, UnmountMode mode) override;
};

// A path below an open directory; `label` is for messages.
struct PathAt {
  int dir = -1;
  absl::string_view path;
  std::string label;
};

// Extended attributes, as Dir has them. Through /proc/self/fd, which must be there.
absl::StatusOr<std::vector<std::string>> ListXattrsAt(const PathAt& at);
absl::StatusOr<std::string> GetXattrAt(const PathAt& at, absl::string_view name);
absl::Status SetXattrAt(const PathAt& at, absl::string_view name, absl::string_view value);
absl::Status RemoveXattrAt(const PathAt& at, absl::string_view name);

class LinuxProcesses : public Processes {
 public:
  absl::StatusOr<ProcessResult> Run(const std::vector<std::string>& argv,
                                    absl::Duration timeout) override;
  absl::StatusOr<std::string> Find(absl::string_view program) override;
  int32_t ProcessId() override;
  uint32_t EffectiveUserId() override;
  absl::Status LockMemory() override;
  absl::Status UnlockMemory() override;
};

class LinuxSemaphores : public Semaphores {
 public:
  absl::StatusOr<int32_t> Create(uint32_t key) override;
  absl::StatusOr<int32_t> Find(uint32_t key) override;
  absl::StatusOr<int32_t> Value(int32_t id) override;
  absl::Status SetValue(int32_t id, int32_t value) override;
  absl::Status Add(int32_t id, int32_t delta) override;
  absl::StatusOr<bool> WaitForZero(int32_t id, absl::Duration timeout) override;
  absl::Status Remove(int32_t id) override;
  absl::StatusOr<std::vector<SemaphoreSet>> ListSets() override;
};

// What LinuxClock::Now() tells.
absl::Time SteadyNow();

class LinuxClock : public Clock {
 public:
  absl::Time Now() override;
  absl::Time WallTime() override;
  void Sleep(absl::Duration duration) override;
};

class LinuxRandom : public Random {
 public:
  absl::Status Fill(absl::Span<char> buffer) override;
};

}  // namespace dmkit::sys::internal

#endif  // DMKIT_SYS_LINUX_INTERNAL_H_
