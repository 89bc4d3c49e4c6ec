// SPDX-License-Identifier: Apache-2.0
// Block devices by number: their node, their size, giving back what they hold.

#ifndef DMKIT_SYS_BLOCK_H_
#define DMKIT_SYS_BLOCK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::sys {

// The path of a node for the block device: the kernel's own name for it (from /sys/dev/block) under
// /dev, made with mode 0600 when it is missing. ENOENT: there is no such device. EEXIST: a file of
// that name is something else, which is not overwritten.
absl::StatusOr<std::string> BlockNode(const Host& host, DeviceNumber device);

// Opens the device through BlockNode.
absl::StatusOr<std::unique_ptr<File>> OpenBlock(const Host& host, DeviceNumber device,
                                                const OpenOptions& options);

// The size of an open block device (BLKGETSIZE64).
absl::StatusOr<Bytes> BlockSize(File& device);

// Tells the device, open for writing, that the contents of its first `length` bytes are not needed
// any more (BLKDISCARD). What they read as afterwards is the device's business. EOPNOTSUPP: it
// takes no discards; EINVAL: it is shorter. Blocks until it is done. Repeatable.
absl::Status DiscardBlocks(File& device, Bytes length);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_BLOCK_H_
