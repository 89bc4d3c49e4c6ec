// SPDX-License-Identifier: Apache-2.0
// The reply of TABLE_DEPS. Pure.

#ifndef DMKIT_DM_CODEC_DEPS_H_
#define DMKIT_DM_CODEC_DEPS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "dm/codec_header.h"
#include "dm/codec_payload.h"
#include "dm/replies.h"

namespace dmkit::dm {

// u32 count, 4 bytes of padding, then the packed numbers. Nothing at all when the device has no
// table. Kernel: dm-ioctl.c, retrieve_deps(), v6.1. DATA_LOSS for a count that does not fit;
// RESOURCE_EXHAUSTED, without errno, for a reply that was cut.
absl::StatusOr<DependenciesReply> DecodeDependencies(const RawReply& reply);

// The other side, for tests.
ReplyPayload EncodeDependencies(const std::vector<sys::DeviceNumber>& devices);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_DEPS_H_
