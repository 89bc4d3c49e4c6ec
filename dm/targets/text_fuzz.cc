// SPDX-License-Identifier: Apache-2.0
// Any text, as the parameters of each of these targets and as their status. What is accepted must
// survive the way back.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/targets/error.h"
#include "dm/targets/linear.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/snapshot.h"
#include "dm/targets/zero.h"
#include "dm/types.h"
#include "sys/status.h"

namespace {

template <typename Target>
void TryParams(absl::string_view text) {
  const auto target = Target::Parse(text);
  if (!target.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(target.status()));
    return;
  }
  const auto again = Target::Parse(target->Params());
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(again->Fields() == target->Fields());
}

void TryStatus(absl::string_view text) {
  std::string joined;
  for (const std::string& word : dmkit::dm::ParsePlainStatus(text).unknown_words) {
    DMKIT_CHECK(!word.empty());
    joined += word + " ";
  }
  const auto again = dmkit::dm::ParsePlainStatus(joined);
  DMKIT_CHECK(again.Fields() == dmkit::dm::ParsePlainStatus(text).Fields());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  TryParams<dmkit::dm::ErrorTarget>(text);
  TryParams<dmkit::dm::LinearTarget>(text);
  TryParams<dmkit::dm::TransientSnapshotTarget>(text);
  TryParams<dmkit::dm::ZeroTarget>(text);
  TryStatus(text);
  return 0;
}
