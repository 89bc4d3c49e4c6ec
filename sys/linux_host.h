// SPDX-License-Identifier: Apache-2.0
// The seam on a running Linux: one system call per call, no policy.

#ifndef DMKIT_SYS_LINUX_HOST_H_
#define DMKIT_SYS_LINUX_HOST_H_

#include <memory>

#include "absl/status/statusor.h"
#include "sys/host.h"

namespace dmkit::sys {

// Owns the Linux implementations. Thread-safe: all calls may be made from several threads.
class LinuxHost {
 public:
  LinuxHost();
  ~LinuxHost();
  LinuxHost(const LinuxHost&) = delete;
  LinuxHost& operator=(const LinuxHost&) = delete;

  // Valid while this object lives. `trace` may be null and is not owned.
  Host host(TraceSink* trace = nullptr) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_LINUX_HOST_H_
