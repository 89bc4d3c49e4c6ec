// SPDX-License-Identifier: Apache-2.0
// The changes of entries that are not on stable storage yet, and which of them need which. Used by
// Tree only; says nothing of contents.

#ifndef DMKIT_TESTING_MODEL_FILES_JOURNAL_H_
#define DMKIT_TESTING_MODEL_FILES_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dmkit::model {

class Inode;

// One name that leads to something else from now on, or to nothing (null).
struct JournalStep {
  std::shared_ptr<Inode> directory;
  std::string name;
  std::shared_ptr<Inode> target;
};

using JournalSteps = std::vector<JournalStep>;

class Journal {
 public:
  // What a change needs beside the earlier ones of the same names.
  struct Needs {
    // A directory that the change removes: whatever happened in it comes first.
    const Inode* removed_directory = nullptr;
    // Directories that must be there, with all that they lie in.
    std::vector<const Inode*> directories;
    // A directory gets another parent: such changes keep their order, or one could end up in
    // itself.
    bool moves_directory = false;
  };

  void Add(JournalSteps steps, const Needs& needs);
  // Takes out the changes of a directory and all that they need, in their order.
  std::vector<JournalSteps> TakeDirectory(const Inode& directory);
  // Takes out everything; gives those for which `keeps` gave true and whose needs are met.
  std::vector<JournalSteps> TakeSome(const std::function<bool()>& keeps);
  bool empty() const { return changes_.empty(); }

 private:
  struct Change {
    JournalSteps steps;
    std::set<uint64_t> needs;
  };

  void Need(uint64_t id, Change* change) const;
  void Forget(uint64_t id, const Change& change);

  uint64_t next_id_ = 1;
  std::map<uint64_t, Change> changes_;  // in their order
  // Where to look for what a new change needs. Ids of changes that were taken out mean nothing.
  std::map<std::pair<const Inode*, std::string>, uint64_t> last_of_name_;
  std::map<const Inode*, std::set<uint64_t>> of_directory_;
  std::map<const Inode*, uint64_t> maker_;  // the last change that gave a name to it
  uint64_t last_directory_move_ = 0;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_JOURNAL_H_
