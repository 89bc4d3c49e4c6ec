// SPDX-License-Identifier: Apache-2.0
// Sizes as Docker reads and prints them.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "driver/option_values.h"
#include "driver/options.h"
#include "sys/text.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

// The power of two that a size's suffix stands for; nothing when it is none.
std::optional<unsigned> SuffixShift(absl::string_view suffix) {
  if (suffix.empty() || absl::EqualsIgnoreCase(suffix, "b")) return 0;
  static constexpr absl::string_view kLetters = "kmgtp";
  const size_t letter = kLetters.find(absl::ascii_tolower(static_cast<unsigned char>(suffix[0])));
  if (letter == absl::string_view::npos) return std::nullopt;
  const absl::string_view rest = suffix.substr(1);
  if (!rest.empty() && !absl::EqualsIgnoreCase(rest, "b") && !absl::EqualsIgnoreCase(rest, "ib")) {
    return std::nullopt;
  }
  return static_cast<unsigned>(10 * (letter + 1));
}

absl::string_view TakeDigits(absl::string_view& text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[count]))) {
    ++count;
  }
  const absl::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// floor(0.<digits> * 2^shift), for shift <= 50. Digits behind the 18th are less than a byte.
uint64_t Fraction(absl::string_view digits, unsigned shift) {
  uint64_t value = 0;
  uint64_t scale = 1;
  for (const char c : digits.substr(0, 18)) {
    value = value * 10 + static_cast<uint64_t>(c - '0');
    scale *= 10;
  }
  return static_cast<uint64_t>((static_cast<unsigned __int128>(value) << shift) / scale);
}

}  // namespace

absl::StatusOr<sys::Bytes> ParseSize(absl::string_view text) {
  if (absl::StartsWith(text, "-")) return RefuseValue(text, "is negative; a size is more than 0");
  absl::string_view rest = text;
  const absl::string_view whole_digits = TakeDigits(rest);
  const absl::string_view fraction_digits =
      absl::ConsumePrefix(&rest, ".") ? TakeDigits(rest) : absl::string_view();
  absl::ConsumePrefix(&rest, " ");
  const std::optional<unsigned> shift = SuffixShift(rest);
  if ((whole_digits.empty() && fraction_digits.empty()) || !shift.has_value()) {
    return RefuseValue(text, "is not a size; right is a number, then b, k, m, g, t or p, like 10g");
  }
  const std::optional<uint64_t> whole = whole_digits.empty() ? 0 : sys::ParseUnsigned(whole_digits);
  const auto bytes_max = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!whole.has_value() || *whole > (bytes_max >> *shift)) {
    return RefuseValue(text, "is more than 2^63 - 1 bytes");
  }
  // The fraction is less than 2^shift, so the sum stays within what was checked.
  const uint64_t bytes = (*whole << *shift) + Fraction(fraction_digits, *shift);
  if (bytes == 0) return RefuseValue(text, "is no byte; a size is more than 0");
  return sys::Bytes(bytes);
}

std::string HumanSize(sys::Bytes size) {
  static constexpr absl::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(size.count());
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.4g%s", value, kUnits[unit]);
}

}  // namespace dmkit::driver
