// SPDX-License-Identifier: Apache-2.0
// The part of Docker's and containers/storage's suite for graph drivers that compares layers,
// exports one and applies it to another. Docker itself never ran it for this driver.

#include <algorithm>
#include <cerrno>

#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/driver_vm_shared.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

class SharedDiffTest : public SharedSuiteTest {
 protected:
  // "C /path", in the order in which they come.
  std::vector<std::string> ChangesOf(const std::string& id, const std::string& parent) {
    std::vector<std::string> lines;
    EXPECT_THAT(
        driver_->Changes(id, parent,
                         [&lines](const Change& change) {
                           lines.push_back(absl::StrCat(std::string(1, ChangeLetter(change.kind)),
                                                        " ", change.path));
                           return absl::OkStatus();
                         }),
        sys::IsOk());
    return lines;
  }
  std::string DiffOf(const std::string& id, const std::string& parent) {
    sys::StringSink archive;
    EXPECT_THAT(driver_->Diff(id, parent, ArchiveOptions(), archive), sys::IsOk());
    return archive.data();
  }
  // The bytes that were applied.
  uint64_t Apply(const std::string& id, const std::string& archive) {
    sys::StringSource source(archive);
    const auto applied = driver_->ApplyDiff(id, ArchiveOptions(), source);
    EXPECT_TRUE(applied.ok()) << applied.status();
    if (!applied.ok()) return 0;
    EXPECT_THAT(applied->warnings, IsEmpty());
    return applied->bytes;
  }

  static std::string FileName(int i) {
    return absl::StrCat("directory-", i / 100 * 100, "/file-", i);
  }
  // Makes or rewrites `count` files, a hundred to a directory.
  static void PutManyFiles(sys::Dir& rootfs, int count, uint64_t seed) {
    for (int i = 0; i < count; ++i) {
      if (i % 100 == 0) {
        const absl::Status made = rootfs.MakeDir(absl::StrCat("directory-", i), 0755);
        ASSERT_TRUE(made.ok() || sys::GetErrno(made) == EEXIST) << made;
      }
      Put(rootfs, FileName(i), Bytes(seed + static_cast<uint64_t>(i)));
    }
  }
  static void ExpectManyFiles(sys::Dir& rootfs, int count, uint64_t seed) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(Text(rootfs, FileName(i)), Bytes(seed + static_cast<uint64_t>(i))) << i;
    }
  }
};

TEST_F(SharedDiffTest, DiffApply) {
  constexpr int kFiles = 250;
  Open();
  Make("bottom", "");
  In("bottom", [](sys::Dir& rootfs) {
    PutManyFiles(rootfs, kFiles, 3);
    Put(rootfs, "file-remove.txt", Bytes(3));
    ASSERT_THAT(rootfs.MakeDir("var", 0755), sys::IsOk());
    ASSERT_THAT(rootfs.MakeDir("var/lib", 0755), sys::IsOk());
  });
  Make("upper", "bottom");
  In("upper", [](sys::Dir& rootfs) {
    PutManyFiles(rootfs, kFiles, 6);
    ASSERT_THAT(rootfs.Unlink("file-remove.txt"), sys::IsOk());
    ASSERT_THAT(rootfs.RemoveDir("var/lib"), sys::IsOk());
  });
  Make("diff", "bottom");
  const auto size = driver_->DiffSize("upper", "");
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_EQ(Apply("diff", DiffOf("upper", "bottom")), size->count());
  In("diff", [](sys::Dir& rootfs) {
    ExpectManyFiles(rootfs, kFiles, 6);
    EXPECT_EQ(sys::GetErrno(rootfs.StatLink("file-remove.txt").status()), ENOENT);
    EXPECT_THAT(Names(rootfs, "var"), IsEmpty());
  });
  EXPECT_THAT(ChangesOf("diff", "upper"), IsEmpty());
}

TEST_F(SharedDiffTest, ADiffWithoutAParentIsTheWholeLayer) {
  Open();
  MakeBase("Base");
  Make("copy", "");
  Apply("copy", DiffOf("Base", ""));
  In("copy", ExpectBase);
  EXPECT_THAT(ChangesOf("copy", "Base"), IsEmpty());
  EXPECT_THAT(ChangesOf("Base", ""), ElementsAre("A /a file", "A /a subdir"));
}

