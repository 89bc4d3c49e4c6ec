// SPDX-License-Identifier: Apache-2.0
// Tests of which names of one file become links.

#include "driver/archive/link_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "sys/host.h"

namespace dmkit::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

sys::FileStat File(uint64_t inode, uint64_t links) {
  sys::FileStat stat;
  stat.inode = inode;
  stat.links = links;
  return stat;
}

TEST(LinkGroupsTest, TheFirstWrittenNameHasTheContents) {
  LinkGroups groups;
  EXPECT_EQ(groups.Write("/a", File(1, 3)).first, "/a");
  EXPECT_EQ(groups.Write("/b", File(2, 2)).first, "/b");
  EXPECT_EQ(groups.Write("/c", File(1, 3)).first, "/a");
}

TEST(LinkGroupsTest, PassedNamesComeWithTheFirstWrittenOne) {
  LinkGroups groups;
  EXPECT_TRUE(groups.Pass("/a", File(1, 4)));
  EXPECT_TRUE(groups.Pass("/b", File(1, 4)));
  const LinkGroups::Place place = groups.Write("/c", File(1, 4));
  EXPECT_EQ(place.first, "/c");
  EXPECT_THAT(place.earlier, ElementsAre("/a", "/b"));
  EXPECT_THAT(groups.Write("/d", File(1, 4)).earlier, IsEmpty());
}

TEST(LinkGroupsTest, AfterAWrittenNameNoneIsPassed) {
  LinkGroups groups;
  groups.Write("/a", File(1, 2));
  EXPECT_FALSE(groups.Pass("/b", File(1, 2)));
  EXPECT_EQ(groups.Write("/b", File(1, 2)).first, "/a");
}

TEST(LinkGroupsTest, AFileIsForgottenWithItsLastName) {
  LinkGroups groups;
  groups.Write("/a", File(1, 2));
  groups.Write("/b", File(1, 2));
  EXPECT_EQ(groups.Write("/c", File(1, 2)).first, "/c");
}

TEST(LinkGroupsTest, NamesThatMoveBetweenFilesAreSeen) {
  LinkGroups groups;
  EXPECT_FALSE(groups.Moved(File(1, 2), File(11, 2)));
  EXPECT_FALSE(groups.Moved(File(1, 2), File(11, 2)));
  EXPECT_TRUE(groups.Moved(File(2, 2), File(11, 2))) << "was one file with the first";
  EXPECT_TRUE(groups.Moved(File(1, 2), File(12, 2))) << "is one file with the first";
  EXPECT_FALSE(groups.Moved(File(3, 2), File(13, 2)));
}

TEST(LinkGroupsTest, TheSameNumberOnAnotherFilesystemIsAnotherFile) {
  LinkGroups groups;
  sys::FileStat other = File(1, 2);
  other.device = {8, 1};
  groups.Write("/a", File(1, 2));
  EXPECT_EQ(groups.Write("/b", other).first, "/b");
}

}  // namespace
}  // namespace dmkit::driver
