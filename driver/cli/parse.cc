// SPDX-License-Identifier: Apache-2.0
// The second half of parsing: what the values of each command mean.

#include "driver/cli/parse.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "driver/cli/commands.h"
#include "driver/cli/completion.h"
#include "driver/cli/request.h"
#include "driver/cli/words.h"
#include "driver/layer_id.h"
#include "driver/options.h"
#include "sys/status.h"
#include "sys/text.h"
#include "sys/units.h"

namespace dmkit::driver::cli {
namespace {

constexpr uint32_t kLoopBlockSizeMin = 512;
constexpr uint32_t kLoopBlockSizeMax = 4096;
constexpr uint32_t kPercentMax = 100;

absl::Status WrongValue(absl::string_view option, absl::string_view value,
                        absl::string_view right) {
  return absl::InvalidArgumentError(
      absl::StrCat(option, " \"", sys::Printable(value), "\" is not ", right));
}

// Bytes as a plain number, which may be 0, or as a size with a suffix.
absl::StatusOr<sys::Bytes> ParseBytes(absl::string_view option, absl::string_view value) {
  const std::optional<uint64_t> plain = sys::ParseUnsigned(value);
  if (plain.has_value()) return sys::Bytes(*plain);
  absl::StatusOr<sys::Bytes> size = ParseSize(value);
  if (!size.ok()) return sys::AddContext(size.status(), option);
  return size;
}

// As for dm.basesize: whole sectors.
absl::StatusOr<sys::Bytes> ParseLayerSize(absl::string_view option, absl::string_view value) {
  absl::StatusOr<LayerOptions> options = ParseLayerOptions({absl::StrCat("size=", value)});
  if (!options.ok()) return sys::AddContext(options.status(), option);
  if (!options->size.has_value()) return WrongValue(option, value, "a size above 0");
  return *options->size;
}

absl::StatusOr<Request> ParseCreate(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  CreateRequest request{std::move(id), "", std::nullopt, false};
  const std::optional<absl::string_view> parent = words.Value(OptionId::kParent);
  if (parent.has_value() && *parent != kBaseLayer) {
    DMKIT_ASSIGN_OR_RETURN(const LayerId parent_id, LayerId::Create(*parent));
    request.parent = parent_id.text();
  }
  request.init = words.Has(OptionId::kInit);
  if (const auto value = words.Value(OptionId::kSize)) {
    DMKIT_ASSIGN_OR_RETURN(request.size, ParseLayerSize("--size", *value));
  }
  return request;
}

absl::StatusOr<Request> ParseGrow(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseLayerSize("SIZE", words.operands[1]));
  return GrowRequest{std::move(id), size};
}

absl::StatusOr<Comparison> ParseComparison(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  Comparison comparison{std::move(id), std::nullopt};
  if (words.operands.size() < 2) {
    if (words.Has(OptionId::kAll)) comparison.parent = "";
    return comparison;
  }
  if (words.Has(OptionId::kAll)) {
    return absl::InvalidArgumentError("--all compares with nothing, and a PARENT is given too");
  }
  if (words.operands[1] == kBaseLayer) {
    comparison.parent = "";  // the base is empty
    return comparison;
  }
  DMKIT_ASSIGN_OR_RETURN(const LayerId parent, LayerId::Create(words.operands[1]));
  comparison.parent = parent.text();
  return comparison;
}

template <typename T>
absl::StatusOr<Request> ParseCompare(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(Comparison comparison, ParseComparison(words));
  return T{std::move(comparison)};
}

absl::StatusOr<Request> ParseDiff(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(Comparison comparison, ParseComparison(words));
  return DiffRequest{std::move(comparison),
                     std::string(words.Value(OptionId::kOutput).value_or(""))};
}

absl::StatusOr<Request> ParseApply(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  const bool from_file = words.operands.size() > 1 && words.operands[1] != "-";
  return ApplyRequest{std::move(id), from_file ? words.operands[1] : ""};
}

absl::StatusOr<Request> ParseRemove(const SortedWords& words) {
  RemoveRequest request;
  for (const std::string& word : words.operands) {
    DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(word));
    request.ids.push_back(std::move(id));
  }
  return request;
}

template <typename T>
absl::StatusOr<Request> ParseOneId(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  return T{std::move(id)};
}

absl::StatusOr<Request> ParsePut(const SortedWords& words) {
  DMKIT_ASSIGN_OR_RETURN(LayerId id, LayerId::Create(words.operands[0]));
  return PutRequest{std::move(id), words.Has(OptionId::kAll)};
}

