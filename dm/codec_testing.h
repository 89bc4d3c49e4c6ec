// SPDX-License-Identifier: Apache-2.0
// Bytes for codec tests: good replies made by the encoders, and ways to spoil them. For tests only.

#ifndef DMKIT_DM_CODEC_TESTING_H_
#define DMKIT_DM_CODEC_TESTING_H_

#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "dm/codec_header.h"
#include "dm/codec_reply.h"
#include "dm/codec_request.h"
#include "dm/replies.h"
#include "dm/requests.h"

namespace dmkit::dm::testing {

inline constexpr Version kKernel = {4, 47, 0};

inline DmName Name(absl::string_view text) { return DmName::Create(text).value(); }
inline DmUuid Uuid(absl::string_view text) { return DmUuid::Create(text).value(); }
inline TargetType Type(absl::string_view text) { return TargetType::Create(text).value(); }
inline TableLine Line(uint64_t start, uint64_t length, absl::string_view type,
                      absl::string_view params) {
  return {sys::Sectors(start), sys::Sectors(length), Type(type), std::string(params)};
}
inline TargetStatus Target(uint64_t start, uint64_t length, absl::string_view type,
                           absl::string_view text) {
  return {sys::Sectors(start), sys::Sectors(length), std::string(type), std::string(text)};
}

// The buffer after `reply` to `request`, for which there were `room` bytes.
inline std::string Answer(const Request& request, const Reply& reply, size_t room = 1024,
                          const Version& kernel = kKernel) {
  const std::string buffer = EncodeRequest(request, room).value();
  return EncodeReply(CommandOf(request), reply, kernel, buffer).value();
}

// `bytes` with the bytes of `value` at `offset`.
template <typename T>
std::string With(std::string bytes, size_t offset, T value) {
  bytes.replace(offset, sizeof(value), reinterpret_cast<const char*>(&value), sizeof(value));
  return bytes;
}
// `bytes` with `count` bytes of `fill` at `offset`.
inline std::string Filled(std::string bytes, size_t offset, size_t count, char fill) {
  bytes.replace(offset, count, count, fill);
  return bytes;
}

// Parse and decode.
inline absl::StatusOr<Reply> DecodeBytes(Command command, absl::string_view bytes) {
  const absl::StatusOr<RawReply> raw = RawReply::Parse(command, bytes);
  if (!raw.ok()) return raw.status();
  return DecodeReply(*raw);
}

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_CODEC_TESTING_H_
