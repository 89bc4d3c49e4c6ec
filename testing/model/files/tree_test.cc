// SPDX-License-Identifier: Apache-2.0
// Tests of names and of records for images.

#include "testing/model/files/tree.h"

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

InodeAttributes Kind(sys::FileType type) {
  InodeAttributes attributes;
  attributes.type = type;
  attributes.mode = 0644;
  return attributes;
}

class TreeTest : public ::testing::Test {
 protected:
  TreeTest() : tree_(Durability::kVolatile, Kind(sys::FileType::kDirectory)) {}

  InodePtr Put(const InodePtr& directory, absl::string_view name, sys::FileType type) {
    const InodePtr inode = tree_.Make(Kind(type));
    EXPECT_EQ(tree_.Link(directory, name, inode), 0);
    return inode;
  }
  InodePtr Dir(const InodePtr& directory, absl::string_view name) {
    return Put(directory, name, sys::FileType::kDirectory);
  }
  InodePtr File(const InodePtr& directory, absl::string_view name) {
    return Put(directory, name, sys::FileType::kRegular);
  }

  Tree tree_;
};

TEST_F(TreeTest, LinksCountNames) {
  const InodePtr file = File(tree_.root(), "a");
  EXPECT_EQ(tree_.Link(tree_.root(), "b", file), 0);
  EXPECT_EQ(file->links(), 2U);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "a"), 0);
  EXPECT_EQ(file->links(), 1U);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "b"), 0);
  EXPECT_EQ(file->links(), 0U);
  EXPECT_EQ(tree_.root()->links(), 2U);
  const InodePtr dir = Dir(tree_.root(), "d");
  EXPECT_EQ(tree_.root()->links(), 3U);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "d"), 0);
  EXPECT_EQ(dir->links(), 0U);
  EXPECT_EQ(dir->parent(), nullptr);
  EXPECT_EQ(dir->last_parent(), tree_.root());
}

TEST_F(TreeTest, NamesThatCannotBeGivenAreRefused) {
  const InodePtr file = File(tree_.root(), "a");
  EXPECT_EQ(tree_.Link(tree_.root(), "a", tree_.Make(Kind(sys::FileType::kRegular))), -EEXIST);
  const InodePtr dir = Dir(tree_.root(), "d");
  File(dir, "f");
  EXPECT_EQ(tree_.Unlink(tree_.root(), "d"), -ENOTEMPTY);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "no"), -ENOENT);
  EXPECT_EQ(tree_.Unlink(dir, "f"), 0);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "d"), 0);
  EXPECT_EQ(tree_.Link(dir, "x", file), -ENOENT);
}

TEST_F(TreeTest, RenameRefusesWhatCannotBe) {
  const InodePtr d = Dir(tree_.root(), "d");
  const InodePtr sub = Dir(d, "sub");
  const InodePtr full = Dir(tree_.root(), "full");
  File(full, "x");
  File(tree_.root(), "f");
  const InodePtr& root = tree_.root();
  EXPECT_EQ(tree_.Rename({root, "no"}, {root, "x"}), -ENOENT);
  EXPECT_EQ(tree_.Rename({root, "d"}, {sub, "x"}), -EINVAL);
  EXPECT_EQ(tree_.Rename({d, "sub"}, {root, "d"}), -ENOTEMPTY);
  EXPECT_EQ(tree_.Rename({root, "d"}, {root, "full"}), -ENOTEMPTY);
  EXPECT_EQ(tree_.Rename({root, "d"}, {root, "f"}), -ENOTDIR);
  EXPECT_EQ(tree_.Rename({root, "f"}, {root, "d"}), -EISDIR);
  EXPECT_EQ(tree_.Rename({root, "f"}, {root, "f"}), 0);
  EXPECT_EQ(tree_.Rename({d, "sub"}, {full, "moved"}), 0);
  EXPECT_EQ(sub->parent(), full);
  EXPECT_EQ(sub->last_name(), "moved");
  EXPECT_EQ(d->links(), 2U);
  EXPECT_EQ(tree_.Unlink(full, "moved"), 0);
  EXPECT_EQ(tree_.Rename({root, "f"}, {sub, "x"}), -ENOENT);
}

