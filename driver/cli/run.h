// SPDX-License-Identifier: Apache-2.0
// A request made true: asks the rooms below and collects what there is to say.

#ifndef DMKIT_DRIVER_CLI_RUN_H_
#define DMKIT_DRIVER_CLI_RUN_H_

#include <string>
#include <vector>

#include "dm/dmsetup/run.h"
#include "driver/cli/output.h"
#include "driver/cli/parse.h"
#include "driver/cli/streams.h"
#include "sys/host.h"

namespace dmkit::driver::cli {

// Does what `parsed` asks, through `host` and `streams` alone. Wrong usage and a caller who is not
// root are told before anything is touched. Blocks for as long as the command does; DESIGN.md says
// on what.
Outcome Run(const Parsed& parsed, const sys::Host& host, const Streams& streams);

// Does what dmsetup's `words` ask, and tells of it in JSON. Prints nothing itself, but the usage
// that `dm help` is. Whether a caller who is not root may do it is left to the kernel, as it is for
// text.
Outcome RunDmAsJson(const std::vector<std::string>& words,
                    const dm::dmsetup::Environment& environment, const sys::Host& host,
                    const dm::dmsetup::Streams& streams);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_RUN_H_
