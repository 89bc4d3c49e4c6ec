// SPDX-License-Identifier: Apache-2.0
// lvm2's programs, imitated on the model kernel, where their pool is a real one; and a store that
// is made with them.

#ifndef DMKIT_DRIVER_DIRECT_LVM_FIXTURE_H_
#define DMKIT_DRIVER_DIRECT_LVM_FIXTURE_H_

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "driver/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"
#include "testing/model/programs.h"
#include "thinp/device_set.h"
#include "thinp/signature.h"

namespace dmkit::driver {

inline constexpr uint64_t kDiskBytes = uint64_t{256} << 20;
inline constexpr uint64_t kMetadataSectors = 16 * 2048;
inline constexpr char kDisk[] = "/dev/xvdf";
inline constexpr char kOtherDisk[] = "/dev/xvdg";
inline constexpr char kLabel[] = "LABELONE";
inline constexpr char kRandomUuid[] = "AbCdEf-0123-4567-89ab-cdef-GhIj-KlMnOp";

// Two disks; on the first one volume group at most, and in it one pool.
class FakeLvm {
 public:
  void Install(model::Programs& programs) {
    for (const char* name : {"pvcreate", "vgcreate", "lvcreate", "lvconvert", "lvchange", "pvs",
                             "pvremove", "vgremove", "thin_check"}) {
      programs.Install(absl::StrCat("/usr/sbin/", name),
                       [this](const sys::Host& host, const std::vector<std::string>& argv) {
                         return Run(host, argv);
                       });
    }
  }

  std::vector<std::string> runs;
  std::set<std::string> failing;        // programs that do nothing but fail
  std::set<std::string> failing_later;  // which do so after the first of those
  std::string group;

 private:
  sys::ProcessResult Run(const sys::Host& host, std::vector<std::string> argv) {
    runs.push_back(absl::StrJoin(argv, " "));
    const std::string program = argv[0];
    if (argv[1] == "--config") argv.erase(argv.begin() + 1, argv.begin() + 3);
    if (failing.count(program) != 0) {
      failing.insert(failing_later.begin(), failing_later.end());
      return {5, absl::StrCat("  ", program, " does not work\n")};
    }
    if (program == "pvs") return {0, absl::StrCat("  WARNING: it is Monday.\n", Volumes(host))};
    if (program == "pvcreate") {
      const auto option = std::find(argv.begin(), argv.end(), "--uuid");
      WriteLabel(host, argv.back(), kLabel, option == argv.end() ? kRandomUuid : option[1]);
    }
    if (program == "pvremove") {
      WriteLabel(host, argv.back(), std::string(8, '\0'), std::string(kUuidBytes, '\0'));
    }
    if (program == "vgcreate") group = argv[1];
    if (program == "lvconvert") return MakePool(host);
    if (program == "vgremove") return RemoveGroup(host);
    return {0, ""};
  }

  static constexpr size_t kUuidBytes = sizeof(kRandomUuid) - 1;

  static std::unique_ptr<sys::File> OpenDisk(const sys::Host& host, const std::string& path) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    auto disk = host.root->OpenFile(path, options);
    EXPECT_THAT(disk, sys::IsOk());
    return *std::move(disk);
  }
  static std::string ReadDisk(sys::File& disk, uint64_t at, size_t size) {
    std::string text(size, '\0');
    EXPECT_THAT(disk.ReadAt(at, absl::MakeSpan(&text[0], size)), sys::IsOk());
    return text;
  }
  std::string Volumes(const sys::Host& host) const {
    std::string lines;
    for (const char* path : {kDisk, kOtherDisk}) {
      const auto disk = OpenDisk(host, path);
      if (ReadDisk(*disk, 512, 8) != kLabel) continue;
      absl::StrAppend(&lines, "  LVM2_PV_NAME='", path, "' LVM2_VG_NAME='",
                      path == std::string(kDisk) ? group : std::string(), "' LVM2_PV_UUID='",
                      ReadDisk(*disk, 512 + 32, kUuidBytes), "'\n");
    }
    return lines;
  }
  static void WriteLabel(const sys::Host& host, const std::string& path, const std::string& label,
                         const std::string& uuid) {
    const auto disk = OpenDisk(host, path);
    EXPECT_THAT(disk->WriteAt(512, label), sys::IsOk());
    EXPECT_THAT(disk->WriteAt(512 + 24, label == kLabel ? "LVM2 001" : label), sys::IsOk());
    EXPECT_THAT(disk->WriteAt(512 + 32, uuid), sys::IsOk());
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
    EXPECT_THAT(made, sys::IsOk());
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
                  sys::IsOk());
    }
    // What lay where the pool's metadata was is not the next one's.
    EXPECT_THAT(OpenDisk(host, kDisk)->WriteAt(2048 * 512, std::string(4096, '\0')), sys::IsOk());
    group.clear();
    return {0, ""};
  }
};

