// SPDX-License-Identifier: Apache-2.0
// The process of a history: its open files, and its calls through the seam. The same for the model
// and for the real kernel.

#ifndef DMKIT_TESTING_DIFFERENTIAL_EXECUTOR_H_
#define DMKIT_TESTING_DIFFERENTIAL_EXECUTOR_H_

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sys/host.h"
#include "testing/differential/operation.h"
#include "testing/differential/side.h"

namespace dmkit::differential {

class Executor {
 public:
  // Loads the modules of device-mapper in a fixed order, makes the files, attaches the loops.
  static absl::Status Prepare(const sys::Host& host, const Start& start);

  explicit Executor(const sys::Host& host) : host_(host) {}

  absl::Status OpenControls();
  // A closed slot gives -EBADF.
  Outcome Run(const Operation& operation);

 private:
  Outcome Ioctl(sys::File& file, const Operation& operation);
  Outcome IoctlValue(sys::File& file, const Operation& operation);
  Outcome Read(sys::File& file, const Operation& operation);
  Outcome Write(sys::File& file, const Operation& operation);
  Outcome Open(const Operation& operation);
  // The number behind a slot; -1 when it is closed.
  int DescriptorOf(size_t slot) const;

  const sys::Host host_;
  std::array<std::unique_ptr<sys::File>, kSlots> slots_;
};

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_EXECUTOR_H_