// Seconds, or with a suffix; not negative, and not for ever.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view option, absl::string_view value) {
  const std::optional<uint32_t> seconds = sys::ParseUnsigned32(value);
  if (seconds.has_value()) return absl::Seconds(*seconds);
  absl::Duration duration;
  const bool is_good = absl::ParseDuration(value, &duration) && duration >= absl::ZeroDuration() &&
                       duration < absl::InfiniteDuration();
  if (is_good) return duration;
  return WrongValue(option, value, "a duration such as 90, 90s, 1m30s or 2h");
}

absl::StatusOr<Request> ParsePoolWatch(const SortedWords& words) {
  PoolWatchRequest request;
  if (const auto value = words.Value(OptionId::kCount)) {
    request.count = sys::ParseUnsigned(*value);
    if (request.count.value_or(0) == 0) return WrongValue("--count", *value, "a number above 0");
  }
  if (const auto value = words.Value(OptionId::kTimeout)) {
    DMKIT_ASSIGN_OR_RETURN(request.timeout, ParseDuration("--timeout", *value));
  }
  if (const auto value = words.Value(OptionId::kLow)) {
    const std::optional<uint32_t> percent = sys::ParseUnsigned32(absl::StripSuffix(*value, "%"));
    if (percent.value_or(kPercentMax + 1) > kPercentMax) {
      return WrongValue("--low", *value, "a percentage from 0 to 100");
    }
    request.low_percent = *percent;
  }
  return request;
}

absl::StatusOr<Request> ParseLoopAttach(const SortedWords& words) {
  LoopAttachRequest request{words.operands[0], {}};
  request.options.autoclear = false;
  request.options.read_only = words.Has(OptionId::kReadOnly);
  request.options.direct_io = words.Has(OptionId::kDirectIo);
  if (const auto value = words.Value(OptionId::kOffset)) {
    DMKIT_ASSIGN_OR_RETURN(request.options.offset, ParseBytes("--offset", *value));
  }
  if (const auto value = words.Value(OptionId::kSizeLimit)) {
    DMKIT_ASSIGN_OR_RETURN(request.options.size_limit, ParseBytes("--size-limit", *value));
  }
  if (const auto value = words.Value(OptionId::kBlockSize)) {
    const uint32_t size = sys::ParseUnsigned32(*value).value_or(0);
    if (size < kLoopBlockSizeMin || size > kLoopBlockSizeMax || (size & (size - 1)) != 0) {
      return WrongValue("--block-size", *value, "one of 512, 1024, 2048, 4096");
    }
    request.options.block_size = size;
  }
  return request;
}

absl::StatusOr<Request> ParseCompletion(const SortedWords& words) {
  const std::string& shell = words.operands[0];
  if (shell == "bash") return CompletionRequest{Shell::kBash};
  if (shell == "zsh") return CompletionRequest{Shell::kZsh};
  if (shell == "fish") return CompletionRequest{Shell::kFish};
  return WrongValue("completion", shell, "one of bash, zsh, fish");
}

// The operands are the words of a command: one or two, or one that is a group.
absl::StatusOr<Request> ParseHelp(const SortedWords& sorted) {
  const std::vector<std::string>& words = sorted.operands;
  if (words.empty()) return HelpRequest{};
  if (words.size() == 1) {
    const CommandSpec* command = FindCommand("", words[0]);
    if (command != nullptr) return HelpRequest{command, nullptr};
    const SectionSpec* section = FindGroup(words[0]);
    if (section != nullptr) return HelpRequest{nullptr, section};
    if (words[0] == "options") return HelpRequest{nullptr, nullptr, true};
  } else if (words.size() == 2) {
    const CommandSpec* command = FindCommand(words[0], words[1]);
    if (command != nullptr && FindGroup(words[0]) != nullptr) return HelpRequest{command, nullptr};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no command \"", sys::Printable(absl::StrJoin(words, " ")), "\""));
}

absl::StatusOr<Request> ParseImportDocker(const SortedWords& words) {
  return ImportDockerRequest{words.operands[0], words.Has(OptionId::kDryRun),
                             words.Has(OptionId::kAdopt)};
}

absl::StatusOr<Request> ParseDmsetup(const SortedWords& words) {
  // Its words go to dmsetup's own parser, unless something in front of "dm" is none of ours.
  return absl::InvalidArgumentError(
      absl::StrCat("dm ", words.command->word,
                   " takes dmsetup's words; dmkit's own options stand in front of \"dm\""));
}

absl::StatusOr<Request> ParseLoopDetach(const SortedWords& words) {
  return LoopDetachRequest{words.operands[0]};
}

// For a command without operands and options of its own.
template <typename T>
absl::StatusOr<Request> ParseNothing(const SortedWords&) {
  return T{};
}

