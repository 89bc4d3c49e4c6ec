// SPDX-License-Identifier: Apache-2.0
// A UTF-8 scanner after the table of well-formed byte sequences in the Unicode standard (3.9, D92).

#include "driver/cli/displayable.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {
namespace {

// The length of the well-formed sequence at the start of `bytes`, which is not empty; 0 when there
// is none.
size_t SequenceLength(absl::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes.size() < length) return 0;
  // The second byte excludes overlong forms, surrogates and what lies above U+10FFFF.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return length;
}

bool IsControl(absl::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
  return lead == 0xc2 && static_cast<uint8_t>(sequence[1]) < 0xa0;
}

void AppendEscaped(absl::string_view bytes, std::string& result) {
  for (const char c : bytes) {
    absl::StrAppendFormat(&result, "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
  }
}

enum class Controls { kKeep, kKeepNewline, kEscape };

std::string Clean(absl::string_view bytes, Controls controls) {
  std::string result;
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    const absl::string_view sequence = bytes.substr(0, length == 0 ? 1 : length);
    bytes.remove_prefix(sequence.size());
    const bool kept = controls == Controls::kKeep || !IsControl(sequence) ||
                      (controls == Controls::kKeepNewline && sequence == "\n");
    if (length > 0 && kept) {
      result.append(sequence.data(), sequence.size());
    } else {
      AppendEscaped(sequence, result);
    }
  }
  return result;
}

}  // namespace

std::string ValidUtf8(absl::string_view bytes) { return Clean(bytes, Controls::kKeep); }

std::string DisplayableMessage(absl::string_view bytes) {
  return Clean(bytes, Controls::kKeepNewline);
}

std::string DisplayableLine(absl::string_view bytes) { return Clean(bytes, Controls::kEscape); }

}  // namespace dmkit::driver::cli
