// SPDX-License-Identifier: Apache-2.0
// Requests of all commands, to bytes and back. Pure.

#ifndef DMKIT_DM_CODEC_REQUEST_H_
#define DMKIT_DM_CODEC_REQUEST_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/requests.h"

namespace dmkit::dm {

// The buffer for `request`: the header with the command's first interface version, the payload at
// offset 312, and zeros. A command with a payload gets at least `buffer_bytes`, which is the room
// that its reply will find; the others are always 312 bytes. INVALID_ARGUMENT for what no kernel
// can be asked: a prefix too long, a device number out of range, a text with a NUL, an empty
// message, a request over 1 GiB. A table is encoded as it is: see CheckTable.
absl::StatusOr<std::string> EncodeRequest(const Request& request, size_t buffer_bytes = 0);

// The request that `buffer` holds, as the kernel would read it, but stricter: exactly one key,
// known flags only where they mean something (others are ignored). DATA_LOSS with the offset
// otherwise.
absl::StatusOr<Request> DecodeRequest(Command command, absl::string_view buffer);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_REQUEST_H_
