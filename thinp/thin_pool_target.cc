// SPDX-License-Identifier: Apache-2.0
// The words of the thin-pool target. Whether a change of parameters is wise is for pool.h to say.

#include "thinp/thin_pool_target.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

// parse_pool_features(): `{0, 4, "Invalid number of pool feature arguments"}`.
constexpr int kFeaturesMax = 4;

struct Feature {
  const char* word;
  bool PoolFeatures::*set;
};

// In the order in which emit_flags() prints them.
constexpr Feature kFeatures[] = {
    {"skip_block_zeroing", &PoolFeatures::skip_block_zeroing},
    {"ignore_discard", &PoolFeatures::ignore_discard},
    {"no_discard_passdown", &PoolFeatures::no_discard_passdown},
    {"read_only", &PoolFeatures::read_only},
    {"error_if_no_space", &PoolFeatures::error_if_no_space},
};

int CountFeatures(const PoolFeatures& features) {
  int count = 0;
  for (const Feature& feature : kFeatures) count += features.*feature.set ? 1 : 0;
  return count;
}

bool IsBlockSize(sys::Sectors size) {
  return size >= kBlockSizeMin && size <= kBlockSizeMax &&
         size.count() % kBlockSizeMin.count() == 0;
}

absl::Status SetFeature(dm::TargetWords& text, PoolFeatures& features) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, text.Word("feature"));
  for (const Feature& feature : kFeatures) {
    if (word != feature.word) continue;
    // The kernel folds duplicates before it prints.
    if (features.*feature.set) return text.NotUnderstood("repeated feature", word);
    features.*feature.set = true;
    return absl::OkStatus();
  }
  return text.NotUnderstood("feature", word);
}

absl::StatusOr<PoolMode> ParseWorkingMode(dm::TargetWords& text) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, text.Word("mode"));
  for (PoolMode mode : {PoolMode::kWrite, PoolMode::kOutOfDataSpace, PoolMode::kReadOnly}) {
    if (word == PoolModeName(mode)) return mode;
  }
  return text.NotUnderstood("mode", word);
}

absl::string_view DiscardModeName(DiscardMode mode) {
  switch (mode) {
    case DiscardMode::kIgnore:
      return "ignore_discard";
    case DiscardMode::kPassdown:
      return "discard_passdown";
    case DiscardMode::kNoPassdown:
      return "no_discard_passdown";
  }
  return "";
}

absl::StatusOr<DiscardMode> ParseDiscardMode(dm::TargetWords& text) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, text.Word("discard mode"));
  for (DiscardMode mode :
       {DiscardMode::kIgnore, DiscardMode::kPassdown, DiscardMode::kNoPassdown}) {
    if (word == DiscardModeName(mode)) return mode;
  }
  return text.NotUnderstood("discard mode", word);
}

std::string NumberOrDash(std::optional<uint64_t> number) {
  return number ? absl::StrCat(*number) : std::string("-");
}

}  // namespace

