// SPDX-License-Identifier: Apache-2.0
// The files of one filesystem in memory: inodes, entries, contents, and a record of what was
// synced. No paths, no mounts, no permissions, no devices: those are the namespace's business.
// Results are 0 or a negative errno.
//
// Who uses it: the namespace (vfs) works on the Tree of each Filesystem; the filesystems on block
// devices write a Tree to their device and make one from what they find there.
//
// The record of what was synced is kept when the Tree was made with Durability::kRecorded (the root
// filesystem). Each change of entries is a change of a journal until a sync of one of its
// directories makes it lasting. A change never lasts without those that it needs: the earlier ones
// of the same names; for a rename, those that made the directory that it leads to; for the removal
// of a directory, those of what was in it. So a rename shows as a whole or not at all.

#ifndef DMKIT_TESTING_MODEL_FILES_TREE_H_
#define DMKIT_TESTING_MODEL_FILES_TREE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "testing/model/files/journal.h"
#include "testing/model/sparse_bytes.h"

namespace dmkit::model {

class MadeUp;
class Tree;

// What stat shows of a file and the entries do not say.
struct InodeAttributes {
  sys::FileType type = sys::FileType::kRegular;
  uint32_t mode = 0;  // permission bits with setuid, setgid and sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  sys::DeviceNumber rdevice;  // of a device node
  absl::Time modified;
  absl::Time changed;
  std::string symlink_target;
  std::map<std::string, std::string> xattrs;
};

// Who holds a flock on a file. The holders are open files, known by their address.
struct FileLock {
  std::set<const void*> shared;
  const void* exclusive = nullptr;
};

class Inode;
using InodePtr = std::shared_ptr<Inode>;
// The names of a directory without "." and "..", in the order of their bytes.
using Entries = std::map<std::string, InodePtr>;

// One file. Contents and attributes may be changed by anybody; entries only through the Tree.
// Whoever holds an Inode must hold its Tree as well.
class Inode : public std::enable_shared_from_this<Inode> {
 public:
  Inode(Tree& tree, uint64_t number, InodeAttributes attributes_in);
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  uint64_t number() const { return number_; }
  bool is_directory() const { return attributes.type == sys::FileType::kDirectory; }
  const Entries& entries() const { return entries_; }
  // Of a directory: the one that it lies in; the root is its own. Null when it was removed.
  InodePtr parent() const { return links() == 0 ? nullptr : last_parent(); }
  // Where its last name is or was, for people; "" and itself for the root.
  InodePtr last_parent() const { return removed_from_ == nullptr ? parent_.lock() : removed_from_; }
  const std::string& last_name() const { return last_name_; }
  // Names that lead to it; of a directory, 2 and one for each directory in it. 0 when it was
  // removed and is only held open.
  uint64_t links() const;

  InodeAttributes attributes;
  SparseBytes bytes;  // of a regular file
  FileLock lock;
  // Of what the kernel makes up when it is looked at (/proc, /sys); null otherwise.
  std::shared_ptr<const MadeUp> made_up;

 private:
  friend class Tree;
  Tree& tree_;
  const uint64_t number_;
  Entries entries_;
  std::weak_ptr<Inode> parent_;
  InodePtr removed_from_;  // in place of parent_ once the name is gone
  std::string last_name_;
  uint64_t names_ = 0;
  uint64_t directories_ = 0;  // entries that are directories
  // What a power loss leaves, of a recorded Tree.
  InodeAttributes synced_attributes_;
  Entries synced_entries_;
};

// What a writer of images needs to know of one inode, and a reader to make it. The contents go
// beside it: read `inode->bytes`, write the `bytes` of what Restore() returns.
struct InodeRecord {
  uint64_t number = 0;
  InodeAttributes attributes;
  uint64_t size = 0;                                      // of a regular file
  std::vector<std::pair<std::string, uint64_t>> entries;  // of a directory: name and number
};

enum class Durability {
  kVolatile,  // a power loss leaves nothing, or the owner keeps its own account of it
  kRecorded,
};

// One name in a directory.
struct Slot {
  InodePtr directory;
  std::string name;
};

class Tree {
 public:
  static constexpr uint64_t kRootNumber = 2;

  // An empty root directory with `root` as its attributes.
  Tree(Durability durability, InodeAttributes root);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  const InodePtr& root() const { return root_; }

  // Null when there is no such name. "." and ".." are no names.
  InodePtr Lookup(const Inode& directory, absl::string_view name) const;
  // A new inode that no name leads to yet.
  InodePtr Make(InodeAttributes attributes);
  // Gives a name to an inode, which may have others, unless it is a directory. -EEXIST; -ENOENT:
  // the directory was removed.
  int Link(const InodePtr& directory, absl::string_view name, const InodePtr& inode);
  // Takes a name away, of a directory too when it is empty. -ENOENT, -ENOTEMPTY.
  int Unlink(const InodePtr& directory, absl::string_view name);
  // As rename(2) between two directories of this Tree: -ENOENT, -EISDIR, -ENOTDIR, -ENOTEMPTY,
  // -EINVAL (a directory into itself). Two names of one inode: nothing happens.
  int Rename(const Slot& from, const Slot& to);

  // Everything of the file but its names is on stable storage from now on.
  void SyncFile(Inode& inode);
  // The entries of the directory and its attributes are.
  void SyncDirectory(Inode& directory);
  // Everything is.
  void SyncAll();
  // Goes back to what was synced, and what `unsynced` adds to it. Of a volatile Tree nothing but
  // the root is left. Inodes that somebody still holds are no part of the Tree any more.
  void LosePower(Unsynced unsynced, std::mt19937_64& random);

  // Grows with every change through the Tree, for owners that keep an account of their own. Changes
  // of contents and attributes count when whoever makes them calls NoteChange().
  uint64_t changes() const { return changes_; }
  void NoteChange() { ++changes_; }
  // The bytes that the contents of all inodes take, also of those that are only held open.
  uint64_t allocated() const;
  uint64_t inode_count() const { return inodes_.size(); }

  // ---- For images. All inodes that names lead to, the root first, then as names lead to them,
  // each once.
  std::vector<InodePtr> Reachable() const;
  static InodeRecord RecordOf(const Inode& inode);
  // Makes a Tree of records: first Restore() each, then RestoreEntries() each directory; the caller
  // holds what Restore() gave until then. Restore of kRootNumber sets the attributes of the root.
  // Null, or -EINVAL, for what cannot be: a number that is there already, an entry without its
  // inode, a directory with two names or inside itself, a name that is none.
  InodePtr Restore(const InodeRecord& record);
  int RestoreEntries(const InodeRecord& record);

 private:
  friend class Inode;

  void Insert(const InodePtr& directory, absl::string_view name, const InodePtr& inode);
  void Erase(const InodePtr& directory, absl::string_view name);
  // Whether `inode` is `ancestor` or lies below it.
  static bool IsInside(InodePtr inode, const Inode& ancestor);
  int CheckRename(const Slot& from, const Inode& moved, const Slot& to,
                  const Inode* replaced) const;
  void Apply(const std::vector<JournalSteps>& changes);
  void Rebuild(Unsynced unsynced, std::mt19937_64& random);

  const Durability durability_;
  uint64_t next_number_ = kRootNumber;
  uint64_t changes_ = 0;
  std::map<uint64_t, Inode*> inodes_;
  Journal journal_;
  InodePtr root_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_TREE_H_
