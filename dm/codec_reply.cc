// SPDX-License-Identifier: Apache-2.0
// Puts the decoders and encoders of replies behind one door. Pure: no file descriptors, no clock.

#include "dm/codec_reply.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/codec_deps.h"
#include "dm/codec_list.h"
#include "dm/codec_message.h"
#include "dm/codec_table.h"
#include "dm/codec_versions.h"
#include "dm/uapi.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

absl::Status WrongKind(Command command) {
  return absl::InvalidArgumentError(
      absl::StrCat(FactsOf(command).name, ": this is not what the command answers"));
}

// What goes into the buffer for a reply: header fields, and a payload if there is one to tell.
struct Content {
  HeaderFields header;
  std::optional<ReplyPayload> payload;
};

absl::StatusOr<Content> WithoutDevice(Command command, const Reply& reply, const Version& kernel,
                                      HeaderFields request) {
  // No flag but these four is touched: the rest of the request's comes back.
  request.flags &= ~uint32_t{DM_BUFFER_FULL_FLAG | DM_UEVENT_GENERATED_FLAG | DM_SECURE_DATA_FLAG |
                             DM_DATA_OUT_FLAG};
  request.data_size = kHeaderBytes;
  switch (command) {
    case Command::kDevArmPoll:
      if (!std::holds_alternative<DoneReply>(reply)) return WrongKind(command);
      return Content{std::move(request), std::nullopt};
    case Command::kListDevices:
      if (const auto* list = std::get_if<ListDevicesReply>(&reply)) {
        return Content{std::move(request), EncodeListDevices(*list, kernel)};
      }
      return WrongKind(command);
    case Command::kListVersions:
    case Command::kGetTargetVersion:
      if (const auto* list = std::get_if<TargetVersionsReply>(&reply)) {
        return Content{std::move(request), EncodeTargetVersions(*list)};
      }
      return WrongKind(command);
    default:
      return WrongKind(command);
  }
}

absl::StatusOr<Content> WithDevice(Command command, const Reply& reply,
                                   const HeaderFields& request) {
  switch (command) {
    case Command::kTableStatus:
    case Command::kDevWait:
      if (const auto* table = std::get_if<TableReply>(&reply)) {
        Content content{EncodeDeviceInfo(command, table->info, request), std::nullopt};
        if (!table->targets.empty()) content.payload = EncodeTableReply(table->targets);
        return content;
      }
      return WrongKind(command);
    case Command::kTableDeps:
      if (const auto* deps = std::get_if<DependenciesReply>(&reply)) {
        Content content{EncodeDeviceInfo(command, deps->info, request), std::nullopt};
        const bool has_table = deps->info.target_count != 0 || !deps->devices.empty();
        if (has_table) content.payload = EncodeDependencies(deps->devices);
        return content;
      }
      return WrongKind(command);
    case Command::kTargetMsg:
      if (const auto* message = std::get_if<MessageReply>(&reply)) {
        Content content{EncodeDeviceInfo(command, message->info, request), std::nullopt};
        content.header.data_start = kPayloadStart;
        if (message->text.has_value()) {
          content.header.flags |= DM_DATA_OUT_FLAG;
          content.payload = EncodeMessageReply(*message->text);
        }
        return content;
      }
      return WrongKind(command);
    default:
      if (const auto* info = std::get_if<DeviceInfo>(&reply)) {
        return Content{EncodeDeviceInfo(command, *info, request), std::nullopt};
      }
      return WrongKind(command);
  }
}

bool TellsDevice(Command command) {
  return command != Command::kListDevices && command != Command::kListVersions &&
         command != Command::kGetTargetVersion && command != Command::kDevArmPoll;
}

void Overwrite(std::string& buffer, size_t offset, absl::string_view bytes) {
  DMKIT_CHECK(offset <= buffer.size() && buffer.size() - offset >= bytes.size());
  std::memcpy(&buffer[offset], bytes.data(), bytes.size());
}

}  // namespace

absl::StatusOr<Reply> DecodeReply(const RawReply& reply) {
  switch (reply.command()) {
    case Command::kVersion:
      return VersionReply{reply.header().version};
    case Command::kRemoveAll:
    case Command::kDevSetGeometry:
    case Command::kDevArmPoll:
      return DoneReply{};
    case Command::kListDevices:
      return DecodeListDevices(reply);
    case Command::kListVersions:
    case Command::kGetTargetVersion:
      return DecodeTargetVersions(reply);
    case Command::kDevWait:
    case Command::kTableStatus:
      return DecodeTableReply(reply);
    case Command::kTableDeps:
      return DecodeDependencies(reply);
    case Command::kTargetMsg:
      return DecodeMessageReply(reply);
    case Command::kDevCreate:
    case Command::kDevRemove:
    case Command::kDevRename:
    case Command::kDevSuspend:
    case Command::kDevStatus:
    case Command::kTableLoad:
    case Command::kTableClear:
      break;
  }
  return DecodeDeviceInfo(reply);
}

absl::StatusOr<std::string> EncodeReply(Command command, const Reply& reply, const Version& kernel,
                                        absl::string_view buffer) {
  DMKIT_ASSIGN_OR_RETURN(const RawRequest request, RawRequest::Parse(command, buffer));
  std::string answer(buffer);
  Overwrite(answer, 0, absl::string_view(reinterpret_cast<const char*>(&kernel), sizeof(kernel)));
  if (FactsOf(command).reply == ReplyForm::kVersionOnly) {
    const bool fits = command == Command::kVersion ? std::holds_alternative<VersionReply>(reply)
                                                   : std::holds_alternative<DoneReply>(reply);
    if (!fits) return WrongKind(command);
    return answer;
  }
  DMKIT_ASSIGN_OR_RETURN(Content content,
                         TellsDevice(command)
                             ? WithDevice(command, reply, request.header())
                             : WithoutDevice(command, reply, kernel, request.header()));
  content.header.version = kernel;
  if (content.payload.has_value()) {
    content.header.data_start = kPayloadStart;
    const size_t end = request.bytes().size();
    if (end < kPayloadStart || end - kPayloadStart < content.payload->needed_bytes) {
      content.header.flags |= DM_BUFFER_FULL_FLAG;
    } else {
      content.header.data_size =
          static_cast<uint32_t>(kPayloadStart + content.payload->claimed_bytes);
      for (const ReplyPayload::Piece& piece : content.payload->pieces) {
        Overwrite(answer, kPayloadStart + piece.offset, piece.bytes);
      }
    }
  }
  // 305 bytes: what lies behind the uuid belongs to the caller.
  Overwrite(answer, 0, absl::string_view(EncodeHeader(content.header)).substr(0, kHeaderBytes));
  return answer;
}

}  // namespace dmkit::dm
