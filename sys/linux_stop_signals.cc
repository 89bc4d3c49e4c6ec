// SPDX-License-Identifier: Apache-2.0
// Blocked signals that stay pending: no handler, and so no variable that a handler could reach.

#include "sys/linux_stop_signals.h"

#include <signal.h>
#include <time.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/status.h"

namespace dmkit::sys {
namespace {

constexpr int kStopSignals[] = {SIGINT, SIGTERM};

// Without a signal that is ignored, which a block would keep, and without one that is blocked
// already, which is not ours to let through.
absl::StatusOr<sigset_t> SetToBlock() {
  sigset_t blocked;
  if (sigprocmask(SIG_BLOCK, nullptr, &blocked) != 0) return ErrnoStatus(errno, "sigprocmask");
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kStopSignals) {
    struct sigaction action = {};
    const bool is_ignored =
        sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    if (!is_ignored && sigismember(&blocked, signal) == 0) sigaddset(&set, signal);
  }
  return set;
}

class LinuxStopSignals : public StopSignals {
 public:
  absl::Status Hold() override;
  absl::StatusOr<bool> HasCome() override;
  absl::StatusOr<bool> Take() override;
  absl::Status Release() override;

 private:
  std::optional<sigset_t> held_;  // what Hold has blocked
};

absl::Status LinuxStopSignals::Hold() {
  if (held_.has_value()) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const sigset_t set, SetToBlock());
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return ErrnoStatus(errno, "sigprocmask");
  held_ = set;
  return absl::OkStatus();
}

absl::StatusOr<bool> LinuxStopSignals::HasCome() {
  if (!held_.has_value()) return false;
  sigset_t pending;
  if (sigpending(&pending) != 0) return ErrnoStatus(errno, "sigpending");
  for (const int signal : kStopSignals) {
    if (sigismember(&*held_, signal) == 1 && sigismember(&pending, signal) == 1) return true;
  }
  return false;
}

absl::StatusOr<bool> LinuxStopSignals::Take() {
  DMKIT_ASSIGN_OR_RETURN(const bool has_come, HasCome());
  if (!has_come) return false;
  // All that have come: one that is left would end the process below.
  const timespec no_wait = {};
  while (sigtimedwait(&*held_, nullptr, &no_wait) > 0 || errno == EINTR) {
  }
  if (errno != EAGAIN) return ErrnoStatus(errno, "sigtimedwait");
  DMKIT_RETURN_IF_ERROR(Release());
  return true;
}

absl::Status LinuxStopSignals::Release() {
  if (!held_.has_value()) return absl::OkStatus();
  const sigset_t set = *std::exchange(held_, std::nullopt);
  // One that has come ends the process here.
  if (sigprocmask(SIG_UNBLOCK, &set, nullptr) != 0) return ErrnoStatus(errno, "sigprocmask");
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<StopSignals> MakeStopSignals() { return std::make_unique<LinuxStopSignals>(); }

}  // namespace dmkit::sys
