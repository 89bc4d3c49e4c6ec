// SPDX-License-Identifier: Apache-2.0
// What the commands answer, as types that have nothing in common with the requests. Those that
// callers of the client see too are in types.h. Values only: the bytes are the business of
// codec_reply.h.

#ifndef DMKIT_DM_REPLIES_H_
#define DMKIT_DM_REPLIES_H_

#include <tuple>
#include <variant>
#include <vector>

#include "dm/types.h"

namespace dmkit::dm {

// VERSION. The kernel's own interface version.
struct VersionReply {
  Version version;
  auto Fields() const { return std::tie(version); }
};

// REMOVE_ALL, DEV_SET_GEOMETRY and DEV_ARM_POLL tell nothing but that they succeeded.
struct DoneReply {
  auto Fields() const { return std::tie(); }
};

struct ListDevicesReply {
  std::vector<ListedDevice> devices;  // by name, in the order of bytes (before Linux 5.12: by hash)
  auto Fields() const { return std::tie(devices); }
};

// LIST_VERSIONS and GET_TARGET_VERSION.
struct TargetVersionsReply {
  std::vector<TargetVersion> targets;
  auto Fields() const { return std::tie(targets); }
};

// DeviceInfo: DEV_CREATE, DEV_REMOVE, DEV_RENAME, DEV_SUSPEND, DEV_STATUS, TABLE_LOAD, TABLE_CLEAR.
// TableReply: DEV_WAIT, TABLE_STATUS. MessageReply: TARGET_MSG.
using Reply = std::variant<VersionReply, DoneReply, ListDevicesReply, DeviceInfo, TableReply,
                           DependenciesReply, TargetVersionsReply, MessageReply>;

}  // namespace dmkit::dm

#endif  // DMKIT_DM_REPLIES_H_
