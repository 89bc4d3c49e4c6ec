// SPDX-License-Identifier: Apache-2.0

#include "driver/option_values.h"

#include <cstddef>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr size_t kShownBytes = 100;
constexpr absl::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
constexpr absl::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};

}  // namespace

std::string QuotedValue(absl::string_view text) {
  return absl::StrCat("\"", sys::Printable(text.substr(0, kShownBytes)),
                      text.size() > kShownBytes ? "...\"" : "\"");
}

absl::Status RefuseValue(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(QuotedValue(text), " ", why));
}

absl::StatusOr<bool> ParseBool(absl::string_view text) {
  if (absl::c_linear_search(kTrue, text)) return true;
  if (absl::c_linear_search(kFalse, text)) return false;
  return RefuseValue(text, "is neither true nor false");
}

absl::StatusOr<uint64_t> ParseNumber(absl::string_view text, uint64_t min, uint64_t max) {
  const std::optional<uint64_t> number = sys::ParseUnsigned(text);
  if (number.has_value() && *number >= min && *number <= max) return *number;
  return RefuseValue(text, absl::StrCat("is not a number from ", min, " to ", max));
}

absl::StatusOr<uint32_t> ParsePercent(absl::string_view text, uint32_t max, bool needs_sign) {
  absl::string_view digits = text;
  const bool has_sign = absl::ConsumeSuffix(&digits, "%");
  const std::optional<uint32_t> percent = sys::ParseUnsigned32(digits);
  if (percent.has_value() && *percent <= max && (has_sign || !needs_sign)) return *percent;
  return RefuseValue(text, absl::StrCat("is not a percentage from 0% to ", max, "%, like 10%"));
}

}  // namespace dmkit::driver
