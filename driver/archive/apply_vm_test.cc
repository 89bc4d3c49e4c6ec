// SPDX-License-Identifier: Apache-2.0
// What only root can apply: owners, device nodes, capabilities. On the model here, on real kernels
// in the guest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "driver/archive/apply.h"
#include "driver/archive/options.h"
#include "driver/archive/rooted_tree.h"
#include "driver/archive/testdata/tar_builder.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "testing/cases/kernel.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;

// CAP_NET_RAW, effective and permitted, as the kernel keeps it: revision 2.
const std::string kCapability(
    "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00",
    20);

class ApplyVmTest : public ::testing::Test {
 protected:
  ApplyVmTest() : kernel_(cases::StartKernel()), host_(kernel_->host()) {
    EXPECT_THAT(sys::MakeDirs(*host_.host().root, Path(), 0755), IsOk());
    root_ = *host_.host().root->OpenDir(Path());
  }
  ~ApplyVmTest() override {
    const std::unique_ptr<sys::Dir> above = *host_.host().root->OpenDir(kernel_->Dir());
    EXPECT_THAT(RootedTree(*above).Remove(*above, Name()), IsOk());
  }

  static std::string Name() {
    return absl::StrCat("apply-", ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  std::string Path() const { return absl::StrCat(kernel_->Dir(), "/", Name()); }
  absl::StatusOr<ApplyResult> Apply(const TarBuilder& archive) {
    sys::StringSource in(archive.Finish());
    return ApplyArchive(*root_, in, ArchiveOptions{});
  }
  sys::FileStat Stat(const std::string& path) {
    const auto stat = root_->StatLink(path);
    EXPECT_THAT(stat, IsOk()) << path;
    return stat.ok() ? *stat : sys::FileStat{};
  }

  std::unique_ptr<cases::Kernel> kernel_;
  sys::FaultyHost host_;
  std::unique_ptr<sys::Dir> root_;
};

TarItem Item(std::string name, char type = '0') {
  TarItem item;
  item.name = std::move(name);
  item.type = type;
  item.pax = {{"uid", "4000000000"}, {"gid", "70000"}};
  return item;
}

TEST_F(ApplyVmTest, OwnersAreNumbersAndLeaveTheModeAlone) {
  TarItem file = Item("f");
  file.mode = 06755;
  file.pax.emplace_back("uname", "root");
  TarItem link = Item("l", '2');
  link.link = "f";
  TarItem dir = Item("d", '5');
  dir.mode = 03777;
  EXPECT_THAT(Apply(TarBuilder().Add(file).Add(link).Add(dir).Add(Item("p", '6'))), IsOk());
  for (const char* name : {"f", "l", "d", "p"}) {
    EXPECT_EQ(Stat(name).uid, 4000000000u) << name;
    EXPECT_EQ(Stat(name).gid, 70000u) << name;
  }
  EXPECT_EQ(Stat("f").mode, 06755u);
  EXPECT_EQ(Stat("d").mode, 03777u);
}

TEST_F(ApplyVmTest, ACapabilityOutlivesTheChangeOfOwner) {
  TarItem file = Item("f");
  file.data = "data";
  file.pax.emplace_back("SCHILY.xattr.security.capability", kCapability);
  EXPECT_THAT(Apply(TarBuilder().Add(file).HardLink("g", "f")), IsOk());
  EXPECT_THAT(root_->GetXattr("f", "security.capability"), IsOkAndHolds(kCapability));
  EXPECT_THAT(root_->GetXattr("g", "security.capability"), IsOkAndHolds(kCapability));
  EXPECT_EQ(Stat("f").uid, 4000000000u);
}

TEST_F(ApplyVmTest, DeviceNodesAreMadeInThePlaceOfWhatWasThere) {
  TarItem character = Item("c", '3');
  character.device_major = 5;
  character.device_minor = 1048575;
  character.mode = 0620;
  TarItem block = Item("b", '4');
  block.device_major = 4095;
  EXPECT_THAT(Apply(TarBuilder()
                        .File("c", "a file")
                        .Symlink("b", "c")
                        .Add(character)
                        .Add(block)
                        .Add(Item("zero", '3'))),
              IsOk());
  EXPECT_EQ(Stat("c").type, sys::FileType::kCharDevice);
  EXPECT_EQ(Stat("c").rdevice, (sys::DeviceNumber{5, 1048575}));
  EXPECT_EQ(Stat("c").mode, 0620u);
  EXPECT_EQ(Stat("b").type, sys::FileType::kBlockDevice);
  EXPECT_EQ(Stat("b").rdevice, (sys::DeviceNumber{4095, 0}));
  EXPECT_EQ(Stat("zero").rdevice, (sys::DeviceNumber{0, 0}));
  // What is written to the name does not go to the device.
  EXPECT_THAT(Apply(TarBuilder().File("b", "data").File("c", "data")), IsOk());
  EXPECT_EQ(Stat("b").type, sys::FileType::kRegular);
  EXPECT_EQ(Stat("c").type, sys::FileType::kRegular);
}

TEST_F(ApplyVmTest, XattrsOfLinksAndDirectoriesAreSet) {
  TarItem link = Item("l", '2');
  link.link = "nowhere";
  link.pax = {{"SCHILY.xattr.trusted.a", "1"}};
  TarItem dir = Item("d", '5');
  dir.pax = {{"SCHILY.xattr.trusted.b", std::string("2\0", 2)}};
  EXPECT_THAT(Apply(TarBuilder().Add(link).Add(dir)), IsOk());
  EXPECT_THAT(root_->GetXattr("l", "trusted.a"), IsOkAndHolds("1"));
  EXPECT_THAT(root_->GetXattr("d", "trusted.b"), IsOkAndHolds(std::string("2\0", 2)));
  dir.pax = {{"SCHILY.xattr.trusted.c", "3"}};
  EXPECT_THAT(Apply(TarBuilder().Add(dir)), IsOk());
  EXPECT_THAT(root_->ListXattrs("d"), IsOkAndHolds(ElementsAre("trusted.c")));
}

TEST_F(ApplyVmTest, MadeDirectoriesBelongToRootWhateverIsAround) {
  TarItem around = Item("d", '5');
  around.mode = 02755;
  EXPECT_THAT(Apply(TarBuilder().Add(around).File("d/e/f/g")), IsOk());
  for (const char* name : {"d/e", "d/e/f"}) {
    EXPECT_EQ(Stat(name).uid, 0u) << name;
    EXPECT_EQ(Stat(name).gid, 0u) << name;
    EXPECT_EQ(Stat(name).mode, 0755u) << name;
  }
}

TEST_F(ApplyVmTest, NothingIsWrittenThroughALinkWithOrWithoutOpenat2) {
  for (const int error : {0, ENOSYS, EPERM}) {
    host_.SetPlan(error == 0 ? nullptr : sys::FaultyHost::FailMatching("OpenDirInRoot", "", error));
    EXPECT_THAT(Apply(TarBuilder().Symlink("out", "/").Directory("d").Symlink("d/up", "..")),
                IsOk());
    EXPECT_THAT(Apply(TarBuilder().File(absl::StrCat("out", Path(), "/here")).File("d/up/up")),
                IsOk());
    EXPECT_THAT(root_->StatLink("here"), FailsWithErrno(ENOENT));
    EXPECT_THAT(root_->StatLink(Path().substr(1) + "/here"), IsOk());
    EXPECT_THAT(root_->StatLink("up"), IsOk());
    ASSERT_THAT(Apply(TarBuilder().File(".wh..wh..opq")), IsOk());
  }
}

}  // namespace
}  // namespace dmkit::driver
