// SPDX-License-Identifier: Apache-2.0
// The words of a cache line. Pure text.

#include "dm/targets/cache.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = CacheTarget::kType;
constexpr uint64_t kBlockSectorsMin = 64;       // 32 KiB
constexpr uint64_t kBlockSectorsMax = 2097152;  // 1 GiB
constexpr size_t kPolicyNameMax = 15;
constexpr size_t kSettingsMax = 512;

// In the order of the enumerators.
constexpr absl::string_view kModes[] = {"writeback", "writethrough", "passthrough"};
constexpr absl::string_view kMetadata2 = "metadata2";
constexpr absl::string_view kNoDiscardPassdown = "no_discard_passdown";

constexpr absl::string_view kPolicies[] = {"smq", "mq", "cleaner", "default"};
constexpr absl::string_view kThreshold = "migration_threshold";
// Taken, and without effect.
constexpr absl::string_view kMqSettings[] = {"random_threshold", "sequential_threshold",
                                             "discard_promote_adjustment",
                                             "read_promote_adjustment", "write_promote_adjustment"};

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

// Whether `word` is in `words`, small letters or large, as the kernel compares them.
template <size_t kCount>
bool IsOneOf(absl::string_view word, const absl::string_view (&words)[kCount]) {
  return std::any_of(std::begin(words), std::end(words), [word](absl::string_view known) {
    return absl::EqualsIgnoreCase(word, known);
  });
}

absl::Status CheckSetting(const std::string& policy, const std::string& name,
                          const std::string& value) {
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the name of a setting", name));
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the value of a setting", value));
  const bool of_core = absl::EqualsIgnoreCase(name, kThreshold);
  const bool policy_known =
      std::find(std::begin(kPolicies), std::end(kPolicies), policy) != std::end(kPolicies);
  if (!of_core && !policy_known) return absl::OkStatus();
  if (!of_core && (policy != "mq" || !IsOneOf(name, kMqSettings))) {
    return Bad(absl::StrCat("policy ", policy, " has no setting ", sys::Printable(name)));
  }
  if (sys::ParseUnsigned(value)) return absl::OkStatus();
  return Bad(absl::StrCat("the value of ", sys::Printable(name), " is no number"));
}

absl::Status Check(const CacheArgs& args) {
  if (args.metadata == args.cache || args.metadata == args.origin || args.cache == args.origin) {
    return Bad("metadata, cache and origin are three devices");
  }
  const uint64_t block = args.block_size.count();
  if (block < kBlockSectorsMin || block > kBlockSectorsMax || block % kBlockSectorsMin != 0) {
    return Bad(absl::StrCat("a block has ", kBlockSectorsMin, " to ", kBlockSectorsMax,
                            " sectors, a multiple of ", kBlockSectorsMin, ", not ", block));
  }
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the policy", args.policy));
  if (args.policy.size() > kPolicyNameMax) return Bad("the name of the policy is too long");
  if (args.settings.size() > kSettingsMax) {
    return Bad(absl::StrCat("there are more than ", kSettingsMax, " settings"));
  }
  for (const auto& [name, value] : args.settings) {
    DMKIT_RETURN_IF_ERROR(CheckSetting(args.policy, name, value));
  }
  return absl::OkStatus();
}

std::optional<CacheMode> ParseMode(absl::string_view word) {
  for (size_t i = 0; i < std::size(kModes); ++i) {
    if (absl::EqualsIgnoreCase(word, kModes[i])) return static_cast<CacheMode>(i);
  }
  return std::nullopt;
}

// Whether `word` is a feature; `Target` has the three fields for them.
template <typename Target>
bool TakeFeature(absl::string_view word, Target& target) {
  if (const std::optional<CacheMode> mode = ParseMode(word)) {
    target.mode = mode;
    return true;
  }
  if (absl::EqualsIgnoreCase(word, kMetadata2)) return target.metadata2 = true;
  if (absl::EqualsIgnoreCase(word, kNoDiscardPassdown)) return target.no_discard_passdown = true;
  return false;
}

