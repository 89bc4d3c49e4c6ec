// SPDX-License-Identifier: Apache-2.0
// Any bytes as what LOOP_GET_STATUS64 left behind, and as the requests of the tracer. What decodes
// as a request must encode to a request that decodes to the same; every line shown must be
// printable.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "loop/codec.h"
#include "loop/tracer.h"
#include "loop/uapi.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

void CheckLine(absl::string_view line) {
  for (const char c : line) DMKIT_CHECK(c >= ' ' && c <= '~');
}

void Run(absl::string_view input) {
  for (const int request : {LOOP_GET_STATUS64, LOOP_SET_STATUS64, LOOP_CONFIGURE}) {
    TracedCall call;
    call.device = input.substr(0, 16);
    call.request = static_cast<unsigned long>(request);
    call.sent = input;
    call.received = input;
    CheckLine(FormatCall(call, 0));
  }
  if (const auto status = DecodeStatus(input); status.ok()) {
    DMKIT_CHECK(status->file_name.size() <= kFileNameMax);
    CheckLine(DebugString(*status));
  }
  if (const auto request = DecodeSetStatus(input); request.ok()) {
    const auto again = EncodeSetStatus(*request);
    DMKIT_CHECK(again.ok() && DebugString(*DecodeSetStatus(*again)) == DebugString(*request));
  }
  if (const auto request = DecodeConfigure(input); request.ok()) {
    const auto again = EncodeConfigure(*request);
    DMKIT_CHECK(again.ok() && DebugString(*DecodeConfigure(*again)) == DebugString(*request));
  }
}

}  // namespace
}  // namespace dmkit::loop

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::loop::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
