// SPDX-License-Identifier: Apache-2.0
// Stores on a pool that lvm2 makes: what is asked of its programs, in which order, and what is left
// when one fails. The programs are imitated on the model kernel, where their pool is a real one.

#include "driver/direct_lvm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"
#include "testing/model/programs.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Argv = std::vector<std::string>;

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr uint64_t kDiskBytes = uint64_t{256} << 20;
constexpr uint64_t kMetadataSectors = 16 * 2048;
constexpr uint64_t kSweeps = 4;
constexpr char kDisk[] = "/dev/xvdf";
constexpr char kLabel[] = "LABELONE";

// One disk, one volume group at most, and in it one pool.
class FakeLvm {
 public:
  void Install(model::Programs& programs) {
    for (const char* name : {"pvcreate", "vgcreate", "lvcreate", "lvconvert", "lvchange", "pvs",
                             "vgs", "pvremove", "vgremove", "thin_check"}) {
      programs.Install(absl::StrCat("/usr/sbin/", name),
                       [this](const sys::Host& host, const Argv& argv) { return Run(host, argv); });
    }
  }

  std::vector<std::string> runs;
  std::set<std::string> failing;  // programs that do nothing but fail
  std::string group;

 private:
  sys::ProcessResult Run(const sys::Host& host, Argv argv) {
    runs.push_back(absl::StrJoin(argv, " "));
    const std::string program = argv[0];
    if (argv[1] == "--config") argv.erase(argv.begin() + 1, argv.begin() + 3);
    if (failing.count(program) != 0) return {5, absl::StrCat("  ", program, " does not work\n")};
    if (program == "pvs") {
      return {IsVolume(host) ? 0 : 5,
              absl::StrCat("  WARNING: it is Monday.\n  LVM2_VG_NAME='", group, "'\n")};
    }
    if (program == "vgs") return {group == argv.back() ? 0 : 5, ""};
    if (program == "pvcreate") WriteLabel(host, kLabel);
    if (program == "pvremove") WriteLabel(host, std::string(8, '\0'));
    if (program == "vgcreate") group = argv[1];
    if (program == "lvconvert") return MakePool(host);
    if (program == "vgremove") return RemoveGroup(host);
    return {0, ""};
  }

  static std::unique_ptr<sys::File> OpenDisk(const sys::Host& host) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    auto disk = host.root->OpenFile(kDisk, options);
    EXPECT_THAT(disk, IsOk());
    return *std::move(disk);
  }
  static bool IsVolume(const sys::Host& host) {
    std::string label(8, '\0');
    EXPECT_THAT(OpenDisk(host)->ReadAt(512, absl::MakeSpan(&label[0], label.size())), IsOk());
    return label == kLabel;
  }
  static void WriteLabel(const sys::Host& host, const std::string& label) {
    EXPECT_THAT(OpenDisk(host)->WriteAt(512, label), IsOk());
    EXPECT_THAT(OpenDisk(host)->WriteAt(512 + 24, label == kLabel ? "LVM2 001" : label), IsOk());
  }

  std::string Name(const std::string& suffix) const { return absl::StrCat(group, suffix); }
  static dm::DeviceIdentity IdentityOf(const std::string& name) {
    return {*dm::DmName::Create(name), *dm::DmUuid::Create(absl::StrCat("LVM-", name))};
  }
  sys::DeviceNumber MakeDevice(dm::DeviceMapper& dm, const std::string& suffix, uint64_t sectors,
                               const std::string& type, const std::string& params) {
    const dm::DeviceIdentity identity = IdentityOf(Name(suffix));
    const auto made = dm::CreateDevice(
        dm, {identity.name,
             identity.uuid,
             {{sys::Sectors{0}, sys::Sectors{sectors}, *dm::TargetType::Create(type), params}},
             false});
    EXPECT_THAT(made, IsOk());
    return made.ok() ? made->device : sys::DeviceNumber();
  }
  sys::ProcessResult MakePool(const sys::Host& host) {
    auto dm = dm::DeviceMapper::Open(host);
    const std::string disk = sys::FormatDeviceNumber(host.root->Stat(kDisk)->rdevice);
    const uint64_t data_sectors = (kDiskBytes / 512 - 2048 - kMetadataSectors) / 1024 * 1024;
    const auto metadata =
        MakeDevice(*dm, "-thinpool_tmeta", kMetadataSectors, "linear", absl::StrCat(disk, " 2048"));
    const auto data = MakeDevice(*dm, "-thinpool_tdata", data_sectors, "linear",
                                 absl::StrCat(disk, " ", 2048 + kMetadataSectors));
    MakeDevice(*dm, "-thinpool", data_sectors, "thin-pool",
               absl::StrCat(sys::FormatDeviceNumber(metadata), " ", sys::FormatDeviceNumber(data),
                            " 1024 0 1 skip_block_zeroing"));
    return {0, ""};
  }
  sys::ProcessResult RemoveGroup(const sys::Host& host) {
    auto dm = dm::DeviceMapper::Open(host);
    for (const char* suffix : {"-thinpool", "-thinpool_tdata", "-thinpool_tmeta"}) {
      EXPECT_THAT(dm::RemoveDevice(*dm, IdentityOf(Name(suffix)), absl::ZeroDuration(), false),
                  IsOk());
    }
    // What lay where the pool's metadata was is not the next one's.
    EXPECT_THAT(OpenDisk(host)->WriteAt(2048 * 512, std::string(4096, '\0')), IsOk());
    group.clear();
    return {0, ""};
  }
};

