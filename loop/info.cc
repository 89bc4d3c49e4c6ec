// SPDX-License-Identifier: Apache-2.0
// Reads only.

#include "loop/info.h"

#include <optional>
#include <string>

#include "loop/codec.h"
#include "loop/nodes.h"
#include "loop/uapi.h"
#include "sys/status.h"

namespace dmkit::loop {

absl::StatusOr<LoopInfo> ReadInfo(const sys::Host& host, OpenDevice& device) {
  DMKIT_ASSIGN_OR_RETURN(const StatusReply status, device.GetStatus());
  LoopInfo info;
  info.number = device.number();
  info.device = sys::DeviceNumber{kLoopMajor, device.number()};
  info.backing_device = status.device;
  info.backing_inode = status.inode;
  info.backing_rdevice = status.rdevice;
  info.offset = status.offset;
  info.size_limit = status.size_limit;
  info.file_name = status.file_name;
  info.read_only = (status.flags & kFlagReadOnly) != 0;
  info.autoclear = (status.flags & kFlagAutoclear) != 0;
  info.direct_io = (status.flags & kFlagDirectIo) != 0;
  DMKIT_ASSIGN_OR_RETURN(info.block_size, device.LogicalBlockSize());
  DMKIT_ASSIGN_OR_RETURN(info.size, device.Size());
  DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> path,
                         SysfsBackingFile(host, device.number()));
  info.backing_file = path.value_or("");
  return info;
}

}  // namespace dmkit::loop
