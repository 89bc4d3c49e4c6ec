// SPDX-License-Identifier: Apache-2.0
// The words of a writecache line. Pure text.

#include "dm/targets/writecache.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = WritecacheTarget::kType;
constexpr uint32_t kPageBytesMax = 65536;
constexpr uint32_t kAny = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kHighWatermark = 50;
constexpr uint32_t kLowWatermark = 45;
constexpr size_t kOptionsMax = 18;

// Options with a number behind them.
struct Value {
  absl::string_view word;
  std::optional<uint32_t> WritecacheArgs::*field;
  uint32_t max;
};

// In the kernel's order: start_sector, these values, cleaner, fua or nofua, metadata_only,
// pause_writeback.
constexpr absl::string_view kStartSector = "start_sector";
constexpr Value kValues[] = {
    {"high_watermark", &WritecacheArgs::high_watermark, 100},
    {"low_watermark", &WritecacheArgs::low_watermark, 100},
    {"writeback_jobs", &WritecacheArgs::writeback_jobs, kAny},
    {"autocommit_blocks", &WritecacheArgs::autocommit_blocks, kAny},
    {"autocommit_time", &WritecacheArgs::autocommit_ms, 3600000},
    {"max_age", &WritecacheArgs::max_age_ms, 86400000},
};
constexpr absl::string_view kCleaner = "cleaner";
constexpr absl::string_view kFua = "fua";
constexpr absl::string_view kNoFua = "nofua";
constexpr absl::string_view kMetadataOnly = "metadata_only";
constexpr Value kPause = {"pause_writeback", &WritecacheArgs::pause_writeback_ms, 60000};

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

std::vector<std::string> Options(const WritecacheArgs& args) {
  std::vector<std::string> options;
  const auto add_value = [&](const Value& value) {
    if (!(args.*value.field)) return;
    options.emplace_back(value.word);
    options.push_back(absl::StrCat(*(args.*value.field)));
  };
  if (args.start_sector) {
    options.emplace_back(kStartSector);
    options.push_back(absl::StrCat(*args.start_sector));
  }
  for (const Value& value : kValues) add_value(value);
  if (args.cleaner) options.emplace_back(kCleaner);
  if (args.fua) options.emplace_back(*args.fua ? kFua : kNoFua);
  if (args.metadata_only) options.emplace_back(kMetadataOnly);
  add_value(kPause);
  options.insert(options.end(), args.other_options.begin(), args.other_options.end());
  return options;
}

absl::Status CheckValue(const WritecacheArgs& args, const Value& value) {
  if ((args.*value.field).value_or(0) <= value.max) return absl::OkStatus();
  return Bad(absl::StrCat(value.word, " is at most ", value.max, ", not ", *(args.*value.field)));
}

absl::Status Check(const WritecacheArgs& args) {
  if (!IsPowerOfTwo(args.block_bytes) || args.block_bytes < 512 ||
      args.block_bytes > kPageBytesMax) {
    return Bad(absl::StrCat("blocks have 512 to ", kPageBytesMax, " bytes, a power of two, not ",
                            args.block_bytes));
  }
  for (const Value& value : kValues) DMKIT_RETURN_IF_ERROR(CheckValue(args, value));
  DMKIT_RETURN_IF_ERROR(CheckValue(args, kPause));
  if (args.high_watermark.value_or(kHighWatermark) < args.low_watermark.value_or(kLowWatermark)) {
    return Bad(
        absl::StrCat("the high watermark lies below the low one; without being given they "
                     "are ",
                     kHighWatermark, " and ", kLowWatermark, " percent"));
  }
  if (args.fua && !args.persistent_memory) return Bad("fua and nofua are for persistent memory");
  if (args.pause_writeback_ms && args.persistent_memory) {
    return Bad("pause_writeback is not for persistent memory");
  }
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "an option", args.other_options));
  if (Options(args).size() > kOptionsMax) {
    return Bad(absl::StrCat("the kernel takes at most ", kOptionsMax, " words of options"));
  }
  return absl::OkStatus();
}

bool TakeFlag(absl::string_view option, WritecacheArgs& args) {
  if (option == kCleaner) return args.cleaner = true;
  if (option == kMetadataOnly) return args.metadata_only = true;
  if (option != kFua && option != kNoFua) return false;
  args.fua = option == kFua;
  return true;
}

const Value* FindValue(absl::string_view option) {
  for (const Value& value : kValues) {
    if (option == value.word) return &value;
  }
  return option == kPause.word ? &kPause : nullptr;
}

