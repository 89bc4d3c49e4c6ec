// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/run.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/words.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;

// The command that the words ask for; null after telling why there is none.
const Command* ChooseCommand(Context& context) {
  if (context.words.help) return FindCommand("help");
  if (context.words.version) return FindCommand("version");
  if (!context.words.command.has_value()) {
    PrintUsage(context);
    return nullptr;
  }
  const Command* command = FindCommand(*context.words.command);
  if (command == nullptr) {
    context.Misused("Unknown command.");
    PrintUsage(context);
    return nullptr;
  }
  const int count = static_cast<int>(context.words.arguments.size());
  if (count < command->arguments_min ||
      (command->arguments_max >= 0 && count > command->arguments_max)) {
    context.Misused("Incorrect number of arguments.");
    PrintUsage(context);
    return nullptr;
  }
  return command;
}

bool Call(Context& context, const Command& command) {
  Arguments arguments = context.words.arguments;
  const Words& words = context.words;
  context.multiple_devices =
      command.repeat != Repeat::kOnce && arguments.size() != 1 &&
      (!arguments.empty() || (!words.uuid.has_value() && !words.major.has_value()));
  while (true) {
    if (!command.run(context, command, arguments)) {
      context.Conclude("Command failed.");
      return false;
    }
    if (command.repeat == Repeat::kOnce || arguments.size() <= 1) return true;
    arguments.remove_prefix(1);
  }
}

// Leaves nothing to the command but what findings can hold. False after an error, which was told.
bool FitForFindings(Context& context, const Command& command) {
  Words& words = context.words;
  absl::string_view what;
  if (words.exec.has_value()) what = "--exec";
  if (words.tree) what = "--tree";
  if (words.columns && command.name != "info" && command.name != "splitname") what = "--columns";
  if (command.name == "udevcomplete_all" && !words.yes) what = "its question, without --yes,";
  if (!what.empty()) {
    context.Misused(absl::StrCat(command.name, ": ", what, " is not in JSON."));
    return false;
  }
  // Nothing that these would show is missing.
  words.verbose = 0;
  return true;
}

// The option is stronger than the environment, unless it is no cookie.
void TakeUdevCookie(Context& context) {
  const std::string from_environment = context.environment.udev_cookie.value_or("");
  if (context.udev_cookie.has_value() || from_environment.empty()) return;
  context.udev_cookie = ParseCookie(from_environment);
  if (!context.udev_cookie.has_value()) context.Error("Incorrect cookie value.");
}

// False: failed, and what is to be said was.
bool Work(Context& context) {
  const std::string dev_dir = context.environment.dev_dir.value_or("");
  if (!dev_dir.empty() && !absl::StartsWith(dev_dir, "/")) {
    context.Misused("Invalid DM_DEV_DIR environment variable value.");
    return false;
  }
  const Command* command = ChooseCommand(context);
  if (command == nullptr) return false;
  if (context.findings != nullptr) {
    context.findings->command = std::string(command->name);
    // The usage is for people.
    if (command->name == "help") context.findings = nullptr;
  }
  if (context.words.help || context.words.version) return Call(context, *command);
  if (context.findings != nullptr && !FitForFindings(context, *command)) return false;
  if (command->name == "splitname") context.words.columns = true;
  if (!TakeOptions(context)) {
    context.Conclude("Couldn't process command line.");
    return false;
  }
  TakeUdevCookie(context);
  // To go on without it would mean other devices than were asked for. An empty one means all.
  const std::optional<std::string>& select = context.words.select;
  if (select.has_value() &&
      (command->repeat == Repeat::kEachSelectable || (context.words.columns && !select->empty()))) {
    context.Misused("--select is not supported by this program.");
    return false;
  }
  if (context.words.columns && !StartReport(context, *command)) return false;
  const bool done = Call(context, *command);
  FinishOutput(context);
  return done;
}

void TellErrors(Context& context, const ParsedWords& parsed) {
  if (parsed.errors.empty()) return;
  // The last line feed is Error's.
  const absl::string_view lines = absl::StripSuffix(parsed.errors, "\n");
  // They may be warnings.
  parsed.ok ? context.Error(lines) : context.Misused(lines);
}

int RunWith(absl::string_view program, const std::vector<std::string>& words,
            const Environment& environment, const sys::Host& host, const Streams& streams,
            Findings* findings) {
  const ParsedWords parsed = ParseWords(program, words);
  Context context(parsed.words, environment, host, streams, findings);
  TellErrors(context, parsed);
  bool done = false;
  if (parsed.ok) {
    done = Work(context);
  } else {
    context.Conclude("Couldn't process command line.");
  }
  context.Flush();
  if (!context.print_status().ok()) {
    context.Error(
        absl::StrCat("write to standard output failed: ", Reason(context.print_status())));
    return kFailed;
  }
  return done || parsed.words.help || parsed.words.version ? kDone : kFailed;
}

}  // namespace

int Run(absl::string_view program, const std::vector<std::string>& words,
        const Environment& environment, const sys::Host& host, const Streams& streams) {
  return RunWith(program, words, environment, host, streams, nullptr);
}

int Run(absl::string_view program, const std::vector<std::string>& words,
        const Environment& environment, const sys::Host& host, const Streams& streams,
        Findings& findings) {
  return RunWith(program, words, environment, host, streams, &findings);
}

}  // namespace dmkit::dm::dmsetup
