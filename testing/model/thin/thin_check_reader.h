// SPDX-License-Identifier: Apache-2.0
// Blocks and trees of pool metadata as the check reads them, counting the references that it
// meets. Shares no code with what writes them: a mistake there must not pass here.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_CHECK_READER_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_CHECK_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/block_layer.h"

namespace dmkit::model {

class ThinCheckReader {
 public:
  explicit ThinCheckReader(BlockDevice& metadata) : metadata_(metadata) {}

  static uint64_t Number(const std::string& block, size_t at, size_t bytes);

  // A block whose place and checksum are right; empty, and a fault noted, otherwise.
  std::string Read(uint64_t number, uint32_t checksum_xor, absl::string_view what);
  bool IsBlank();

  // One reference to a block. True the first time.
  bool Refer(uint64_t number, absl::string_view what);
  // A reference to the root of a tree: counts the references inside it, hands out the values that
  // it has not met yet, and gives the number of entries below.
  using Visit = std::function<void(uint64_t key, const std::string& value)>;
  uint64_t CountTree(uint64_t root, size_t value_bytes, absl::string_view what, const Visit& visit);
  // All entries, without counting.
  std::vector<std::pair<uint64_t, std::string>> Entries(uint64_t root, size_t value_bytes,
                                                        absl::string_view what);
  uint64_t EntriesBelow(uint64_t root) const;

  void Fault(std::string line);
  std::vector<std::string> TakeFaults();
  const std::map<uint64_t, uint32_t>& references() const { return references_; }

 private:
  struct Node {
    bool is_leaf = false;
    std::vector<uint64_t> keys;
    std::vector<std::string> values;
  };
  struct Range {  // of keys that a node may have
    uint64_t low = 0;
    uint64_t high = ~uint64_t{0};
    int depth = 0;
  };

  bool ReadNode(uint64_t number, size_t value_bytes, const Range& range, absl::string_view what,
                Node* node);
  uint64_t CountNode(uint64_t number, size_t value_bytes, const Range& range,
                     absl::string_view what, const Visit& visit);
  void CollectNode(uint64_t number, size_t value_bytes, const Range& range, absl::string_view what,
                   std::vector<std::pair<uint64_t, std::string>>* entries);
  static Range ChildRange(const Node& node, size_t i, const Range& range);

  BlockDevice& metadata_;
  std::map<uint64_t, uint32_t> references_;
  std::map<uint64_t, std::string> roles_;
  std::map<uint64_t, uint64_t> entries_below_;
  std::vector<std::string> faults_;
  std::set<std::string> known_faults_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_CHECK_READER_H_
