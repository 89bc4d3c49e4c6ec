// SPDX-License-Identifier: Apache-2.0
// The words of a flakey line. Pure text.

#include "dm/targets/flakey.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

absl::Status CheckFeatures(const FlakeyTarget::Features& features) {
  if (features.drop_writes && features.error_writes) {
    return RefusedArguments(FlakeyTarget::kType, "drop_writes and error_writes exclude each other");
  }
  if (features.corrupt_byte.has_value()) {
    if (features.corrupt_byte->nth == 0) {
      return RefusedArguments(FlakeyTarget::kType, "the bytes of corrupt_bio_byte count from 1");
    }
    if (features.corrupt_byte->write && (features.drop_writes || features.error_writes)) {
      return RefusedArguments(FlakeyTarget::kType,
                              "writes that fail or are dropped have no byte to corrupt");
    }
  }
  for (const uint32_t chance : {features.random_read_corrupt, features.random_write_corrupt}) {
    if (chance > FlakeyTarget::kAlways) {
      return RefusedArguments(FlakeyTarget::kType,
                              absl::StrCat("a chance of ", chance, " parts of 1000000000"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const FlakeyTarget::Arguments& arguments) {
  uint32_t sum = 0;
  if (__builtin_add_overflow(arguments.up_seconds, arguments.down_seconds, &sum) || sum == 0) {
    return RefusedArguments(
        FlakeyTarget::kType,
        absl::StrCat("intervals of ", arguments.up_seconds, " and ", arguments.down_seconds,
                     " seconds; their sum must be 1 to 4294967295"));
  }
  return CheckFeatures(arguments.features);
}

absl::StatusOr<FlakeyTarget::CorruptByte> TakeCorruptByte(TargetWords& words) {
  FlakeyTarget::CorruptByte corrupt;
  DMKIT_ASSIGN_OR_RETURN(corrupt.nth, words.Number32("byte to corrupt"));
  DMKIT_ASSIGN_OR_RETURN(corrupt.write, words.OneOfTwo("direction of corruption", "w", "r"));
  const absl::string_view value_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t value, words.Number32("value of the corrupt byte"));
  if (value > 255) return words.NotUnderstood("value of the corrupt byte", value_word);
  corrupt.value = static_cast<uint8_t>(value);
  DMKIT_ASSIGN_OR_RETURN(corrupt.bio_flags, words.Number32("flags of bios"));
  return corrupt;
}

absl::StatusOr<uint32_t> TakeChance(TargetWords& words, absl::string_view name) {
  if (!words.TakeIf(name)) return 0u;
  const absl::string_view word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t chance, words.Number32(name));
  if (chance == 0) return words.NotUnderstood(name, word);
  return chance;
}

std::vector<std::string> FeatureWords(const FlakeyTarget::Features& features) {
  std::vector<std::string> words;
  if (features.error_reads) words.emplace_back("error_reads");
  if (features.drop_writes) words.emplace_back("drop_writes");
  if (features.error_writes) words.emplace_back("error_writes");
  if (features.corrupt_byte.has_value()) {
    const FlakeyTarget::CorruptByte& corrupt = *features.corrupt_byte;
    for (const std::string& word :
         {std::string("corrupt_bio_byte"), absl::StrCat(corrupt.nth),
          std::string(corrupt.write ? "w" : "r"), absl::StrCat(uint32_t{corrupt.value}),
          absl::StrCat(corrupt.bio_flags)}) {
      words.push_back(word);
    }
  }
  if (features.random_read_corrupt > 0) {
    words.emplace_back("random_read_corrupt");
    words.push_back(absl::StrCat(features.random_read_corrupt));
  }
  if (features.random_write_corrupt > 0) {
    words.emplace_back("random_write_corrupt");
    words.push_back(absl::StrCat(features.random_write_corrupt));
  }
  return words;
}

}  // namespace

absl::StatusOr<FlakeyTarget> FlakeyTarget::Create(const Arguments& arguments) {
  DMKIT_RETURN_IF_ERROR(CheckArguments(arguments));
  return FlakeyTarget(arguments);
}

absl::StatusOr<FlakeyTarget> FlakeyTarget::Parse(absl::string_view params) {
  TargetWords words("flakey table", params);
  Arguments arguments;
  DMKIT_ASSIGN_OR_RETURN(arguments.device, words.Device("device"));
  DMKIT_ASSIGN_OR_RETURN(arguments.offset, words.SectorCount("offset"));
  DMKIT_ASSIGN_OR_RETURN(arguments.up_seconds, words.Number32("up interval"));
  DMKIT_ASSIGN_OR_RETURN(arguments.down_seconds, words.Number32("down interval"));
  DMKIT_RETURN_IF_ERROR(words.ExpectCountOfRest("number of feature words"));
  Features& features = arguments.features;
  features.error_reads = words.TakeIf("error_reads");
  features.drop_writes = words.TakeIf("drop_writes");
  features.error_writes = words.TakeIf("error_writes");
  if (words.TakeIf("corrupt_bio_byte")) {
    DMKIT_ASSIGN_OR_RETURN(features.corrupt_byte, TakeCorruptByte(words));
  }
  DMKIT_ASSIGN_OR_RETURN(features.random_read_corrupt, TakeChance(words, "random_read_corrupt"));
  DMKIT_ASSIGN_OR_RETURN(features.random_write_corrupt, TakeChance(words, "random_write_corrupt"));
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(CheckArguments(arguments)));
  return FlakeyTarget(arguments);
}

std::string FlakeyTarget::Params() const {
  return absl::StrCat(sys::FormatDeviceNumber(arguments_.device), " ", arguments_.offset.count(),
                      " ", arguments_.up_seconds, " ", arguments_.down_seconds,
                      FormatGroup(FeatureWords(arguments_.features), WhenEmpty::kZero));
}

TableLine FlakeyTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