absl::Status ValidateThinPoolParams(const ThinPoolParams& params) {
  if (!IsBlockSize(params.block_size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("thin-pool table: block size of ", params.block_size.count(),
                     " sectors: it must be a ", "multiple of ", kBlockSizeMin.count(), " from ",
                     kBlockSizeMin.count(), " (64 KiB) to ", kBlockSizeMax.count(), " (1 GiB)"));
  }
  if (params.metadata == params.data) {
    return absl::InvalidArgumentError(
        absl::StrCat("thin-pool table: device ", sys::FormatDeviceNumber(params.data),
                     " is given for both metadata and data: they must be two devices"));
  }
  if (CountFeatures(params.features) > kFeaturesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("thin-pool table: all features are given: the kernel takes at most ",
                     kFeaturesMax, " at once, leave one out"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FormatThinPoolParams(const ThinPoolParams& params) {
  DMKIT_RETURN_IF_ERROR(ValidateThinPoolParams(params));
  std::string text =
      absl::StrCat(sys::FormatDeviceNumber(params.metadata), " ",
                   sys::FormatDeviceNumber(params.data), " ", params.block_size.count(), " ",
                   params.low_water_mark.count(), " ", CountFeatures(params.features));
  for (const Feature& feature : kFeatures) {
    if (params.features.*feature.set) absl::StrAppend(&text, " ", feature.word);
  }
  return text;
}

absl::StatusOr<ThinPoolParams> ParseThinPoolParams(absl::string_view text) {
  dm::TargetWords words("thin-pool table", text);
  ThinPoolParams params;
  DMKIT_ASSIGN_OR_RETURN(params.metadata, words.Device("metadata device"));
  DMKIT_ASSIGN_OR_RETURN(params.data, words.Device("data device"));
  const absl::string_view block_size_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t block_size, words.Number("block size"));
  params.block_size = sys::Sectors(block_size);
  // Callers divide by it.
  if (!IsBlockSize(params.block_size)) return words.NotUnderstood("block size", block_size_word);
  DMKIT_ASSIGN_OR_RETURN(const uint64_t low_water_mark, words.Number("low water mark"));
  params.low_water_mark = sys::DataBlocks(low_water_mark);
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t count, words.Number("number of features"));
  if (count > kFeaturesMax) return words.NotUnderstood("number of features", count_word);
  for (uint64_t i = 0; i < count; ++i) {
    DMKIT_RETURN_IF_ERROR(SetFeature(words, params.features));
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return params;
}

absl::string_view PoolModeName(PoolMode mode) {
  switch (mode) {
    case PoolMode::kWrite:
      return "rw";
    case PoolMode::kOutOfDataSpace:
      return "out_of_data_space";
    case PoolMode::kReadOnly:
      return "ro";
    case PoolMode::kFail:
      return "Fail";
    case PoolMode::kError:
      return "Error";
  }
  return "";
}

absl::StatusOr<ThinPoolStatus> ParseThinPoolStatus(absl::string_view text) {
  dm::TargetWords words("thin-pool status", text);
  ThinPoolStatus status;
  for (PoolMode mode : {PoolMode::kFail, PoolMode::kError}) {
    if (words.Peek() != PoolModeName(mode)) continue;
    DMKIT_RETURN_IF_ERROR(words.Word("mode"));
    status.mode = mode;
    DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
    return status;
  }
  DMKIT_ASSIGN_OR_RETURN(status.transaction_id, words.Number("transaction id"));
  DMKIT_ASSIGN_OR_RETURN(const dm::TargetWords::Usage metadata,
                         words.UsedOfTotal("metadata usage"));
  status.used_metadata_blocks = metadata.used;
  status.total_metadata_blocks = metadata.total;
  DMKIT_ASSIGN_OR_RETURN(const dm::TargetWords::Usage data, words.UsedOfTotal("data usage"));
  status.used_data = sys::DataBlocks(data.used);
  status.total_data = sys::DataBlocks(data.total);
  DMKIT_ASSIGN_OR_RETURN(status.held_metadata_root, words.NumberOrDash("held metadata root"));
  DMKIT_ASSIGN_OR_RETURN(status.mode, ParseWorkingMode(words));
  DMKIT_ASSIGN_OR_RETURN(status.discard, ParseDiscardMode(words));
  DMKIT_ASSIGN_OR_RETURN(
      status.error_if_no_space,
      words.OneOfTwo("no-space behaviour", "error_if_no_space", "queue_if_no_space"));
  DMKIT_ASSIGN_OR_RETURN(status.needs_check,
                         words.OneOfTwo("needs_check field", "needs_check", "-"));
  if (words.AtEnd()) return status;
  DMKIT_ASSIGN_OR_RETURN(status.metadata_low_watermark, words.Number("metadata low watermark"));
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

std::string FormatThinPoolStatus(const ThinPoolStatus& status) {
  const std::string tail =
      status.unknown_tail.empty() ? "" : absl::StrCat(status.unknown_tail, " ");
  if (status.mode == PoolMode::kFail || status.mode == PoolMode::kError) {
    if (tail.empty()) return std::string(PoolModeName(status.mode));
    return absl::StrCat(PoolModeName(status.mode), " ", tail);
  }
  std::string text = absl::StrCat(
      status.transaction_id, " ", status.used_metadata_blocks, "/", status.total_metadata_blocks,
      " ", status.used_data.count(), "/", status.total_data.count(), " ",
      NumberOrDash(status.held_metadata_root), " ", PoolModeName(status.mode), " ");
  absl::StrAppend(&text, DiscardModeName(status.discard), " ",
                  status.error_if_no_space ? "error_if_no_space" : "queue_if_no_space", " ",
                  status.needs_check ? "needs_check" : "-", " ");
  if (status.metadata_low_watermark) absl::StrAppend(&text, *status.metadata_low_watermark, " ");
  return absl::StrCat(text, tail);
}

}  // namespace dmkit::thinp
