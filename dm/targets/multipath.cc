// SPDX-License-Identifier: Apache-2.0
// The words of a multipath line. Pure text.

#include "dm/targets/multipath.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = MultipathTarget::kType;
constexpr size_t kFeatureWordsMax = 8;
constexpr size_t kCountMax = 1024;  // of groups, of paths in one, of arguments

constexpr absl::string_view kQueueIfNoPath = "queue_if_no_path";
constexpr absl::string_view kInitRetries = "pg_init_retries";
constexpr absl::string_view kInitDelay = "pg_init_delay_msecs";
constexpr absl::string_view kRetainHandler = "retain_attached_hw_handler";
constexpr absl::string_view kQueueMode = "queue_mode";

// How many numbers a selector takes, and the largest value of the last one that has a limit.
struct Selector {
  absl::string_view name;
  size_t group_args;
  size_t path_args;
};
// Of the two below that look at a group's arguments not at all, any are taken.
constexpr Selector kSelectors[] = {
    {"round-robin", kCountMax, 1},
    {"queue-length", kCountMax, 1},
    {"service-time", kCountMax, 2},
    {"historical-service-time", 2, 1},
};
constexpr absl::string_view kAffinity = "io-affinity";
constexpr uint32_t kThroughputMax = 100;  // of service-time
constexpr uint32_t kWeightMax = 1023;     // of historical-service-time

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

// OK for at most `count_max` numbers, of which the one at `limited` is at most `number_max`.
absl::Status CheckNumbers(absl::string_view of, const std::vector<std::string>& args,
                          size_t count_max, size_t limited, uint32_t number_max) {
  if (args.size() > count_max) return Bad(absl::StrCat(of, " has too many arguments"));
  for (size_t i = 0; i < args.size(); ++i) {
    const std::optional<uint32_t> number = sys::ParseUnsigned32(args[i]);
    if (!number || (i == limited && *number > number_max)) {
      return Bad(absl::StrCat(of, " has an argument that is no number or out of range"));
    }
  }
  return absl::OkStatus();
}

// Hexadecimal digits in groups of at most 8, with commas between them.
absl::Status CheckMask(const std::vector<std::string>& args) {
  if (args.size() != 1) return Bad("a path of io-affinity has one argument, a mask of CPUs");
  const bool digits = std::all_of(args[0].begin(), args[0].end(), [](char c) {
    return c == ',' || absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  const bool any = args[0].find_first_not_of("0,") != std::string::npos;
  return digits && any ? absl::OkStatus() : Bad("the mask of CPUs names no CPU");
}

absl::Status CheckSelector(const MultipathGroup& group) {
  if (group.selector == kAffinity) {
    for (const MultipathPath& path : group.paths) {
      DMKIT_RETURN_IF_ERROR(CheckMask(path.selector_args));
    }
    return absl::OkStatus();
  }
  const auto* const selector =
      std::find_if(std::begin(kSelectors), std::end(kSelectors),
                   [&](const Selector& known) { return known.name == group.selector; });
  // A module of somebody else's.
  if (selector == std::end(kSelectors)) return absl::OkStatus();
  if (selector->group_args != kCountMax) {
    DMKIT_RETURN_IF_ERROR(
        CheckNumbers(group.selector, group.selector_args, selector->group_args, 0, kWeightMax));
  }
  for (const MultipathPath& path : group.paths) {
    DMKIT_RETURN_IF_ERROR(CheckNumbers(absl::StrCat("a path of ", group.selector),
                                       path.selector_args, selector->path_args, 1, kThroughputMax));
  }
  return absl::OkStatus();
}

absl::Status CheckGroup(const MultipathGroup& group) {
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "a selector", group.selector));
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "an argument of a selector", group.selector_args));
  if (group.paths.empty()) return Bad("a group has no path");
  const size_t path_args = group.paths[0].selector_args.size();
  if (group.paths.size() > kCountMax || group.selector_args.size() > kCountMax ||
      path_args > kCountMax) {
    return Bad(absl::StrCat("a group has more than ", kCountMax, " paths or arguments"));
  }
  for (const MultipathPath& path : group.paths) {
    if (path.selector_args.size() != path_args) {
      return Bad("the paths of a group have unequally many arguments");
    }
    DMKIT_RETURN_IF_ERROR(CheckWords(kType, "an argument of a path", path.selector_args));
  }
  return CheckSelector(group);
}

