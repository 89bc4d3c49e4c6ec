// SPDX-License-Identifier: Apache-2.0
// The rule for layer ids. An id becomes part of a dm name, a file name and a path, so what is not
// plain is refused rather than escaped.

#include "driver/layer_id.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

// Enough of a wrong id to recognise it by.
constexpr size_t kShownBytes = 120;

absl::Status Refuse(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("layer id \"", sys::Printable(text.substr(0, kShownBytes)),
                   text.size() > kShownBytes ? "...\"" : "\"", ": ", why,
                   "; right is a letter or digit, then letters, digits, '_', '.', '-', at most ",
                   kLayerIdBytesMax, " bytes"));
}

bool IsLaterByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || c == '_' || c == '.' || c == '-';
}

}  // namespace

absl::StatusOr<LayerId> LayerId::Create(absl::string_view text) {
  if (text.empty()) return Refuse(text, "it is empty");
  if (text.size() > kLayerIdBytesMax) {
    return Refuse(text, absl::StrCat("it has ", text.size(), " bytes"));
  }
  if (!absl::ascii_isalnum(static_cast<unsigned char>(text[0]))) {
    return Refuse(text, "it does not begin with a letter or digit");
  }
  for (const char c : text) {
    if (!IsLaterByte(c)) {
      return Refuse(text, absl::StrCat("it holds '", sys::Printable({&c, 1}), "'"));
    }
  }
  if (text == kBaseLayer || text == kPoolName) return Refuse(text, "this name is reserved");
  return LayerId(std::string(text));
}

}  // namespace dmkit::driver