TEST_F(SharedDiffTest, Changes) {
  constexpr int kFiles = 20;
  constexpr uint64_t kSeed = 6;
  Open();
  Make("bottom", "");
  In("bottom", [](sys::Dir& rootfs) { PutManyFiles(rootfs, kFiles, 3); });
  Make("child", "bottom");
  std::vector<std::string> expected = {"C /directory-0"};
  In("child", [&expected](sys::Dir& rootfs) {
    for (int i = 0; i < kFiles; ++i) {
      const std::string added = absl::StrCat("directory-0/file-", kSeed, "-", i);
      if (i % 3 == 0) {
        Put(rootfs, FileName(i), Bytes(kSeed + static_cast<uint64_t>(i)));
        expected.push_back(absl::StrCat("C /", FileName(i)));
      } else if (i % 3 == 1) {
        Put(rootfs, added, Bytes(kSeed));
        expected.push_back(absl::StrCat("A /", added));
      } else {
        ASSERT_THAT(rootfs.Unlink(FileName(i)), sys::IsOk());
        expected.push_back(absl::StrCat("D /", FileName(i)));
      }
    }
  });
  std::sort(expected.begin() + 1, expected.end(),
            [](const std::string& a, const std::string& b) { return a.substr(2) < b.substr(2); });
  EXPECT_THAT(ChangesOf("child", "bottom"), ElementsAreArray(expected));
  EXPECT_THAT(ChangesOf("bottom", "bottom"), IsEmpty());
}

TEST_F(SharedDiffTest, CreateFromTemplate) {
  Open();
  Make("bottom", "");
  Make("template", "bottom");
  In("template", [](sys::Dir& rootfs) { Put(rootfs, "file", Bytes(5)); });
  for (const char* const id : {"first", "second"}) {
    Make(id, "template");
    EXPECT_THAT(ChangesOf(id, "template"), IsEmpty());
    EXPECT_THAT(ChangesOf(id, "bottom"), ElementsAre("A /file"));
    In(id, [](sys::Dir& rootfs) { EXPECT_EQ(Text(rootfs, "file"), Bytes(5)); });
  }
}

// Ten directories in each other. For each depth: a layer without what lies below it, and one that
// has it again, all three mounted at once.
class EchoTest : public SharedDiffTest {
 protected:
  static constexpr int kDepth = 10;

  // "/1/2/3" of depth 3.
  static std::string PathOf(int depth) {
    std::string path;
    for (int i = 1; i <= depth; ++i) absl::StrAppend(&path, "/", i);
    return path;
  }
  static std::string NameOf(int depth) { return PathOf(depth).substr(1); }
  static void MakeFrom(sys::Dir& rootfs, int depth) {
    for (int i = depth; i <= kDepth; ++i) {
      ASSERT_THAT(rootfs.MakeDir(NameOf(i), 0755), sys::IsOk());
    }
  }
  static void RemoveFrom(sys::Dir& rootfs, int depth) {
    for (int i = kDepth; i >= depth; --i) {
      ASSERT_THAT(rootfs.RemoveDir(NameOf(i)), sys::IsOk());
    }
  }
  static std::vector<std::string> AncestorsOf(int depth) {
    std::vector<std::string> lines;
    for (int i = 1; i < depth; ++i) lines.push_back(absl::StrCat("C ", PathOf(i)));
    return lines;
  }
};

TEST_F(EchoTest, ARemovedTreeComesBackInTheNextLayer) {
  Driver& driver = Open();
  for (int depth = 1; depth <= kDepth; ++depth) {
    const std::vector<std::string> ids = {absl::StrCat("base-", depth),
                                          absl::StrCat("second-", depth),
                                          absl::StrCat("third-", depth)};
    Make(ids[0], "");
    In(ids[0], [](sys::Dir& rootfs) { MakeFrom(rootfs, 1); });
    Make(ids[1], ids[0]);
    In(ids[1], [depth](sys::Dir& rootfs) { RemoveFrom(rootfs, depth); });
    Make(ids[2], ids[1]);
    In(ids[2], [depth](sys::Dir& rootfs) { MakeFrom(rootfs, depth); });
    for (const std::string& id : ids) ASSERT_THAT(driver.Get(id), sys::IsOk());
    std::vector<std::string> removed = AncestorsOf(depth);
    removed.push_back(absl::StrCat("D ", PathOf(depth)));
    EXPECT_THAT(ChangesOf(ids[1], ids[0]), ElementsAreArray(removed));
    std::vector<std::string> added = AncestorsOf(depth);
    for (int i = depth; i <= kDepth; ++i) added.push_back(absl::StrCat("A ", PathOf(i)));
    EXPECT_THAT(ChangesOf(ids[2], ids[1]), ElementsAreArray(added));
    for (const std::string& id : ids) ASSERT_THAT(driver.Put(id, false), sys::IsOk());
  }
}

}  // namespace
}  // namespace dmkit::driver
