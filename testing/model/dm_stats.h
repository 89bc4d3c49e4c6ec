// SPDX-License-Identifier: Apache-2.0
// The statistics regions of a mapped device and their messages (@stats_create and its like), as
// dm-stats.c has them. Counts io; knows no time that it takes.

#ifndef DMKIT_TESTING_MODEL_DM_STATS_H_
#define DMKIT_TESTING_MODEL_DM_STATS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dmkit::model {

class DmDevice;
struct Io;

class DmStats {
 public:
  // dm_stats_message(): 0, 1 with text in `result`, a negative errno, or 2 when the message is none
  // of these.
  int Message(DmDevice& device, const std::vector<std::string>& words, std::string* result);
  // Counts an io that was done, in bytes of the device.
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
    std::string program;
    std::string aux;
    bool precise = false;
    std::string histogram;
    std::vector<Counters> areas;
  };

  int Create(DmDevice& device, const std::vector<std::string>& words, std::string* result);
  int Delete(const std::vector<std::string>& words);
  int Clear(const std::vector<std::string>& words);
  int List(const std::vector<std::string>& words, std::string* result);
  int Print(const std::vector<std::string>& words, bool clear, std::string* result);
  int SetAux(const std::vector<std::string>& words);

  std::map<int, Region> regions_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_STATS_H_
