// SPDX-License-Identifier: Apache-2.0
// The words of an empty status. Pure text.

#include "dm/targets/plain_status.h"

#include "sys/text.h"

namespace dmkit::dm {

PlainStatus ParsePlainStatus(absl::string_view text) {
  PlainStatus status;
  for (absl::string_view word : sys::SplitWords(text)) {
    status.unknown_words.emplace_back(word);
  }
  return status;
}

}  // namespace dmkit::dm
