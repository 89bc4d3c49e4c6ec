// SPDX-License-Identifier: Apache-2.0
// Reads and writes dm_ioctl headers. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_header.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr uint32_t kMajorMax = 0xfff;
constexpr uint32_t kMinorMax = 0xfffff;

// Flags that the kernel clears before it runs a command (dm-ioctl.c, validate_params(), v6.1).
constexpr uint32_t kClearedOnEntry =
    DM_BUFFER_FULL_FLAG | DM_UEVENT_GENERATED_FLAG | DM_SECURE_DATA_FLAG | DM_DATA_OUT_FLAG;
// Flags that it states anew for the device (dm-ioctl.c, __dev_status(), v6.1).
constexpr uint32_t kStatedAnew =
    DM_READONLY_FLAG | DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG | DM_INTERNAL_SUSPEND_FLAG;

void CopyText(absl::string_view text, char* field, size_t field_bytes) {
  DMKIT_CHECK(text.size() < field_bytes);
  std::memcpy(field, text.data(), text.size());
}

absl::StatusOr<std::string> FieldText(const sys::ByteReader& reader, size_t offset,
                                      size_t field_bytes, absl::string_view what) {
  DMKIT_ASSIGN_OR_RETURN(absl::string_view text,
                         reader.CString(offset, offset + field_bytes, what));
  return std::string(text);
}

// The header of a form that is only a version: the rest is not looked at.
absl::StatusOr<HeaderFields> DecodeVersionOnly(absl::string_view buffer, absl::string_view what) {
  DMKIT_ASSIGN_OR_RETURN(const auto version, sys::ByteReader(buffer).At<Version>(0, what));
  HeaderFields fields;
  fields.version = version;
  return fields;
}
static_assert(sizeof(Version) == sizeof(dm_ioctl::version));

// The whole header, with a data_size that lies inside `buffer`.
absl::StatusOr<HeaderFields> DecodeSized(absl::string_view buffer, absl::string_view what) {
  absl::StatusOr<HeaderFields> header = DecodeHeader(buffer);
  if (!header.ok()) return sys::AddContext(header.status(), what);
  if (header->data_size < kHeaderBytes || header->data_size > buffer.size()) {
    return absl::DataLossError(absl::StrCat(what, ": data_size ", header->data_size,
                                            " at offset 12 is not between ", kHeaderBytes,
                                            " and the buffer's ", buffer.size()));
  }
  return header;
}

}  // namespace

std::string EncodeHeader(const HeaderFields& fields) {
  dm_ioctl header;
  std::memset(&header, 0, sizeof(header));
  std::memcpy(header.version, &fields.version, sizeof(header.version));
  header.data_size = fields.data_size;
  header.data_start = fields.data_start;
  header.target_count = fields.target_count;
  header.open_count = fields.open_count;
  header.flags = fields.flags;
  header.event_nr = fields.event_nr;
  header.dev = fields.device;
  CopyText(fields.name, header.name, sizeof(header.name));
  CopyText(fields.uuid, header.uuid, sizeof(header.uuid));
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header));
}

absl::StatusOr<HeaderFields> DecodeHeader(absl::string_view bytes) {
  const sys::ByteReader reader(bytes);
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view whole, reader.Sub(0, kHeaderBytes, "header"));
  dm_ioctl header;
  std::memset(&header, 0, sizeof(header));
  std::memcpy(&header, whole.data(), whole.size());
  HeaderFields fields;
  std::memcpy(&fields.version, header.version, sizeof(header.version));
  fields.data_size = header.data_size;
  fields.data_start = header.data_start;
  fields.target_count = header.target_count;
  fields.open_count = header.open_count;
  fields.flags = header.flags;
  fields.event_nr = header.event_nr;
  fields.device = header.dev;
  DMKIT_ASSIGN_OR_RETURN(fields.name,
                         FieldText(reader, offsetof(dm_ioctl, name), DM_NAME_LEN, "name"));
  DMKIT_ASSIGN_OR_RETURN(fields.uuid,
                         FieldText(reader, offsetof(dm_ioctl, uuid), DM_UUID_LEN, "uuid"));
  return fields;
}

absl::StatusOr<uint64_t> PackDevice(sys::DeviceNumber device) {
  if (device.major > kMajorMax || device.minor > kMinorMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("device number ", sys::FormatDeviceNumber(device),
                     " is out of range: at most ", kMajorMax, ":", kMinorMax));
  }
  return uint64_t{device.minor & 0xff} | uint64_t{device.major} << 8 |
         uint64_t{device.minor & ~uint32_t{0xff}} << 12;
}

sys::DeviceNumber UnpackDevice(uint64_t packed) {
  return {static_cast<uint32_t>(packed >> 8 & kMajorMax),
          static_cast<uint32_t>((packed & 0xff) | (packed >> 12 & 0xfff00))};
}

absl::Status PutKey(const DeviceKey& key, HeaderFields& header) {
  if (const auto* name = std::get_if<DmName>(&key)) {
    header.name = name->text();
  } else if (const auto* uuid = std::get_if<DmUuid>(&key)) {
    header.uuid = uuid->text();
  } else {
    DMKIT_ASSIGN_OR_RETURN(header.device, PackDevice(std::get<sys::DeviceNumber>(key)));
    if (header.device == 0) return absl::InvalidArgumentError("device number 0:0 names no device");
  }
  return absl::OkStatus();
}

