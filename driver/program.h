// SPDX-License-Identifier: Apache-2.0
// The programs of others that the driver runs: whether they are there, and what they say when they
// fail. Which ones, and with which arguments, is not decided here.

#ifndef DMKIT_DRIVER_PROGRAM_H_
#define DMKIT_DRIVER_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::driver {

// ENOENT with a message naming the program and the Debian package when it is missing. Call it
// before anything is changed.
absl::Status CheckProgram(const sys::Host& host, absl::string_view program,
                          absl::string_view package);

// Runs a program to its end, whatever its exit status. ETIMEDOUT when that takes 10 minutes.
absl::StatusOr<sys::ProcessResult> RunProgram(const sys::Host& host,
                                              const std::vector<std::string>& argv);

// OK of exit status 0; otherwise UNKNOWN with the arguments, the exit status and, in one printable
// line, its first and last words.
absl::Status CheckSuccess(const std::vector<std::string>& argv, const sys::ProcessResult& result);

// Both. Returns what it printed.
absl::StatusOr<std::string> RunToSuccess(const sys::Host& host,
                                         const std::vector<std::string>& argv);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_PROGRAM_H_
