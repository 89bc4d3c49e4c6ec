// SPDX-License-Identifier: Apache-2.0
// Any text, read as parameters and as a status line. What is accepted must survive the way back.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "thinp/thin_target.h"

namespace {

using dmkit::thinp::FormatThinParams;
using dmkit::thinp::FormatThinStatus;
using dmkit::thinp::ParseThinParams;
using dmkit::thinp::ParseThinStatus;

void TryParams(absl::string_view text) {
  const auto params = ParseThinParams(text);
  if (!params.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(params.status()) || absl::IsFailedPrecondition(params.status()));
    return;
  }
  const std::string printed = FormatThinParams(*params);
  const auto again = ParseThinParams(printed);
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(FormatThinParams(*again) == printed);
}

void TryStatus(absl::string_view text) {
  const auto status = ParseThinStatus(text);
  if (!status.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(status.status()));
    return;
  }
  const std::string printed = FormatThinStatus(*status);
  const auto again = ParseThinStatus(printed);
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(again->unknown_tail == status->unknown_tail);
  DMKIT_CHECK(FormatThinStatus(*again) == printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  TryParams(text);
  TryStatus(text);
  return 0;
}
