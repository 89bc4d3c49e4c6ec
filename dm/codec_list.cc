// SPDX-License-Identifier: Apache-2.0
// Reads and writes lists of devices. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_list.h"

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// Not sizeof(dm_name_list): the name starts in its padding.
constexpr size_t kNameOffset = offsetof(dm_name_list, name);
constexpr size_t kEventBytes = 2 * sizeof(uint32_t);

bool HasEventNumbers(const Version& kernel) { return kernel.IsAtLeast(4, 37); }

struct Record {
  ListedDevice device;
  uint32_t next = 0;
};

// What stands behind the name, from `offset` on and before `end`.
absl::Status ReadTrailer(const sys::ByteReader& bytes, size_t offset, size_t end,
                         absl::string_view what, ListedDevice& device) {
  if (end < offset || end - offset < kEventBytes) {
    return absl::DataLossError(
        absl::StrCat(what, ": no room for the event number at offset ", offset));
  }
  DMKIT_ASSIGN_OR_RETURN(device.event_nr, bytes.At<uint32_t>(offset, what));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t flags, bytes.At<uint32_t>(offset + sizeof(uint32_t), what));
  if ((flags & DM_NAME_LIST_FLAG_HAS_UUID) != 0) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view uuid,
                           bytes.CString(offset + kEventBytes, end, what));
    device.uuid = std::string(uuid);
  } else if ((flags & DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID) != 0) {
    device.uuid = "";
  }
  return absl::OkStatus();
}

absl::StatusOr<Record> ReadRecord(const RawReply& reply, size_t offset, size_t index) {
  const sys::ByteReader& bytes = reply.bytes();
  const std::string what = absl::StrCat("device ", index);
  Record record;
  DMKIT_ASSIGN_OR_RETURN(const uint64_t packed, bytes.At<uint64_t>(offset, what));
  // The upper half means nothing.
  if (static_cast<uint32_t>(packed) == 0) {
    return absl::DataLossError(absl::StrCat(what, " at offset ", offset, " has no number"));
  }
  record.device.device = UnpackDevice(packed);
  DMKIT_ASSIGN_OR_RETURN(record.next,
                         bytes.At<uint32_t>(offset + offsetof(dm_name_list, next), what));
  const size_t end = record.next == 0 ? bytes.size() : offset + record.next;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view name,
                         bytes.CString(offset + kNameOffset, end, what));
  record.device.name = std::string(name);
  if (HasEventNumbers(reply.header().version)) {
    const size_t trailer = offset + AlignRecord(kNameOffset + name.size() + 1);
    DMKIT_RETURN_IF_ERROR(ReadTrailer(bytes, trailer, end, what, record.device));
  }
  return record;
}

}  // namespace

absl::StatusOr<ListDevicesReply> DecodeListDevices(const RawReply& reply) {
  DMKIT_RETURN_IF_ERROR(CheckPayload(reply));
  ListDevicesReply list;
  if (!reply.has_payload()) return list;
  size_t offset = reply.header().data_start;
  // Forward each time, since the name that ended before `next` starts inside the record.
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(Record record, ReadRecord(reply, offset, list.devices.size()));
    list.devices.push_back(std::move(record.device));
    if (record.next == 0) return list;
    offset += record.next;
  }
}

ReplyPayload EncodeListDevices(const ListDevicesReply& reply, const Version& kernel) {
  ReplyPayload payload;
  size_t offset = 0;
  for (const ListedDevice& device : reply.devices) {
    sys::ByteWriter record;
    record.Append(PackDevice(device.device).value_or(0));
    record.Append(uint32_t{0});
    record.AppendCString(device.name);
    payload.pieces.push_back({offset, record.data()});
    record.AlignTo(kRecordAlignment);
    if (HasEventNumbers(kernel)) {
      sys::ByteWriter trailer;
      uint32_t flags = 0;
      if (device.uuid.has_value()) {
        flags =
            device.uuid->empty() ? DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID : DM_NAME_LIST_FLAG_HAS_UUID;
      }
      trailer.Append(device.event_nr.value_or(0));
      trailer.Append(flags);
      if (flags == DM_NAME_LIST_FLAG_HAS_UUID) trailer.AppendCString(*device.uuid);
      payload.pieces.push_back({offset + record.size(), trailer.data()});
      record.AppendBytes(trailer.data());
      record.AlignTo(kRecordAlignment);
    }
    if (&device != &reply.devices.back()) {
      const auto next = static_cast<uint32_t>(record.size());
      sys::ByteWriter field;
      field.Append(next);
      payload.pieces.push_back({offset + offsetof(dm_name_list, next), field.Take()});
    }
    offset += record.size();
  }
  payload.claimed_bytes = offset;
  // Room for the mark of an empty list is wanted in any case.
  payload.needed_bytes = reply.devices.empty() ? sizeof(uint64_t) : offset;
  return payload;
}

}  // namespace dmkit::dm
