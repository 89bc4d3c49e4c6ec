// SPDX-License-Identifier: Apache-2.0
// The statistics regions of a mapped device and their messages (@stats_create and its like), as
// drivers/md/dm-stats.c has them. Counts io; knows no time that it takes.

#ifndef DMKIT_TESTING_MODEL_DM_STATS_H_
#define DMKIT_TESTING_MODEL_DM_STATS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "testing/model/block_layer.h"
#include "testing/model/profile.h"

namespace dmkit::model {

class DmStats {
 public:
  explicit DmStats(const Profile& profile) : profile_(profile) {}

  // What Message() returns for a message that is none of these.
  static constexpr int kNotMine = 2;

  // dm_stats_message() of a device of `sectors`: 0, 1 with the answer in `result`, or a negative
  // errno. An empty answer is none that was written: what stands in the caller's buffer is the
  // answer then. `room` is what the buffer can take.
  int Message(uint64_t sectors, const std::vector<std::string>& words, size_t room,
              std::string* result);
  // Counts an io that was done.
  void Count(const Io& io);

 private:
  struct Counters {
    uint64_t ios[2] = {0, 0};      // reads, writes
    uint64_t sectors[2] = {0, 0};  // the same
  };
  struct Region {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t step = 0;
    std::string program = "-";
    std::string aux = "-";
    bool is_precise = false;
    std::vector<uint64_t> histogram;
    std::vector<Counters> areas;
  };

  static int ParseRange(const std::string& word, uint64_t sectors, Region* region);
  static int ParseStep(const std::string& word, Region* region);
  static int ParseOptions(const std::vector<std::string>& words, Region* region);
  static int ParseFeature(const std::string& word, Region* region);
  int MakeAreas(Region* region) const;
  int Create(uint64_t sectors, const std::vector<std::string>& words, size_t room,
             std::string* result);
  // The region that words[1] names; null and the errno when there is none.
  Region* FindRegion(const std::vector<std::string>& words, int* error);
  int List(const std::vector<std::string>& words, std::string* result) const;
  int Print(const std::vector<std::string>& words, bool clear, size_t room, std::string* result);

  const Profile& profile_;
  std::map<int, Region> regions_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_STATS_H_
