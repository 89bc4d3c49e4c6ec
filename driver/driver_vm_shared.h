// SPDX-License-Identifier: Apache-2.0
// Steps and checks of the test-suite that Docker runs against every graph driver: trees with known
// modes, owners and contents, put into layers and looked for again.

#ifndef DMKIT_DRIVER_DRIVER_VM_SHARED_H_
#define DMKIT_DRIVER_DRIVER_VM_SHARED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/driver_vm_fixture.h"

namespace dmkit::driver {

class SharedSuiteTest : public DriverVmTest {
 protected:
  // What a file or directory is, as the suite compares it.
  struct Facts {
    sys::FileType type;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    friend bool operator==(const Facts& a, const Facts& b) {
      return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid;
    }
    friend void PrintTo(const Facts& facts, std::ostream* out) {
      *out << "type " << static_cast<int>(facts.type) << " mode " << std::oct << facts.mode
           << std::dec << " owner " << facts.uid << ":" << facts.gid;
    }
  };
  static constexpr Facts kEmptyRoot = {sys::FileType::kDirectory, 0755, 0, 0};

  // Gets the layer, does something in its rootfs, and puts it.
  void In(const std::string& id, const std::function<void(sys::Dir& rootfs)>& work) {
    auto path = driver_->Get(id);
    ASSERT_TRUE(path.ok()) << path.status();
    {
      auto rootfs = host().root->OpenDir(*path);
      ASSERT_TRUE(rootfs.ok()) << rootfs.status();
      work(**rootfs);
    }
    ASSERT_THAT(driver_->Put(id, false), sys::IsOk());
  }
  void Make(const std::string& id, const std::string& parent) {
    CreateOptions options;
    options.parent = parent;
    ASSERT_THAT(driver_->Create(id, options), sys::IsOk());
  }

  static Facts FactsOf(sys::Dir& dir, const std::string& name) {
    const auto stat = dir.StatLink(name);
    EXPECT_TRUE(stat.ok()) << stat.status();
    if (!stat.ok()) return {};
    return {stat->type, stat->mode, stat->uid, stat->gid};
  }
  static std::vector<std::string> Names(sys::Dir& dir, const std::string& name = ".") {
    const auto entries = dir.List(name);
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> names;
    if (!entries.ok()) return names;
    for (const sys::DirEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  static void Put(sys::Dir& dir, const std::string& name, const std::string& contents) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = dir.OpenFile(name, options);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_THAT((*file)->Truncate(0), sys::IsOk());
    ASSERT_THAT((*file)->WriteAt(0, contents), sys::IsOk());
  }
  static std::string Text(sys::Dir& dir, const std::string& name) {
    const auto contents = sys::ReadFile(dir, name, 1 << 20);
    return contents.ok() ? *contents : contents.status().ToString();
  }
  // The same bytes for the same seed.
  static std::string Bytes(uint64_t seed, size_t size = 64) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }

  // A layer with one directory and one file of odd modes and owners.
  void MakeBase(const std::string& id) {
    Make(id, "");
    In(id, [](sys::Dir& rootfs) {
      ASSERT_THAT(rootfs.MakeDir("a subdir", 0705), sys::IsOk());
      ASSERT_THAT(rootfs.SetOwner("a subdir", 1, 2), sys::IsOk());
      ASSERT_THAT(rootfs.SetMode("a subdir", 01705), sys::IsOk());
      Put(rootfs, "a file", "Some data");
      ASSERT_THAT(rootfs.SetMode("a file", 04222), sys::IsOk());
    });
  }
  static void ExpectBase(sys::Dir& rootfs) {
    EXPECT_THAT(Names(rootfs), ::testing::ElementsAre("a file", "a subdir"));
    EXPECT_EQ(FactsOf(rootfs, "a subdir"), (Facts{sys::FileType::kDirectory, 01705, 1, 2}));
    EXPECT_EQ(FactsOf(rootfs, "a file"), (Facts{sys::FileType::kRegular, 04222, 0, 0}));
    EXPECT_EQ(Text(rootfs, "a file"), "Some data");
  }
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DRIVER_VM_SHARED_H_
