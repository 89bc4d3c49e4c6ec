// SPDX-License-Identifier: Apache-2.0
// Tables in bytes: the target specs of a load, and those of a status reply. Both are the same
// struct, but its `next` means two things (dm-ioctl.h): the two directions share no code. Pure.

#ifndef DMKIT_DM_CODEC_TABLE_H_
#define DMKIT_DM_CODEC_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/codec_header.h"
#include "dm/codec_payload.h"
#include "dm/types.h"

namespace dmkit::dm {

// INVALID_ARGUMENT for a table that no kernel takes: without lines, not starting at sector 0, with
// an empty line, a gap or an overlap between lines, past sector 2^54 - 1, or with more than 1048576
// lines (dm-table.c, dm_table_add_target(), v6.1). Says nothing about the targets' parameters.
absl::Status CheckTable(const std::vector<TableLine>& table);

// The payload of TABLE_LOAD, to be put at offset 312. `next` counts from the spec it stands in.
// INVALID_ARGUMENT for parameters that hold a NUL.
absl::StatusOr<std::string> EncodeTable(const std::vector<TableLine>& table);

// The table that a TABLE_LOAD request carries, by the rules of 6.12 (dm-ioctl.c, next_target()):
// specs lie behind the header, start at multiples of 8 and do not overlap. DATA_LOSS otherwise.
absl::StatusOr<std::vector<TableLine>> DecodeTable(const RawRequest& request);

// The reply of TABLE_STATUS and DEV_WAIT. `next` counts from the first spec. No targets when the
// device has no table, also when it lost it between the two steps of the kernel (target_count is
// not zero then). DATA_LOSS for what is not a table; RESOURCE_EXHAUSTED, without errno, for one
// that was cut.
absl::StatusOr<TableReply> DecodeTableReply(const RawReply& reply);

// The other side of DecodeTableReply (dm-ioctl.c, retrieve_status(), v6.1), for tests.
ReplyPayload EncodeTableReply(const std::vector<TargetStatus>& targets);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_TABLE_H_