std::vector<std::string> Features(const MultipathArgs& args) {
  std::vector<std::string> features;
  const auto add = [&features](absl::string_view word) { features.emplace_back(word); };
  if (args.queue_if_no_path) add(kQueueIfNoPath);
  if (args.pg_init_retries) {
    add(kInitRetries);
    add(absl::StrCat(*args.pg_init_retries));
  }
  if (args.pg_init_delay_ms) {
    add(kInitDelay);
    add(absl::StrCat(*args.pg_init_delay_ms));
  }
  if (args.retain_attached_hw_handler) add(kRetainHandler);
  if (args.bio_based) {
    add(kQueueMode);
    add("bio");
  }
  features.insert(features.end(), args.other_features.begin(), args.other_features.end());
  return features;
}

absl::Status Check(const MultipathArgs& args) {
  if (args.pg_init_retries && (*args.pg_init_retries == 0 || *args.pg_init_retries > 50)) {
    return Bad(absl::StrCat(kInitRetries, " is 1 to 50, not ", *args.pg_init_retries));
  }
  if (args.pg_init_delay_ms.value_or(0) > 60000) {
    return Bad(absl::StrCat(kInitDelay, " is at most 60000, not ", *args.pg_init_delay_ms));
  }
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "a feature", args.other_features));
  if (Features(args).size() > kFeatureWordsMax) {
    return Bad(absl::StrCat("the kernel takes at most ", kFeatureWordsMax, " words of features"));
  }
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "a word of the handler", args.hardware_handler));
  if (args.groups.size() > kCountMax || args.hardware_handler.size() > kCountMax) {
    return Bad(absl::StrCat("there are more than ", kCountMax, " groups or arguments"));
  }
  if (args.initial_group > args.groups.size() || (args.initial_group == 0) != args.groups.empty()) {
    return Bad(absl::StrCat("of ", args.groups.size(), " groups the initial one cannot be ",
                            args.initial_group));
  }
  for (const MultipathGroup& group : args.groups) DMKIT_RETURN_IF_ERROR(CheckGroup(group));
  return absl::OkStatus();
}

