// SPDX-License-Identifier: Apache-2.0
// Blocks and trees as the check reads them.

#include "testing/model/thin/thin_check_reader.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace dmkit::model {
namespace {

constexpr size_t kBlockBytes = 4096;
constexpr int kMaxDepth = 12;
constexpr uint32_t kNodeXor = 121107;
// A line per broken count of a large pool would help nobody.
constexpr size_t kMaxFaults = 50;

uint32_t Castagnoli(const std::string& block) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1) != 0 ? 0x82f63b78 ^ (value >> 1) : value >> 1;
      table[i] = value;
    }
    return table;
  }();
  uint32_t crc = 0xffffffff;
  for (size_t i = 4; i < block.size(); ++i) {
    crc = kTable[(crc ^ static_cast<unsigned char>(block[i])) & 0xff] ^ (crc >> 8);
  }
  return crc;
}

}  // namespace

uint64_t ThinCheckReader::Number(const std::string& block, size_t at, size_t bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i) {
    number |= uint64_t{static_cast<unsigned char>(block[at + i])} << (8 * i);
  }
  return number;
}

void ThinCheckReader::Fault(std::string line) {
  if (!known_faults_.insert(line).second) return;
  if (faults_.size() < kMaxFaults) faults_.push_back(std::move(line));
}

std::vector<std::string> ThinCheckReader::TakeFaults() {
  const size_t left_off = known_faults_.size() - faults_.size();
  if (left_off != 0) faults_.push_back(absl::StrCat("and ", left_off, " more"));
  return std::move(faults_);
}

bool ThinCheckReader::IsBlank() {
  std::string block(kBlockBytes, '\0');
  const int result = metadata_.Read(0, absl::MakeSpan(&block[0], block.size()));
  return result == 0 && block.find_first_not_of('\0') == std::string::npos;
}

std::string ThinCheckReader::Read(uint64_t number, uint32_t checksum_xor, absl::string_view what) {
  std::string block(kBlockBytes, '\0');
  const bool is_inside = number < metadata_.sectors() / 8;
  const int result =
      is_inside ? metadata_.Read(number * kBlockBytes, absl::MakeSpan(&block[0], block.size())) : 0;
  if (!is_inside) {
    Fault(absl::StrCat(what, ": block ", number, " is behind the end"));
  } else if (result != 0) {
    Fault(absl::StrCat(what, ": block ", number, " cannot be read: ", result));
  } else if (Number(block, 8, 8) != number) {
    Fault(absl::StrCat(what, ": block ", number, " says that it is ", Number(block, 8, 8)));
  } else if (Number(block, 0, 4) != (Castagnoli(block) ^ checksum_xor)) {
    Fault(absl::StrCat(what, ": block ", number, " has a wrong checksum"));
  } else {
    return block;
  }
  return "";
}

bool ThinCheckReader::Refer(uint64_t number, absl::string_view what) {
  const bool is_first = ++references_[number] == 1;
  const auto role = roles_.emplace(number, std::string(what)).first;
  if (role->second != what) {
    Fault(absl::StrCat("block ", number, " is of two things: ", role->second, ", ", what));
  }
  return is_first;
}

bool ThinCheckReader::ReadNode(uint64_t number, size_t value_bytes, const Range& range,
                               absl::string_view what, Node* node) {
  if (range.depth > kMaxDepth) {
    Fault(absl::StrCat(what, ": block ", number, " is too deep"));
    return false;
  }
  const std::string block = Read(number, kNodeXor, what);
  if (block.empty()) return false;
  const uint64_t flags = Number(block, 4, 4);
  const uint64_t entries = Number(block, 16, 4);
  const uint64_t max_entries = Number(block, 20, 4);
  const uint64_t size = Number(block, 24, 4);
  node->is_leaf = flags == 2;
  if ((flags != 1 && flags != 2) || entries > max_entries || max_entries > kBlockBytes ||
      size != (node->is_leaf ? value_bytes : 8) || 32 + max_entries * (8 + size) > kBlockBytes ||
      (!node->is_leaf && entries == 0)) {
    Fault(absl::StrCat(what, ": node ", number, " has impossible measures"));
    return false;
  }
  for (size_t i = 0; i < entries; ++i) {
    const uint64_t key = Number(block, 32 + 8 * i, 8);
    if (key < range.low || key >= range.high || (i > 0 && key <= node->keys.back())) {
      Fault(absl::StrCat(what, ": node ", number, " has key ", key, " in a wrong place"));
    }
    node->keys.push_back(key);
    node->values.push_back(block.substr(32 + 8 * max_entries + size * i, size));
  }
  return true;
}

ThinCheckReader::Range ThinCheckReader::ChildRange(const Node& node, size_t i, const Range& range) {
  const uint64_t high = i + 1 < node.keys.size() ? node.keys[i + 1] : range.high;
  return {node.keys[i], high, range.depth + 1};
}

uint64_t ThinCheckReader::CountNode(uint64_t number, size_t value_bytes, const Range& range,
                                    absl::string_view what, const Visit& visit) {
  if (!Refer(number, what)) return entries_below_[number];
  Node node;
  uint64_t entries = 0;
  if (ReadNode(number, value_bytes, range, what, &node)) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      if (node.is_leaf) {
        visit(node.keys[i], node.values[i]);
        ++entries;
      } else {
        entries += CountNode(Number(node.values[i], 0, 8), value_bytes, ChildRange(node, i, range),
                             what, visit);
      }
    }
  }
  entries_below_[number] = entries;
  return entries;
}

uint64_t ThinCheckReader::CountTree(uint64_t root, size_t value_bytes, absl::string_view what,
                                    const Visit& visit) {
  return CountNode(root, value_bytes, Range(), what, visit);
}

void ThinCheckReader::CollectNode(uint64_t number, size_t value_bytes, const Range& range,
                                  absl::string_view what,
                                  std::vector<std::pair<uint64_t, std::string>>* entries) {
  Node node;
  if (!ReadNode(number, value_bytes, range, what, &node)) return;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    if (node.is_leaf) {
      entries->emplace_back(node.keys[i], node.values[i]);
    } else {
      CollectNode(Number(node.values[i], 0, 8), value_bytes, ChildRange(node, i, range), what,
                  entries);
    }
  }
}

std::vector<std::pair<uint64_t, std::string>> ThinCheckReader::Entries(uint64_t root,
                                                                       size_t value_bytes,
                                                                       absl::string_view what) {
  std::vector<std::pair<uint64_t, std::string>> entries;
  CollectNode(root, value_bytes, Range(), what, &entries);
  return entries;
}

uint64_t ThinCheckReader::EntriesBelow(uint64_t root) const {
  const auto found = entries_below_.find(root);
  return found == entries_below_.end() ? 0 : found->second;
}

}  // namespace dmkit::model
