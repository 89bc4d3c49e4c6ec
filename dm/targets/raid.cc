// SPDX-License-Identifier: Apache-2.0
// The words of a raid table. Pure text.

#include "dm/targets/raid.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

absl::string_view FormatName(Raid10Format format) {
  switch (format) {
    case Raid10Format::kNear:
      return "near";
    case Raid10Format::kOffset:
      return "offset";
    case Raid10Format::kFar:
      return "far";
  }
  return "";
}

absl::string_view JournalModeName(RaidJournalMode mode) {
  return mode == RaidJournalMode::kWriteBack ? "writeback" : "writethrough";
}

// Optional words, taken where they stand. Each leaves its value alone when its name does not come.
class Options {
 public:
  explicit Options(TargetWords& words) : words_(words) {}

  absl::Status Take(absl::string_view name, std::optional<uint64_t>& value) {
    if (!words_.TakeIf(name)) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(value, words_.Number(name));
    return absl::OkStatus();
  }
  absl::Status Take(absl::string_view name, std::optional<uint32_t>& value) {
    if (!words_.TakeIf(name)) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(value, words_.Number32(name));
    return absl::OkStatus();
  }
  absl::Status Take(absl::string_view name, std::optional<sys::Sectors>& value) {
    if (!words_.TakeIf(name)) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(value, words_.SectorCount(name));
    return absl::OkStatus();
  }
  absl::Status Take(absl::string_view name, std::optional<sys::DeviceNumber>& value) {
    if (!words_.TakeIf(name)) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(value, words_.Device(name));
    return absl::OkStatus();
  }
  absl::Status Take(absl::string_view name, std::vector<uint32_t>& values) {
    while (words_.TakeIf(name)) {
      DMKIT_ASSIGN_OR_RETURN(const uint32_t value, words_.Number32(name));
      values.push_back(value);
    }
    return absl::OkStatus();
  }
  absl::Status Take(absl::string_view name, std::optional<int32_t>& value) {
    if (!words_.TakeIf(name)) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words_.Word(name));
    absl::string_view digits = word;
    const bool is_negative = absl::ConsumePrefix(&digits, "-");
    const std::optional<uint32_t> number = sys::ParseUnsigned32(digits);
    if (!number || *number > uint32_t{INT32_MAX}) return words_.NotUnderstood(name, word);
    const int32_t amount = static_cast<int32_t>(*number);
    value = is_negative ? -amount : amount;
    return absl::OkStatus();
  }

 private:
  TargetWords& words_;
};

absl::Status TakeMaxWriteBehind(TargetWords& words, std::optional<sys::Sectors>& value) {
  constexpr absl::string_view kName = "max_write_behind";
  const bool is_there = words.Peek() == kName;
  DMKIT_RETURN_IF_ERROR(Options(words).Take(kName, value));
  if (!is_there) return absl::OkStatus();
  uint64_t sectors = 0;
  // The kernel prints KiB.
  if (__builtin_mul_overflow(value->count(), uint64_t{2}, &sectors)) {
    return words.NotUnderstood(kName, absl::StrCat(value->count()));
  }
  value = sys::Sectors(sectors);
  return absl::OkStatus();
}

absl::Status TakeRaid10(TargetWords& words, RaidArguments& arguments) {
  DMKIT_RETURN_IF_ERROR(Options(words).Take("raid10_copies", arguments.raid10_copies));
  if (words.TakeIf("raid10_format")) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("raid10_format"));
    for (Raid10Format format : {Raid10Format::kNear, Raid10Format::kOffset, Raid10Format::kFar}) {
      if (word == FormatName(format)) arguments.raid10_format = format;
    }
    if (!arguments.raid10_format) return words.NotUnderstood("raid10_format", word);
  }
  arguments.raid10_use_near_sets = words.TakeIf("raid10_use_near_sets");
  return absl::OkStatus();
}

absl::Status TakeJournal(TargetWords& words, RaidArguments& arguments) {
  DMKIT_RETURN_IF_ERROR(Options(words).Take("journal_dev", arguments.journal_device));
  if (!words.TakeIf("journal_mode")) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const bool is_write_back,
                         words.OneOfTwo("journal_mode", "writeback", "writethrough"));
  arguments.journal_mode =
      is_write_back ? RaidJournalMode::kWriteBack : RaidJournalMode::kWriteThrough;
  return absl::OkStatus();
}

// In the kernel's order.
absl::Status TakeOptions(TargetWords& words, RaidArguments& arguments) {
  Options options(words);
  if (words.TakeIf("sync")) {
    arguments.sync = RaidSync::kSync;
  } else if (words.TakeIf("nosync")) {
    arguments.sync = RaidSync::kNoSync;
  }
  DMKIT_RETURN_IF_ERROR(options.Take("rebuild", arguments.rebuild));
  DMKIT_RETURN_IF_ERROR(options.Take("daemon_sleep", arguments.daemon_sleep));
  DMKIT_RETURN_IF_ERROR(options.Take("min_recovery_rate", arguments.min_recovery_rate));
  DMKIT_RETURN_IF_ERROR(options.Take("max_recovery_rate", arguments.max_recovery_rate));
  DMKIT_RETURN_IF_ERROR(options.Take("write_mostly", arguments.write_mostly));
  DMKIT_RETURN_IF_ERROR(TakeMaxWriteBehind(words, arguments.max_write_behind));
  DMKIT_RETURN_IF_ERROR(options.Take("stripe_cache", arguments.stripe_cache));
  DMKIT_RETURN_IF_ERROR(options.Take("region_size", arguments.region_size));
  DMKIT_RETURN_IF_ERROR(TakeRaid10(words, arguments));
  DMKIT_RETURN_IF_ERROR(options.Take("delta_disks", arguments.delta_disks));
  DMKIT_RETURN_IF_ERROR(options.Take("data_offset", arguments.data_offset));
  return TakeJournal(words, arguments);
}