absl::Status TakeCounters(TargetWords& words, CacheStatus& status) {
  DMKIT_ASSIGN_OR_RETURN(status.metadata_block_size, words.SectorCount("metadata block size"));
  DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage metadata, words.UsedOfTotal("metadata blocks"));
  status.used_metadata_blocks = metadata.used;
  status.total_metadata_blocks = metadata.total;
  DMKIT_ASSIGN_OR_RETURN(status.block_size, words.SectorCount("block size"));
  DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage blocks, words.UsedOfTotal("cache blocks"));
  status.used_blocks = blocks.used;
  status.total_blocks = blocks.total;
  DMKIT_ASSIGN_OR_RETURN(status.read_hits, words.Number("read hits"));
  DMKIT_ASSIGN_OR_RETURN(status.read_misses, words.Number("read misses"));
  DMKIT_ASSIGN_OR_RETURN(status.write_hits, words.Number("write hits"));
  DMKIT_ASSIGN_OR_RETURN(status.write_misses, words.Number("write misses"));
  DMKIT_ASSIGN_OR_RETURN(status.demotions, words.Number("demotions"));
  DMKIT_ASSIGN_OR_RETURN(status.promotions, words.Number("promotions"));
  DMKIT_ASSIGN_OR_RETURN(status.dirty_blocks, words.Number("dirty blocks"));
  return absl::OkStatus();
}

}  // namespace

CacheTarget::CacheTarget(CacheArgs args) : args_(std::move(args)) {}

absl::StatusOr<CacheTarget> CacheTarget::Create(CacheArgs args) {
  DMKIT_RETURN_IF_ERROR(Check(args));
  return CacheTarget(std::move(args));
}

absl::StatusOr<CacheTarget> CacheTarget::Parse(absl::string_view params) {
  TargetWords words("cache table", params);
  CacheArgs args;
  DMKIT_ASSIGN_OR_RETURN(args.metadata, words.Device("metadata device"));
  DMKIT_ASSIGN_OR_RETURN(args.cache, words.Device("cache device"));
  DMKIT_ASSIGN_OR_RETURN(args.origin, words.Device("origin"));
  DMKIT_ASSIGN_OR_RETURN(args.block_size, words.SectorCount("block size"));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> features,
                         TakeGroup(words, "number of features"));
  for (absl::string_view feature : features) {
    if (!TakeFeature(feature, args)) return words.NotUnderstood("feature", feature);
  }
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view policy, words.Word("policy"));
  args.policy = std::string(policy);
  DMKIT_ASSIGN_OR_RETURN(args.settings, TakeNamedValues(words, "number of settings"));
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return CacheTarget(std::move(args));
}

std::string CacheTarget::Params() const {
  std::vector<std::string> features;
  if (args_.metadata2) features.emplace_back(kMetadata2);
  if (args_.mode) features.emplace_back(kModes[static_cast<size_t>(*args_.mode)]);
  if (args_.no_discard_passdown) features.emplace_back(kNoDiscardPassdown);
  std::vector<std::string> settings;
  for (const auto& [name, value] : args_.settings) {
    settings.push_back(name);
    settings.push_back(value);
  }
  return absl::StrCat(sys::FormatDeviceNumber(args_.metadata), " ",
                      sys::FormatDeviceNumber(args_.cache), " ",
                      sys::FormatDeviceNumber(args_.origin), " ", args_.block_size.count(),
                      FormatGroup(features, WhenEmpty::kZero), " ", args_.policy,
                      FormatGroup(settings, WhenEmpty::kZero));
}

TableLine CacheTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<CacheStatus> ParseCacheStatus(absl::string_view text) {
  TargetWords words("cache status", text);
  CacheStatus status;
  const bool failed = words.TakeIf("Fail");
  if (failed || words.TakeIf("Error")) {
    status.state = failed ? CacheState::kFailed : CacheState::kError;
    DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
    return status;
  }
  DMKIT_RETURN_IF_ERROR(TakeCounters(words, status));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> features,
                         TakeGroup(words, "number of features"));
  for (absl::string_view feature : features) {
    if (!TakeFeature(feature, status)) status.other_features.emplace_back(feature);
  }
  DMKIT_ASSIGN_OR_RETURN(status.core_settings, TakeNamedValues(words, "number of core settings"));
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view policy, words.Word("policy"));
  status.policy = std::string(policy);
  DMKIT_ASSIGN_OR_RETURN(status.policy_settings,
                         TakeNamedValues(words, "number of policy settings"));
  DMKIT_ASSIGN_OR_RETURN(const bool read_only, words.OneOfTwo("metadata mode", "ro", "rw"));
  status.state = read_only ? CacheState::kReadOnly : CacheState::kReadWrite;
  DMKIT_ASSIGN_OR_RETURN(status.needs_check, words.OneOfTwo("check", "needs_check", "-"));
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
