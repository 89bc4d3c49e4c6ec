// SPDX-License-Identifier: Apache-2.0
// The payload of TARGET_MSG, both ways. Pure.

#ifndef DMKIT_DM_CODEC_MESSAGE_H_
#define DMKIT_DM_CODEC_MESSAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/codec_header.h"
#include "dm/codec_payload.h"
#include "dm/types.h"
#include "sys/units.h"

namespace dmkit::dm {

struct MessagePayload {
  sys::Sectors sector;
  std::string text;
};

// The payload of the request, to be put at offset 312. INVALID_ARGUMENT for a message that is empty
// or holds a NUL.
absl::StatusOr<std::string> EncodeMessage(sys::Sectors sector, absl::string_view text);

// DATA_LOSS when the message is not terminated or starts inside the header.
absl::StatusOr<MessagePayload> DecodeMessage(const RawRequest& request);

// The reply: a text when DATA_OUT is set, also an empty one. data_start and data_size alone do not
// tell. Kernel: dm-ioctl.c, target_message(), v6.1. DATA_LOSS when the text has no end;
// RESOURCE_EXHAUSTED, without errno, when it did not fit: the target has acted on the message all
// the same.
absl::StatusOr<MessageReply> DecodeMessageReply(const RawReply& reply);

// The other side, for tests.
ReplyPayload EncodeMessageReply(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_MESSAGE_H_
