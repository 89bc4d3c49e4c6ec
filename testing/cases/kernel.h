// SPDX-License-Identifier: Apache-2.0
// The kernel that end-to-end cases run on: a library of cases is linked once with :linux, for a
// guest, and once each with :model_6_1 and :model_6_12, for here. No cases and no expectations.

#ifndef DMKIT_TESTING_CASES_KERNEL_H_
#define DMKIT_TESTING_CASES_KERNEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "sys/host.h"

namespace dmkit::cases {

// Somebody who sits in a directory, until this object goes.
class Sitter {
 public:
  virtual ~Sitter() = default;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // The seam of the process that runs the case; always the same. Valid while this object lives.
  virtual sys::Host host() = 0;
  // The seam of another process of root's, a new one each time. Valid as long.
  virtual sys::Host OtherHost() = 0;
  // A directory for the case's files, on a filesystem that outlives a power loss.
  virtual std::string Dir() = 0;
  // Two disks of 16 MiB, 1:0 and 1:1, if they are not there yet.
  virtual void AddRamDisks() = 0;
  // A process with a mount namespace of its own, which has copies of all mounts of now, and with
  // `directory` for its working directory. The model, which has no namespaces, opens it.
  virtual std::unique_ptr<Sitter> SitElsewhere(const std::string& directory) = 0;
  // For cases with threads: a call that waits for something sleeps until another thread does it. A
  // real kernel knows nothing else; the model otherwise refuses to wait for what cannot come.
  virtual void LetCallsSleep() = 0;
  // A sweep over all calls of an operation tries each one on the model, and one in so many on a
  // real kernel, where each takes far longer.
  virtual uint64_t SweepStep() = 0;
};

// A fresh model, which must be left without devices, mounts and open files; or the one real kernel.
std::unique_ptr<Kernel> StartKernel();

}  // namespace dmkit::cases

#endif  // DMKIT_TESTING_CASES_KERNEL_H_