TEST_F(TreeTest, InodesGoWithTheirLastHolder) {
  InodePtr file = File(tree_.root(), "a");
  EXPECT_EQ(tree_.inode_count(), 2U);
  EXPECT_EQ(tree_.Unlink(tree_.root(), "a"), 0);
  EXPECT_EQ(tree_.inode_count(), 2U);
  file->bytes.Write(0, "x");
  EXPECT_GT(tree_.allocated(), 0U);
  file.reset();
  EXPECT_EQ(tree_.inode_count(), 1U);
  EXPECT_EQ(tree_.allocated(), 0U);
}

TEST_F(TreeTest, RecordsMakeTheSameTree) {
  const InodePtr dir = Dir(tree_.root(), "d");
  const InodePtr file = File(dir, "f");
  EXPECT_EQ(tree_.Link(tree_.root(), "hard", file), 0);
  file->bytes.Write(0, "text");
  file->attributes.xattrs["user.a"] = "b";
  const InodePtr held = tree_.Make(Kind(sys::FileType::kRegular));

  Tree copy(Durability::kRecorded, Kind(sys::FileType::kDirectory));
  std::vector<InodeRecord> records;
  for (const InodePtr& inode : tree_.Reachable()) records.push_back(Tree::RecordOf(*inode));
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].number, Tree::kRootNumber);
  EXPECT_THAT(records[0].entries,
              ElementsAre(Pair("d", dir->number()), Pair("hard", file->number())));
  std::vector<InodePtr> made;
  for (const InodeRecord& record : records) {
    made.push_back(copy.Restore(record));
    ASSERT_NE(made.back(), nullptr);
  }
  for (const InodeRecord& record : records) {
    if (record.attributes.type == sys::FileType::kDirectory) {
      EXPECT_EQ(copy.RestoreEntries(record), 0);
    }
  }
  const InodePtr restored = copy.Lookup(*copy.Lookup(*copy.root(), "d"), "f");
  EXPECT_EQ(restored, copy.Lookup(*copy.root(), "hard"));
  EXPECT_EQ(restored->links(), 2U);
  EXPECT_EQ(restored->bytes.size(), 4U);
  EXPECT_EQ(restored->attributes.xattrs.at("user.a"), "b");
  EXPECT_GT(copy.Make(Kind(sys::FileType::kRegular))->number(), file->number());
}

TEST_F(TreeTest, RecordsThatCannotBeAreRefused) {
  InodeRecord root = Tree::RecordOf(*tree_.root());
  root.attributes.type = sys::FileType::kRegular;
  EXPECT_EQ(tree_.Restore(root), nullptr);
  InodeRecord record;
  record.attributes.type = sys::FileType::kDirectory;
  EXPECT_EQ(tree_.Restore(record), nullptr) << "number 0";
  record.number = 10;
  const InodePtr ten = tree_.Restore(record);
  ASSERT_NE(ten, nullptr);
  EXPECT_EQ(tree_.Restore(record), nullptr) << "twice";
  record.number = 11;
  const InodePtr eleven = tree_.Restore(record);
  const auto entries = [&](uint64_t number, std::string name, uint64_t target) {
    InodeRecord directory;
    directory.number = number;
    directory.entries.emplace_back(std::move(name), target);
    return tree_.RestoreEntries(directory);
  };
  EXPECT_EQ(entries(12, "x", 10), -EINVAL) << "no such directory";
  EXPECT_EQ(entries(10, "x", 12), -EINVAL) << "no such inode";
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("a\0b", 3)}) {
    EXPECT_EQ(entries(10, name, 11), -EINVAL) << name;
  }
  EXPECT_EQ(entries(10, "self", 10), -EINVAL);
  EXPECT_EQ(entries(10, "root", Tree::kRootNumber), -EINVAL);
  EXPECT_EQ(entries(10, "x", 11), 0);
  EXPECT_EQ(entries(10, "x", 11), -EINVAL) << "the name twice";
  EXPECT_EQ(entries(10, "y", 11), -EINVAL) << "the directory twice";
  EXPECT_EQ(entries(11, "circle", 10), -EINVAL);
  EXPECT_EQ(entries(Tree::kRootNumber, "x", 10), 0);
}

}  // namespace
}  // namespace dmkit::model
