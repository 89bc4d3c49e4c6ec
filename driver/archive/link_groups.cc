// SPDX-License-Identifier: Apache-2.0
// Names of one file, as far as a walk has come.

#include "driver/archive/link_groups.h"

#include <string>
#include <utility>

#include "sys/host.h"

namespace dmkit::driver {

LinkGroups::Key LinkGroups::KeyOf(const sys::FileStat& stat) {
  return Key(stat.device.major, stat.device.minor, stat.inode);
}

void LinkGroups::Count(const Key& key, const sys::FileStat& stat) {
  const auto group = groups_.find(key);
  if (++group->second.seen >= stat.links) groups_.erase(group);
}

LinkGroups::Place LinkGroups::Write(const std::string& path, const sys::FileStat& stat) {
  const Key key = KeyOf(stat);
  Group& group = groups_[key];
  Place place;
  if (group.first.empty()) {
    group.first = path;
    place.earlier = std::exchange(group.passed, {});
  }
  place.first = group.first;
  Count(key, stat);
  return place;
}

bool LinkGroups::Pass(const std::string& path, const sys::FileStat& stat) {
  const Key key = KeyOf(stat);
  Group& group = groups_[key];
  // It is told again, as changed, and counted then.
  if (!group.first.empty()) return false;
  group.passed.push_back(path);
  Count(key, stat);
  return true;
}

bool LinkGroups::Moved(const sys::FileStat& newer, const sys::FileStat& older) {
  const Key newer_key = KeyOf(newer);
  const Key older_key = KeyOf(older);
  const bool same_newer = newer_of_.try_emplace(older_key, newer_key).first->second == newer_key;
  const bool same_older = older_of_.try_emplace(newer_key, older_key).first->second == older_key;
  return !same_newer || !same_older;
}

}  // namespace dmkit::driver
