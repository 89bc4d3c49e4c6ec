// SPDX-License-Identifier: Apache-2.0
// Thin-pool metadata in memory, to be damaged by tests: loading the *.blocks files, writing fields
// and tree nodes, and putting the checksums right again.

#ifndef DMKIT_THINP_TESTDATA_METADATA_IMAGE_H_
#define DMKIT_THINP_TESTDATA_METADATA_IMAGE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmkit::thinp {

enum class BlockKind { kSuperblock, kNode };

class MetadataImage {
 public:
  static constexpr size_t kBlockBytes = 4096;

  explicit MetadataImage(uint64_t blocks) : bytes_(blocks * kBlockBytes, '\0') {}
  // The image that a *.blocks file describes (see README.md), as large as its last block asks for.
  // Ends the process when the text is none.
  static MetadataImage Parse(absl::string_view text);

  const std::string& bytes() const { return bytes_; }
  absl::string_view block(uint64_t number) const {
    return absl::string_view(bytes_).substr(number * kBlockBytes, kBlockBytes);
  }

  // Overwrites a field of `block`. Checksums stay as they are: see Seal.
  template <typename T>
  void Put(uint64_t block, size_t offset, T value) {
    std::memcpy(&bytes_[block * kBlockBytes + offset], &value, sizeof(T));
  }
  // Makes the checksum of `block` right.
  void Seal(uint64_t block, BlockKind kind);
  // Copies a block to another place, and says there that it belongs there.
  void Move(uint64_t from, uint64_t to, BlockKind kind);

  struct Entry {
    uint64_t key = 0;
    uint64_t value = 0;  // child block, or mapped blocks of a leaf's device
  };
  // Writes sealed nodes of the device tree.
  void PutInternal(uint64_t block, const std::vector<Entry>& entries);
  void PutLeaf(uint64_t block, const std::vector<Entry>& entries);

 private:
  void PutNode(uint64_t block, uint32_t flags, uint32_t value_size, uint32_t entries_max,
               const std::vector<Entry>& entries);

  std::string bytes_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_TESTDATA_METADATA_IMAGE_H_
