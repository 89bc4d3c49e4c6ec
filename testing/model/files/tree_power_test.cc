// SPDX-License-Identifier: Apache-2.0
// Tests of what a power loss keeps of a tree.

#include <random>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {
namespace {

InodeAttributes Kind(sys::FileType type) {
  InodeAttributes attributes;
  attributes.type = type;
  attributes.mode = 0644;
  return attributes;
}

class TreePowerTest : public ::testing::Test {
 protected:
  TreePowerTest() : tree_(Durability::kRecorded, Kind(sys::FileType::kDirectory)) {}

  // The file at a path of names, null when it is not there.
  InodePtr At(absl::string_view path) {
    InodePtr at = tree_.root();
    for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
      if (at != nullptr) at = tree_.Lookup(*at, name);
    }
    return at;
  }
  static std::pair<std::string, std::string> Split(const std::string& path) {
    const size_t slash = path.rfind('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
  }
  InodePtr Put(const std::string& path, sys::FileType type) {
    const InodePtr inode = tree_.Make(Kind(type));
    EXPECT_EQ(tree_.Link(At(Split(path).first), Split(path).second, inode), 0) << path;
    return inode;
  }
  InodePtr Dir(const std::string& path) { return Put(path, sys::FileType::kDirectory); }
  InodePtr File(const std::string& path, const std::string& text, bool is_synced = true) {
    const InodePtr inode = Put(path, sys::FileType::kRegular);
    inode->bytes.Write(0, text);
    if (is_synced) tree_.SyncFile(*inode);
    return inode;
  }
  void Rename(const std::string& from, const std::string& to) {
    EXPECT_EQ(tree_.Rename({At(Split(from).first), Split(from).second},
                           {At(Split(to).first), Split(to).second}),
              0)
        << from;
  }
  void Remove(const std::string& path) {
    EXPECT_EQ(tree_.Unlink(At(Split(path).first), Split(path).second), 0) << path;
  }
  void SyncDir(const std::string& path) { tree_.SyncDirectory(*At(path)); }
  void LosePower(Unsynced unsynced = Unsynced::kLost) { tree_.LosePower(unsynced, random_); }
  // "" for an empty file, "-" for none.
  std::string Text(const std::string& path) {
    const InodePtr inode = At(path);
    if (inode == nullptr) return "-";
    std::string text(inode->bytes.size(), '?');
    inode->bytes.Read(0, absl::MakeSpan(&text[0], text.size()));
    return text;
  }

  std::mt19937_64 random_{1};
  Tree tree_;
};

TEST_F(TreePowerTest, ContentsNeedASyncOfTheFileAndNamesOneOfTheDirectory) {
  File("/both", "text");
  File("/contents_only", "text");
  File("/name_only", "text", false);
  Remove("/contents_only");
  SyncDir("/");
  File("/contents_only", "text");
  LosePower();
  EXPECT_EQ(Text("/both"), "text");
  EXPECT_EQ(Text("/contents_only"), "-");
  EXPECT_EQ(Text("/name_only"), "");
}

TEST_F(TreePowerTest, WhatCameAfterTheSyncIsLost) {
  const InodePtr file = File("/f", "old");
  SyncDir("/");
  file->bytes.Write(0, "newer");
  file->attributes.mode = 0600;
  File("/g", "g");
  Remove("/f");
  LosePower();
  EXPECT_EQ(Text("/f"), "old");
  EXPECT_EQ(At("/f")->attributes.mode, 0644U);
  EXPECT_EQ(Text("/g"), "-");
  EXPECT_EQ(At("/f")->links(), 1U);
}

TEST_F(TreePowerTest, KeptMeansEverything) {
  File("/f", "text", false);
  Dir("/d");
  Rename("/f", "/d/f");
  LosePower(Unsynced::kKept);
  EXPECT_EQ(Text("/d/f"), "text");
  EXPECT_EQ(Text("/f"), "-");
  LosePower();
  EXPECT_EQ(Text("/d/f"), "text") << "what a power loss has kept is on the disk";
}

TEST_F(TreePowerTest, ReplacingByRenameGivesOldOrNew) {
  File("/f", "old");
  SyncDir("/");
  File("/f.tmp", "new");
  Rename("/f.tmp", "/f");
  LosePower();
  EXPECT_EQ(Text("/f"), "old");
  EXPECT_EQ(Text("/f.tmp"), "-");
  File("/f.tmp", "new");
  Rename("/f.tmp", "/f");
  SyncDir("/");
  LosePower();
  EXPECT_EQ(Text("/f"), "new");
  EXPECT_EQ(Text("/f.tmp"), "-");
}

TEST_F(TreePowerTest, RenameBetweenDirectoriesIsOneChange) {
  for (const char* const synced : {"/a", "/b"}) {
    if (At("/a") == nullptr) {
      Dir("/a");
      Dir("/b");
    }
    File("/a/f", "text");
    SyncDir("/");
    SyncDir("/a");
    Rename("/a/f", "/b/f");
    SyncDir(synced);
    LosePower();
    EXPECT_EQ(Text("/a/f"), "-") << synced;
    EXPECT_EQ(Text("/b/f"), "text") << synced;
    Remove("/b/f");
    tree_.SyncAll();
  }
}

TEST_F(TreePowerTest, RenameIntoANewDirectoryTakesTheDirectoryAlong) {
  File("/f", "text");
  SyncDir("/");
  Dir("/new");
  Dir("/new/deep");
  Rename("/f", "/new/deep/f");
  SyncDir("/new/deep");
  LosePower();
  EXPECT_EQ(Text("/new/deep/f"), "text");
  EXPECT_EQ(Text("/f"), "-");
}

TEST_F(TreePowerTest, RemovedDirectoryTakesWhatWasMovedOutOfIt) {
  Dir("/old");
  File("/old/f", "text");
  Dir("/new");
  tree_.SyncAll();
  Rename("/old/f", "/new/f");
  Remove("/old");
  SyncDir("/");
  LosePower();
  EXPECT_EQ(At("/old"), nullptr);
  EXPECT_EQ(Text("/new/f"), "text");
}

TEST_F(TreePowerTest, DirectoryWithoutANameIsGoneWithAllInIt) {
  Dir("/d");
  File("/d/f", "text");
  SyncDir("/d");
  LosePower();
  EXPECT_EQ(At("/d"), nullptr);
  EXPECT_EQ(tree_.inode_count(), 1U);
}

TEST_F(TreePowerTest, OpenFilesLoseTheirNames) {
  const InodePtr file = File("/f", "text");
  file->lock.exclusive = file.get();
  LosePower();
  EXPECT_EQ(file->links(), 0U);
  EXPECT_EQ(file->lock.exclusive, nullptr);
  EXPECT_EQ(tree_.inode_count(), 2U);
}

TEST_F(TreePowerTest, VolatileTreeLosesAll) {
  Tree tree(Durability::kVolatile, Kind(sys::FileType::kDirectory));
  EXPECT_EQ(tree.Link(tree.root(), "f", tree.Make(Kind(sys::FileType::kRegular))), 0);
  tree.SyncAll();
  tree.LosePower(Unsynced::kKept, random_);
  EXPECT_TRUE(tree.root()->entries().empty());
  EXPECT_EQ(tree.inode_count(), 1U);
}

// Random changes, and any part of them kept: what comes back is a tree, and a file whose name was
// synced and that was only moved since has exactly one name.
TEST_F(TreePowerTest, AnyChoiceOfChangesGivesATree) {
  std::mt19937_64 dice(7);
  for (int round = 0; round < 300; ++round) {
    Tree tree(Durability::kRecorded, Kind(sys::FileType::kDirectory));
    std::vector<InodePtr> directories = {tree.root()};
    std::vector<InodePtr> files;
    for (int i = 0; i < 6; ++i) {
      const InodePtr directory = tree.Make(Kind(sys::FileType::kDirectory));
      EXPECT_EQ(
          tree.Link(directories[dice() % directories.size()], absl::StrCat("d", i), directory), 0);
      directories.push_back(directory);
      files.push_back(tree.Make(Kind(sys::FileType::kRegular)));
      EXPECT_EQ(tree.Link(directory, absl::StrCat("f", i), files.back()), 0);
    }
    tree.SyncAll();
    for (int step = 0; step < 40; ++step) {
      const InodePtr from = directories[dice() % directories.size()];
      const InodePtr to = directories[dice() % directories.size()];
      if (dice() % 8 == 0 && from->links() != 0) tree.SyncDirectory(*from);
      if (from->entries().empty()) {
        if (from != tree.root() && from->links() != 0) {
          EXPECT_EQ(tree.Unlink(from->parent(), std::string(from->last_name())), 0);
        }
        continue;
      }
      auto entry = from->entries().begin();
      std::advance(entry, static_cast<long>(dice() % from->entries().size()));
      // A new name each time: nothing is replaced. Some are refused, which is fine.
      tree.Rename({from, entry->first}, {to, absl::StrCat("n", step)});
    }
    tree.LosePower(round % 2 == 0 ? Unsynced::kSomeKept : Unsynced::kLost, dice);
    const std::vector<InodePtr> reachable = tree.Reachable();
    const std::set<InodePtr> found(reachable.begin(), reachable.end());
    for (const InodePtr& file : files) {
      EXPECT_EQ(file->links(), 1U) << "round " << round;
      EXPECT_EQ(found.count(file), 1U) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace dmkit::model