absl::StatusOr<DeviceKey> TakeKey(const HeaderFields& header) {
  const int given = !header.name.empty() + !header.uuid.empty() + (header.device != 0);
  if (given != 1) {
    return absl::DataLossError(absl::StrCat("header: ", given,
                                            " of name (offset 48), uuid (176) and dev (40) are "
                                            "given; exactly one is needed"));
  }
  if (header.device != 0) return UnpackDevice(header.device);
  if (!header.uuid.empty()) {
    DMKIT_ASSIGN_OR_RETURN(DmUuid uuid, DmUuid::Create(header.uuid));
    return uuid;
  }
  const absl::StatusOr<DmName> name = DmName::Create(header.name);
  if (!name.ok()) return absl::DataLossError(absl::StrCat("header: ", name.status().message()));
  return *name;
}

absl::StatusOr<RawRequest> RawRequest::Parse(Command command, absl::string_view buffer) {
  const CommandFacts& facts = FactsOf(command);
  if (facts.request == RequestForm::kVersionOnly) {
    DMKIT_ASSIGN_OR_RETURN(HeaderFields header, DecodeVersionOnly(buffer, "request"));
    return RawRequest(command, std::move(header), buffer.substr(0, sizeof(Version)));
  }
  DMKIT_ASSIGN_OR_RETURN(HeaderFields header, DecodeSized(buffer, "request"));
  const size_t read = facts.request == RequestForm::kHeaderOnly ? kHeaderBytes : header.data_size;
  return RawRequest(command, std::move(header), buffer.substr(0, read));
}

absl::StatusOr<RawReply> RawReply::Parse(Command command, absl::string_view buffer) {
  const CommandFacts& facts = FactsOf(command);
  if (facts.reply == ReplyForm::kVersionOnly) {
    DMKIT_ASSIGN_OR_RETURN(HeaderFields header, DecodeVersionOnly(buffer, "reply"));
    return RawReply(command, std::move(header), buffer.substr(0, sizeof(Version)));
  }
  DMKIT_ASSIGN_OR_RETURN(HeaderFields header, DecodeSized(buffer, "reply"));
  const size_t written = header.data_size;
  return RawReply(command, std::move(header), buffer.substr(0, written));
}

bool RawReply::buffer_full() const { return (header_.flags & DM_BUFFER_FULL_FLAG) != 0; }

bool RawReply::has_payload() const {
  return bytes_.size() > kHeaderBytes && bytes_.size() > header_.data_start;
}

absl::Status CheckPayload(const RawReply& reply) {
  if (reply.buffer_full()) return absl::ResourceExhaustedError("reply: it did not fit the buffer");
  if (reply.has_payload() && reply.header().data_start < kHeaderBytes) {
    return absl::DataLossError(absl::StrCat("reply: data_start ", reply.header().data_start,
                                            " at offset 16 lies inside the header"));
  }
  return absl::OkStatus();
}

DeviceInfo DecodeDeviceInfo(const RawReply& reply) {
  const HeaderFields& header = reply.header();
  const auto has = [&header](uint32_t flag) { return (header.flags & flag) != 0; };
  DeviceInfo info;
  info.uevent_generated = has(DM_UEVENT_GENERATED_FLAG);
  info.deferred_remove = has(DM_DEFERRED_REMOVE);
  if (reply.command() != Command::kDevRename) {
    info.name = header.name;
    info.uuid = header.uuid;
    info.has_inactive_table = has(DM_INACTIVE_PRESENT_FLAG);
  }
  if (reply.command() == Command::kDevRemove) {
    info.exists = info.deferred_remove;
    return info;
  }
  info.device = UnpackDevice(header.device);
  info.target_count = header.target_count;
  info.open_count = header.open_count;
  info.event_nr = header.event_nr;
  info.suspended = has(DM_SUSPEND_FLAG);
  info.internally_suspended = has(DM_INTERNAL_SUSPEND_FLAG);
  info.read_only = has(DM_READONLY_FLAG);
  info.has_active_table = has(DM_ACTIVE_PRESENT_FLAG);
  return info;
}

HeaderFields EncodeDeviceInfo(Command command, const DeviceInfo& info,
                              const HeaderFields& request) {
  HeaderFields reply = request;
  const auto set = [&reply](uint32_t flag, bool on) { reply.flags |= on ? flag : 0; };
  reply.data_size = kHeaderBytes;
  reply.flags &= ~kClearedOnEntry;
  set(DM_UEVENT_GENERATED_FLAG, info.uevent_generated);
  set(DM_DEFERRED_REMOVE, info.deferred_remove);
  if (command != Command::kDevRename) {
    reply.name = info.name;
    reply.uuid = info.uuid;
    reply.flags &= ~uint32_t{DM_INACTIVE_PRESENT_FLAG};
    set(DM_INACTIVE_PRESENT_FLAG, info.has_inactive_table);
  }
  if (command == Command::kDevRemove) {
    if (!info.deferred_remove) reply.flags &= ~uint32_t{DM_DEFERRED_REMOVE};
    return reply;
  }
  reply.flags &= ~kStatedAnew;
  // A number that cannot be packed is no device the kernel could tell about.
  reply.device = PackDevice(info.device).value_or(0);
  reply.target_count = info.target_count;
  reply.open_count = info.open_count;
  reply.event_nr = info.event_nr;
  set(DM_SUSPEND_FLAG, info.suspended);
  set(DM_INTERNAL_SUSPEND_FLAG, info.internally_suspended);
  set(DM_READONLY_FLAG, info.read_only);
  set(DM_ACTIVE_PRESENT_FLAG, info.has_active_table);
  return reply;
}

}  // namespace dmkit::dm
