// SPDX-License-Identifier: Apache-2.0
// Any text, read as parameters and as a status line. What is accepted must survive the way back.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "thinp/thin_pool_target.h"

namespace {

using dmkit::thinp::FormatThinPoolParams;
using dmkit::thinp::FormatThinPoolStatus;
using dmkit::thinp::ParseThinPoolParams;
using dmkit::thinp::ParseThinPoolStatus;

void TryParams(absl::string_view text) {
  const auto params = ParseThinPoolParams(text);
  if (!params.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(params.status()));
    return;
  }
  // A live pool may have one device for both halves; a new one may not.
  if (params->metadata == params->data) return;
  const absl::StatusOr<std::string> printed = FormatThinPoolParams(*params);
  DMKIT_CHECK(printed.ok());
  const auto again = ParseThinPoolParams(*printed);
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(*FormatThinPoolParams(*again) == *printed);
}

void TryStatus(absl::string_view text) {
  const auto status = ParseThinPoolStatus(text);
  if (!status.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(status.status()));
    return;
  }
  DMKIT_CHECK(status->used_data <= status->total_data);
  DMKIT_CHECK(status->used_metadata_blocks <= status->total_metadata_blocks);
  const std::string printed = FormatThinPoolStatus(*status);
  const auto again = ParseThinPoolStatus(printed);
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(again->unknown_tail == status->unknown_tail);
  DMKIT_CHECK(FormatThinPoolStatus(*again) == printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  TryParams(text);
  TryStatus(text);
  return 0;
}
