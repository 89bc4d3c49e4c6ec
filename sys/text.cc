// SPDX-License-Identifier: Apache-2.0
// Readers of numbers and words. No units, no sizes with suffixes, no floating point.

#include "sys/text.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace dmkit::sys {

std::optional<uint64_t> ParseUnsigned(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (__builtin_mul_overflow(value, uint64_t{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, digit, &value)) return std::nullopt;
  }
  return value;
}

std::optional<uint32_t> ParseUnsigned32(absl::string_view text) {
  const std::optional<uint64_t> value = ParseUnsigned(text);
  if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

std::optional<DeviceNumber> ParseDeviceNumber(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const std::optional<uint32_t> major = ParseUnsigned32(text.substr(0, colon));
  const std::optional<uint32_t> minor = ParseUnsigned32(text.substr(colon + 1));
  if (!major.has_value() || !minor.has_value()) return std::nullopt;
  return DeviceNumber{*major, *minor};
}

std::vector<absl::string_view> SplitWords(absl::string_view text) {
  return absl::StrSplit(text, ' ', absl::SkipEmpty());
}

std::string Printable(absl::string_view bytes) {
  std::string result;
  for (const char c : bytes) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      result.push_back(c);
    } else {
      const unsigned value = static_cast<unsigned char>(c);
      absl::StrAppend(&result, "\\x", absl::Hex(value, absl::kZeroPad2));
    }
  }
  return result;
}

}  // namespace dmkit::sys
