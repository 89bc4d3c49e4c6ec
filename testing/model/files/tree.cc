// SPDX-License-Identifier: Apache-2.0
// Entries, and what is left of them when the power goes.

#include "testing/model/files/tree.h"

#include <algorithm>
#include <cerrno>
#include <deque>

namespace dmkit::model {
namespace {

bool IsName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

Inode::Inode(Tree& tree, uint64_t number, InodeAttributes attributes_in)
    : attributes(std::move(attributes_in)),
      tree_(tree),
      number_(number),
      synced_attributes_(attributes) {}

Inode::~Inode() { tree_.inodes_.erase(number_); }

uint64_t Inode::links() const {
  if (!is_directory() || names_ == 0) return names_;
  return 2 + directories_;
}

Tree::Tree(Durability durability, InodeAttributes root) : durability_(durability) {
  root.type = sys::FileType::kDirectory;
  root_ = Make(std::move(root));
  root_->parent_ = root_;
  root_->names_ = 1;
}

Tree::~Tree() {
  journal_ = Journal();
  // What was synced may lead in circles together with what is there now.
  std::vector<InodePtr> all;
  for (const auto& [number, inode] : inodes_) all.push_back(inode->shared_from_this());
  for (const InodePtr& inode : all) {
    inode->entries_.clear();
    inode->synced_entries_.clear();
    inode->removed_from_.reset();
  }
  all.clear();
  root_.reset();
}

InodePtr Tree::Lookup(const Inode& directory, absl::string_view name) const {
  const auto found = directory.entries_.find(std::string(name));
  return found == directory.entries_.end() ? nullptr : found->second;
}

InodePtr Tree::Make(InodeAttributes attributes) {
  const uint64_t number = next_number_++;
  auto inode = std::make_shared<Inode>(*this, number, std::move(attributes));
  inodes_.emplace(number, inode.get());
  return inode;
}

void Tree::Insert(const InodePtr& directory, absl::string_view name, const InodePtr& inode) {
  directory->entries_[std::string(name)] = inode;
  ++inode->names_;
  inode->parent_ = directory;
  inode->removed_from_.reset();
  inode->last_name_ = std::string(name);
  if (inode->is_directory()) ++directory->directories_;
}

void Tree::Erase(const InodePtr& directory, absl::string_view name) {
  const auto found = directory->entries_.find(std::string(name));
  Inode& inode = *found->second;
  if (--inode.names_ == 0) inode.removed_from_ = directory;
  if (inode.is_directory()) --directory->directories_;
  directory->entries_.erase(found);
}

int Tree::Link(const InodePtr& directory, absl::string_view name, const InodePtr& inode) {
  if (directory->links() == 0) return -ENOENT;
  if (Lookup(*directory, name) != nullptr) return -EEXIST;
  Insert(directory, name, inode);
  NoteChange();
  if (durability_ == Durability::kRecorded) {
    journal_.Add({{directory, std::string(name), inode}}, Journal::Needs());
  }
  return 0;
}

int Tree::Unlink(const InodePtr& directory, absl::string_view name) {
  const InodePtr inode = Lookup(*directory, name);
  if (inode == nullptr) return -ENOENT;
  if (!inode->entries_.empty()) return -ENOTEMPTY;
  Erase(directory, name);
  NoteChange();
  if (durability_ == Durability::kRecorded) {
    Journal::Needs needs;
    if (inode->is_directory()) needs.removed_directory = inode.get();
    journal_.Add({{directory, std::string(name), nullptr}}, needs);
  }
  return 0;
}

bool Tree::IsInside(InodePtr inode, const Inode& ancestor) {
  while (inode != nullptr) {
    if (inode.get() == &ancestor) return true;
    const InodePtr parent = inode->parent();
    if (parent == inode) return false;
    inode = parent;
  }
  return false;
}

int Tree::CheckRename(const Slot& from, const Inode& moved, const Slot& to,
                      const Inode* replaced) const {
  if (to.directory->links() == 0) return -ENOENT;
  if (moved.is_directory() && IsInside(to.directory, moved)) return -EINVAL;
  if (replaced == nullptr) return 0;
  if (replaced->is_directory() && IsInside(from.directory, *replaced)) return -ENOTEMPTY;
  if (replaced == &moved) return 0;
  if (moved.is_directory() && !replaced->is_directory()) return -ENOTDIR;
  if (!moved.is_directory() && replaced->is_directory()) return -EISDIR;
  return replaced->entries_.empty() ? 0 : -ENOTEMPTY;
}

int Tree::Rename(const Slot& from, const Slot& to) {
  const InodePtr moved = Lookup(*from.directory, from.name);
  if (moved == nullptr) return -ENOENT;
  const InodePtr replaced = Lookup(*to.directory, to.name);
  const int error = CheckRename(from, *moved, to, replaced.get());
  if (error != 0 || replaced == moved) return error;
  if (replaced != nullptr) Erase(to.directory, to.name);
  Erase(from.directory, from.name);
  Insert(to.directory, to.name, moved);
  NoteChange();
  if (durability_ == Durability::kVolatile) return 0;
  Journal::Needs needs;
  if (replaced != nullptr && replaced->is_directory()) needs.removed_directory = replaced.get();
  needs.moves_directory = moved->is_directory() && from.directory != to.directory;
  for (InodePtr at = to.directory; at != root_; at = at->parent()) {
    needs.directories.push_back(at.get());
  }
  journal_.Add({{from.directory, from.name, nullptr}, {to.directory, to.name, moved}}, needs);
  return 0;
}

void Tree::SyncFile(Inode& inode) {
  inode.bytes.Sync();
  inode.synced_attributes_ = inode.attributes;
}

void Tree::SyncDirectory(Inode& directory) {
  directory.synced_attributes_ = directory.attributes;
  Apply(journal_.TakeDirectory(directory));
}

void Tree::SyncAll() {
  for (const auto& [number, inode] : inodes_) SyncFile(*inode);
  Apply(journal_.TakeSome([] { return true; }));
}

void Tree::Apply(const std::vector<JournalSteps>& changes) {
  for (const JournalSteps& steps : changes) {
    for (const JournalStep& step : steps) {
      if (step.target == nullptr) {
        step.directory->synced_entries_.erase(step.name);
      } else {
        step.directory->synced_entries_[step.name] = step.target;
      }
    }
  }
}

void Tree::LosePower(Unsynced unsynced, std::mt19937_64& random) {
  Apply(journal_.TakeSome([unsynced, &random] {
    return unsynced == Unsynced::kKept || (unsynced == Unsynced::kSomeKept && random() % 2 == 0);
  }));
  Rebuild(unsynced, random);
  NoteChange();
}

void Tree::Rebuild(Unsynced unsynced, std::mt19937_64& random) {
  // Whatever is held open loses its names, and what no name leads to goes away at the end.
  std::vector<InodePtr> all;
  for (const auto& [number, inode] : inodes_) all.push_back(inode->shared_from_this());
  for (const InodePtr& inode : all) {
    inode->entries_.clear();
    inode->removed_from_.reset();
    inode->names_ = 0;
    inode->directories_ = 0;
    inode->lock = FileLock();
    inode->bytes.LosePower(unsynced, random);
    const bool keeps =
        unsynced == Unsynced::kKept || (unsynced == Unsynced::kSomeKept && random() % 2 == 0);
    if (!keeps) inode->attributes = inode->synced_attributes_;
    inode->synced_attributes_ = inode->attributes;
  }
  root_->names_ = 1;
  std::deque<InodePtr> queue = {root_};
  while (!queue.empty()) {
    const InodePtr directory = queue.front();
    queue.pop_front();
    for (const auto& [name, inode] : directory->synced_entries_) {
      if (inode->is_directory()) queue.push_back(inode);
      Insert(directory, name, inode);
    }
  }
  for (const InodePtr& inode : all) {
    if (inode->links() == 0) inode->synced_entries_.clear();
  }
}

uint64_t Tree::allocated() const {
  uint64_t sum = 0;
  for (const auto& [number, inode] : inodes_) sum += inode->bytes.allocated();
  return sum;
}

std::vector<InodePtr> Tree::Reachable() const {
  std::vector<InodePtr> list = {root_};
  std::set<const Inode*> seen = {root_.get()};
  for (size_t i = 0; i < list.size(); ++i) {
    const InodePtr directory = list[i];
    for (const auto& [name, inode] : directory->entries_) {
      if (seen.insert(inode.get()).second) list.push_back(inode);
    }
  }
  return list;
}

InodeRecord Tree::RecordOf(const Inode& inode) {
  InodeRecord record;
  record.number = inode.number();
  record.attributes = inode.attributes;
  record.size = inode.bytes.size();
  for (const auto& [name, target] : inode.entries()) {
    record.entries.emplace_back(name, target->number());
  }
  return record;
}

InodePtr Tree::Restore(const InodeRecord& record) {
  const bool is_directory = record.attributes.type == sys::FileType::kDirectory;
  if (record.number == kRootNumber) {
    if (!is_directory) return nullptr;
    root_->attributes = record.attributes;
    root_->synced_attributes_ = record.attributes;
    return root_;
  }
  if (record.number == 0 || inodes_.count(record.number) != 0) return nullptr;
  auto inode = std::make_shared<Inode>(*this, record.number, record.attributes);
  inodes_.emplace(record.number, inode.get());
  if (record.number >= next_number_) next_number_ = record.number + 1;
  if (record.attributes.type == sys::FileType::kRegular) inode->bytes.Resize(record.size);
  return inode;
}

int Tree::RestoreEntries(const InodeRecord& record) {
  const auto directory = inodes_.find(record.number);
  if (directory == inodes_.end() || !directory->second->is_directory()) return -EINVAL;
  const InodePtr parent = directory->second->shared_from_this();
  for (const auto& [name, number] : record.entries) {
    const auto found = inodes_.find(number);
    if (found == inodes_.end() || !IsName(name) || Lookup(*parent, name) != nullptr) return -EINVAL;
    const InodePtr inode = found->second->shared_from_this();
    if (inode->is_directory() && (inode->parent() != nullptr || IsInside(parent, *inode))) {
      return -EINVAL;
    }
    Insert(parent, name, inode);
    if (durability_ == Durability::kRecorded) parent->synced_entries_[name] = inode;
  }
  return 0;
}

}  // namespace dmkit::model
