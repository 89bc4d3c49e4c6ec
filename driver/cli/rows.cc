// SPDX-License-Identifier: Apache-2.0
// Two passes: measure, then write.

#include "driver/cli/rows.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {
namespace {

constexpr size_t kGap = 2;

}  // namespace

size_t Width(absl::string_view text) {
  // Every character has one byte that is not a continuation byte.
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string FormatColumns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size(), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t padding = i + 1 < row.size() ? widths[i] - Width(row[i]) + kGap : 0;
      absl::StrAppend(&text, row[i], std::string(padding, ' '));
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text.push_back('\n');
  }
  return text;
}

}  // namespace dmkit::driver::cli
