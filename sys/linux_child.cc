// SPDX-License-Identifier: Apache-2.0
// fork and exec. Other threads may hold any lock at the moment of the fork, so the child makes
// async-signal-safe calls only, on what was prepared before.

#include "sys/linux_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

constexpr int kNotStarted = 127;  // what a shell says

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// Everything that the child needs, ready made. Points into the caller's strings.
struct Plan {
  const char* path = nullptr;
  std::vector<char*> argv;
  std::vector<char*> environment;
  int input = -1;
  int output = -1;
  int exec_error = -1;
  pid_t parent = -1;
};

// In a process without standard streams a new descriptor gets one of their numbers, and the child
// would overwrite it while it sets up its own.
absl::StatusOr<UniqueFd> AboveStandardStreams(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  DMKIT_RETURN_IF_ERROR(CallStatus(copy.get(), "duplicate", "descriptor"));
  return copy;
}

// Reading does not block; writing does, since programs do not expect otherwise.
absl::StatusOr<Pipe> MakePipe() {
  int ends[2] = {-1, -1};
  DMKIT_RETURN_IF_ERROR(CallStatus(pipe2(ends, O_CLOEXEC), "make", "pipe"));
  UniqueFd read(ends[0]);
  UniqueFd write(ends[1]);
  DMKIT_RETURN_IF_ERROR(CallStatus(fcntl(read.get(), F_SETFL, O_NONBLOCK), "set up", "pipe"));
  Pipe pipe;
  DMKIT_ASSIGN_OR_RETURN(pipe.read, AboveStandardStreams(std::move(read)));
  DMKIT_ASSIGN_OR_RETURN(pipe.write, AboveStandardStreams(std::move(write)));
  return pipe;
}

absl::StatusOr<UniqueFd> OpenNull() {
  UniqueFd fd(RetryOnEintr([] { return open("/dev/null", O_RDONLY | O_CLOEXEC); }));
  DMKIT_RETURN_IF_ERROR(CallStatus(fd.get(), "open", "/dev/null"));
  return AboveStandardStreams(std::move(fd));
}

// Handlers of ours must not run in the child, and a signal that we ignore would stay ignored in the
// program. Numbers that cannot be set are refused by the kernel, which is fine.
void ResetSignals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void RunChild(const Plan& plan) {
  setpgid(0, 0);
  // A program that outlived us would work on a device that the next process believes to be free.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(kNotStarted);
  const bool connected = dup2(plan.input, STDIN_FILENO) != -1 &&
                         dup2(plan.output, STDOUT_FILENO) != -1 &&
                         dup2(plan.output, STDERR_FILENO) != -1;
  if (connected) {
    ResetSignals();
    execve(plan.path, plan.argv.data(), plan.environment.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(plan.exec_error, &error, sizeof(error));
  _exit(kNotStarted);
}

// Signals are held off around the fork, so that no handler of ours runs in the child.
pid_t Fork(const Plan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) RunChild(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// The kernel's interface takes pointers to non-const, and does not write.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<Child> StartChild(const std::string& path, const std::vector<std::string>& argv) {
  DMKIT_ASSIGN_OR_RETURN(const UniqueFd input, OpenNull());
  DMKIT_ASSIGN_OR_RETURN(Pipe output, MakePipe());
  DMKIT_ASSIGN_OR_RETURN(Pipe exec_error, MakePipe());
  const std::vector<std::string> environment = {absl::StrCat("PATH=", kProgramPath), "LC_ALL=C"};

  Plan plan;
  plan.path = path.c_str();
  plan.argv = Pointers(argv);
  plan.environment = Pointers(environment);
  plan.input = input.get();
  plan.output = output.write.get();
  plan.exec_error = exec_error.write.get();
  plan.parent = getpid();

  Child child;
  child.pid = Fork(plan);
  DMKIT_RETURN_IF_ERROR(CallStatus(child.pid, "fork for", path));
  // The child does the same: whoever is first, the group is there when we need it. EACCES: the
  // child was first and runs the program already.
  setpgid(child.pid, child.pid);
  child.output = std::move(output.read);
  child.exec_error = std::move(exec_error.read);
  return child;
}

}  // namespace dmkit::sys::internal
