// SPDX-License-Identifier: Apache-2.0
// Running programs.

#include "testing/model/process/runner.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

constexpr size_t kOutputBytesMax = size_t{64} * 1024;

}  // namespace

absl::StatusOr<const Program*> ModelProcesses::FindProgram(absl::string_view operation,
                                                           absl::string_view name,
                                                           std::string* path) {
  const std::string object = absl::StrCat(operation, " ", name.substr(0, name.find('\0')));
  if (name.find('\0') != absl::string_view::npos) return sys::ErrnoStatus(EINVAL, object);
  const Program* const program = lookup_(name, path);
  if (program == nullptr) return sys::ErrnoStatus(ENOENT, object);
  return program;
}

absl::StatusOr<std::string> ModelProcesses::Find(absl::string_view program) {
  std::string path;
  DMKIT_RETURN_IF_ERROR(FindProgram("find program", program, &path));
  return path;
}

absl::StatusOr<sys::ProcessResult> ModelProcesses::Run(const std::vector<std::string>& argv,
                                                       absl::Duration timeout) {
  if (argv.empty()) return sys::ErrnoStatus(EINVAL, "run: no program");
  for (const std::string& argument : argv) {
    if (argument.find('\0') != std::string::npos) {
      return sys::ErrnoStatus(EINVAL, absl::StrCat("run ", argument.c_str(), ": holds a NUL"));
    }
  }
  std::string path;
  DMKIT_ASSIGN_OR_RETURN(const Program* const program, FindProgram("run", argv.front(), &path));
  bool is_late = false;
  int child = 0;
  Scheduler::TimerId timer = 0;
  sys::Host host;
  {
    const Scheduler::Call call(core_.scheduler, process_.id);
    child = children_.StartChild(process_, &host);
    timer = core_.scheduler.After(std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365)),
                                  [this, child, &is_late] {
                                    is_late = true;
                                    core_.scheduler.Interrupt(child);
                                  });
  }
  // A copy, since it may be replaced or uninstalled while it runs.
  sys::ProcessResult result = Program(*program)(host, argv);
  {
    const Scheduler::Call call(core_.scheduler, process_.id);
    core_.scheduler.Cancel(timer);
    children_.EndChild(child);
  }
  if (is_late) {
    return sys::ErrnoStatus(ETIMEDOUT, absl::StrCat("run ", path, ": not done after ",
                                                    absl::FormatDuration(timeout), ", killed"));
  }
  if (result.output.size() > kOutputBytesMax) {
    result.output.erase(0, result.output.size() - kOutputBytesMax);
  }
  return result;
}

}  // namespace dmkit::model