absl::Status TakeMembers(TargetWords& words, std::vector<RaidMember>& members) {
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of members"));
  if (count == 0) return words.NotUnderstood("number of members", count_word);
  for (uint32_t i = 0; i < count; ++i) {
    RaidMember member;
    DMKIT_ASSIGN_OR_RETURN(member.metadata, words.DeviceOrDash("metadata device"));
    const absl::string_view data_word = words.Peek();
    DMKIT_ASSIGN_OR_RETURN(member.data, words.DeviceOrDash("data device"));
    if (member.metadata.has_value() && !member.data.has_value()) {
      return words.NotUnderstood("data device", data_word);
    }
    members.push_back(member);
  }
  return words.ExpectEnd();
}

std::vector<std::string> OptionWords(const RaidArguments& a) {
  std::vector<std::string> words;
  const auto add = [&words](absl::string_view name, const absl::AlphaNum& value) {
    words.emplace_back(name);
    words.emplace_back(value.data(), value.size());
  };
  if (a.sync != RaidSync::kAsFound) {
    words.emplace_back(a.sync == RaidSync::kSync ? "sync" : "nosync");
  }
  for (uint32_t index : a.rebuild) add("rebuild", index);
  if (a.daemon_sleep) add("daemon_sleep", *a.daemon_sleep);
  if (a.min_recovery_rate) add("min_recovery_rate", *a.min_recovery_rate);
  if (a.max_recovery_rate) add("max_recovery_rate", *a.max_recovery_rate);
  for (uint32_t index : a.write_mostly) add("write_mostly", index);
  if (a.max_write_behind) add("max_write_behind", a.max_write_behind->count());
  if (a.stripe_cache) add("stripe_cache", *a.stripe_cache);
  if (a.region_size) add("region_size", a.region_size->count());
  if (a.raid10_copies) add("raid10_copies", *a.raid10_copies);
  if (a.raid10_format) add("raid10_format", FormatName(*a.raid10_format));
  if (a.raid10_use_near_sets) words.emplace_back("raid10_use_near_sets");
  if (a.delta_disks) add("delta_disks", *a.delta_disks);
  if (a.data_offset) add("data_offset", a.data_offset->count());
  if (a.journal_device) add("journal_dev", sys::FormatDeviceNumber(*a.journal_device));
  if (a.journal_mode) add("journal_mode", JournalModeName(*a.journal_mode));
  return words;
}

std::string DeviceOrDash(const std::optional<sys::DeviceNumber>& device) {
  return device.has_value() ? sys::FormatDeviceNumber(*device) : "-";
}

}  // namespace

absl::StatusOr<RaidTarget> RaidTarget::Create(RaidArguments arguments) {
  DMKIT_RETURN_IF_ERROR(CheckRaidArguments(arguments));
  return RaidTarget(std::move(arguments));
}

absl::StatusOr<RaidTarget> RaidTarget::Parse(absl::string_view params) {
  TargetWords words("raid table", params);
  RaidArguments arguments;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view type_word, words.Word("type"));
  const std::optional<RaidType> type = RaidTypeNamed(type_word);
  if (!type.has_value()) return words.NotUnderstood("type", type_word);
  arguments.type = *type;
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of parameters"));
  const size_t before = words.left();
  DMKIT_ASSIGN_OR_RETURN(arguments.chunk, words.SectorCount("chunk size"));
  DMKIT_RETURN_IF_ERROR(TakeOptions(words, arguments));
  const size_t taken = before - words.left();
  if (count == taken + 1 && !arguments.raid10_use_near_sets && FactsOf(*type).level == 10) {
    // The only option that is counted and not shown.
    arguments.raid10_use_near_sets = true;
  } else if (count != taken) {
    return words.NotUnderstood("number of parameters", count_word);
  }
  DMKIT_RETURN_IF_ERROR(TakeMembers(words, arguments.members));
  return RaidTarget(std::move(arguments));
}

std::string RaidTarget::Params() const {
  const std::vector<std::string> words = OptionWords(arguments_);
  std::string params = absl::StrCat(FactsOf(arguments_.type).name, " ", words.size() + 1, " ",
                                    arguments_.chunk.count());
  AppendWords(words, params);
  absl::StrAppend(&params, " ", arguments_.members.size());
  for (const RaidMember& member : arguments_.members) {
    absl::StrAppend(&params, " ", DeviceOrDash(member.metadata), " ", DeviceOrDash(member.data));
  }
  return params;
}

absl::StatusOr<TableLine> RaidTarget::Line(sys::Sectors start, sys::Sectors length) const {
  DMKIT_RETURN_IF_ERROR(CheckRaidLength(arguments_, length));
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
