// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/mangling.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kEscapeBytes = 4;  // "\xNN"
constexpr absl::string_view kEscapedBackslash = "\\x5cx";

bool IsPlain(char byte) {
  return absl::ascii_isalnum(static_cast<unsigned char>(byte)) ||
         absl::string_view("#+-.:=@_").find(byte) != absl::string_view::npos;
}

bool IsEscape(absl::string_view text) {
  return text.size() >= 2 && text[0] == '\\' && text[1] == 'x';
}

int HexDigit(char byte) {
  const char low = absl::ascii_tolower(static_cast<unsigned char>(byte));
  if (low >= '0' && low <= '9') return low - '0';
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

absl::Status MangledTwice(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("The ", what, " \"", text,
                   "\" seems to be mangled more than once. This is not allowed in auto mode."));
}

}  // namespace

std::optional<Mangling> ParseMangling(absl::string_view word) {
  if (absl::EqualsIgnoreCase(word, "none")) return Mangling::kNone;
  if (absl::EqualsIgnoreCase(word, "auto")) return Mangling::kAuto;
  if (absl::EqualsIgnoreCase(word, "hex")) return Mangling::kHex;
  return std::nullopt;
}

bool IsMangledTwice(absl::string_view text, Mangling mode) {
  return mode == Mangling::kAuto && absl::StrContains(text, kEscapedBackslash);
}

absl::StatusOr<std::string> Mangle(absl::string_view text, absl::string_view what, Mangling mode,
                                   size_t bytes_max) {
  if (mode == Mangling::kNone) return std::string(text);
  if (IsMangledTwice(text, mode)) return MangledTwice(text, what);
  std::string mangled;
  bool has_escapes = false;
  bool has_unusual = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (mode == Mangling::kAuto && IsEscape(text.substr(i))) {
      has_escapes = true;
      if (text.size() - i < kEscapeBytes) has_unusual = true;  // cut off
      absl::StrAppend(&mangled, text.substr(i, kEscapeBytes));
      i += kEscapeBytes - 1;
    } else if (IsPlain(text[i])) {
      mangled += text[i];
    } else {
      has_unusual = true;
      absl::StrAppend(&mangled, "\\x",
                      absl::Hex(static_cast<unsigned char>(text[i]), absl::kZeroPad2));
    }
    if (has_escapes && has_unusual) {
      return absl::InvalidArgumentError(
          absl::StrCat("The ", what, " \"", text,
                       "\" contains mixed mangled and unmangled characters or it's already mangled "
                       "improperly."));
    }
    if (mangled.size() > bytes_max) {
      return absl::InvalidArgumentError(
          absl::StrCat("Mangled form of the ", what, " too long for \"", text, "\"."));
    }
  }
  return mangled;
}

absl::StatusOr<std::string> Unmangle(absl::string_view text, absl::string_view what,
                                     Mangling mode) {
  if (IsMangledTwice(text, mode)) return MangledTwice(text, what);
  std::string plain;
  bool has_escapes = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (mode != Mangling::kNone && !IsPlain(text[i]) && text[i] != '\\') {
      return absl::InvalidArgumentError(
          absl::StrCat("The ", what, " \"", text,
                       "\" should be mangled but it contains blacklisted characters."));
    }
    if (!IsEscape(text.substr(i))) {
      plain += text[i];
      continue;
    }
    if (i + 2 == text.size()) return plain;
    const int high = HexDigit(text[i + 2]);
    if (high < 0) return has_escapes ? plain : std::string(text);
    has_escapes = true;
    const int low = i + 3 < text.size() ? HexDigit(text[i + 3]) : -1;
    plain += static_cast<char>(low < 0 ? high : high * 16 + low);
    i += kEscapeBytes - 1;
  }
  return plain;
}

absl::StatusOr<std::string> Shown(absl::string_view text, absl::string_view what, Mangling mode) {
  if (mode == Mangling::kNone) return std::string(text);
  return Unmangle(text, what, mode);
}

}  // namespace dmkit::dm::dmsetup
