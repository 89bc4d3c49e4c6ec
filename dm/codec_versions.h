// SPDX-License-Identifier: Apache-2.0
// The replies of LIST_VERSIONS and GET_TARGET_VERSION. Pure.

#ifndef DMKIT_DM_CODEC_VERSIONS_H_
#define DMKIT_DM_CODEC_VERSIONS_H_

#include "absl/status/statusor.h"
#include "dm/codec_header.h"
#include "dm/codec_payload.h"
#include "dm/replies.h"

namespace dmkit::dm {

// A record is: u32 next, from this record's start, 0 in the last one; three u32 of version; name
// and NUL. The kernel's data_size is an estimate, too large by some bytes per record: the walk ends
// with the record whose `next` is 0. Kernel: dm-ioctl.c, __list_versions(), v6.1. DATA_LOSS for
// what is no list; RESOURCE_EXHAUSTED, without errno, for one that did not fit.
absl::StatusOr<TargetVersionsReply> DecodeTargetVersions(const RawReply& reply);

// The other side, for tests, with the kernel's estimate.
ReplyPayload EncodeTargetVersions(const TargetVersionsReply& reply);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_VERSIONS_H_
