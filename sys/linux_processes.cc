// SPDX-License-Identifier: Apache-2.0
// Running programs on Linux, and what a process knows of itself.

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/linux_child.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

constexpr size_t kOutputBytesMax = size_t{64} * 1024;
// More than a pipe can hold, so that what a child wrote before its end is read, but a grandchild
// that writes on for ever is not listened to for ever.
constexpr size_t kDrainBytesMax = size_t{1024} * 1024;
// How often a child is looked at where the kernel has no pidfd_open (before 5.3).
constexpr absl::Duration kLookInterval = absl::Milliseconds(10);
// How long a killed child may take to go: one that sleeps in the kernel may never do so.
constexpr absl::Duration kKillPatience = absl::Seconds(2);

// The last kOutputBytesMax bytes of a stream.
class Tail {
 public:
  // Reads what `fd` has now, once. Returns the number of bytes: 0 when there is nothing, or nothing
  // any more (`ended`).
  size_t ReadOnce(int fd) {
    std::array<char, 16384> buffer;
    const ssize_t got = RetryOnEintr([&] { return read(fd, buffer.data(), buffer.size()); });
    if (got == 0 || (got == -1 && errno != EAGAIN)) ended_ = true;
    if (got <= 0) return 0;
    text_.append(buffer.data(), static_cast<size_t>(got));
    if (text_.size() > 2 * kOutputBytesMax) Cut();
    return static_cast<size_t>(got);
  }
  bool ended() const { return ended_; }
  std::string Take() {
    Cut();
    return std::move(text_);
  }

 private:
  void Cut() {
    if (text_.size() > kOutputBytesMax) text_.erase(0, text_.size() - kOutputBytesMax);
  }

  std::string text_;
  bool ended_ = false;
};

// Waits until `child` has ended and reaps it: its wait status, or nothing when `deadline` has
// passed first. Collects its output meanwhile.
absl::StatusOr<std::optional<int>> Reap(const Child& child, const Deadline& deadline,
                                        Tail& output) {
  const UniqueFd watch(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  const absl::Duration poll_max = watch.ok() ? absl::Hours(1) : kLookInterval;
  while (true) {
    int status = 0;
    const pid_t reaped = RetryOnEintr([&] { return waitpid(child.pid, &status, WNOHANG); });
    // ECHILD: the program around us ignores SIGCHLD or reaps children that it did not start.
    DMKIT_RETURN_IF_ERROR(CallStatus(reaped, "wait for", absl::StrCat("process ", child.pid)));
    if (reaped == child.pid) return std::optional<int>(status);
    const int wait_ms = deadline.LeftMilliseconds(poll_max);
    if (wait_ms == 0) return std::optional<int>();
    // Descriptors below zero are passed over.
    std::array<struct pollfd, 2> entries = {};
    entries[0] = {output.ended() ? -1 : child.output.get(), POLLIN, 0};
    entries[1] = {watch.get(), POLLIN, 0};
    const int ready = poll(entries.data(), entries.size(), wait_ms);
    if (ready == -1 && errno != EINTR) return CallStatus(-1, "poll", "output of a program");
    if (ready > 0 && entries[0].revents != 0) output.ReadOnce(child.output.get());
  }
}

// True when the child is gone afterwards.
bool Kill(const Child& child, Tail& output) {
  kill(-child.pid, SIGKILL);
  kill(child.pid, SIGKILL);
  const absl::StatusOr<std::optional<int>> status = Reap(child, Deadline(kKillPatience), output);
  return status.ok() && status->has_value();
}

int ExitStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// 0 when the program was started.
int ExecError(const Child& child) {
  int error = 0;
  const ssize_t got =
      RetryOnEintr([&] { return read(child.exec_error.get(), &error, sizeof(error)); });
  return got == sizeof(error) ? error : 0;
}

// OK when `path` is a file that may be executed.
absl::Status CheckProgram(const std::string& path) {
  struct stat stat = {};
  DMKIT_RETURN_IF_ERROR(CallStatus(::stat(path.c_str(), &stat), "find program", path));
  if (!S_ISREG(stat.st_mode)) return ErrnoStatus(EACCES, absl::StrCat("find program ", path));
  return CallStatus(faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS), "find program", path);
}

}  // namespace

absl::StatusOr<ProcessResult> LinuxProcesses::Run(const std::vector<std::string>& argv,
                                                  absl::Duration timeout) {
  if (argv.empty()) return ErrnoStatus(EINVAL, "run: no program");
  for (const std::string& argument : argv) {
    DMKIT_RETURN_IF_ERROR(KernelPath("run", argument));
  }
  const Deadline deadline(timeout);
  DMKIT_ASSIGN_OR_RETURN(const std::string path, Find(argv.front()));
  DMKIT_ASSIGN_OR_RETURN(const Child child, StartChild(path, argv));
  Tail output;
  const absl::StatusOr<std::optional<int>> status = Reap(child, deadline, output);
  // Somebody else has reaped it: its number may be another process's by now.
  if (GetErrno(status.status()) == ECHILD) return status.status();
  if (!status.ok() || !status->has_value()) {
    const bool gone = Kill(child, output);
    DMKIT_RETURN_IF_ERROR(status);
    return ErrnoStatus(
        ETIMEDOUT, absl::StrCat("run ", path, ": not done after ", absl::FormatDuration(timeout),
                                ", killed", gone ? "" : " but still held in the kernel"));
  }
  const int error = ExecError(child);
  if (error > 0) return ErrnoStatus(error, absl::StrCat("run ", path));
  size_t drained = 0;
  while (!output.ended() && drained < kDrainBytesMax) {
    const size_t got = output.ReadOnce(child.output.get());
    if (got == 0) break;
    drained += got;
  }
  return ProcessResult{ExitStatus(**status), output.Take()};
}

absl::StatusOr<std::string> LinuxProcesses::Find(absl::string_view program) {
  DMKIT_ASSIGN_OR_RETURN(std::string name, KernelPath("find program", program));
  if (program.find('/') != absl::string_view::npos) {
    DMKIT_RETURN_IF_ERROR(CheckProgram(name));
    return name;
  }
  if (!name.empty()) {
    for (const absl::string_view directory : absl::StrSplit(kProgramPath, ':')) {
      std::string path = absl::StrCat(directory, "/", name);
      if (CheckProgram(path).ok()) return path;
    }
  }
  return ErrnoStatus(ENOENT, absl::StrCat("find program ", name, ": not in ", kProgramPath));
}

int32_t LinuxProcesses::ProcessId() { return getpid(); }

uint32_t LinuxProcesses::EffectiveUserId() { return geteuid(); }

absl::Status LinuxProcesses::LockMemory() {
  return CallStatus(mlockall(MCL_CURRENT | MCL_FUTURE), "lock", "memory");
}

absl::Status LinuxProcesses::UnlockMemory() { return CallStatus(munlockall(), "unlock", "memory"); }

}  // namespace dmkit::sys::internal
