// SPDX-License-Identifier: Apache-2.0
// What pool metadata has to be.

#include "testing/model/thin/thin_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "testing/model/thin/thin_check_reader.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kSuperblockXor = 160774;
constexpr uint32_t kIndexXor = 160478;
constexpr uint32_t kBitmapXor = 240779;
constexpr uint64_t kMagic = 27022010;
constexpr uint64_t kBitmapEntries = 16320;
constexpr uint64_t kMaxIndexEntries = 255;
constexpr uint64_t kMaxId = 0xffffff;

using Counts = std::map<uint64_t, uint32_t>;

struct SpaceMapRoot {
  uint64_t blocks = 0;
  uint64_t allocated = 0;
  uint64_t bitmaps = 0;
  uint64_t counts = 0;
};

class Checker {
 public:
  explicit Checker(BlockDevice& metadata) : reader_(metadata) {}

  std::vector<std::string> Run() {
    if (reader_.IsBlank()) return {};
    const std::string superblock = Superblock(0, "superblock");
    if (superblock.empty()) return reader_.TakeFaults();
    time_ = Get(superblock, 44, 4);
    data_ = SpaceMapAt(superblock, 64);
    metadata_ = SpaceMapAt(superblock, 192);
    reader_.Refer(0, "superblock");
    CountTrees(superblock);
    const uint64_t held = Get(superblock, 56, 8);
    if (held != 0) CheckHeld(held);
    const Counts data = SpaceMapCounts(data_, "data map", false);
    const Counts metadata = SpaceMapCounts(metadata_, "metadata map", true);
    Compare("data block", data_, data, data_references_);
    Compare("metadata block", metadata_, metadata, reader_.references());
    return reader_.TakeFaults();
  }

 private:
  static uint64_t Get(const std::string& bytes, size_t at, size_t size) {
    return ThinCheckReader::Number(bytes, at, size);
  }

  static SpaceMapRoot SpaceMapAt(const std::string& superblock, size_t at) {
    return {Get(superblock, at, 8), Get(superblock, at + 8, 8), Get(superblock, at + 16, 8),
            Get(superblock, at + 24, 8)};
  }

  std::string Superblock(uint64_t number, absl::string_view what) {
    std::string block = reader_.Read(number, kSuperblockXor, what);
    if (block.empty()) return block;
    if (Get(block, 32, 8) != kMagic) reader_.Fault(absl::StrCat(what, ": wrong magic"));
    if (Get(block, 40, 4) != 2) reader_.Fault(absl::StrCat(what, ": wrong version"));
    if (Get(block, 4, 4) > 1) reader_.Fault(absl::StrCat(what, ": unknown flags"));
    if (Get(block, 340, 4) != 8) reader_.Fault(absl::StrCat(what, ": wrong metadata block size"));
    const uint64_t block_sectors = Get(block, 336, 4);
    if (block_sectors < 128 || block_sectors > 2097152 || block_sectors % 128 != 0) {
      reader_.Fault(absl::StrCat(what, ": impossible data block size ", block_sectors));
    }
    return block;
  }

  // The trees that a superblock leads to: references, and that they speak of the same devices.
  void CountTrees(const std::string& superblock) {
    const uint64_t mappings = Get(superblock, 320, 8);
    const uint64_t details = Get(superblock, 328, 8);
    reader_.CountTree(details, 24, "device details", [](uint64_t, const std::string&) {});
    reader_.CountTree(mappings, 8, "device tree", [this](uint64_t, const std::string& root) {
      reader_.CountTree(Get(root, 0, 8), 8, "mapping tree",
                        [this](uint64_t block, const std::string& value) {
                          CountMapping(block, Get(value, 0, 8));
                        });
    });
    std::map<uint64_t, std::string> described;
    for (auto& [id, value] : reader_.Entries(details, 24, "device details")) described[id] = value;
    for (const auto& [id, root] : reader_.Entries(mappings, 8, "device tree")) {
      const auto found = described.find(id);
      if (found == described.end()) {
        reader_.Fault(absl::StrCat("device ", id, " has mappings and no details"));
        continue;
      }
      CheckDevice(id, found->second, reader_.EntriesBelow(Get(root, 0, 8)));
      described.erase(found);
    }
    for (const auto& [id, value] : described) {
      reader_.Fault(absl::StrCat("device ", id, " has details and no mappings"));
    }
  }

  void CountMapping(uint64_t block, uint64_t value) {
    const uint64_t data_block = value >> 24;
    if (data_block >= data_.blocks) {
      reader_.Fault(absl::StrCat("block ", block, " of a device is mapped to data block ",
                                 data_block, ", behind the end"));
      return;
    }
    if ((value & 0xffffff) > time_) {
      reader_.Fault("a block was mapped in the future");
    }
    ++data_references_[data_block];
  }

  void CheckDevice(uint64_t id, const std::string& details, uint64_t mapped) {
    if (id > kMaxId) reader_.Fault(absl::StrCat("device ", id, " has too large an id"));
    if (Get(details, 0, 8) != mapped) {
      reader_.Fault(absl::StrCat("device ", id, " has ", mapped, " mapped blocks and says ",
                                 Get(details, 0, 8)));
    }
    const uint64_t created = Get(details, 16, 4);
    const uint64_t snapshotted = Get(details, 20, 4);
    if (created > snapshotted || snapshotted > time_) {
      reader_.Fault(absl::StrCat("device ", id, " has impossible times"));
    }
  }

