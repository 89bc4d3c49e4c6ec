// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/run.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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
    context.Error("Unknown command.");
    PrintUsage(context);
    return nullptr;
  }
  const int count = static_cast<int>(context.words.arguments.size());
  if (count < command->arguments_min ||
      (command->arguments_max >= 0 && count > command->arguments_max)) {
    context.Error("Incorrect number of arguments.");
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
      context.Error("Command failed.");
      return false;
    }
    if (command.repeat == Repeat::kOnce || arguments.size() <= 1) return true;
    arguments.remove_prefix(1);
  }
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
    context.Error("Invalid DM_DEV_DIR environment variable value.");
    return false;
  }
  const Command* command = ChooseCommand(context);
  if (command == nullptr) return false;
  if (context.words.help || context.words.version) return Call(context, *command);
  if (command->name == "splitname") context.words.columns = true;
  if (!TakeOptions(context)) {
    context.Error("Couldn't process command line.");
    return false;
  }
  TakeUdevCookie(context);
  // To go on without it would mean other devices than were asked for. An empty one means all.
  const std::optional<std::string>& select = context.words.select;
  if (select.has_value() &&
      (command->repeat == Repeat::kEachSelectable || (context.words.columns && !select->empty()))) {
    context.Error("--select is not supported by this program.");
    return false;
  }
  if (context.words.columns && !StartReport(context, *command)) return false;
  const bool done = Call(context, *command);
  FinishOutput(context);
  return done;
}

}  // namespace

int Run(absl::string_view program, const std::vector<std::string>& words,
        const Environment& environment, const sys::Host& host, const Streams& streams) {
  const ParsedWords parsed = ParseWords(program, words);
  Context context(parsed.words, environment, host, streams);
  if (!parsed.errors.empty()) streams.err->Write(parsed.errors).IgnoreError();
  bool done = false;
  if (parsed.ok) {
    done = Work(context);
  } else {
    context.Error("Couldn't process command line.");
  }
  context.Flush();
  if (!context.print_status().ok()) {
    context.Error(
        absl::StrCat("write to standard output failed: ", Reason(context.print_status())));
    return kFailed;
  }
  return done || parsed.words.help || parsed.words.version ? kDone : kFailed;
}

}  // namespace dmkit::dm::dmsetup
