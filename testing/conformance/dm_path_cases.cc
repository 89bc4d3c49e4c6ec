// SPDX-License-Identifier: Apache-2.0
// How a table names a device: numbers, paths, and on 6.1 the names of the boot command line.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmPath : public DmTest {
 protected:
  void SetUp() override {
    DmTest::SetUp();
    ASSERT_EQ(Create("a"), 0);
    disk_ = Device(64);
  }
  int Load(absl::string_view path) {
    return DmTest::Load("a", 8, "linear", absl::StrCat(path, " 0"));
  }
  // The number that the inactive table has its device under.
  std::string Loaded() {
    const Lines lines = Table("a", DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG);
    return lines.empty() ? "" : lines[0];
  }
  std::string Expected() { return absl::StrCat("0 8 linear ", disk_.number, " 0"); }

  ScratchDevice disk_;
};

TEST_F(DmPath, NumberIsAPairOfDecimals) {
  EXPECT_EQ(Load(disk_.number), 0);
  EXPECT_EQ(Load(absl::StrFormat("00%u:00%u", disk_.device.major, disk_.device.minor)), 0);
  EXPECT_EQ(Loaded(), Expected());
}

TEST_F(DmPath, NumberIsCutTo32Bits) {
  EXPECT_EQ(Load(absl::StrCat((uint64_t{1} << 32) + disk_.device.major, ":", disk_.device.minor)),
            0);
  EXPECT_EQ(Loaded(), Expected());
}

TEST_F(DmPath, MissingNumberGivesEnxio) {
  EXPECT_EQ(Load("240:0"), -ENXIO);
  EXPECT_EQ(Load("0:0"), -ENXIO);
  EXPECT_EQ(Load("4095:1048575"), -ENXIO);
}

TEST_F(DmPath, NumberOutOfRangeGivesEoverflow) {
  EXPECT_EQ(Load("4096:0"), -EOVERFLOW);
  EXPECT_EQ(Load("0:1048576"), -EOVERFLOW);
}

TEST_F(DmPath, NumberWithMoreBehindItIsAPath) {
  EXPECT_EQ(Load(disk_.number + "x"), is_6_1() ? -ENODEV : -ENOENT);
}

TEST_F(DmPath, PathOfABlockDeviceIsTaken) {
  EXPECT_EQ(Load(disk_.path), 0);
  EXPECT_EQ(Loaded(), Expected());
}

TEST_F(DmPath, SymbolicLinkIsFollowed) {
  const std::string link = "/dev/conformance-link";
  ASSERT_TRUE(host().root->MakeSymlink(disk_.path, link).ok());
  EXPECT_EQ(Load(link), 0);
  EXPECT_TRUE(host().root->Unlink(link).ok());
  EXPECT_EQ(Loaded(), Expected());
}

TEST_F(DmPath, MissingPathGivesEnodevAndSince612Enoent) {
  EXPECT_EQ(Load("/dev/nosuch"), is_6_1() ? -ENODEV : -ENOENT);
  EXPECT_EQ(Load("nosuch"), is_6_1() ? -ENODEV : -ENOENT);
}

TEST_F(DmPath, PathOfAnythingElseGivesEnodevAndSince612Enotblk) {
  EXPECT_EQ(Load("/dev/null"), is_6_1() ? -ENODEV : -ENOTBLK);
  EXPECT_EQ(Load("/dev"), is_6_1() ? -ENODEV : -ENOTBLK);
}

TEST_F(DmPath, HexadecimalNumbersWorkOn61) {
  const std::string hex =
      absl::StrFormat("%x", EncodeDevice(disk_.device.major, disk_.device.minor));
  EXPECT_EQ(Load(hex), is_6_1() ? 0 : -ENOENT);
  EXPECT_EQ(Loaded(), is_6_1() ? Expected() : "");
}

TEST_F(DmPath, NumberWithAnOffsetWorksOn61) {
  EXPECT_EQ(Load(disk_.number + ":3:"), is_6_1() ? 0 : -ENOENT);
  EXPECT_EQ(Loaded(), is_6_1() ? Expected() : "");
}

TEST_F(DmPath, NameOfADiskWorksOn61WithoutItsNode) {
  Activate("b", 64, "zero", "");
  const std::string node = Node("b");
  ASSERT_TRUE(host().root->Unlink(node).ok());
  EXPECT_EQ(Load(node), is_6_1() ? 0 : -ENOENT);
}

TEST_F(DmPath, NodeOnAMountWithoutDevicesGivesEnodevAndSince612Eacces) {
  const std::string directory = machine().Directory() + "/nodev";
  ASSERT_TRUE(host().root->MakeDir(directory, 0700).ok());
  sys::MountRequest request;
  request.source = "none";
  request.target = directory;
  request.filesystem = "tmpfs";
  request.flags = 4;  // MS_NODEV
  {
    const auto mount = host().mounts->Mount(request);
    ASSERT_TRUE(mount.ok()) << mount.status();
    const absl::Status made =
        (*mount)->MakeNode("disk", sys::FileType::kBlockDevice, disk_.device, 0600);
    EXPECT_TRUE(made.ok()) << made;
    EXPECT_EQ(Load(directory + "/disk"), is_6_1() ? -ENODEV : -EACCES);
  }
  EXPECT_TRUE(host().mounts->Unmount(directory, sys::UnmountMode::kNormal).ok());
  EXPECT_TRUE(host().root->RemoveDir(directory).ok());
}

TEST_F(DmPath, NumberOfALoopDeviceThatIsNotThereMakesIt) {
  EXPECT_EQ(Load("7:77"), 0);
  EXPECT_TRUE(host().root->Stat("/dev/loop77").ok());
  ASSERT_EQ(Remove("a"), 0);
  constexpr unsigned long kLoopRemove = 0x4C81;
  const auto loops = Open("/dev/loop-control", sys::Access::kReadWrite);
  EXPECT_TRUE(loops->IoctlValue(kLoopRemove, 77).ok());
}

TEST_F(DmPath, PartitionLabelIsNotFound) {
  EXPECT_EQ(Load("PARTUUID=12345678-01"), is_6_1() ? -ENODEV : -ENOENT);
}

}  // namespace
}  // namespace dmkit::conformance
