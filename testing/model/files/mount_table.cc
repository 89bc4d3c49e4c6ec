// SPDX-License-Identifier: Apache-2.0
// The mounts of the namespace. Mirrors fs/namespace.c.

#include <algorithm>
#include <cerrno>

#include "testing/model/files/namespace.h"

namespace dmkit::model {

MountUse::MountUse(Namespace& names, MountPtr mount) : names_(&names), mount_(std::move(mount)) {
  ++mount_->handles;
}

MountUse& MountUse::operator=(MountUse&& other) noexcept {
  if (this != &other) {
    Reset();
    names_ = other.names_;
    mount_ = std::exchange(other.mount_, nullptr);
  }
  return *this;
}

void MountUse::Reset() {
  const MountPtr mount = std::exchange(mount_, nullptr);
  if (mount == nullptr) return;
  --mount->handles;
  names_->EndIfUnused(mount);
}

Namespace::~Namespace() { LosePower(); }

int Namespace::Attach(const MountPtr& mount, const Location* on) {
  if (on != nullptr && on->inode->links() == 0 && on->inode->made_up == nullptr) return -ENOENT;
  mount->id = next_id_++;
  mount->is_attached = true;
  mounts_[mount->id] = mount;
  if (on == nullptr) {
    root_ = mount;
    return 0;
  }
  mount->parent = on->mount;
  mount->mount_point = on->inode;
  on_[{on->mount.get(), on->inode.get()}] = mount;
  return 0;
}

uint64_t Namespace::UsersOf(const Mount& mount) const {
  uint64_t users = mount.handles;
  for (const auto& [id, other] : mounts_) {
    if (other->parent.get() == &mount) ++users;
  }
  return users;
}

bool Namespace::IsMountPoint(const Location& location) const {
  return on_.count({location.mount.get(), location.inode.get()}) != 0;
}

std::vector<MountPtr> Namespace::mounts() const {
  std::vector<MountPtr> list;
  for (const auto& [id, mount] : mounts_) list.push_back(mount);
  return list;
}

// Takes the name away.
void Namespace::Remove(const MountPtr& mount) {
  if (!mount->is_attached) return;
  on_.erase({mount->parent.get(), mount->mount_point.get()});
  mount->is_attached = false;
  mount->mount_point.reset();
  mount->parent.reset();
}

void Namespace::EndIfUnused(const MountPtr& mount) {
  if (mount->is_attached || mount->handles != 0 || mounts_.erase(mount->id) == 0) return;
  const std::shared_ptr<Filesystem> filesystem = mount->filesystem;
  const bool is_shared = std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& entry) {
    return entry.second->filesystem == filesystem;
  });
  if (!is_shared) filesystem->Release();
}

int Namespace::Detach(const MountPtr& mount) {
  if (mount == root_ || UsersOf(*mount) != 0) return -EBUSY;
  Remove(mount);
  EndIfUnused(mount);
  return 0;
}

void Namespace::DetachLazily(const MountPtr& mount) {
  std::vector<MountPtr> detached = {mount};
  for (size_t i = 0; i < detached.size(); ++i) {
    for (const auto& [id, other] : mounts_) {
      if (other->parent == detached[i]) detached.push_back(other);
    }
  }
  for (const MountPtr& each : detached) Remove(each);
  for (const MountPtr& each : detached) EndIfUnused(each);
}

void Namespace::LosePower() {
  while (!mounts_.empty()) {
    const MountPtr mount = std::prev(mounts_.end())->second;
    mount->is_attached = false;
    mount->parent.reset();
    mount->mount_point.reset();
    mounts_.erase(mount->id);
    const bool is_shared = std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& entry) {
      return entry.second->filesystem == mount->filesystem;
    });
    if (!is_shared) mount->filesystem->LosePower();
  }
  on_.clear();
  root_.reset();
}

}  // namespace dmkit::model
