// SPDX-License-Identifier: Apache-2.0
// Tests of what no comparison with this machine can show: which calls move ctime, who may do what
// with extended attributes, and what a power loss leaves of them.

#include <sys/mount.h>

#include <cerrno>

#include "testing/model/files/vfs_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class VfsTreeTest : public VfsTest {
 protected:
  absl::Time Changed(absl::string_view path) { return root().StatLink(path)->changed; }
  absl::Time Modified(absl::string_view path) { return root().StatLink(path)->modified; }
  // Which of "cm" (ctime, mtime) of `path` a call moves.
  template <typename Call>
  std::string Moves(absl::string_view path, Call call) {
    const absl::Time changed = Changed(path);
    const absl::Time modified = Modified(path);
    EXPECT_THAT(call(), sys::IsOk());
    EXPECT_GE(Changed(path), changed);
    return absl::StrCat(Changed(path) != changed ? "c" : "", Modified(path) != modified ? "m" : "");
  }
};

TEST_F(VfsTreeTest, EveryChangeMovesCtimeAndSomeMtime) {
  Put("/f", "x");
  EXPECT_THAT(root().MakeDir("/d", 0755), sys::IsOk());
  const absl::Time past = absl::UnixEpoch();
  EXPECT_EQ(Moves("/f", [&] { return Open("/f", Writing())->WriteAt(0, "y"); }), "cm");
  EXPECT_EQ(Moves("/f", [&] { return Open("/f", Writing())->Truncate(5); }), "cm");
  EXPECT_EQ(Moves("/f", [&] { return root().SetMode("/f", 0600); }), "c");
  EXPECT_EQ(Moves("/f", [&] { return root().SetOwner("/f", 1, 1); }), "c");
  EXPECT_EQ(Moves("/f", [&] { return root().SetTimes("/f", past, past); }), "cm");
  EXPECT_EQ(Moves("/f", [&] { return root().SetTimes("/f", past, past); }), "c");
  EXPECT_EQ(Moves("/f", [&] { return root().SetXattr("/f", "user.a", "v"); }), "c");
  EXPECT_EQ(Moves("/f", [&] { return root().RemoveXattr("/f", "user.a"); }), "c");
  EXPECT_EQ(Moves("/f", [&] { return root().MakeLink("/f", "/d/g"); }), "c");
  EXPECT_EQ(Moves("/d/g", [&] { return root().Unlink("/f"); }), "c");
  EXPECT_EQ(Moves("/d", [&] { return root().MakeLink("/d/g", "/d/h"); }), "cm");
  for (const char* same : {"/d/g", "/d/h"}) {
    EXPECT_EQ(Moves("/d", [&] { return root().Rename("/d/g", same); }), "") << same;
    EXPECT_EQ(Moves("/d/g", [&] { return root().Rename("/d/g", same); }), "") << same;
  }
  EXPECT_EQ(Moves("/d", [&] { return root().Rename("/d/h", "/moved"); }), "cm");
  EXPECT_EQ(Moves("/d/g", [&] { return root().Rename("/moved", "/again"); }), "c");
  EXPECT_EQ(Moves("/d", [&] { return root().MakeDir("/d/sub", 0700); }), "cm");
  EXPECT_EQ(Moves("/d", [&] { return root().RemoveDir("/d/sub"); }), "cm");
  EXPECT_EQ(Moves("/d", [&] { return root().List("/d").status(); }), "");
  EXPECT_EQ(Moves("/d/g", [&] { return root().Stat("/d/g").status(); }), "");
}

TEST_F(VfsTreeTest, OnlyRootSeesTrustedXattrsAndSetsThoseOfSecurity) {
  Put("/tmp/f", "x");
  ASSERT_THAT(root().SetOwner("/tmp/f", 1000, 1000), sys::IsOk());
  ASSERT_THAT(root().SetXattr("/tmp/f", "trusted.a", "v"), sys::IsOk());
  ASSERT_THAT(root().SetXattr("/tmp/f", "security.a", "v"), sys::IsOk());
  EXPECT_THAT(user().ListXattrs("/tmp/f"), sys::IsOkAndHolds(ElementsAre("security.a")));
  EXPECT_EQ(Errno(user().GetXattr("/tmp/f", "trusted.a").status()), ENODATA);
  EXPECT_EQ(Errno(user().SetXattr("/tmp/f", "trusted.a", "w")), EPERM);
  EXPECT_THAT(user().GetXattr("/tmp/f", "security.a"), sys::IsOkAndHolds("v"));
  EXPECT_EQ(Errno(user().SetXattr("/tmp/f", "security.a", "w")), EPERM);
  EXPECT_EQ(Errno(user().RemoveXattr("/tmp/f", "security.a")), EPERM);
  EXPECT_THAT(user().SetXattr("/tmp/f", "user.a", "v"), sys::IsOk());
  ASSERT_THAT(root().SetOwner("/tmp/f", 0, 0), sys::IsOk());
  ASSERT_THAT(root().SetMode("/tmp/f", 0600), sys::IsOk());
  EXPECT_EQ(Errno(user().GetXattr("/tmp/f", "user.a").status()), EACCES);
  EXPECT_EQ(Errno(user().SetXattr("/tmp/f", "user.a", "v")), EACCES);
  EXPECT_EQ(Errno(user().SetXattr("/tmp", "user.a", "v")), EPERM) << "sticky";
  EXPECT_EQ(Errno(user().SetTimes("/tmp/f", absl::UnixEpoch(), absl::UnixEpoch())), EPERM);
}

