// SPDX-License-Identifier: Apache-2.0
// Nodes by name.

#include "testing/model/files/device_nodes.h"

#include <utility>
#include <vector>

#include "absl/strings/str_split.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kDiskMode = 0600;
constexpr uint32_t kDirectoryMode = 0755;

InodePtr Put(Core& core, Tree& tree, const InodePtr& directory, const std::string& name,
             InodeAttributes attributes) {
  attributes.modified = core.scheduler.Now();
  attributes.changed = attributes.modified;
  const InodePtr inode = tree.Make(std::move(attributes));
  return tree.Link(directory, name, inode) == 0 ? inode : nullptr;
}

}  // namespace

InodePtr PutNode(Core& core, Tree& tree, const std::string& path, sys::FileType type,
                 sys::DeviceNumber number, uint32_t mode) {
  std::vector<std::string> names = absl::StrSplit(path, '/');
  const std::string last = std::move(names.back());
  names.pop_back();
  InodePtr directory = tree.root();
  for (const std::string& name : names) {
    InodePtr next = tree.Lookup(*directory, name);
    if (next == nullptr) {
      InodeAttributes attributes;
      attributes.type = sys::FileType::kDirectory;
      attributes.mode = kDirectoryMode;
      next = Put(core, tree, directory, name, std::move(attributes));
    }
    if (next == nullptr || !next->is_directory()) return nullptr;
    directory = next;
  }
  InodeAttributes attributes;
  attributes.type = type;
  attributes.mode = mode;
  attributes.rdevice = number;
  return Put(core, tree, directory, last, std::move(attributes));
}

DeviceNodes::~DeviceNodes() {
  if (tree_ == nullptr) return;
  core_.blocks.SetListener(nullptr);
  core_.chars.SetListener(nullptr);
}

void DeviceNodes::Start(std::shared_ptr<Tree> tree) {
  tree_ = std::move(tree);
  made_.clear();
  for (const BlockDevice* const device : core_.blocks.List()) DiskAdded(*device);
  const auto misc = [this](const MiscDevice& device, bool is_there) {
    if (is_there) {
      Add(device.node_name, sys::FileType::kCharDevice, {kMiscMajor, device.minor},
          device.node_mode);
    } else {
      Remove(device.node_name);
    }
  };
  for (const MiscDevice& device : core_.chars.List()) misc(device, true);
  core_.blocks.SetListener(this);
  core_.chars.SetListener(misc);
}

void DeviceNodes::DiskAdded(const BlockDevice& device) {
  Add(device.disk_name(), sys::FileType::kBlockDevice, device.number(), kDiskMode);
}

void DeviceNodes::DiskDeleted(const BlockDevice& device) { Remove(device.disk_name()); }

void DeviceNodes::Add(const std::string& name, sys::FileType type, sys::DeviceNumber number,
                      uint32_t mode) {
  const InodePtr inode = PutNode(core_, *tree_, name, type, number, mode);
  if (inode != nullptr) made_[name] = inode;
}

void DeviceNodes::Remove(const std::string& name) {
  const auto made = made_.find(name);
  if (made == made_.end()) return;
  const InodePtr inode = made->second.lock();
  made_.erase(made);
  // Gone, or renamed: the name is somebody else's now.
  if (inode == nullptr || inode->links() == 0) return;
  const InodePtr directory = inode->last_parent();
  const std::vector<std::string> names = absl::StrSplit(name, '/');
  if (tree_->Lookup(*directory, names.back()) != inode) return;
  tree_->Unlink(directory, names.back());
}

}  // namespace dmkit::model
