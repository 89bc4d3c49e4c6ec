// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/command.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/tree_text.h"

namespace dmkit::dm::dmsetup {
namespace {

// The texts are read by people who know dmsetup's: they are its own.
constexpr Command kCommands[] = {
    {"help", "[-c|-C|--columns]", 0, 0, Repeat::kOnce, Help},
    {"create",
     "<dev_name>\n"
     "\t    [-j|--major <major> -m|--minor <minor>]\n"
     "\t    [-U|--uid <uid>] [-G|--gid <gid>] [-M|--mode <octal_mode>]\n"
     "\t    [-u|--uuid <uuid>] [--addnodeonresume|--addnodeoncreate]\n"
     "\t    [--readahead {[+]<sectors>|auto|none}]\n"
     "\t    [-n|--notable|--table {<table>|<table_file>}]\n"
     "\tcreate --concise [<concise_device_spec_list>]",
     0, 2, Repeat::kOnce, Create},
    {"remove", "[--deferred] [-f|--force] [--retry] <device>...", 0, -1, Repeat::kEachSelectable,
     Remove},
    {"remove_all", "[-f|--force]", 0, 0, Repeat::kOnce, RemoveAll},
    {"suspend", "[--noflush] [--nolockfs] <device>...", 0, -1, Repeat::kEachSelectable, Suspend},
    {"resume",
     "[--noflush] [--nolockfs] <device>...\n"
     "\t       [--addnodeonresume|--addnodeoncreate]\n"
     "\t       [--readahead {[+]<sectors>|auto|none}]",
     0, -1, Repeat::kEachSelectable, Resume},
    {"load", "<device> [<table>|<table_file>]", 0, 2, Repeat::kOnce, Load},
    {"clear", "<device>", 0, -1, Repeat::kEachSelectable, Clear},
    {"reload", "<device> [<table>|<table_file>]", 0, 2, Repeat::kOnce, Load},
    {"wipe_table", "[-f|--force] [--noflush] [--nolockfs] <device>...", 0, -1,
     Repeat::kEachSelectable, WipeTable},
    {"rename", "<device> [--setuuid] <new_name_or_uuid>", 1, 2, Repeat::kOnce, Rename},
    {"measure", "[<device>...]", 0, -1, Repeat::kEachSelectable, NotSupported},
    {"message", "<device> <sector> <message>", 2, -1, Repeat::kOnce, Message},
    {"ls", "[--target <target_type>] [--exec <command>] [-o <options>] [--tree]", 0, 0,
     Repeat::kOnce, Ls},
    {"info", "[<device>...]", 0, -1, Repeat::kEach, Info},
    {"deps", "[-o <options>] [<device>...]", 0, -1, Repeat::kEachSelectable, Deps},
    {"stats", "<command> [<options>] [<device>...]", 1, -1, Repeat::kEach, NotSupported},
    {"status", "[<device>...] [--noflush] [--target <target_type>]", 0, -1, Repeat::kEachSelectable,
     Status},
    {"table", "[<device>...] [--concise] [--target <target_type>] [--showkeys]", 0, -1,
     Repeat::kEachSelectable, Status},
    {"wait", "<device> [<event_nr>] [--noflush]", 0, 2, Repeat::kOnce, Wait},
    {"mknodes", "[<device>...]", 0, -1, Repeat::kEach, MakeNodes},
    {"mangle", "[<device>...]", 0, -1, Repeat::kEach, MangleName},
    {"udevcreatecookie", "", 0, 0, Repeat::kOnce, UdevCreateCookie},
    {"udevreleasecookie", "[<cookie>]", 0, 1, Repeat::kOnce, UdevReleaseCookie},
    {"udevflags", "<cookie>", 1, 1, Repeat::kOnce, UdevFlags},
    {"udevcomplete", "<cookie>", 1, 1, Repeat::kOnce, UdevComplete},
    {"udevcomplete_all", "[<age_in_minutes>]", 0, 1, Repeat::kOnce, UdevCompleteAll},
    {"udevcookies", "", 0, 0, Repeat::kOnce, UdevCookies},
    {"target-version", "[<target>...]", 1, -1, Repeat::kEach, TargetVersionCommand},
    {"targets", "", 0, 0, Repeat::kOnce, Targets},
    {"version", "", 0, 0, Repeat::kOnce, VersionCommand},
    {"setgeometry", "<device> <cyl> <head> <sect> <start>", 5, 5, Repeat::kOnce, SetGeometry},
    {"splitname", "<device> [<subsystem>]", 1, 2, Repeat::kOnce, SplitName},
};

struct NamingWord {
  absl::string_view word;
  DeviceNaming naming;
};

constexpr NamingWord kNamingWords[] = {
    {"devno", DeviceNaming::kNumber},
    {"blkdevname", DeviceNaming::kBlockDevice},
    {"devname", DeviceNaming::kMapName},
};

bool TakeTreeOptions(Context& context) {
  TreeStyle& style = context.output.tree_style;
  if (context.environment.utf8) style.symbols = TreeSymbols::kUtf8;
  const std::optional<std::string> wrong =
      ParseTreeStyle(context.words.options.value_or(""), &style);
  if (!wrong.has_value()) return true;
  context.Misused(absl::StrCat("Tree options not recognised: ", *wrong, "."));
  return false;
}

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool TakeOptions(Context& context) {
  if (context.words.tree) return TakeTreeOptions(context);
  if (context.words.columns || !context.words.options.has_value()) return true;
  absl::string_view rest = *context.words.options;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const absl::string_view word = rest.substr(0, comma);
    const NamingWord* found = nullptr;
    for (const NamingWord& naming : kNamingWords) {
      if (found == nullptr && absl::StartsWith(naming.word, word)) found = &naming;
    }
    if (found == nullptr) {
      context.Misused(absl::StrCat("Option not recognised: ", rest, "."));
      return false;
    }
    context.device_naming = found->naming;
    if (comma == absl::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return true;
}

bool ShowDevice(Context& context, Arguments device) {
  const Command* info = FindCommand("info");
  return info != nullptr && info->run(context, *info, device);
}

bool NotSupported(Context& context, const Command& command, Arguments) {
  context.Error(absl::StrCat("dmsetup ", command.name, " is not supported by this program."));
  return false;
}

}  // namespace dmkit::dm::dmsetup
