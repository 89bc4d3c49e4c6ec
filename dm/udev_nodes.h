// SPDX-License-Identifier: Apache-2.0
// Who makes /dev/mapper/NAME: udevd where it tells when it is done, else we. Waits through
// udev_sync.h, acts through nodes.h.

#ifndef DMKIT_DM_UDEV_NODES_H_
#define DMKIT_DM_UDEV_NODES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/nodes.h"
#include "dm/udev_sync.h"
#include "sys/device_number.h"
#include "sys/host.h"

namespace dmkit::dm {

// What an operation has made of a device's name.
struct NodeChange {
  enum class Kind { kMake, kRename, kRemove };
  Kind kind = Kind::kMake;
  std::string name;          // file name below DEV_DIR/mapper, mangled as the caller mangles
  std::string new_name;      // kRename
  sys::DeviceNumber device;  // a node of another one is left alone
  NodeOwner owner;           // kMake, kRename: of a node that is made here
};

// Waits for `sync`, then brings DEV_DIR/mapper in line with `change`. Where udevd did the work that
// is a look only; what it left undone is done here, and the result is a warning: sentences
// separated by line ends, none at the end; empty when all is well. A udevd that cannot tell when it
// is done (no semaphore, no rule) has two seconds: see wants_to_wait(). Where udevd does the work
// and nobody waits here (a shared cookie, kNever), or does it with a later uevent as this operation
// sent none, only nodes are touched, which udevd leaves as they are: one that loses its name is
// removed, one that has the name already is made right. In another directory than /dev, and where
// the flags of `sync` switch udevd's rules off, all work is ours, without a warning. Errors are
// those of the functions of nodes.h.
absl::StatusOr<std::string> SettleMapperNode(const sys::Host& host, UdevSync& sync,
                                             absl::string_view dev_dir, const NodeChange& change);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UDEV_NODES_H_
