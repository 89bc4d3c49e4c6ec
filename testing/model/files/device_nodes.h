// SPDX-License-Identifier: Apache-2.0
// A devtmpfs: nodes of disks and misc devices come and go by themselves. Mirrors
// drivers/base/devtmpfs.c. It knows nothing of mounts.

#ifndef DMKIT_TESTING_MODEL_FILES_DEVICE_NODES_H_
#define DMKIT_TESTING_MODEL_FILES_DEVICE_NODES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {

class DeviceNodes : public DiskListener {
 public:
  explicit DeviceNodes(Core& core) : core_(core) {}
  ~DeviceNodes() override;
  DeviceNodes(const DeviceNodes&) = delete;
  DeviceNodes& operator=(const DeviceNodes&) = delete;

  // Makes nodes in `tree` from here on, and those of what is there already.
  void Start(std::shared_ptr<Tree> tree);

  void DiskAdded(const BlockDevice& device) override;
  void DiskDeleted(const BlockDevice& device) override;

 private:
  void Add(const std::string& name, sys::FileType type, sys::DeviceNumber number, uint32_t mode);
  void Remove(const std::string& name);

  Core& core_;
  std::shared_ptr<Tree> tree_;
  // Only what was made here is removed.
  std::map<std::string, std::weak_ptr<Inode>> made_;
};

// Puts a node, or a directory, at a path like "dev/mapper/control" of a Tree, with the directories
// on the way. Null when the name is taken.
InodePtr PutNode(Core& core, Tree& tree, const std::string& path, sys::FileType type,
                 sys::DeviceNumber number, uint32_t mode);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_DEVICE_NODES_H_
