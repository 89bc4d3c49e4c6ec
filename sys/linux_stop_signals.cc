// SPDX-License-Identifier: Apache-2.0
// Blocked signals and a signalfd: no handler, and so no variable that a handler could reach.

#include "sys/linux_stop_signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys {
namespace {

// A blocked signal is kept even when it is ignored: those that are must not be blocked.
sigset_t StopSet() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    const bool is_ignored =
        sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    if (!is_ignored) sigaddset(&set, signal);
  }
  return set;
}

absl::Status Unblock() {
  const sigset_t set = StopSet();
  if (sigprocmask(SIG_UNBLOCK, &set, nullptr) != 0) return ErrnoStatus(errno, "sigprocmask");
  return absl::OkStatus();
}

class LinuxStopSignals : public StopSignals {
 public:
  absl::Status Hold() override;
  absl::StatusOr<bool> HasCome() override;
  absl::Status Release() override;

 private:
  internal::UniqueFd fd_;
  int come_ = 0;  // the signal that HasCome took; 0: none
};

absl::Status LinuxStopSignals::Hold() {
  if (fd_.ok()) return absl::OkStatus();
  const sigset_t set = StopSet();
  internal::UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.ok()) return ErrnoStatus(errno, "signalfd");
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return ErrnoStatus(errno, "sigprocmask");
  fd_ = std::move(fd);
  return absl::OkStatus();
}

absl::StatusOr<bool> LinuxStopSignals::HasCome() {
  if (!fd_.ok() || come_ != 0) return come_ != 0;
  // All that have come: one that is left would end the process below.
  struct signalfd_siginfo info;
  while (read(fd_.get(), &info, sizeof(info)) > 0) come_ = static_cast<int>(info.ssi_signo);
  if (errno != EAGAIN && errno != EINTR) return ErrnoStatus(errno, "read of signalfd");
  if (come_ == 0) return false;
  DMKIT_RETURN_IF_ERROR(Unblock());
  return true;
}

absl::Status LinuxStopSignals::Release() {
  if (!fd_.ok()) return absl::OkStatus();
  fd_ = internal::UniqueFd();
  // One that HasCome has not taken ends the process here.
  DMKIT_RETURN_IF_ERROR(Unblock());
  const int come = std::exchange(come_, 0);
  if (come != 0 && raise(come) != 0) return ErrnoStatus(errno, "raise");
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<StopSignals> MakeStopSignals() { return std::make_unique<LinuxStopSignals>(); }

}  // namespace dmkit::sys
