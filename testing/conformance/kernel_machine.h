// SPDX-License-Identifier: Apache-2.0
// The kernel that this program runs on, as root. Scratch devices are loop devices over sparse
// files.

#ifndef DMKIT_TESTING_CONFORMANCE_KERNEL_MACHINE_H_
#define DMKIT_TESTING_CONFORMANCE_KERNEL_MACHINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "testing/conformance/machine.h"

namespace dmkit::conformance {

// Keeps its files in `directory`. UNIMPLEMENTED: not a kernel of which it is known what differs.
// PERMISSION_DENIED: not root. FAILED_PRECONDITION: there are mapped devices or bound loop devices,
// which the cases would take away.
absl::StatusOr<std::unique_ptr<Machine>> OpenKernelMachine(const std::string& directory);

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_KERNEL_MACHINE_H_
