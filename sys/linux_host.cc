// SPDX-License-Identifier: Apache-2.0
// Puts the Linux implementations together.

#include "sys/linux_host.h"

#include <memory>

#include "sys/host.h"
#include "sys/linux_internal.h"

namespace dmkit::sys {

struct LinuxHost::Parts {
  std::unique_ptr<Dir> root = internal::OpenLinuxRoot();
  internal::LinuxMounts mounts;
  internal::LinuxProcesses processes;
  internal::LinuxSemaphores semaphores;
  internal::LinuxClock clock;
  internal::LinuxRandom random;
};

LinuxHost::LinuxHost() : parts_(std::make_unique<Parts>()) {}

LinuxHost::~LinuxHost() = default;

Host LinuxHost::host(TraceSink* trace) const {
  Host host;
  host.root = parts_->root.get();
  host.mounts = &parts_->mounts;
  host.processes = &parts_->processes;
  host.semaphores = &parts_->semaphores;
  host.clock = &parts_->clock;
  host.random = &parts_->random;
  host.trace = trace;
  return host;
}

}  // namespace dmkit::sys
