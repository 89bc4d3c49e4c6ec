// SPDX-License-Identifier: Apache-2.0
// The words of the thin target.

#include "thinp/thin_target.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::thinp {
namespace {

constexpr absl::string_view kFail = "Fail";
constexpr absl::string_view kError = "Error";

}  // namespace

std::string FormatThinParams(const ThinParams& params) {
  std::string text = absl::StrCat(sys::FormatDeviceNumber(params.pool), " ", params.id.value());
  if (params.external_origin) {
    absl::StrAppend(&text, " ", sys::FormatDeviceNumber(*params.external_origin));
  }
  return text;
}

absl::StatusOr<ThinParams> ParseThinParams(absl::string_view text) {
  dm::TargetWords words("thin table", text);
  if (words.Peek() == kFail || words.Peek() == kError) {
    return absl::FailedPreconditionError(absl::StrCat(
        "parse thin table: the kernel prints \"", sys::Printable(text),
        "\" instead of the parameters: the device's pool has failed, see the pool's status"));
  }
  ThinParams params;
  DMKIT_ASSIGN_OR_RETURN(params.pool, words.Device("pool device"));
  const absl::string_view id_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t id, words.Number("thin id"));
  if (id > ThinId::kMax) return words.NotUnderstood("thin id", id_word);
  DMKIT_ASSIGN_OR_RETURN(params.id, ThinId::Create(id));
  if (!words.AtEnd()) {
    DMKIT_ASSIGN_OR_RETURN(params.external_origin, words.Device("external origin"));
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return params;
}

absl::StatusOr<ThinStatus> ParseThinStatus(absl::string_view text) {
  dm::TargetWords words("thin status", text);
  ThinStatus status;
  if (words.Peek() == kFail || words.Peek() == kError) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("state"));
    status.state = word == kFail ? ThinState::kFail : ThinState::kError;
  } else {
    DMKIT_ASSIGN_OR_RETURN(const uint64_t mapped, words.Number("mapped sectors"));
    status.mapped = sys::Sectors(mapped);
    DMKIT_ASSIGN_OR_RETURN(const std::optional<uint64_t> highest,
                           words.NumberOrDash("highest mapped sector"));
    if (highest) status.highest_mapped = sys::Sectors(*highest);
  }
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

std::string FormatThinStatus(const ThinStatus& status) {
  const std::string tail =
      status.unknown_tail.empty() ? "" : absl::StrCat(" ", status.unknown_tail);
  switch (status.state) {
    case ThinState::kFail:
      return absl::StrCat(kFail, tail);
    case ThinState::kError:
      return absl::StrCat(kError, tail);
    case ThinState::kWorking:
      break;
  }
  const std::string highest =
      status.highest_mapped ? absl::StrCat(status.highest_mapped->count()) : "-";
  return absl::StrCat(status.mapped.count(), " ", highest, tail);
}

}  // namespace dmkit::thinp
