// SPDX-License-Identifier: Apache-2.0
// Which names of an export are one file. Paths and inode numbers only; reads and writes nothing.

#ifndef DMKIT_DRIVER_ARCHIVE_LINK_GROUPS_H_
#define DMKIT_DRIVER_ARCHIVE_LINK_GROUPS_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sys/host.h"

namespace dmkit::driver {

// For files with several names (links > 1) in one walk. A file is forgotten when all its names have
// been seen, so what is held are the names of files that have others still to come.
class LinkGroups {
 public:
  struct Place {
    std::string first;  // the name that carries the contents; maybe the one asked for
    std::vector<std::string> earlier;  // then: names that were passed and have to become links now
  };

  // `path` is written: as the contents when the answer's `first` is `path`, else as a link.
  Place Write(const std::string& path, const sys::FileStat& stat);

  // `path` did not change. True: it is passed over for now. False: an earlier name of the file was
  // written, so this one has to be, too.
  bool Pass(const std::string& path, const sys::FileStat& stat);

  // A name of both trees, whose files look the same: whether it is a name of another file than its
  // other names say. Then names have moved from one file to another, which may have been as large
  // and as old. Holds 100 bytes for each file with several names.
  bool Moved(const sys::FileStat& newer, const sys::FileStat& older);

 private:
  using Key = std::tuple<uint32_t, uint32_t, uint64_t>;  // device and inode number
  struct Group {
    uint64_t seen = 0;
    std::string first;                // "" while nothing was written
    std::vector<std::string> passed;  // only before anything was written
  };

  static Key KeyOf(const sys::FileStat& stat);
  void Count(const Key& key, const sys::FileStat& stat);

  absl::flat_hash_map<Key, Group> groups_;
  // What Moved has found: of each file of one tree the file of the other.
  absl::flat_hash_map<Key, Key> newer_of_;
  absl::flat_hash_map<Key, Key> older_of_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_LINK_GROUPS_H_
