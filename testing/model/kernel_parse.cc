// SPDX-License-Identifier: Apache-2.0
// The two ways of the kernel to read a number.

#include "testing/model/kernel_parse.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace dmkit::model {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void SkipSpaces(absl::string_view* text) {
  while (!text->empty() && IsKernelSpace(text->front())) text->remove_prefix(1);
}

}  // namespace

std::optional<uint64_t> ScanU64(absl::string_view* text) {
  absl::string_view rest = *text;
  SkipSpaces(&rest);
  if (rest.empty() || !IsDigit(rest.front())) return std::nullopt;
  uint64_t value = 0;
  while (!rest.empty() && IsDigit(rest.front())) {
    value = value * 10 + static_cast<uint64_t>(rest.front() - '0');
    rest.remove_prefix(1);
  }
  *text = rest;
  return value;
}

std::optional<uint32_t> ScanU32(absl::string_view* text) {
  const std::optional<uint64_t> value = ScanU64(text);
  if (!value.has_value()) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

std::optional<uint64_t> ScanWholeU64(absl::string_view text) {
  const std::optional<uint64_t> value = ScanU64(&text);
  return text.empty() ? value : std::nullopt;
}

std::optional<uint32_t> ScanWholeU32(absl::string_view text) {
  const std::optional<uint32_t> value = ScanU32(&text);
  return text.empty() ? value : std::nullopt;
}

std::optional<int32_t> ScanWholeS32(absl::string_view text) {
  SkipSpaces(&text);
  const bool is_negative = absl::ConsumePrefix(&text, "-");
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  const std::optional<uint64_t> value = ScanWholeU64(text);
  if (!value.has_value()) return std::nullopt;
  const auto bits = static_cast<uint32_t>(*value);
  return static_cast<int32_t>(is_negative ? 0 - bits : bits);
}

std::optional<uint64_t> KstrtoU64(absl::string_view text) {
  absl::ConsumePrefix(&text, "+");
  absl::ConsumeSuffix(&text, "\n");
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (std::numeric_limits<uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<uint32_t> KstrtoU32(absl::string_view text) {
  const std::optional<uint64_t> value = KstrtoU64(text);
  if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

bool IsKernelSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || static_cast<unsigned char>(c) == 0xa0;
}

bool SameWord(absl::string_view a, absl::string_view b) { return absl::EqualsIgnoreCase(a, b); }

}  // namespace dmkit::model
