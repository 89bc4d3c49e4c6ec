// SPDX-License-Identifier: Apache-2.0
// Trees made at random from a seed, and changed at random. For tests only.

#ifndef DMKIT_DRIVER_ARCHIVE_RANDOM_TREE_H_
#define DMKIT_DRIVER_ARCHIVE_RANDOM_TREE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "driver/archive/test_tree.h"
#include "sys/host.h"

namespace dmkit::driver {

// The same seed makes the same tree and the same changes, on any filesystem.
class RandomTree {
 public:
  // With `as_root` also owners, device nodes and trusted xattrs. `tree` is not owned.
  RandomTree(TestTree& tree, uint64_t seed, bool as_root)
      : tree_(tree), random_(seed), as_root_(as_root) {}
  // On `tree`, a copy of the tree of `other`.
  RandomTree(TestTree& tree, const RandomTree& other)
      : tree_(tree), random_(other.random_), as_root_(other.as_root_), nodes_(other.nodes_) {}

  // Adds about `count` files of all kinds.
  void Grow(int count);
  // Makes `count` changes of all kinds, with randomness of its own.
  void Mutate(uint64_t seed, int count);

 private:
  struct Node {
    std::string path;
    sys::FileType type;
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  absl::Time SomeTime();
  std::string SomeContents();
  std::string SomeFreePath();
  // An index into nodes_ with a node for which `wanted` holds; none: nodes_.size().
  template <typename Wanted>
  size_t SomeNode(Wanted wanted);

  void Add(const std::string& path);
  void AddFile(const std::string& path);
  void AddSparse(const std::string& path);
  void AddNode(const std::string& path);
  void AddLink(const std::string& path);
  void Remove(size_t index);
  void Change();
  void ChangeContents(const Node& node);
  void ChangeMetadata(const Node& node);
  void ChangeXattr(const Node& node);
  void Replace(size_t index);

  TestTree& tree_;
  std::mt19937_64 random_;
  const bool as_root_;
  std::vector<Node> nodes_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_RANDOM_TREE_H_
