// SPDX-License-Identifier: Apache-2.0
// Stores on a pool that lvm2 makes: what is asked of its programs and in which order, what is left
// when one fails or the start ends, and which devices are not taken.

#include "driver/direct_lvm.h"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "driver/direct_lvm_fixture.h"
#include "driver/driver.h"
#include "driver/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr uint64_t kSweeps = 4;

class DirectLvmTest : public DirectLvmFixture {
 protected:
  // The first start ends when it would load its pool's table. Without the record of their store the
  // files would be in the way of every later start on loop files.
  void BeKilledOnLoopFiles() {
    config_.options = on_loop_files_;
    constexpr char kTableLoad[] = "0xc138fd09";
    faulty_.SetPlan([kTableLoad, ended = false](const sys::SeamCall& call) mutable {
      ended = ended || absl::StrContains(call.object, kTableLoad);
      return ended ? EIO : 0;
    });
    EXPECT_THAT(Open(), FailsWithErrno(EIO));
    faulty_.SetPlan(nullptr);
    ASSERT_TRUE(host().root->Stat("/store/pool/data").ok()) << "the test has not got there";
  }
  // From the given one on, counted from lvm2's last program.
  void FailIoctlsOfTheMadePool(int first) {
    faulty_.SetPlan([first, made = false](const sys::SeamCall& call) mutable {
      made = made || (call.method == "Run" && call.object == "lvchange");
      return made && call.method == "Ioctl" && --first < 1 ? EIO : 0;
    });
  }

  const Options on_loop_files_ =
      *ParseOptions({"dm.basesize=64M", "dm.loopdatasize=128M", "dm.loopmetadatasize=16M"});
};

TEST_F(DirectLvmTest, PoolIsMadeWithDockersCommandsAndTheStoreLivesInIt) {
  StartUdevd();
  Ask({"dm.thinp_percent=90", "dm.thinp_metapercent=2", "dm.thinp_autoextend_threshold=70"});
  ASSERT_THAT(Open(), IsOk());
  const std::string group = lvm_.group;
  EXPECT_THAT(group, ::testing::MatchesRegex("dmkit_[0-9a-f]{8}"));
  const std::string pool = absl::StrCat(group, "/thinpool");
  EXPECT_THAT(
      TakeRuns(),
      ElementsAre(
          "pvs --noheadings --nameprefixes -o pv_name,vg_name,pv_uuid",
          ::testing::MatchesRegex(absl::StrCat(
              "pvcreate -y -f --uuid ", group.substr(6, 6), "-", group.substr(12),
              "[0-9a-f]{2}(-[0-9a-f]{4}){4}-[0-9a-f]{6} --norestorefile --zero y ", kDisk)),
          absl::StrCat("vgcreate ", group, " /dev/xvdf"),
          absl::StrCat("lvcreate -y --wipesignatures y -n thinpool ", group, " --extents 90%VG"),
          absl::StrCat("lvcreate -y --wipesignatures y -n thinpoolmeta ", group, " --extents 2%VG"),
          absl::StrCat("lvconvert -y --zero n -c 512K --thinpool ", pool, " --poolmetadata ", pool,
                       "meta"),
          absl::StrCat("lvchange --metadataprofile ", group, "-thinpool ", pool)));
  const auto profile = sys::ReadFile(
      *host().root, absl::StrCat("/etc/lvm/profile/", group, "-thinpool.profile"), 4096);
  ASSERT_THAT(profile, IsOk());
  EXPECT_THAT(*profile, AllOf(HasSubstr("thin_pool_autoextend_threshold=70"),
                              HasSubstr("thin_pool_autoextend_percent=20")));
  EXPECT_THAT(driver_->Create("web", {}), IsOk());
  EXPECT_THAT(driver_->Get("web"), IsOk());
  EXPECT_EQ(driver_->PoolStatus()->name(), absl::StrCat(group, "-thinpool"));
}

TEST_F(DirectLvmTest, WithoutUdevdItsProgramsMakeTheirNodes) {
  ASSERT_THAT(Open(), IsOk());
  const std::vector<std::string> runs = TakeRuns();
  ASSERT_EQ(runs.size(), 7u);
  for (size_t i = 1; i < runs.size(); ++i) {
    EXPECT_THAT(runs[i], HasSubstr(" --config activation { udev_sync=0 udev_rules=0 } "));
  }
}

TEST_F(DirectLvmTest, LaterStartsRunNothingWithAndWithoutTheOptions) {
  ASSERT_THAT(Open(), IsOk());
  ASSERT_THAT(driver_->Create("web", {}), IsOk());
  TakeRuns();
  ASSERT_THAT(Open(), IsOk());
  config_.options = Options();
  ASSERT_THAT(Open(), IsOk());
  EXPECT_TRUE(*driver_->Exists("web"));
  EXPECT_THAT(TakeRuns(), IsEmpty());
}

