// SPDX-License-Identifier: Apache-2.0
// dmsetup as a function: words in, text and an exit status out.

#ifndef DMKIT_DM_DMSETUP_RUN_H_
#define DMKIT_DM_DMSETUP_RUN_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/dmsetup/context.h"
#include "dm/dmsetup/findings.h"
#include "sys/host.h"

namespace dmkit::dm::dmsetup {

// What `dmsetup WORDS...` does; returns its exit status: 0 done, 1 failed or wrong usage. `program`
// stands in messages where getopt_long prints argv[0]. Blocks as the commands do: suspend and
// remove while the kernel waits for io, wait until an event comes, a wait for udevd to a deadline.
int Run(absl::string_view program, const std::vector<std::string>& words,
        const Environment& environment, const sys::Host& host, const Streams& streams);

// The same with values in place of the text: nothing but the usage that `help` shows is printed.
// What findings cannot hold is refused before the kernel is asked: the programs of --exec, the
// drawing of --tree, questions, the list of fields. Options that only say how a text looks change
// nothing. What is no failure here: a device that goes away between the listing of all and the
// question about it, which is left out, and a name that has no form to show it in. But a row of
// --columns has the names of the text, and fails when what it needs besides (what a device uses,
// the tree of all) can no longer be asked.
int Run(absl::string_view program, const std::vector<std::string>& words,
        const Environment& environment, const sys::Host& host, const Streams& streams,
        Findings& findings);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_RUN_H_
