// SPDX-License-Identifier: Apache-2.0
// Any bytes as the request of any command: the first byte chooses it. What decodes is either
// refused by the encoder as bad input or survives being encoded and decoded again.

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/codec_request.h"
#include "dm/commands.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

void Run(absl::string_view input) {
  if (input.empty()) return;
  const auto number = static_cast<uint8_t>(input[0]) % AllCommands().size();
  const Command command = AllCommands()[number].command;
  const auto request = DecodeRequest(command, input.substr(1));
  if (!request.ok()) {
    DMKIT_CHECK(request.status().code() == absl::StatusCode::kDataLoss);
    return;
  }
  DMKIT_CHECK(CommandOf(*request) == command);
  const auto bytes = EncodeRequest(*request);
  if (!bytes.ok()) {
    // A device number with nothing in its lower half, or an empty message.
    DMKIT_CHECK(bytes.status().code() == absl::StatusCode::kInvalidArgument);
    return;
  }
  const auto again = DecodeRequest(command, *bytes);
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(*again == *request);
}

}  // namespace
}  // namespace dmkit::dm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::dm::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
