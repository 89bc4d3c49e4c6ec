// SPDX-License-Identifier: Apache-2.0
// Reads requests: the other side of codec_request.cc. Pure: no file descriptors, no clock.

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/codec_header.h"
#include "dm/codec_message.h"
#include "dm/codec_request.h"
#include "dm/codec_table.h"
#include "dm/uapi.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

bool Has(const RawRequest& request, uint32_t flag) { return (request.header().flags & flag) != 0; }

absl::Status NotA(absl::string_view what, absl::string_view text, size_t offset) {
  return absl::DataLossError(
      absl::StrCat("\"", sys::Printable(text), "\" at offset ", offset, " is no ", what));
}

// A validated name out of a request: what the caller could not have made is unintelligible here.
template <typename T>
absl::StatusOr<T> NameAt(absl::string_view text, size_t offset, absl::string_view what) {
  absl::StatusOr<T> name = T::Create(text);
  if (!name.ok()) return NotA(what, text, offset);
  return name;
}

absl::StatusOr<DmName> HeaderName(const RawRequest& request) {
  return NameAt<DmName>(request.header().name, offsetof(dm_ioctl, name), "device name");
}

// The text that is the whole payload of RENAME and SET_GEOMETRY.
absl::StatusOr<absl::string_view> PayloadText(const RawRequest& request) {
  const size_t start = request.header().data_start;
  if (start < kHeaderBytes) {
    return absl::DataLossError(absl::StrCat("data_start ", start, " lies inside the header"));
  }
  return request.bytes().CString(start, request.bytes().size(), "payload");
}

absl::StatusOr<Request> DecodeCreate(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DmName name, HeaderName(request));
  CreateRequest create{std::move(name), std::nullopt, std::nullopt};
  if (!request.header().uuid.empty()) {
    DMKIT_ASSIGN_OR_RETURN(create.uuid, NameAt<DmUuid>(request.header().uuid,
                                                       offsetof(dm_ioctl, uuid), "device uuid"));
  }
  if (Has(request, DM_PERSISTENT_DEV_FLAG)) {
    create.minor = UnpackDevice(request.header().device).minor;
  }
  return create;
}

absl::StatusOr<Request> DecodeRename(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DmName name, HeaderName(request));
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view text, PayloadText(request));
  const UdevCookie cookie{request.header().event_nr};
  const size_t start = request.header().data_start;
  if (Has(request, DM_UUID_FLAG)) {
    DMKIT_ASSIGN_OR_RETURN(DmUuid uuid, NameAt<DmUuid>(text, start, "device uuid"));
    return SetUuidRequest{std::move(name), std::move(uuid), cookie};
  }
  DMKIT_ASSIGN_OR_RETURN(DmName new_name, NameAt<DmName>(text, start, "device name"));
  return RenameRequest{std::move(name), std::move(new_name), cookie};
}

absl::StatusOr<Request> DecodeSuspend(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  const bool skip_lockfs = Has(request, DM_SKIP_LOCKFS_FLAG);
  const bool no_flush = Has(request, DM_NOFLUSH_FLAG);
  if (Has(request, DM_SUSPEND_FLAG)) return SuspendRequest{std::move(key), skip_lockfs, no_flush};
  return ResumeRequest{std::move(key), skip_lockfs, no_flush,
                       UdevCookie{request.header().event_nr}};
}

StatusKind KindOf(const RawRequest& request) {
  if (Has(request, DM_STATUS_TABLE_FLAG)) return StatusKind::kTable;
  return Has(request, DM_IMA_MEASUREMENT_FLAG) ? StatusKind::kImaMeasurement : StatusKind::kStatus;
}

absl::StatusOr<Request> DecodeStatusOrWait(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  const bool no_flush = Has(request, DM_NOFLUSH_FLAG);
  const bool inactive = Has(request, DM_QUERY_INACTIVE_TABLE_FLAG);
  if (request.command() == Command::kTableStatus) {
    return StatusRequest{std::move(key), KindOf(request), no_flush, inactive,
                         Has(request, DM_SECURE_DATA_FLAG)};
  }
  return WaitRequest{std::move(key), request.header().event_nr, KindOf(request), no_flush,
                     inactive};
}

