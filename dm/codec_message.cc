// SPDX-License-Identifier: Apache-2.0
// Reads and writes target messages. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_message.h"

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"

namespace dmkit::dm {

absl::StatusOr<std::string> EncodeMessage(sys::Sectors sector, absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("a target message must not be empty");
  if (text.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("a target message of ", text.size(), " bytes holds a NUL byte"));
  }
  sys::ByteWriter writer;
  // In one piece: the message may hold a key.
  writer.Reserve(sizeof(uint64_t) + text.size() + 1);
  writer.Append(uint64_t{sector.count()});
  writer.AppendCString(text);
  return writer.Take();
}

absl::StatusOr<MessagePayload> DecodeMessage(const RawRequest& request) {
  const size_t start = request.header().data_start;
  if (start < kHeaderBytes) {
    return absl::DataLossError(
        absl::StrCat("target message: data_start ", start, " lies inside the header"));
  }
  const sys::ByteReader& bytes = request.bytes();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t sector, bytes.At<uint64_t>(start, "sector of the message"));
  DMKIT_ASSIGN_OR_RETURN(
      const absl::string_view text,
      bytes.CString(start + sizeof(dm_target_msg), bytes.size(), "target message"));
  return MessagePayload{sys::Sectors(sector), std::string(text)};
}

absl::StatusOr<MessageReply> DecodeMessageReply(const RawReply& reply) {
  DMKIT_RETURN_IF_ERROR(CheckPayload(reply));
  MessageReply message;
  message.info = DecodeDeviceInfo(reply);
  if ((reply.header().flags & DM_DATA_OUT_FLAG) == 0) return message;
  const sys::ByteReader& bytes = reply.bytes();
  const size_t start = reply.header().data_start;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view text,
                         bytes.CString(start, bytes.size(), "answer to the message"));
  message.text = std::string(text);
  return message;
}

ReplyPayload EncodeMessageReply(absl::string_view text) {
  sys::ByteWriter writer;
  writer.AppendCString(text);
  ReplyPayload payload;
  payload.claimed_bytes = writer.size();
  // The kernel cannot tell a text that just fits from one that was cut.
  payload.needed_bytes = writer.size() + 1;
  payload.pieces.push_back({0, writer.Take()});
  return payload;
}

}  // namespace dmkit::dm
