// SPDX-License-Identifier: Apache-2.0
// Changes and exports of what only root can make: owners, device nodes, capabilities. On the model
// here, on real kernels in the guest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/archive/changes.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/round_trip.h"
#include "driver/archive/test_archive.h"
#include "driver/archive/test_tree.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "testing/cases/kernel.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FileType;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// CAP_NET_RAW, effective and permitted, as the kernel keeps it: revision 2.
const std::string kCapability(
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00",
    20);

class ArchiveVmTest : public ::testing::Test {
 protected:
  ArchiveVmTest()
      : kernel_(cases::StartKernel()),
        dir_(Make(*kernel_->host().root, Path())),
        older_(Make(*dir_, "a")),
        newer_(Make(*dir_, "b")) {}
  ~ArchiveVmTest() override {
    TestTree all(*kernel_->host().root->OpenDir("/"));
    all.Remove(Path());
  }

  std::string Path() const {
    return absl::StrCat(kernel_->Dir(), "/archive-",
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  static std::unique_ptr<sys::Dir> Make(sys::Dir& in, const std::string& path) {
    EXPECT_THAT(sys::MakeDirs(in, path, 0755), IsOk());
    return *in.OpenDir(path);
  }
  std::vector<std::string> Changes() { return ListChanges(newer_.dir(), &older_.dir()); }
  TestArchive Export() {
    sys::StringSink sink;
    EXPECT_THAT(ExportChanges(newer_.dir(), &older_.dir(), ArchiveOptions(), sink), IsOk());
    TestArchive archive = ReadTestArchive(sink.data());
    EXPECT_EQ(archive.error, "");
    return archive;
  }
  void BothFile(const std::string& name) {
    older_.File(name, "x");
    newer_.File(name, "x");
  }

  std::unique_ptr<cases::Kernel> kernel_;
  std::unique_ptr<sys::Dir> dir_;
  TestTree older_;
  TestTree newer_;
};

TEST_F(ArchiveVmTest, OwnersCount) {
  for (const char* name : {"group", "same", "user"}) BothFile(name);
  ASSERT_THAT(newer_.dir().SetOwner("user", 1, 0), IsOk());
  ASSERT_THAT(newer_.dir().SetOwner("group", 0, 1), IsOk());
  EXPECT_THAT(Changes(), ElementsAre("C /group", "C /user"));
}

TEST_F(ArchiveVmTest, DeviceNumbersAndTimesOfNodesCount) {
  for (const char* name : {"number", "same", "time"}) {
    older_.Node(name, FileType::kBlockDevice, {8, 1});
    newer_.Node(name, FileType::kBlockDevice, {8, 1});
  }
  newer_.Remove("number");
  newer_.Node("number", FileType::kBlockDevice, {8, 2});
  newer_.Touch("time", TestTree::Epoch() + absl::Seconds(1));
  EXPECT_THAT(Changes(), ElementsAre("C /number", "C /time"));
}

TEST_F(ArchiveVmTest, NodesAndOwnersAreExportedAsNumbers) {
  newer_.Node("char", FileType::kCharDevice, {5, 1048575});
  newer_.Node("block", FileType::kBlockDevice, {4095, 0});
  ASSERT_THAT(newer_.dir().SetOwner("char", 4000000000, 70000), IsOk());
  const TestArchive archive = Export();
  ASSERT_THAT(archive.Names(), ElementsAre("block", "char"));
  const TestEntry& node = archive.entries[1];
  EXPECT_EQ(node.type, static_cast<uint32_t>(AE_IFCHR));
  EXPECT_EQ(node.major, 5);
  EXPECT_EQ(node.minor, 1048575);
  EXPECT_EQ(node.uid, 4000000000);
  EXPECT_EQ(node.gid, 70000);
  EXPECT_EQ(node.owner_names, "");
  EXPECT_EQ(archive.entries[0].major, 4095);
}

TEST_F(ArchiveVmTest, CapabilitiesAreComparedAndExportedAsTheyAre) {
  BothFile("gained");
  BothFile("kept");
  ASSERT_THAT(newer_.dir().SetXattr("gained", "security.capability", kCapability), IsOk());
  for (TestTree* tree : {&older_, &newer_}) {
    ASSERT_THAT(tree->dir().SetXattr("kept", "security.capability", kCapability), IsOk());
  }
  EXPECT_THAT(Changes(), ElementsAre("C /gained"));
  EXPECT_THAT(Export().Find("gained")->xattrs,
              ElementsAre(Pair("security.capability", kCapability)));
}

TEST_F(ArchiveVmTest, XattrsOfDirectoriesAndLinksCount) {
  for (TestTree* tree : {&older_, &newer_}) {
    tree->Directory("d");
    tree->Symlink("l", "target");
  }
  ASSERT_THAT(newer_.dir().SetXattr("d", "trusted.a", "1"), IsOk());
  ASSERT_THAT(newer_.dir().SetXattr("l", "trusted.a", "2"), IsOk());
  EXPECT_THAT(Changes(), ElementsAre("C /d", "C /l"));
  EXPECT_THAT(Export().Find("l")->xattrs, ElementsAre(Pair("trusted.a", "2")));
}

TEST_F(ArchiveVmTest, ATreeBesideItselfHasNoChanges) {
  RandomTree random(newer_, 7, /*as_root=*/true);
  random.Grow(40);
  const auto again = dir_->OpenDir("b");
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(ListChanges(newer_.dir(), again->get()), IsEmpty());
}

TEST_F(ArchiveVmTest, AnExportAppliedToACopyOfTheParentIsTheLayer) {
  for (uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed) {
    RoundTrip trip = RoundTrip::InDirectories(*dir_, seed * 1000, /*as_root=*/true);
    trip.Check();
    RoundTrip::Clean(*dir_);
  }
}

}  // namespace
}  // namespace dmkit::driver