absl::StatusOr<Request> DecodeLoad(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  DMKIT_ASSIGN_OR_RETURN(std::vector<TableLine> table, DecodeTable(request));
  return LoadRequest{std::move(key), std::move(table), Has(request, DM_READONLY_FLAG),
                     Has(request, DM_SECURE_DATA_FLAG)};
}

absl::StatusOr<Request> DecodeTargetMsg(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  DMKIT_ASSIGN_OR_RETURN(MessagePayload payload, DecodeMessage(request));
  return MessageRequest{std::move(key), payload.sector, std::move(payload.text),
                        Has(request, DM_SECURE_DATA_FLAG)};
}

absl::StatusOr<Request> DecodeSetGeometry(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view text, PayloadText(request));
  const std::vector<absl::string_view> words = sys::SplitWords(text);
  const absl::Status bad = NotA("geometry", text, request.header().data_start);
  if (words.size() != 4) return bad;
  const auto cylinders = sys::ParseUnsigned32(words[0]);
  const auto heads = sys::ParseUnsigned32(words[1]);
  const auto sectors = sys::ParseUnsigned32(words[2]);
  const auto start = sys::ParseUnsigned(words[3]);
  if (!cylinders || !heads || !sectors || !start) return bad;
  return SetGeometryRequest{std::move(key), *cylinders, *heads, *sectors, *start};
}

// The commands that take a key and flags and nothing else.
absl::StatusOr<Request> DecodeKeyOnly(const RawRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(DeviceKey key, TakeKey(request.header()));
  const bool inactive = Has(request, DM_QUERY_INACTIVE_TABLE_FLAG);
  switch (request.command()) {
    case Command::kDevRemove:
      return RemoveRequest{std::move(key), Has(request, DM_DEFERRED_REMOVE),
                           UdevCookie{request.header().event_nr}};
    case Command::kDevStatus:
      return InfoRequest{std::move(key), inactive};
    case Command::kTableDeps:
      return DependenciesRequest{std::move(key), inactive};
    default:
      return ClearRequest{std::move(key)};
  }
}

absl::StatusOr<Request> Decode(const RawRequest& request) {
  const HeaderFields& header = request.header();
  switch (request.command()) {
    case Command::kVersion:
      return VersionRequest{};
    case Command::kListVersions:
      return ListVersionsRequest{};
    case Command::kDevArmPoll:
      return ArmPollRequest{};
    case Command::kRemoveAll:
      return RemoveAllRequest{Has(request, DM_DEFERRED_REMOVE)};
    case Command::kListDevices:
      return ListDevicesRequest{Has(request, DM_UUID_FLAG), header.name, header.uuid};
    case Command::kDevCreate:
      return DecodeCreate(request);
    case Command::kDevRename:
      return DecodeRename(request);
    case Command::kDevSuspend:
      return DecodeSuspend(request);
    case Command::kDevWait:
    case Command::kTableStatus:
      return DecodeStatusOrWait(request);
    case Command::kTableLoad:
      return DecodeLoad(request);
    case Command::kTargetMsg:
      return DecodeTargetMsg(request);
    case Command::kDevSetGeometry:
      return DecodeSetGeometry(request);
    case Command::kGetTargetVersion: {
      DMKIT_ASSIGN_OR_RETURN(
          TargetType type,
          NameAt<TargetType>(header.name, offsetof(dm_ioctl, name), "target type"));
      return TargetVersionRequest{std::move(type)};
    }
    case Command::kDevRemove:
    case Command::kDevStatus:
    case Command::kTableClear:
    case Command::kTableDeps:
      break;
  }
  return DecodeKeyOnly(request);
}

}  // namespace

absl::StatusOr<Request> DecodeRequest(Command command, absl::string_view buffer) {
  DMKIT_ASSIGN_OR_RETURN(const RawRequest request, RawRequest::Parse(command, buffer));
  return Decode(request);
}

}  // namespace dmkit::dm
