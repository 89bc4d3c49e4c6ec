// SPDX-License-Identifier: Apache-2.0
// The commands of dmsetup as one table: `Run` finds them here, and the usage is printed from it.

#ifndef DMKIT_DM_DMSETUP_COMMAND_H_
#define DMKIT_DM_DMSETUP_COMMAND_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/dmsetup/context.h"

namespace dmkit::dm::dmsetup {

using Arguments = absl::Span<const std::string>;

// How often a command is called.
enum class Repeat {
  kOnce,           // with all arguments
  kEach,           // with the arguments from each one on: the first is the device
  kEachSelectable  // and --select chooses the devices
};

struct Command {
  absl::string_view name;
  absl::string_view usage;  // behind the name, in the usage
  int arguments_min;
  int arguments_max;  // -1: any number
  Repeat repeat;
  // True: done. What is to be said of a failure has been printed, but for "Command failed.".
  bool (*run)(Context& context, const Command& command, Arguments arguments);
};

// In the order of the usage.
absl::Span<const Command> Commands();

// Null when there is none of that name.
const Command* FindCommand(absl::string_view name);

// The usage text on standard error. Findings have none.
void PrintUsage(Context& context);

// Looks at -o before the command is called, as dmsetup does: devno, blkdevname, devname, or with
// --tree the options of the tree. With --columns -o is the report's. False after an error, which
// was told.
bool TakeOptions(Context& context);

// Whether a command that tells something is to tell of all devices: nothing names one.
bool MeansAll(const Context& context, Arguments arguments);

// Makes the report that --columns asks for, before the command is called. False when it asks for
// something that is not there, which was told.
bool StartReport(Context& context, const Command& command);
// Prints what was kept for the end, also after a failure.
void FinishOutput(Context& context);

// What `info` tells of the device that `device` names (or -u, or -j and -m, when it is empty), for
// the option -v of commands that change one.
bool ShowDevice(Context& context, Arguments device);

// The commands that change something.
bool Create(Context& context, const Command& command, Arguments arguments);
bool Remove(Context& context, const Command& command, Arguments arguments);
bool RemoveAll(Context& context, const Command& command, Arguments arguments);
bool Suspend(Context& context, const Command& command, Arguments arguments);
bool Resume(Context& context, const Command& command, Arguments arguments);
bool Load(Context& context, const Command& command, Arguments arguments);
bool Clear(Context& context, const Command& command, Arguments arguments);
bool WipeTable(Context& context, const Command& command, Arguments arguments);
bool Rename(Context& context, const Command& command, Arguments arguments);
bool Message(Context& context, const Command& command, Arguments arguments);
bool SetGeometry(Context& context, const Command& command, Arguments arguments);
bool MakeNodes(Context& context, const Command& command, Arguments arguments);
bool MangleName(Context& context, const Command& command, Arguments arguments);
bool NotSupported(Context& context, const Command& command, Arguments arguments);

// Cookies.
bool UdevCreateCookie(Context& context, const Command& command, Arguments arguments);
bool UdevReleaseCookie(Context& context, const Command& command, Arguments arguments);
bool UdevFlags(Context& context, const Command& command, Arguments arguments);
bool UdevComplete(Context& context, const Command& command, Arguments arguments);
bool UdevCompleteAll(Context& context, const Command& command, Arguments arguments);
bool UdevCookies(Context& context, const Command& command, Arguments arguments);

// The commands that tell something.
bool Help(Context& context, const Command& command, Arguments arguments);
bool Info(Context& context, const Command& command, Arguments arguments);
bool Ls(Context& context, const Command& command, Arguments arguments);
bool Deps(Context& context, const Command& command, Arguments arguments);
bool Status(Context& context, const Command& command, Arguments arguments);  // table too
bool Wait(Context& context, const Command& command, Arguments arguments);
bool TargetVersionCommand(Context& context, const Command& command, Arguments arguments);
bool Targets(Context& context, const Command& command, Arguments arguments);
bool VersionCommand(Context& context, const Command& command, Arguments arguments);
bool SplitName(Context& context, const Command& command, Arguments arguments);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_COMMAND_H_