class DirectLvmSweepTest : public DirectLvmFixture,
                           public ::testing::WithParamInterface<uint64_t> {};

// Call n fails, and for a crash all that follow; n runs over the first start in steps.
TEST_P(DirectLvmSweepTest, FirstStartThatFailsOrEndsAnywhereWorksTheNextTime) {
  for (uint64_t call = GetParam();; call += kSweeps) {
    for (const bool crash : {false, true}) {
      faulty_.SetPlan(crash ? sys::FaultyHost::StopAt(call) : sys::FaultyHost::FailCall(call, EIO));
      const absl::Status opened = Open();
      const bool reached = faulty_.calls() >= call;
      SCOPED_TRACE(absl::StrCat(call, " ", reached ? faulty_.Log()[call - 1] : "", crash, ": ",
                                opened.ToString()));
      faulty_.SetPlan(nullptr);
      if (!opened.ok() && !crash && !*thinp::SetExists(host(), config_.root)) ExpectNothingLeft();
      ASSERT_THAT(Open(), IsOk());
      EXPECT_TRUE(driver_->PoolCheck()->clean());
      Forget();
      ASSERT_FALSE(HasFailure());
      if (!reached) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, DirectLvmSweepTest, ::testing::Range(uint64_t{1}, kSweeps + 1));

TEST_F(DirectLvmTest, OtherConfigurationIsRefusedWithBothValues) {
  ASSERT_THAT(Open(), IsOk());
  Ask({"dm.thinp_percent=80", "dm.thinp_metapercent=1"});
  auto other = Driver::Open(*dm_, config_);
  EXPECT_THAT(other, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(other.status().message()), AllOf(HasSubstr("80%"), HasSubstr("95%")));
  config_.options.direct_lvm = DirectLvm();
  config_.options.direct_lvm.device = "/dev/xvdg";
  other = Driver::Open(*dm_, config_);
  EXPECT_THAT(std::string(other.status().message()),
              AllOf(HasSubstr("/dev/xvdg"), HasSubstr("/dev/xvdf")));
}

TEST_F(DirectLvmTest, ProgramThatFailsLeavesNothingAndTheNextStartWorks) {
  for (const char* program : {"pvcreate", "vgcreate", "lvcreate", "lvconvert", "lvchange"}) {
    SCOPED_TRACE(program);
    lvm_.failing = {program};
    const absl::Status opened = Open();
    EXPECT_THAT(opened, FailsWithCode(absl::StatusCode::kUnknown));
    EXPECT_THAT(std::string(opened.message()), HasSubstr(absl::StrCat(program, " does not work")));
    ExpectNothingLeft();
  }
  lvm_.failing.clear();
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DirectLvmTest, WhatCannotBeTakenAwayIsSaidAndTakenAwayByTheNextStart) {
  lvm_.failing = {"lvchange", "vgremove"};
  const absl::Status opened = Open();
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr("lvchange does not work"), HasSubstr("by hand: vgremove dmkit_")));
  const std::string group = lvm_.group;
  EXPECT_NE(group, "");
  const Options asked = config_.options;
  config_.options = *ParseOptions({"dm.basesize=64M"});
  EXPECT_THAT(std::string(Open().message()), HasSubstr("dm.directlvm_device=/dev/xvdf"));
  config_.options = asked;
  lvm_.failing.clear();
  EXPECT_THAT(Open(), IsOk());
  EXPECT_EQ(lvm_.group, group);
}

TEST_F(DirectLvmTest, MissingProgramIsSaidBeforeAnythingIsRun) {
  for (const char* program : {"thin_check", "lvconvert", "vgremove"}) {
    kernel_.programs().Uninstall(program);
    const absl::Status opened = Open();
    EXPECT_THAT(opened, FailsWithErrno(ENOENT));
    EXPECT_THAT(std::string(opened.message()), HasSubstr(program));
    lvm_.Install(kernel_.programs());
  }
  EXPECT_THAT(TakeRuns(), IsEmpty());
  ExpectNothingLeft();
}

TEST_F(DirectLvmTest, DeviceThatHoldsSomethingIsTakenByForceOnly) {
  MakeFilesystem();
  const absl::Status opened = Open();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), AllOf(HasSubstr("ext"), HasSubstr("force")));
  EXPECT_EQ(TakeRuns().size(), 1u);
  Ask({"dm.directlvm_device_force=true"});
  EXPECT_THAT(Open(), IsOk());
}

