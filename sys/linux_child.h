// SPDX-License-Identifier: Apache-2.0
// Starting a child process. Waiting for it is linux_processes.cc's.

#ifndef DMKIT_SYS_LINUX_CHILD_H_
#define DMKIT_SYS_LINUX_CHILD_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sys/linux_internal.h"

namespace dmkit::sys::internal {

// Where programs are searched, also when the caller's PATH says otherwise.
inline constexpr char kProgramPath[] = "/usr/sbin:/usr/bin:/sbin:/bin";

struct Child {
  pid_t pid = -1;
  UniqueFd output;  // standard output and error; does not block
  // The child writes its errno here when the program cannot be started; does not block.
  UniqueFd exec_error;
};

// Starts `path` with `argv` in a process group of its own, as host.h says for Processes::Run. The
// child is killed when the calling thread ends. The caller reaps it.
absl::StatusOr<Child> StartChild(const std::string& path, const std::vector<std::string>& argv);

}  // namespace dmkit::sys::internal

#endif  // DMKIT_SYS_LINUX_CHILD_H_
