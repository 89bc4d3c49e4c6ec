// SPDX-License-Identifier: Apache-2.0
// Stores cut off while they were written, on real filesystems: what was synced is there, and the
// store is as it was.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "driver/docker/import_vm_fixture.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::Contains;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::Not;
using ::testing::Optional;

class JournalTest : public ImportVmTest {
 protected:
  // The line of /proc/mounts for the layer's mount.
  std::string MountLine(const std::string& layer) {
    const auto mounts = host().root->OpenFile("/proc/self/mounts", sys::OpenOptions{});
    EXPECT_THAT(mounts, IsOk());
    std::string text(1 << 16, '\0');
    const auto length = (*mounts)->ReadAt(0, absl::MakeSpan(text));
    EXPECT_THAT(length, IsOk());
    text.resize(*length);
    for (const auto line : absl::StrSplit(text, '\n')) {
      if (absl::StrContains(line, absl::StrCat("/mnt/", layer, " "))) return std::string(line);
    }
    return "";
  }

  void RunCutOff(const std::vector<std::string>& options, const std::string& clean_word) {
    Driver& made = OpenMade(options);
    MakeLayers(made);
    const std::string path = MustGet(made, "bbbb");
    ASSERT_THAT(host().root->MakeDir(path + "/new", 0755), IsOk());
    for (int i = 0; i < 20; ++i) {
      Write(absl::StrCat(path, "/new/synced-", i), std::string(5000, 's'));
    }
    ToDocker(made, LeftBy::kPowerCut);

    const auto before = Fingerprint(docker());
    Import(Options());
    Driver& driver = Open(Options().root);
    const std::string cut_off = MustGet(driver, "bbbb");
    EXPECT_THAT(DeviceNames(), Contains(EndsWith("-.overlay-bbbb")));
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(Read(cut_off, absl::StrCat("new/synced-", i)), Optional(std::string(5000, 's')));
    }
    EXPECT_THAT(host().root->MakeDir(cut_off + "/more", 0755), FailsWithErrno(EROFS));
    // The scratch file has no name.
    const auto mount_points = host().root->List(Options().root + "/mnt");
    ASSERT_THAT(mount_points, IsOk());
    EXPECT_EQ(mount_points->size(), 1u);

    const std::string clean = MustGet(driver, "aaaa");
    EXPECT_THAT(Read(clean, "name"), Optional(std::string("aaaa")));
    EXPECT_THAT(MountLine("aaaa"), ::testing::HasSubstr(clean_word));
    EXPECT_THAT(DeviceNames(), Not(Contains(EndsWith("-.overlay-aaaa"))));

    EXPECT_THAT(driver.Put("bbbb", false), IsOk());
    EXPECT_THAT(DeviceNames(), Each(Not(EndsWith("bbbb"))));
    // And once more, from the start.
    EXPECT_THAT(Read(MustGet(driver, "bbbb"), "new/synced-19"), Optional(std::string(5000, 's')));
    Close();
    EXPECT_EQ(Fingerprint(docker()), before);
  }
};

TEST_F(JournalTest, Ext4ThatWasCutOffShowsWhatWasSynced) { RunCutOff({}, "norecovery"); }

TEST_F(JournalTest, XfsThatWasCutOffShowsWhatWasSynced) {
  RunCutOff({"dm.fs=xfs", "dm.basesize=320M", "dm.loopdatasize=512M"}, "norecovery");
}

}  // namespace
}  // namespace dmkit::driver