class DirectLvmTest : public ::testing::Test {
 protected:
  DirectLvmTest() : kernel_(model::Linux612(), /*seed=*/1), faulty_(kernel_.host()) {
    kernel_.AddDisk("xvdf", kDiskBytes);
    lvm_.Install(kernel_.programs());
    dm_.emplace(*dm::DeviceMapper::Open(faulty_.host()));
    config_.root = "/store";
    Ask({});
  }
  ~DirectLvmTest() override {
    if (driver_ == nullptr) return;
    EXPECT_THAT(driver_->Cleanup(), IsOk());
  }

  void Ask(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"dm.basesize=64M",
                                      absl::StrCat("dm.directlvm_device=", kDisk)};
    words.insert(words.end(), more.begin(), more.end());
    auto options = ParseOptions(words);
    ASSERT_THAT(options, IsOk());
    config_.options = *options;
  }
  absl::Status Open() {
    driver_.reset();
    auto driver = Driver::Open(*dm_, config_);
    if (driver.ok()) driver_ = *std::move(driver);
    return driver.status();
  }
  std::vector<std::string> TakeRuns() { return std::exchange(lvm_.runs, {}); }
  void ExpectNothingLeft() {
    EXPECT_EQ(lvm_.group, "");
    EXPECT_THAT(kernel_.MappedDevices(), IsEmpty());
    auto disk = host().root->OpenFile(kDisk, sys::OpenOptions());
    EXPECT_FALSE(thinp::ProbeSignature(**disk)->has_value());
    EXPECT_FALSE(*thinp::SetExists(host(), config_.root));
    auto profiles = host().root->List("/etc/lvm/profile");
    EXPECT_TRUE(!profiles.ok() || profiles->empty());
  }
  // The store and its pool go, as if they had never been.
  void Forget() {
    EXPECT_THAT(driver_->Cleanup(), IsOk());
    driver_.reset();
    EXPECT_EQ(host().processes->Run({"vgremove", lvm_.group}, absl::Minutes(1))->exit_status, 0);
    EXPECT_EQ(host().processes->Run({"pvremove", kDisk}, absl::Minutes(1))->exit_status, 0);
    const auto profiles = host().root->List("/etc/lvm/profile");
    for (const sys::DirEntry& profile : *profiles) {
      EXPECT_THAT(host().root->Unlink(absl::StrCat("/etc/lvm/profile/", profile.name)), IsOk());
    }
    for (const char* name : {"set", "set.copy", "transaction", "devices/base"}) {
      host().root->Unlink(absl::StrCat(config_.root, "/", name)).IgnoreError();
    }
  }
  sys::Host host() { return kernel_.host(); }
  // The evidence of one, as far as it is looked at.
  void StartUdevd() {
    WriteFile("/run/udev", "control", "");
    WriteFile("/lib/udev/rules.d", "55-dm.rules", "IMPORT{program}=\"dmsetup udevflags 1\"\n");
  }
  void WriteFile(const std::string& dir, const std::string& name, const std::string& text) {
    ASSERT_THAT(sys::MakeDirs(*host().root, dir, 0755), IsOk());
    ASSERT_THAT(sys::ReplaceFileDurably(**host().root->OpenDir(dir), name, text), IsOk());
  }

  model::ModelKernel kernel_;
  sys::FaultyHost faulty_;
  FakeLvm lvm_;
  std::optional<dm::DeviceMapper> dm_;
  DriverConfig config_;
  std::unique_ptr<Driver> driver_;
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
          "pvs --noheadings --nameprefixes -o vg_name /dev/xvdf", "pvcreate -y -f /dev/xvdf",
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

class DirectLvmSweepTest : public DirectLvmTest, public ::testing::WithParamInterface<uint64_t> {};

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
  ASSERT_EQ(host().processes->Run({"mkfs.ext4", "-q", kDisk}, absl::Minutes(1))->exit_status, 0);
  const absl::Status opened = Open();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), AllOf(HasSubstr("ext"), HasSubstr("force")));
  EXPECT_EQ(TakeRuns().size(), 1u);
  Ask({"dm.directlvm_device_force=true"});
  EXPECT_THAT(Open(), IsOk());
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

}  // namespace
}  // namespace dmkit::driver
