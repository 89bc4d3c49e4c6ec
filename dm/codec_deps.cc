// SPDX-License-Identifier: Apache-2.0
// Reads and writes dependencies. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_deps.h"

#include "dm/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"

namespace dmkit::dm {

absl::StatusOr<DependenciesReply> DecodeDependencies(const RawReply& reply) {
  DMKIT_RETURN_IF_ERROR(CheckPayload(reply));
  DependenciesReply deps;
  deps.info = DecodeDeviceInfo(reply);
  if (!reply.has_payload()) return deps;
  const sys::ByteReader& bytes = reply.bytes();
  const size_t start = reply.header().data_start;
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, bytes.At<uint32_t>(start, "dependency count"));
  size_t offset = start + sizeof(dm_target_deps);
  for (uint32_t i = 0; i < count; ++i) {
    DMKIT_ASSIGN_OR_RETURN(const uint64_t packed, bytes.At<uint64_t>(offset, "dependency"));
    deps.devices.push_back(UnpackDevice(packed));
    offset += sizeof(packed);
  }
  return deps;
}

ReplyPayload EncodeDependencies(const std::vector<sys::DeviceNumber>& devices) {
  ReplyPayload payload;
  sys::ByteWriter count;
  count.Append(static_cast<uint32_t>(devices.size()));
  payload.pieces.push_back({0, count.Take()});
  sys::ByteWriter numbers;
  for (sys::DeviceNumber device : devices) numbers.Append(PackDevice(device).value_or(0));
  payload.claimed_bytes = sizeof(dm_target_deps) + numbers.size();
  payload.needed_bytes = payload.claimed_bytes;
  payload.pieces.push_back({sizeof(dm_target_deps), numbers.Take()});
  return payload;
}

}  // namespace dmkit::dm
