// SPDX-License-Identifier: Apache-2.0
// status and table, and ls with a condition: what the targets of devices say of themselves.
#include "sys/status.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/show_info.h"
#include "dm/keys.h"
#include "dm/text.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {
namespace {

// Of --exec, with the path behind them.
constexpr size_t kProgramWordsMax = 255;
constexpr absl::Duration kProgramPatience = absl::Hours(24);

// What is asked of each device, and how it is shown.
struct View {
  bool table = false;
  bool only_names = false;  // ls
  bool concise = false;
  bool quiet = false;  // a program is run instead
};

View ViewOf(const Context& context, const Command& command) {
  View view;
  view.table = command.name == "table";
  view.only_names = command.name == "ls";
  view.concise = view.table && context.words.concise;
  view.quiet = context.words.exec.has_value() && context.words.verbose == 0;
  return view;
}

std::string QuotedForConcise(absl::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == ',' || c == ';' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted;
}

// Runs the program of --exec with the path of a node behind its words. What it prints comes out
// when it has ended. Its exit status, and that there is none of its name, do not matter.
bool RunProgram(Context& context, const std::string& name) {
  if (!MakeNodes(context, *FindCommand("mknodes"), Arguments(&name, 1))) return false;
  std::vector<std::string> words =
      absl::StrSplit(*context.words.exec, absl::ByAnyChar(" \t\n\v\f\r"), absl::SkipEmpty());
  if (words.empty()) return false;
  if (words.size() > kProgramWordsMax) {
    context.Error("Too many args to --exec.");
    return false;
  }
  words.push_back(absl::StrCat(context.mapper_dir, "/", name));
  context.Flush();
  const absl::StatusOr<sys::ProcessResult> result =
      context.host.processes->Run(words, kProgramPatience);
  if (result.ok()) context.Print(result->output);
  return true;
}

class DeviceStatus {
 public:
  // `several`: the name stands in front of each line.
  DeviceStatus(Context& context, const View& view, bool several)
      : context_(context), view_(view), several_(several) {}

  // `name` is null for the device of -u, or -j and -m. False after an error, which was told.
  bool Show(const std::string* name) {
    DeviceMapper* dm = context_.Dm();
    if (dm == nullptr) return false;
    const std::optional<Address> device = FindDevice(context_, name);
    if (!device.has_value()) return false;
    StatusOptions options;
    options.no_flush = context_.words.no_flush;
    options.inactive = context_.words.inactive;
    absl::StatusOr<TableReply> reply =
        view_.table ? dm->Table(device->Key(), options) : dm->Status(device->Key(), options);
    if (IsLeftOut(context_, reply.status())) return true;
    if (!reply.ok()) return TellRefusal(*device, reply.status());
    const absl::Cleanup wipe = [&] { WipeTexts(*reply); };
    if (view_.table && !context_.words.show_keys) HideKeys(*reply);
    const std::optional<DeviceInfo> shown = ShownInfo(context_, reply->info);
    if (!shown.has_value()) return false;
    name_ = name == nullptr ? shown->name : *name;
    ShowTargets(*shown, reply->targets);
    return !matched_ || !context_.words.exec.has_value() || RunProgram(context_, name_);
  }

 private:
  bool TellRefusal(const Address& device, const absl::Status& status) {
    if (!view_.table && sys::GetErrno(status) == ENXIO) {
      context_.Fail("Device does not exist.", ObjectOf(device), status);
    } else {
      Refused(context_, view_.table ? "table" : "status", device, status);
    }
    return false;
  }

  void ShowTargets(const DeviceInfo& shown, const std::vector<TargetStatus>& targets) {
    // A device without a table has a line too, unless it was asked for a type.
    if (targets.empty() && !context_.words.target.has_value()) ShowTarget(shown, nullptr);
    for (const TargetStatus& target : targets) {
      const std::optional<std::string>& wanted = context_.words.target;
      if (wanted.has_value() && target.type != *wanted) continue;
      ShowTarget(shown, &target);
      if (view_.only_names) break;
    }
    const bool ends_block = several_ && context_.words.verbose > 0 && matched_ &&
                            !view_.only_names && (!view_.concise || context_.words.verbose > 1);
    if (ends_block) context_.Print("\n");
  }

  void ShowTarget(const DeviceInfo& shown, const TargetStatus* target) {
    const bool is_first = !matched_;
    matched_ = true;
    if (view_.quiet) return;
    if (context_.findings != nullptr) {
      Record(shown, target, is_first);
    } else if (view_.only_names) {
      context_.Print(
          absl::StrCat(name_, "\t(", shown.device.major, ", ", shown.device.minor, ")\n"));
    } else if (view_.concise) {
      ShowConcise(shown, target, is_first);
    } else {
      const bool verbose = context_.words.verbose > 0;
      if (verbose && is_first) ShowInfo(context_, shown);
      if (several_ && !verbose) context_.Print(absl::StrCat(name_, ": "));
      if (target != nullptr) context_.Print(FormatTarget(*target));
      context_.Print("\n");
    }
  }

  void Record(const DeviceInfo& shown, const TargetStatus* target, bool is_first) {
    std::vector<FoundDevice>& devices = context_.findings->devices;
    if (is_first) devices.emplace_back().info = shown;
    if (target == nullptr || view_.only_names) return;
    devices.back().targets.push_back(*target);
  }

  void ShowConcise(const DeviceInfo& shown, const TargetStatus* target, bool is_first) {
    if (is_first) {
      context_.Print(absl::StrCat(context_.output.concise_started ? ";" : "",
                                  QuotedForConcise(name_), ",", QuotedForConcise(shown.uuid), ",",
                                  shown.device.minor, ",", shown.read_only ? "ro" : "rw"));
      context_.output.concise_started = true;
    }
    if (target == nullptr) return;
    // Start, length and type hold nothing that is quoted.
    context_.Print(absl::StrCat(",", QuotedForConcise(FormatTarget(*target))));
  }

  Context& context_;
  const View view_;
  const bool several_;
  std::string name_;
  bool matched_ = false;
};

}  // namespace

bool MeansAll(const Context& context, Arguments arguments) {
  return arguments.empty() && !context.words.uuid.has_value() && !context.words.major.has_value();
}

bool Status(Context& context, const Command& command, Arguments arguments) {
  const View view = ViewOf(context, command);
  if (!MeansAll(context, arguments)) {
    return DeviceStatus(context, view, context.multiple_devices)
        .Show(arguments.empty() ? nullptr : &arguments.front());
  }
  return ForEachDevice(context, [&](const ListedDevice& device) {
    return DeviceStatus(context, view, true).Show(&device.name);
  });
}

}  // namespace dmkit::dm::dmsetup