// Somebody has the device open, so that its page cache keeps what it was before there was a pool.
TEST_F(DirectLvmTest, SignaturesAreSeenWhereThePageCacheIsOlder) {
  const auto held = host().root->OpenFile(kDisk, sys::OpenOptions());
  ASSERT_THAT(held, IsOk());
  ASSERT_EQ(Signature(kDisk), std::nullopt);
  const auto number = [&](const char* disk) {
    return sys::FormatDeviceNumber(host().root->Stat(disk)->rdevice);
  };
  const dm::DeviceIdentity former{*dm::DmName::Create("former"), *dm::DmUuid::Create("FORMER")};
  const std::string params =
      absl::StrCat(number(kDisk), " ", number(kOtherDisk), " 1024 0 1 skip_block_zeroing");
  ASSERT_THAT(dm::CreateDevice(*dm_, {former.name,
                                      former.uuid,
                                      {{sys::Sectors{0}, sys::Sectors{1024},
                                        *dm::TargetType::Create("thin-pool"), params}},
                                      false}),
              IsOk());
  ASSERT_THAT(dm::RemoveDevice(*dm_, former, absl::ZeroDuration(), /*deferred=*/false), IsOk());
  ASSERT_EQ(Signature(kDisk), std::nullopt) << "the page cache is not older";
  const absl::Status opened = Open();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("thin"));
}

TEST_F(DirectLvmTest, PartitionsAreNotOverwrittenAndForceIsNotOffered) {
  sys::OpenOptions write;
  write.access = sys::Access::kReadWrite;
  const auto disk = *host().root->OpenFile(kDisk, write);
  // One partition of Linux, from sector 2048 on.
  ASSERT_THAT(disk->WriteAt(446, std::string("\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x10\0\0", 16)),
              IsOk());
  ASSERT_THAT(disk->WriteAt(510, "\x55\xaa"), IsOk());
  for (const char* force : {"false", "true"}) {
    Ask({absl::StrCat("dm.directlvm_device_force=", force)});
    const absl::Status opened = Open();
    EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
    EXPECT_THAT(std::string(opened.message()),
                AllOf(HasSubstr("MBR"), HasSubstr("wipefs"), Not(HasSubstr("force"))));
  }
}

TEST_F(DirectLvmTest, DeviceOfAVolumeGroupIsNeverTakenAndOneOfNoneByForceOnly) {
  ASSERT_EQ(host().processes->Run({"pvcreate", kDisk}, absl::Minutes(1))->exit_status, 0);
  EXPECT_THAT(std::string(Open().message()), HasSubstr("LVM"));
  lvm_.group = "vg0";
  EXPECT_THAT(std::string(Open().message()), HasSubstr("vg0"));
  Ask({"dm.directlvm_device_force=true"});
  EXPECT_THAT(std::string(Open().message()), HasSubstr("vg0"));
  EXPECT_FALSE(*thinp::SetExists(host(), config_.root));
  lvm_.group = "";
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DirectLvmTest, WhatIsNoFreeBlockDeviceIsRefused) {
  config_.options.direct_lvm.device = "/dev/none";
  EXPECT_THAT(Open(), FailsWithErrno(ENOENT));
  config_.options.direct_lvm.device = "/dev/null";
  EXPECT_THAT(Open(), FailsWithCode(absl::StatusCode::kInvalidArgument));
  config_.options.direct_lvm.device = kDisk;
  sys::OpenOptions options;
  options.exclusive = true;
  const auto held = host().root->OpenFile(kDisk, options);
  ASSERT_THAT(held, IsOk());
  const std::string number = sys::FormatDeviceNumber(host().root->Stat(kDisk)->rdevice);
  const absl::Status opened = Open();
  ASSERT_THAT(opened, FailsWithErrno(EBUSY)) << number;
  EXPECT_THAT(std::string(opened.message()), HasSubstr("in use"));
  EXPECT_EQ(TakeRuns().size(), 1u);
}