struct CommandParser {
  CommandId id;
  absl::StatusOr<Request> (*parse)(const SortedWords& words);
};

// In the order of CommandId.
constexpr CommandParser kParsers[] = {
    {CommandId::kCreate, ParseCreate},
    {CommandId::kRemove, ParseRemove},
    {CommandId::kGet, ParseOneId<GetRequest>},
    {CommandId::kPut, ParsePut},
    {CommandId::kExists, ParseOneId<ExistsRequest>},
    {CommandId::kList, ParseNothing<ListRequest>},
    {CommandId::kInspect, ParseOneId<InspectRequest>},
    {CommandId::kStatus, ParseNothing<StatusRequest>},
    {CommandId::kCleanup, ParseNothing<CleanupRequest>},
    {CommandId::kGrow, ParseGrow},
    {CommandId::kCollect, ParseNothing<CollectRequest>},
    {CommandId::kImportDocker, ParseImportDocker},
    {CommandId::kChanges, ParseCompare<ChangesRequest>},
    {CommandId::kDiff, ParseDiff},
    {CommandId::kDiffSize, ParseCompare<DiffSizeRequest>},
    {CommandId::kApply, ParseApply},
    {CommandId::kPoolStatus, ParseNothing<PoolStatusRequest>},
    {CommandId::kPoolCheck, ParseNothing<PoolCheckRequest>},
    {CommandId::kPoolGrow, ParseNothing<PoolGrowRequest>},
    {CommandId::kPoolWatch, ParsePoolWatch},
    {CommandId::kDmsetup, ParseDmsetup},
    {CommandId::kLoopAttach, ParseLoopAttach},
    {CommandId::kLoopDetach, ParseLoopDetach},
    {CommandId::kLoopList, ParseNothing<LoopListRequest>},
    {CommandId::kVersion, ParseNothing<VersionRequest>},
    {CommandId::kCompletion, ParseCompletion},
    {CommandId::kManual, ParseNothing<ManualRequest>},
    {CommandId::kHelp, ParseHelp},
};
static_assert(sizeof(kParsers) / sizeof(kParsers[0]) == static_cast<size_t>(CommandId::kHelp) + 1,
              "one for each command");

absl::StatusOr<Request> ParseCommand(const SortedWords& words) {
  DMKIT_RETURN_IF_ERROR(CheckOperands(*words.command, words.operands));
  const CommandParser& parser = kParsers[static_cast<size_t>(words.command->id)];
  DMKIT_CHECK(parser.id == words.command->id);
  return parser.parse(words);
}

absl::StatusOr<GlobalValues> ParseGlobal(const SortedWords& words) {
  GlobalValues global;
  if (const auto root = words.Value(OptionId::kRoot)) global.root = std::string(*root);
  if (const auto format = words.Value(OptionId::kFormat)) {
    if (*format != "text" && *format != "json") {
      return WrongValue("--format", *format, "text or json");
    }
    global.format = *format == "json" ? OutputFormat::kJson : OutputFormat::kText;
  }
  global.trace = words.Has(OptionId::kTrace);
  absl::StatusOr<Options> options = ParseOptions(words.Values(OptionId::kOpt));
  if (!options.ok()) return sys::AddContext(options.status(), "--opt");
  global.options = *std::move(options);
  return global;
}

absl::StatusOr<Request> ParseSorted(const SortedWords& words, GlobalValues& global) {
  if (words.Has(OptionId::kHelp)) return HelpRequest{words.command, words.group};
  if (words.Has(OptionId::kVersion)) return VersionRequest{};
  DMKIT_ASSIGN_OR_RETURN(global, ParseGlobal(words));
  if (words.command != nullptr) return ParseCommand(words);
  if (words.group == nullptr) return absl::InvalidArgumentError("no command is given");
  return absl::InvalidArgumentError(absl::StrCat(words.group->group, " wants one more word"));
}

}  // namespace

Parsed Parse(const std::vector<std::string>& words) {
  SortedWords sorted;
  GlobalValues global;
  const absl::Status status = SortWords(words, sorted);
  absl::StatusOr<Request> request =
      status.ok() ? ParseSorted(sorted, global) : absl::StatusOr<Request>(status);
  if (AsksForJson(words)) global.format = OutputFormat::kJson;
  // --help and --version stand for commands of their own.
  if (request.ok() && std::holds_alternative<HelpRequest>(*request)) {
    sorted.command = FindCommand("", "help");
  } else if (request.ok() && std::holds_alternative<VersionRequest>(*request)) {
    sorted.command = FindCommand("", "version");
  }
  return Parsed{std::move(request), std::move(global), sorted.command, sorted.group};
}

}  // namespace dmkit::driver::cli