class DirectLvmFixture : public ::testing::Test {
 protected:
  DirectLvmFixture() : kernel_(model::Linux612(), /*seed=*/1), faulty_(kernel_.host()) {
    kernel_.AddDisk("xvdf", kDiskBytes);
    kernel_.AddDisk("xvdg", kDiskBytes);
    lvm_.Install(kernel_.programs());
    dm_.emplace(*dm::DeviceMapper::Open(faulty_.host()));
    config_.root = "/store";
    Ask({});
  }
  ~DirectLvmFixture() override {
    if (driver_ == nullptr) return;
    EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
  }

  void Ask(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"dm.basesize=64M",
                                      absl::StrCat("dm.directlvm_device=", kDisk)};
    words.insert(words.end(), more.begin(), more.end());
    auto options = ParseOptions(words);
    ASSERT_THAT(options, sys::IsOk());
    config_.options = *options;
  }
  absl::Status Open() {
    driver_.reset();
    auto driver = Driver::Open(*dm_, config_);
    if (driver.ok()) driver_ = *std::move(driver);
    return driver.status();
  }
  void MakeFilesystem() {
    ASSERT_EQ(host().processes->Run({"mkfs.ext4", "-q", kDisk}, absl::Minutes(1))->exit_status, 0);
  }
  std::optional<thinp::SignatureKind> Signature(const char* path) {
    auto disk = host().root->OpenFile(path, sys::OpenOptions());
    EXPECT_THAT(disk, sys::IsOk());
    const auto found = thinp::ProbeSignature(**disk);
    EXPECT_THAT(found, sys::IsOk());
    if (!found->has_value()) return std::nullopt;
    return (*found)->kind;
  }
  // The first start ends when it would run the program.
  void BeKilledBefore(const std::string& program) {
    faulty_.SetPlan([program, killed = false](const sys::SeamCall& call) mutable {
      killed = killed || (call.method == "Run" && call.object == program);
      return killed ? EIO : 0;
    });
    EXPECT_FALSE(Open().ok());
    faulty_.SetPlan(nullptr);
    TakeRuns();
  }
  std::vector<std::string> TakeRuns() { return std::exchange(lvm_.runs, {}); }
  void ExpectNothingLeft() {
    EXPECT_EQ(lvm_.group, "");
    EXPECT_THAT(kernel_.MappedDevices(), ::testing::IsEmpty());
    EXPECT_EQ(Signature(kDisk), std::nullopt);
    EXPECT_FALSE(*thinp::SetExists(host(), config_.root));
    auto profiles = host().root->List("/etc/lvm/profile");
    EXPECT_TRUE(!profiles.ok() || profiles->empty());
  }
  // The store and its pool go, as if they had never been.
  void Forget() {
    EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
    driver_.reset();
    EXPECT_EQ(host().processes->Run({"vgremove", lvm_.group}, absl::Minutes(1))->exit_status, 0);
    EXPECT_EQ(host().processes->Run({"pvremove", kDisk}, absl::Minutes(1))->exit_status, 0);
    const auto profiles = host().root->List("/etc/lvm/profile");
    for (const sys::DirEntry& profile : *profiles) {
      EXPECT_THAT(host().root->Unlink(absl::StrCat("/etc/lvm/profile/", profile.name)),
                  sys::IsOk());
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
    ASSERT_THAT(sys::MakeDirs(*host().root, dir, 0755), sys::IsOk());
    ASSERT_THAT(sys::ReplaceFileDurably(**host().root->OpenDir(dir), name, text), sys::IsOk());
  }

  model::ModelKernel kernel_;
  sys::FaultyHost faulty_;
  FakeLvm lvm_;
  std::optional<dm::DeviceMapper> dm_;
  DriverConfig config_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DIRECT_LVM_FIXTURE_H_
