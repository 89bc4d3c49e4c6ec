// SPDX-License-Identifier: Apache-2.0
// Random trees.

#include "driver/archive/random_tree.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/archive/test_tree.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using sys::FileType;

bool IsDirectory(FileType type) { return type == FileType::kDirectory; }

}  // namespace

absl::Time RandomTree::SomeTime() {
  const absl::Time second = absl::FromUnixSeconds(1600000000 + static_cast<int64_t>(Below(1000)));
  return OneIn(3) ? second : second + absl::Nanoseconds(1 + Below(999999999));
}

std::string RandomTree::SomeContents() {
  const size_t sizes[] = {0, 1, 511, 512, 513, 4096, 10240, 70000};
  std::string contents(sizes[Below(8)], '\0');
  const uint64_t tag = random_();
  for (size_t i = 0; i < contents.size(); ++i) {
    contents[i] = static_cast<char>(tag >> (8 * (i % 7)) ^ i);
  }
  return contents;
}

std::string RandomTree::SomeFreePath() {
  const size_t in = SomeNode([](const Node& node) { return IsDirectory(node.type); });
  const std::string parent = in == nodes_.size() || OneIn(4) ? "" : nodes_[in].path + "/";
  const uint64_t number = Below(100000);
  switch (Below(8)) {
    case 0:
      return absl::StrCat(parent, "\xc3\xa4\xe2\x82\xac", number);
    case 1:
      return absl::StrCat(parent, "\xe4\xf6", number);
    case 2:
      return absl::StrCat(parent, std::string(100, 'l'), number);
    case 3:
      return absl::StrCat(parent, " .wh. =%41", number);
    default:
      return absl::StrCat(parent, std::string(1, static_cast<char>('a' + Below(26))), number);
  }
}

template <typename Wanted>
size_t RandomTree::SomeNode(Wanted wanted) {
  std::vector<size_t> found;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (wanted(nodes_[i])) found.push_back(i);
  }
  return found.empty() ? nodes_.size() : found[Below(found.size())];
}

void RandomTree::AddFile(const std::string& path) {
  tree_.File(path, SomeContents(), static_cast<uint32_t>(0600 | Below(010000)));
  nodes_.push_back({path, FileType::kRegular});
}

void RandomTree::AddSparse(const std::string& path) {
  tree_.File(path, "");
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  auto file = tree_.dir().OpenFile(path, options);
  ASSERT_TRUE(file.ok()) << file.status();
  tree_.Expect((*file)->Truncate(Below(200000)));
  for (uint64_t pieces = Below(4); pieces > 0; --pieces) {
    tree_.Expect((*file)->WriteAt(Below(200000), "data"));
  }
  nodes_.push_back({path, FileType::kRegular});
}

void RandomTree::AddNode(const std::string& path) {
  const FileType types[] = {FileType::kFifo, FileType::kCharDevice, FileType::kBlockDevice};
  const FileType type = types[as_root_ ? Below(3) : 0];
  const sys::DeviceNumber device = {static_cast<uint32_t>(1 + Below(4095)),
                                    static_cast<uint32_t>(Below(1 << 20))};
  tree_.Node(path, type, type == FileType::kFifo ? sys::DeviceNumber() : device);
  nodes_.push_back({path, type});
}

void RandomTree::AddLink(const std::string& path) {
  const size_t from = SomeNode([](const Node& node) { return !IsDirectory(node.type); });
  if (from == nodes_.size()) return AddFile(path);
  const FileType type = nodes_[from].type;
  tree_.Link(nodes_[from].path, path);
  nodes_.push_back({path, type});
}

void RandomTree::Add(const std::string& path) {
  if (tree_.dir().StatLink(path).ok()) return;
  switch (Below(10)) {
    case 0:
    case 1:
      tree_.Directory(path, static_cast<uint32_t>(0700 | Below(02000)));
      nodes_.push_back({path, FileType::kDirectory});
      break;
    case 2:
      tree_.Symlink(path, absl::StrCat("target \xe9", Below(1000)));
      nodes_.push_back({path, FileType::kSymlink});
      break;
    case 3:
      AddNode(path);
      break;
    case 4:
    case 5:
      return AddLink(path);
    case 6:
      AddSparse(path);
      break;
    default:
      AddFile(path);
  }
  if (OneIn(4)) ChangeMetadata(nodes_.back());
  tree_.Touch(path, SomeTime());
}

void RandomTree::Remove(size_t index) {
  const std::string path = nodes_[index].path;
  tree_.Remove(path);
  std::vector<Node> kept;
  for (Node& node : nodes_) {
    if (node.path != path && !absl::StartsWith(node.path, path + "/")) kept.push_back(node);
  }
  nodes_ = kept;
}

void RandomTree::ChangeContents(const Node& node) {
  if (node.type == FileType::kRegular) tree_.Overwrite(node.path, SomeContents());
  tree_.Touch(node.path, SomeTime());
}

void RandomTree::ChangeXattr(const Node& node) {
  // Those of "user" are for files and directories only.
  const bool plain = node.type == FileType::kRegular || IsDirectory(node.type);
  if (!plain && !as_root_) return;
  const char* const space = as_root_ && (!plain || OneIn(2)) ? "trusted." : "user.";
  const std::string name = absl::StrCat(space, OneIn(2) ? "a" : "long name % = \xe4", Below(3));
  absl::Status status = absl::OkStatus();
  if (OneIn(3)) {
    status = tree_.dir().RemoveXattr(node.path, name);
    if (sys::GetErrno(status) == ENODATA) return;
  } else {
    status = tree_.dir().SetXattr(node.path, name, SomeContents().substr(0, 400));
  }
  if (sys::GetErrno(status) != ENOTSUP) tree_.Expect(status);
}

void RandomTree::ChangeMetadata(const Node& node) {
  if (OneIn(2)) return ChangeXattr(node);
  if (as_root_ && OneIn(2)) {
    const uint32_t owner = static_cast<uint32_t>(Below(1 << 20));
    return tree_.Expect(tree_.dir().SetOwner(node.path, owner, owner + 1));
  }
  if (node.type == FileType::kSymlink) return tree_.Touch(node.path, SomeTime());
  tree_.Expect(tree_.dir().SetMode(node.path, static_cast<uint32_t>(0700 | Below(010000))));
}

void RandomTree::Replace(size_t index) {
  const std::string path = nodes_[index].path;
  Remove(index);
  Add(path);
}

void RandomTree::Change() {
  const size_t index = SomeNode([](const Node&) { return true; });
  if (index == nodes_.size()) return Add(SomeFreePath());
  const Node node = nodes_[index];
  switch (Below(8)) {
    case 0:
    case 1:
      return Add(SomeFreePath());
    case 2:
      return Remove(index);
    case 3:
      return ChangeMetadata(node);
    case 4:
      return Replace(index);
    case 5:
      return AddLink(SomeFreePath());
    default:
      return ChangeContents(node);
  }
}

void RandomTree::Grow(int count) {
  for (int i = 0; i < count; ++i) Add(SomeFreePath());
}

void RandomTree::Mutate(uint64_t seed, int count) {
  random_.seed(seed);
  for (int i = 0; i < count; ++i) Change();
}

}  // namespace dmkit::driver
