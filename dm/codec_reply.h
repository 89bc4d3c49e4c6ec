// SPDX-License-Identifier: Apache-2.0
// Replies of all commands, from bytes and back: for the tracer and for tests, which do not know at
// compile time which command they look at. Pure.

#ifndef DMKIT_DM_CODEC_REPLY_H_
#define DMKIT_DM_CODEC_REPLY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/codec_header.h"
#include "dm/replies.h"

namespace dmkit::dm {

// The reply of its command. DATA_LOSS for an unintelligible one; RESOURCE_EXHAUSTED, without errno,
// when it did not fit the buffer.
absl::StatusOr<Reply> DecodeReply(const RawReply& reply);

// The buffer after a kernel with interface `kernel` has answered `reply` to the request that
// `buffer` holds. What the kernel does not write stays as it was, and a payload that does not fit
// is left out and marked by BUFFER_FULL. INVALID_ARGUMENT when `reply` is not of the command's
// kind; DATA_LOSS when `buffer` holds no request. Of a status that did not fit the kernel writes
// the targets that do fit; this writes none.
absl::StatusOr<std::string> EncodeReply(Command command, const Reply& reply, const Version& kernel,
                                        absl::string_view buffer);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_REPLY_H_
