// SPDX-License-Identifier: Apache-2.0
// What a process knows of processes, and how it runs programs: each in a process of its own, with a
// deadline in virtual time. What a program does is programs.h's business.

#ifndef DMKIT_TESTING_MODEL_PROCESS_RUNNER_H_
#define DMKIT_TESTING_MODEL_PROCESS_RUNNER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/process/identity.h"
#include "testing/model/programs.h"

namespace dmkit::model {

// Starts and ends the processes of programs. Both need a Scheduler::Call.
class ChildProcesses {
 public:
  virtual ~ChildProcesses() = default;
  // A new process of `parent`'s user, which ends with it. Its seam is valid until EndChild.
  virtual int StartChild(const Identity& parent, sys::Host* host) = 0;
  virtual void EndChild(int child) = 0;
};

class ModelProcesses : public sys::Processes {
 public:
  // Programs::Find().
  using Lookup = std::function<const Program*(absl::string_view name, std::string* path)>;

  ModelProcesses(Core& core, Lookup lookup, ChildProcesses& children, const Identity& process)
      : core_(core), lookup_(std::move(lookup)), children_(children), process_(process) {}

  // A program that waits past the deadline gets a signal then, as the seam's rule is; ETIMEDOUT
  // comes when it has returned.
  absl::StatusOr<sys::ProcessResult> Run(const std::vector<std::string>& argv,
                                         absl::Duration timeout) override;
  // Files of the namespace are no programs: ENOENT.
  absl::StatusOr<std::string> Find(absl::string_view program) override;
  int32_t ProcessId() override { return process_.id; }
  uint32_t EffectiveUserId() override { return process_.effective_user; }
  absl::Status LockMemory() override { return absl::OkStatus(); }
  absl::Status UnlockMemory() override { return absl::OkStatus(); }

 private:
  absl::StatusOr<const Program*> FindProgram(absl::string_view operation, absl::string_view name,
                                             std::string* path);

  Core& core_;
  const Lookup lookup_;
  ChildProcesses& children_;
  const Identity& process_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_RUNNER_H_
