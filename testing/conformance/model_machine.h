// SPDX-License-Identifier: Apache-2.0
// The model kernel for the cases: a new one for each. Scratch devices are its disks.

#ifndef DMKIT_TESTING_CONFORMANCE_MODEL_MACHINE_H_
#define DMKIT_TESTING_CONFORMANCE_MODEL_MACHINE_H_

#include <memory>

#include "testing/conformance/machine.h"

namespace dmkit::conformance {

// `profile` must outlive the machine.
std::unique_ptr<Machine> MakeModelMachine(const model::Profile& profile);

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_MODEL_MACHINE_H_