TEST_F(VfsTreeTest, ChangesOfContentsAndOwnersTakeCapabilitiesAway) {
  Put("/f", "x");
  const auto survives = [&](const std::function<absl::Status()>& call) {
    EXPECT_THAT(root().SetXattr("/f", "security.capability", "any"), sys::IsOk());
    EXPECT_THAT(call(), sys::IsOk());
    return root().GetXattr("/f", "security.capability").ok();
  };
  EXPECT_TRUE(survives([&] { return root().SetMode("/f", 0700); }));
  EXPECT_TRUE(survives([&] { return root().SetXattr("/f", "user.a", "v"); }));
  EXPECT_TRUE(survives([&] { return root().Rename("/f", "/f"); }));
  EXPECT_FALSE(survives([&] { return root().SetOwner("/f", 0, 0); }));
  EXPECT_FALSE(survives([&] { return Open("/f", Writing())->WriteAt(0, "y"); }));
  EXPECT_FALSE(survives([&] { return Open("/f", Writing())->Truncate(0); }));
}

TEST_F(VfsTreeTest, FilesystemsTakeTheXattrsTheyKnow) {
  EXPECT_EQ(Errno(root().SetXattr("/proc", "user.a", "v")), EOPNOTSUPP);
  EXPECT_EQ(Errno(root().GetXattr("/sys", "user.a").status()), EOPNOTSUPP);
  EXPECT_THAT(root().ListXattrs("/proc"), sys::IsOkAndHolds(IsEmpty()));
  Put("/f", "x");
  const std::string list("\2\0\0\0\1\0\7\0\xff\xff\xff\xff", 12);
  EXPECT_THAT(root().SetXattr("/f", "system.posix_acl_access", list), sys::IsOk());
  EXPECT_THAT(root().GetXattr("/f", "system.posix_acl_access"), sys::IsOkAndHolds(list));
  EXPECT_EQ(Errno(root().SetXattr("/f", "system.posix_acl_default", list)), EACCES);
  EXPECT_EQ(Errno(root().SetXattr("/f", "system.posix_acl_access", "x")), EINVAL);
  EXPECT_EQ(Errno(root().SetXattr("/f", "system.posix_acl_access", "\1\1\1\1")), EOPNOTSUPP);
  EXPECT_THAT(root().RemoveXattr("/f", "system.posix_acl_access"), sys::IsOk());
  EXPECT_THAT(root().RemoveXattr("/f", "system.posix_acl_access"), sys::IsOk());
}

TEST_F(VfsTreeTest, AReadOnlyMountTakesNoChange) {
  EXPECT_THAT(Mount("/dev/sda", "/mnt", MS_RDONLY), sys::IsOk());
  EXPECT_EQ(Errno(root().SetXattr("/mnt", "user.a", "v")), EROFS);
  EXPECT_EQ(Errno(root().RemoveXattr("/mnt", "user.a")), EROFS);
  EXPECT_EQ(Errno(root().SetTimes("/mnt", absl::UnixEpoch(), absl::UnixEpoch())), EROFS);
  Put("/f", "x");
  EXPECT_EQ(Errno(root().MakeLink("/f", "/mnt/f")), EROFS);
  EXPECT_EQ(Errno(root().MakeLink("/f", "/tmp/f")), EXDEV);
  EXPECT_EQ(Unmount("/mnt"), 0);
}

TEST_F(VfsTreeTest, APowerLossKeepsSyncedXattrsAndNames) {
  Put("/f", "x");
  EXPECT_THAT(root().SetXattr("/f", "user.kept", "v"), sys::IsOk());
  EXPECT_THAT(root().MakeLink("/f", "/kept"), sys::IsOk());
  EXPECT_THAT(Open("/f", Writing())->Sync(), sys::IsOk());
  EXPECT_THAT((*root().OpenDir("/"))->Sync(), sys::IsOk());
  EXPECT_THAT(root().SetXattr("/f", "user.lost", "v"), sys::IsOk());
  EXPECT_THAT(root().MakeLink("/f", "/lost"), sys::IsOk());
  vfs_.EndProcess(1);
  vfs_.LosePower(Unsynced::kLost);
  vfs_.AddProcess(1, 0);
  EXPECT_THAT(root().ListXattrs("/kept"), sys::IsOkAndHolds(ElementsAre("user.kept")));
  EXPECT_EQ(root().Stat("/f")->links, 2u);
  EXPECT_EQ(Errno(root().Stat("/lost").status()), ENOENT);
}

}  // namespace
}  // namespace dmkit::model