absl::Status TakeFeatures(const TargetWords& words, absl::Span<const absl::string_view> features,
                          MultipathArgs& args) {
  for (size_t i = 0; i < features.size(); ++i) {
    const absl::string_view feature = features[i];
    const bool valued = feature == kInitRetries || feature == kInitDelay || feature == kQueueMode;
    if (feature == kQueueIfNoPath) {
      args.queue_if_no_path = true;
    } else if (feature == kRetainHandler) {
      args.retain_attached_hw_handler = true;
    } else if (!valued) {
      args.other_features.emplace_back(feature);
    } else {
      if (++i == features.size()) return words.NotUnderstood("last feature", feature);
      const std::optional<uint32_t> number = sys::ParseUnsigned32(features[i]);
      const bool understood = feature == kQueueMode ? features[i] == "bio" : number.has_value();
      if (!understood) return words.NotUnderstood(feature, features[i]);
      if (feature == kQueueMode) args.bio_based = true;
      if (feature == kInitRetries) args.pg_init_retries = number;
      if (feature == kInitDelay) args.pg_init_delay_ms = number;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TakeWords(TargetWords& words, absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> group, TakeGroup(words, field));
  return std::vector<std::string>(group.begin(), group.end());
}

absl::StatusOr<MultipathGroup> TakeGroupOfPaths(TargetWords& words) {
  MultipathGroup group;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view selector, words.Word("selector"));
  group.selector = std::string(selector);
  DMKIT_ASSIGN_OR_RETURN(group.selector_args, TakeWords(words, "number of selector arguments"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t paths, words.Number("number of paths"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t args, words.Number("number of path arguments"));
  for (uint64_t i = 0; i < paths; ++i) {
    MultipathPath path;
    DMKIT_ASSIGN_OR_RETURN(path.device, words.Device("path"));
    DMKIT_ASSIGN_OR_RETURN(path.selector_args, TakeSome(words, args, "argument of a path"));
    group.paths.push_back(std::move(path));
  }
  return group;
}

absl::StatusOr<MultipathGroupStatus> TakeGroupStatus(TargetWords& words) {
  MultipathGroupStatus group;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view state,
                         words.Letters("state of a group", "AED", 1));
  group.state = static_cast<MultipathGroupState>(state[0]);
  DMKIT_ASSIGN_OR_RETURN(group.selector_words, TakeWords(words, "number of selector words"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t paths, words.Number("number of paths"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t path_words, words.Number("number of words of a path"));
  for (uint64_t i = 0; i < paths; ++i) {
    MultipathPathStatus path;
    DMKIT_ASSIGN_OR_RETURN(path.device, words.Device("path"));
    DMKIT_ASSIGN_OR_RETURN(path.failed, words.OneOfTwo("state of a path", "F", "A"));
    DMKIT_ASSIGN_OR_RETURN(path.fail_count, words.Number32("failures of a path"));
    DMKIT_ASSIGN_OR_RETURN(path.selector_words, TakeSome(words, path_words, "word of a path"));
    group.paths.push_back(std::move(path));
  }
  return group;
}

}  // namespace

MultipathTarget::MultipathTarget(MultipathArgs args) : args_(std::move(args)) {}

absl::StatusOr<MultipathTarget> MultipathTarget::Create(MultipathArgs args) {
  DMKIT_RETURN_IF_ERROR(Check(args));
  return MultipathTarget(std::move(args));
}

absl::StatusOr<MultipathTarget> MultipathTarget::Parse(absl::string_view params) {
  TargetWords words("multipath table", params);
  MultipathArgs args;
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> features,
                         TakeGroup(words, "number of features"));
  DMKIT_RETURN_IF_ERROR(TakeFeatures(words, features, args));
  DMKIT_ASSIGN_OR_RETURN(args.hardware_handler, TakeWords(words, "number of handler words"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t groups, words.Number("number of groups"));
  DMKIT_ASSIGN_OR_RETURN(args.initial_group, words.Number32("initial group"));
  for (uint64_t i = 0; i < groups; ++i) {
    DMKIT_ASSIGN_OR_RETURN(MultipathGroup group, TakeGroupOfPaths(words));
    args.groups.push_back(std::move(group));
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return MultipathTarget(std::move(args));
}

std::string MultipathTarget::Params() const {
  // Of a group the first word has no space in front.
  std::string params = FormatGroup(Features(args_), WhenEmpty::kZero).substr(1);
  absl::StrAppend(&params, FormatGroup(args_.hardware_handler, WhenEmpty::kZero), " ",
                  args_.groups.size(), " ", args_.initial_group);
  for (const MultipathGroup& group : args_.groups) {
    absl::StrAppend(&params, " ", group.selector,
                    FormatGroup(group.selector_args, WhenEmpty::kZero), " ", group.paths.size(),
                    " ", group.paths[0].selector_args.size());
    for (const MultipathPath& path : group.paths) {
      absl::StrAppend(&params, " ", sys::FormatDeviceNumber(path.device));
      AppendWords(path.selector_args, params);
    }
  }
  return params;
}

TableLine MultipathTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<MultipathStatus> ParseMultipathStatus(absl::string_view text) {
  TargetWords words("multipath status", text);
  MultipathStatus status;
  const absl::string_view count = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t features, words.Number("number of features"));
  if (features < 2) return words.NotUnderstood("number of features", count);
  DMKIT_ASSIGN_OR_RETURN(const uint64_t queues, words.Number("queueing"));
  status.queues_io = queues != 0;
  DMKIT_ASSIGN_OR_RETURN(status.pg_init_count, words.Number32("initialisations"));
  DMKIT_ASSIGN_OR_RETURN(status.other_features, TakeSome(words, features - 2, "feature"));
  DMKIT_ASSIGN_OR_RETURN(status.hardware_handler_words,
                         TakeWords(words, "number of handler words"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t groups, words.Number("number of groups"));
  DMKIT_ASSIGN_OR_RETURN(status.next_group, words.Number32("next group"));
  for (uint64_t i = 0; i < groups; ++i) {
    DMKIT_ASSIGN_OR_RETURN(MultipathGroupStatus group, TakeGroupStatus(words));
    status.groups.push_back(std::move(group));
  }
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