TEST_F(DirectLvmTest, DeviceOfAnInterruptedFirstStartIsCheckedAgain) {
  BeKilledBefore("pvcreate");
  MakeFilesystem();
  const absl::Status opened = Open();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), AllOf(HasSubstr("ext"), HasSubstr("force")));
  EXPECT_EQ(Signature(kDisk), thinp::SignatureKind::kExt);
  // Nothing is left that another choice would have to wait for.
  const Options asked = config_.options;
  config_.options.direct_lvm.device = "/dev/none";
  EXPECT_THAT(Open(), FailsWithErrno(ENOENT));
  config_.options = asked;
  Ask({"dm.directlvm_device_force=true"});
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DirectLvmTest, LoopFilesOfAnInterruptedFirstStartAreTakenAgainAfterOneThatFails) {
  BeKilledOnLoopFiles();
  Ask({});
  lvm_.failing = {"lvchange"};
  EXPECT_FALSE(Open().ok());
  lvm_.failing.clear();
  // And with a pool of lvm2's that cannot be taken.
  FailIoctlsOfTheMadePool(1);
  EXPECT_THAT(Open(), FailsWithErrno(EIO));
  faulty_.SetPlan(nullptr);
  EXPECT_EQ(lvm_.group, "");
  config_.options = on_loop_files_;
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DirectLvmTest, LoopFilesAreTakenAgainAfterAPoolOfLvm2ThatCouldNotBeTakenAway) {
  BeKilledOnLoopFiles();
  Ask({});
  // Two find it and see that it is empty, the third begins to take it.
  FailIoctlsOfTheMadePool(3);
  lvm_.failing = {"vgremove"};
  EXPECT_THAT(Open(), FailsWithErrno(EIO));
  faulty_.SetPlan(nullptr);
  EXPECT_NE(lvm_.group, "");
  lvm_.failing = {"lvchange"};
  EXPECT_FALSE(Open().ok());
  EXPECT_EQ(lvm_.group, "");
  config_.options = on_loop_files_;
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(DirectLvmTest, VolumeOfSomebodyElseIsNotTakenAway) {
  BeKilledBefore("pvcreate");
  ASSERT_EQ(host().processes->Run({"pvcreate", kDisk}, absl::Minutes(1))->exit_status, 0);
  TakeRuns();
  EXPECT_THAT(std::string(Open().message()), HasSubstr("LVM"));
  lvm_.group = "vg0";
  EXPECT_THAT(std::string(Open().message()), HasSubstr("vg0"));
  EXPECT_THAT(TakeRuns(),
              Not(Contains(::testing::AnyOf(HasSubstr("remove"), HasSubstr("create")))));
  EXPECT_EQ(Signature(kDisk), thinp::SignatureKind::kLvm);
}

TEST_F(DirectLvmTest, OwnVolumeInAGroupOfSomebodyElseIsHis) {
  BeKilledBefore("vgcreate");
  lvm_.group = "vg0";
  EXPECT_THAT(std::string(Open().message()), HasSubstr("vg0"));
  EXPECT_THAT(TakeRuns(), Not(Contains(HasSubstr("remove"))));
  lvm_.group.clear();
}

TEST_F(DirectLvmTest, VolumeOfAnInterruptedStartIsFoundUnderAnotherName) {
  BeKilledBefore("vgcreate");
  const auto here = host().root->OpenFile(kDisk, sys::OpenOptions());
  std::string start(4096, '\0');
  ASSERT_THAT((*here)->ReadAt(0, absl::MakeSpan(start)), IsOk());
  sys::OpenOptions write;
  write.access = sys::Access::kReadWrite;
  ASSERT_THAT((*host().root->OpenFile(kOtherDisk, write))->WriteAt(0, start), IsOk());
  ASSERT_THAT((*host().root->OpenFile(kDisk, write))->WriteAt(0, std::string(4096, '\0')), IsOk());
  MakeFilesystem();
  EXPECT_THAT(std::string(Open().message()), HasSubstr("ext"));
  EXPECT_EQ(Signature(kDisk), thinp::SignatureKind::kExt);
  EXPECT_EQ(Signature(kOtherDisk), std::nullopt);
}

TEST_F(DirectLvmTest, WhatCannotBeLookedForIsAnErrorAndNotForgotten) {
  lvm_.failing = {"lvchange"};
  lvm_.failing_later = {"pvs"};
  const absl::Status opened = Open();
  EXPECT_THAT(std::string(opened.message()),
              AllOf(HasSubstr("lvchange does not work"), HasSubstr("pvs does not work"),
                    HasSubstr("by hand: vgremove dmkit_")));
  const std::string group = lvm_.group;
  EXPECT_NE(group, "");
  EXPECT_THAT(Open(), FailsWithCode(absl::StatusCode::kUnknown));
  lvm_.failing.clear();
  EXPECT_THAT(Open(), IsOk());
  EXPECT_EQ(lvm_.group, group);
}

TEST_F(DirectLvmTest, DeviceWhoseGroupCannotBeLookedForIsNotTaken) {
  lvm_.failing = {"pvs"};
  Ask({"dm.directlvm_device_force=true"});
  EXPECT_THAT(std::string(Open().message()), HasSubstr("pvs does not work"));
  EXPECT_EQ(TakeRuns().size(), 1u);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace dmkit::driver
