// SPDX-License-Identifier: Apache-2.0
// The status of targets that have nothing to tell: linear, zero, error. Pure text.

#ifndef DMKIT_DM_TARGETS_PLAIN_STATUS_H_
#define DMKIT_DM_TARGETS_PLAIN_STATUS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/types.h"

namespace dmkit::dm {

struct PlainStatus {
  // None on 6.1 and 6.12. What a newer kernel appends is kept, not refused.
  std::vector<std::string> unknown_words;
  auto Fields() const { return std::tie(unknown_words); }
};

PlainStatus ParsePlainStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_PLAIN_STATUS_H_
