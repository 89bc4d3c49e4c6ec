// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/command.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dmkit::dm::dmsetup {
namespace {

// The texts are read by people who know dmsetup's: they are its own.
constexpr Command kCommands[] = {
    {"measure", "[<device>...]", 0, -1, Repeat::kEachSelectable, NotSupported},
    {"stats", "<command> [<options>] [<device>...]", 1, -1, Repeat::kEach, NotSupported},
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

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

const Command* FindCommand(absl::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

bool TakeOptions(Context& context) {
  if (context.words.columns || context.words.tree || !context.words.options.has_value()) {
    return true;
  }
  absl::string_view rest = *context.words.options;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const absl::string_view word = rest.substr(0, comma);
    const NamingWord* found = nullptr;
    for (const NamingWord& naming : kNamingWords) {
      if (found == nullptr && absl::StartsWith(naming.word, word)) found = &naming;
    }
    if (found == nullptr) {
      context.Error(absl::StrCat("Option not recognised: ", rest, "."));
      return false;
    }
    context.device_naming = found->naming;
    if (comma == absl::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return true;
}

bool NotSupported(Context& context, const Command& command, Arguments) {
  context.Error(absl::StrCat("dmsetup ", command.name, " is not supported by this program."));
  return false;
}

}  // namespace dmkit::dm::dmsetup