absl::Status TakeOptions(const TargetWords& words, absl::Span<const absl::string_view> options,
                         WritecacheArgs& args) {
  for (size_t i = 0; i < options.size(); ++i) {
    const absl::string_view option = options[i];
    if (TakeFlag(option, args)) continue;
    const Value* const value = FindValue(option);
    if (value == nullptr && option != kStartSector) {
      args.other_options.emplace_back(option);
      continue;
    }
    if (++i == options.size()) return words.NotUnderstood("last option", option);
    const std::optional<uint64_t> number = sys::ParseUnsigned(options[i]);
    if (!number || (value != nullptr && *number > value->max)) {
      return words.NotUnderstood(option, options[i]);
    }
    if (value == nullptr) {
      args.start_sector = number;
    } else {
      args.*value->field = static_cast<uint32_t>(*number);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<WritecacheCounters> TakeCounters(TargetWords& words) {
  WritecacheCounters counters;
  DMKIT_ASSIGN_OR_RETURN(counters.reads, words.Number("reads"));
  DMKIT_ASSIGN_OR_RETURN(counters.read_hits, words.Number("read hits"));
  DMKIT_ASSIGN_OR_RETURN(counters.writes, words.Number("writes"));
  DMKIT_ASSIGN_OR_RETURN(counters.write_hits_uncommitted, words.Number("uncommitted write hits"));
  DMKIT_ASSIGN_OR_RETURN(counters.write_hits_committed, words.Number("committed write hits"));
  DMKIT_ASSIGN_OR_RETURN(counters.writes_around, words.Number("writes around"));
  DMKIT_ASSIGN_OR_RETURN(counters.writes_allocated, words.Number("allocated writes"));
  DMKIT_ASSIGN_OR_RETURN(counters.writes_blocked, words.Number("blocked writes"));
  DMKIT_ASSIGN_OR_RETURN(counters.flushes, words.Number("flushes"));
  DMKIT_ASSIGN_OR_RETURN(counters.discards, words.Number("discards"));
  return counters;
}

}  // namespace

WritecacheTarget::WritecacheTarget(WritecacheArgs args) : args_(std::move(args)) {}

absl::StatusOr<WritecacheTarget> WritecacheTarget::Create(WritecacheArgs args) {
  DMKIT_RETURN_IF_ERROR(Check(args));
  return WritecacheTarget(std::move(args));
}

absl::StatusOr<WritecacheTarget> WritecacheTarget::Parse(absl::string_view params) {
  TargetWords words("writecache table", params);
  WritecacheArgs args;
  DMKIT_ASSIGN_OR_RETURN(args.persistent_memory, words.OneOfTwo("kind of cache", "p", "s"));
  DMKIT_ASSIGN_OR_RETURN(args.origin, words.Device("origin"));
  DMKIT_ASSIGN_OR_RETURN(args.cache, words.Device("cache device"));
  DMKIT_ASSIGN_OR_RETURN(args.block_bytes, words.Number32("block size"));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> options,
                         TakeGroup(words, "number of options"));
  DMKIT_RETURN_IF_ERROR(TakeOptions(words, options, args));
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return WritecacheTarget(std::move(args));
}

std::string WritecacheTarget::Params() const {
  return absl::StrCat(args_.persistent_memory ? "p " : "s ", sys::FormatDeviceNumber(args_.origin),
                      " ", sys::FormatDeviceNumber(args_.cache), " ", args_.block_bytes,
                      FormatGroup(Options(args_), WhenEmpty::kZero));
}

TableLine WritecacheTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<WritecacheStatus> ParseWritecacheStatus(absl::string_view text) {
  TargetWords words("writecache status", text);
  WritecacheStatus status;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view error, words.Word("error"));
  // Signed, whatever it is: an errno, or just that there was one.
  const std::optional<uint64_t> number = sys::ParseUnsigned(absl::StripPrefix(error, "-"));
  if (!number) return words.NotUnderstood("error", error);
  status.has_error = *number != 0;
  DMKIT_ASSIGN_OR_RETURN(status.total_blocks, words.Number("number of blocks"));
  DMKIT_ASSIGN_OR_RETURN(status.free_blocks, words.Number("free blocks"));
  DMKIT_ASSIGN_OR_RETURN(status.writeback_blocks, words.Number("blocks under writeback"));
  if (words.AtEnd()) return status;
  DMKIT_ASSIGN_OR_RETURN(status.counters, TakeCounters(words));
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
