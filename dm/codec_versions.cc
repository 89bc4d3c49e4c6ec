// SPDX-License-Identifier: Apache-2.0
// Reads and writes lists of target versions. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_versions.h"

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr size_t kVersionOffset = offsetof(dm_target_versions, version);
constexpr size_t kNameOffset = offsetof(dm_target_versions, name);

}  // namespace

absl::StatusOr<TargetVersionsReply> DecodeTargetVersions(const RawReply& reply) {
  DMKIT_RETURN_IF_ERROR(CheckPayload(reply));
  TargetVersionsReply list;
  if (!reply.has_payload()) return list;
  const sys::ByteReader& bytes = reply.bytes();
  size_t offset = reply.header().data_start;
  // Forward each time, since the name that ended before `next` starts inside the record.
  while (true) {
    const std::string what = absl::StrCat("target version ", list.targets.size());
    TargetVersion target;
    DMKIT_ASSIGN_OR_RETURN(const uint32_t next, bytes.At<uint32_t>(offset, what));
    DMKIT_ASSIGN_OR_RETURN(target.version, bytes.At<Version>(offset + kVersionOffset, what));
    const size_t end = next == 0 ? bytes.size() : offset + next;
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view name,
                           bytes.CString(offset + kNameOffset, end, what));
    target.type = std::string(name);
    list.targets.push_back(std::move(target));
    if (next == 0) return list;
    offset += next;
  }
}

ReplyPayload EncodeTargetVersions(const TargetVersionsReply& reply) {
  ReplyPayload payload;
  size_t offset = 0;
  for (const TargetVersion& target : reply.targets) {
    const size_t end = kNameOffset + target.type.size() + 1;
    const bool last = &target == &reply.targets.back();
    sys::ByteWriter record;
    record.Append(static_cast<uint32_t>(last ? 0 : AlignRecord(end)));
    record.Append(target.version);
    record.AppendCString(target.type);
    payload.pieces.push_back({offset, record.Take()});
    offset += AlignRecord(end);
    payload.claimed_bytes += end + kRecordAlignment - 1;
  }
  payload.needed_bytes = payload.claimed_bytes;
  return payload;
}

}  // namespace dmkit::dm