  void CheckHeld(uint64_t held) {
    reader_.Refer(held, "metadata snapshot");
    const std::string copy = Superblock(held, "metadata snapshot");
    if (copy.empty()) return;
    if (Get(copy, 56, 8) != 0) reader_.Fault("metadata snapshot: holds another one");
    for (size_t at = 64; at < 320; at += 8) {
      if (Get(copy, at, 8) != 0) reader_.Fault("metadata snapshot: has space maps");
    }
    CountTrees(copy);
  }

  // The counts that a map has, and references to what it is made of.
  Counts SpaceMapCounts(const SpaceMapRoot& root, absl::string_view what, bool is_metadata) {
    Counts counts;
    uint64_t chunks = (root.blocks + kBitmapEntries - 1) / kBitmapEntries;
    if (is_metadata && chunks > kMaxIndexEntries) {
      reader_.Fault(absl::StrCat(what, ": too large"));
      chunks = kMaxIndexEntries;
    }
    std::map<uint64_t, std::string> index;
    if (is_metadata) {
      reader_.Refer(root.bitmaps, "metadata index");
      const std::string block = reader_.Read(root.bitmaps, kIndexXor, "metadata index");
      for (uint64_t i = 0; !block.empty() && i < chunks; ++i) {
        index[i] = block.substr(16 + 16 * i, 16);
      }
    } else {
      reader_.CountTree(root.bitmaps, 16, absl::StrCat(what, " index"),
                        [&index](uint64_t i, const std::string& entry) { index[i] = entry; });
    }
    if (index.size() != chunks) reader_.Fault(absl::StrCat(what, ": wrong number of bitmaps"));
    for (const auto& [i, entry] : index) {
      const uint64_t blocks = std::min(kBitmapEntries, root.blocks - i * kBitmapEntries);
      ReadBitmap(i, entry, blocks, what, &counts);
    }
    std::set<uint64_t> in_tree;
    reader_.CountTree(root.counts, 4, absl::StrCat(what, " counts"),
                      [&](uint64_t block, const std::string& value) {
                        const auto found = counts.find(block);
                        if (found == counts.end() || found->second != 3) {
                          reader_.Fault(absl::StrCat(what, ": count of block ", block,
                                                     " is in the tree for nothing"));
                        }
                        counts[block] = static_cast<uint32_t>(Get(value, 0, 4));
                        in_tree.insert(block);
                      });
    for (const auto& [block, count] : counts) {
      if (count > 2 && in_tree.count(block) == 0) {
        reader_.Fault(absl::StrCat(what, ": count of block ", block, " is not in the tree"));
      } else if (count <= 2 && in_tree.count(block) != 0) {
        reader_.Fault(absl::StrCat(what, ": count of block ", block, " is too low for the tree"));
      }
    }
    return counts;
  }

  // The kernel counts entries behind the end as free ones, thin_restore does not.
  void ReadBitmap(uint64_t i, const std::string& entry, uint64_t blocks, absl::string_view what,
                  Counts* counts) {
    const uint64_t number = Get(entry, 0, 8);
    const std::string role = absl::StrCat(what, " bitmap");
    reader_.Refer(number, role);
    const std::string block = reader_.Read(number, kBitmapXor, role);
    if (block.empty()) return;
    uint64_t used = 0;
    uint64_t first_free = kBitmapEntries;
    for (uint64_t bit = 0; bit < kBitmapEntries; ++bit) {
      const uint64_t pair = (Get(block, 16 + bit / 4, 1) >> (2 * (bit % 4))) & 3;
      if (pair == 0) {
        if (first_free == kBitmapEntries) first_free = bit;
        continue;
      }
      ++used;
      (*counts)[i * kBitmapEntries + bit] = static_cast<uint32_t>(pair == 1   ? 2
                                                                  : pair == 2 ? 1
                                                                              : 3);
    }
    const uint64_t free = Get(entry, 8, 4);
    if (free != kBitmapEntries - used && free != blocks - used) {
      reader_.Fault(absl::StrCat(role, " ", i, ": wrong number of free blocks"));
    }
    if (Get(entry, 12, 4) > first_free) {
      reader_.Fault(absl::StrCat(role, " ", i, ": hides a free block"));
    }
  }

  void Compare(absl::string_view what, const SpaceMapRoot& root, const Counts& counts,
               const Counts& references) {
    if (counts.size() != root.allocated) {
      reader_.Fault(absl::StrCat(what, "s: ", counts.size(), " in use, the superblock says ",
                                 root.allocated));
    }
    for (const auto& [block, count] : counts) {
      const auto found = references.find(block);
      const uint32_t wanted = found == references.end() ? 0 : found->second;
      if (block >= root.blocks) {
        reader_.Fault(absl::StrCat(what, " ", block, " is in use, behind the end"));
      } else if (count != wanted) {
        reader_.Fault(absl::StrCat(what, " ", block, ": count ", count, ", references ", wanted));
      }
    }
    for (const auto& [block, count] : references) {
      if (counts.count(block) == 0) {
        reader_.Fault(absl::StrCat(what, " ", block, ": count 0, references ", count));
      }
    }
  }

  ThinCheckReader reader_;
  uint64_t time_ = 0;
  SpaceMapRoot data_;
  SpaceMapRoot metadata_;
  Counts data_references_;
};

}  // namespace

std::vector<std::string> CheckThinMetadata(BlockDevice& metadata) {
  return Checker(metadata).Run();
}

}  // namespace dmkit::model
