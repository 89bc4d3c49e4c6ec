// SPDX-License-Identifier: Apache-2.0
// The reply of LIST_DEVICES. Pure.

#ifndef DMKIT_DM_CODEC_LIST_H_
#define DMKIT_DM_CODEC_LIST_H_

#include "absl/status/statusor.h"
#include "dm/codec_header.h"
#include "dm/codec_payload.h"
#include "dm/replies.h"

namespace dmkit::dm {

// A record is: u64 device; u32 next, from this record's start, 0 in the last one; name and NUL; at
// the next multiple of 8, since 4.37, u32 event_nr and u32 flags, and the uuid and NUL when a flag
// says so. An empty list has no record; the mark that the kernel makes for it lies behind
// data_size. Kernel: dm-ioctl.c, list_devices(), v6.1. DATA_LOSS for what is no list;
// RESOURCE_EXHAUSTED, without errno, for one that did not fit.
absl::StatusOr<ListDevicesReply> DecodeListDevices(const RawReply& reply);

// The other side, for tests, of a kernel with interface `kernel`. A device whose uuid is not set is
// encoded as by a kernel that was not asked for uuids.
ReplyPayload EncodeListDevices(const ListDevicesReply& reply, const Version& kernel);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_LIST_H_
