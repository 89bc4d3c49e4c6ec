// SPDX-License-Identifier: Apache-2.0
// What a command of dmsetup found, as JSON. Which report a command prints, `commands` says.

#ifndef DMKIT_DRIVER_CLI_DM_REPORT_H_
#define DMKIT_DRIVER_CLI_DM_REPORT_H_

#include "dm/dmsetup/findings.h"
#include "driver/cli/output.h"

namespace dmkit::driver::cli {

// `done` is whether the command was. Where it was not, what it had found before is printed, if
// anything, and its problems are errors; else they are notes.
Outcome TellFindings(const dm::dmsetup::Findings& findings, bool done);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_DM_REPORT_H_
