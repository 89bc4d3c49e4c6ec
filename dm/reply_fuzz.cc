// SPDX-License-Identifier: Apache-2.0
// Any bytes as the reply of any command: the first byte chooses it. What decodes must survive being
// encoded and decoded again, and the tracer must print all of it on one clean line.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "dm/codec_header.h"
#include "dm/codec_reply.h"
#include "dm/commands.h"
#include "dm/tracer.h"
#include "dm/uapi.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

void CheckRoundTrip(const RawReply& raw, const Reply& reply, size_t size) {
  HeaderFields request;
  // More than any payload of this size can need when it is laid out anew.
  request.data_size = static_cast<uint32_t>(kPayloadStart + 16 * size);
  request.data_start = kPayloadStart;
  std::string buffer = EncodeHeader(request);
  buffer.resize(request.data_size, '\0');
  const Command command = raw.command();
  const auto encoded = EncodeReply(command, reply, raw.header().version, buffer);
  DMKIT_CHECK(encoded.ok());
  const auto again = RawReply::Parse(command, *encoded);
  DMKIT_CHECK(again.ok());
  const auto decoded = DecodeReply(*again);
  DMKIT_CHECK(decoded.ok());
  DMKIT_CHECK(*decoded == reply);
}

void CheckLine(absl::string_view line) {
  for (const char c : line) DMKIT_CHECK(c >= ' ' && c <= '~');
}

void Run(absl::string_view input) {
  if (input.empty()) return;
  const auto number = static_cast<uint8_t>(input[0]) % AllCommands().size();
  const Command command = AllCommands()[number].command;
  const absl::string_view buffer = input.substr(1);
  CheckLine(FormatIoctl(RequestCode(command), buffer, buffer, 0));
  const auto raw = RawReply::Parse(command, buffer);
  if (!raw.ok()) return;
  const auto reply = DecodeReply(*raw);
  if (reply.ok()) CheckRoundTrip(*raw, *reply, buffer.size());
}

}  // namespace
}  // namespace dmkit::dm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::dm::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
