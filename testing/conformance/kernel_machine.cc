// SPDX-License-Identifier: Apache-2.0
// A real kernel for the cases.

#include "testing/conformance/kernel_machine.h"

#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sys/durable.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "testing/conformance/beside.h"
#include "testing/conformance/uevent_socket.h"

namespace dmkit::conformance {
namespace {

constexpr unsigned long kLoopGetFree = 0x4C82;
constexpr unsigned long kLoopConfigure = 0x4C0A;
constexpr unsigned long kLoopClearFd = 0x4C01;
// struct loop_config, and what is set in it.
constexpr size_t kConfigBytes = 304;
constexpr size_t kConfigBlockBytesAt = 4;
constexpr size_t kConfigFlagsAt = 60;
constexpr uint32_t kLoopReadOnly = 1;

constexpr uid_t kNobody = 65534;
constexpr int kWaitRounds = 500;
constexpr absl::Duration kWaitTick = absl::Milliseconds(10);

class KernelMachine : public Machine {
 public:
  KernelMachine(const model::Profile& profile, std::string directory)
      : profile_(profile), directory_(std::move(directory)), host_(linux_.host()) {}

  const model::Profile& profile() const override { return profile_; }
  uint64_t MemoryBytes() const override {
    return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
           static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  sys::Host host() override { return host_; }
  absl::Status StartCase() override;
  std::vector<std::string> EndCase() override;
  absl::StatusOr<ScratchDevice> AddDevice(uint64_t bytes, const ScratchOptions& options) override;
  std::string Directory() const override { return directory_; }
  void AsNobody(const std::function<void(const sys::Host& host)>& body) override;
  void Beside(const std::function<void()>& sleeper, const std::function<void()>& then) override {
    sleepers_.RunBeside(sleeper, then);
  }
  void Interrupt() override { sleepers_.Interrupt(); }
  std::vector<std::string> TakeUevents() override { return uevents_.Take(); }
  std::vector<std::vector<std::string>> TakeUeventVariables() override {
    return uevents_.TakeVariables();
  }

  // Mapped devices and bound loop devices.
  std::vector<std::string> Leaks();

 private:
  absl::StatusOr<std::unique_ptr<sys::File>> Open(const std::string& path, sys::Access access,
                                                  bool create = false);
  absl::Status Bind(const ScratchDevice& device, sys::File& file, const ScratchOptions& options);
  std::string FileOf(const ScratchDevice& device) const {
    return absl::StrCat(directory_, "/conformance-", device.device.minor);
  }

  const model::Profile& profile_;
  const std::string directory_;
  sys::LinuxHost linux_;
  const sys::Host host_;
  UeventSocket uevents_;
  Sleepers sleepers_;
  std::vector<ScratchDevice> devices_;
};

absl::StatusOr<std::unique_ptr<sys::File>> KernelMachine::Open(const std::string& path,
                                                               sys::Access access, bool create) {
  sys::OpenOptions options;
  options.access = access;
  options.create = create;
  return host_.root->OpenFile(path, options);
}

std::vector<std::string> KernelMachine::Leaks() {
  std::vector<std::string> leaks;
  const auto disks = host_.root->List("/sys/block");
  if (!disks.ok()) return {std::string(disks.status().message())};
  for (const sys::DirEntry& disk : *disks) {
    if (absl::StartsWith(disk.name, "dm-")) leaks.push_back(disk.name);
    const auto backing = sys::ReadFile(
        *host_.root, absl::StrCat("/sys/block/", disk.name, "/loop/backing_file"), 4096);
    if (backing.ok()) leaks.push_back(absl::StrCat(disk.name, " ", *backing));
  }
  return leaks;
}

absl::Status KernelMachine::StartCase() {
  uevents_.Take();
  return absl::OkStatus();
}

std::vector<std::string> KernelMachine::EndCase() {
  std::vector<std::string> leaks;
  for (const ScratchDevice& device : devices_) {
    const auto loop = Open(device.path, sys::Access::kReadOnly);
    if (loop.ok()) (*loop)->IoctlValue(kLoopClearFd, 0).status().IgnoreError();
    host_.root->Unlink(FileOf(device)).IgnoreError();
  }
  devices_.clear();
  for (int round = 0; round < kWaitRounds; ++round) {
    leaks = Leaks();
    if (leaks.empty()) break;
    host_.clock->Sleep(kWaitTick);
  }
  return leaks;
}

absl::Status KernelMachine::Bind(const ScratchDevice& device, sys::File& file,
                                 const ScratchOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const auto loop, Open(device.path, sys::Access::kReadWrite));
  char config[kConfigBytes] = {};
  const auto descriptor = static_cast<uint32_t>(file.descriptor());
  std::memcpy(config, &descriptor, sizeof(descriptor));
  std::memcpy(config + kConfigBlockBytesAt, &options.block_bytes, sizeof(options.block_bytes));
  const uint32_t flags = options.is_read_only ? kLoopReadOnly : 0;
  std::memcpy(config + kConfigFlagsAt, &flags, sizeof(flags));
  return loop->Ioctl(kLoopConfigure, absl::MakeSpan(config)).status();
}

absl::StatusOr<ScratchDevice> KernelMachine::AddDevice(uint64_t bytes,
                                                       const ScratchOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const auto control, Open("/dev/loop-control", sys::Access::kReadWrite));
  DMKIT_ASSIGN_OR_RETURN(const int number, control->IoctlValue(kLoopGetFree, 0));
  ScratchDevice device;
  device.device = {7, static_cast<uint32_t>(number)};
  device.number = sys::FormatDeviceNumber(device.device);
  device.path = absl::StrCat("/dev/loop", number);
  DMKIT_ASSIGN_OR_RETURN(const auto file, Open(FileOf(device), sys::Access::kReadWrite, true));
  DMKIT_RETURN_IF_ERROR(file->Truncate(bytes));
  DMKIT_RETURN_IF_ERROR(Bind(device, *file, options));
  devices_.push_back(device);
  return device;
}

void KernelMachine::AsNobody(const std::function<void(const sys::Host& host)>& body) {
  DMKIT_CHECK(seteuid(kNobody) == 0);
  const absl::Cleanup root_again = [] { DMKIT_CHECK(seteuid(0) == 0); };
  body(host_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Machine>> OpenKernelMachine(const std::string& directory) {
  if (geteuid() != 0) return absl::PermissionDeniedError("the cases need root: run them in a VM");
  const sys::LinuxHost linux_host;
  const auto release = sys::ReadFile(*linux_host.host().root, "/proc/sys/kernel/osrelease", 4096);
  if (!release.ok()) return release.status();
  const model::Profile* profile = nullptr;
  if (absl::StartsWith(*release, "6.1.")) profile = &model::Linux61();
  if (absl::StartsWith(*release, "6.12.")) profile = &model::Linux612();
  if (profile == nullptr) {
    return absl::UnimplementedError(absl::StrCat("kernel ", *release, " is not 6.1 or 6.12"));
  }
  auto machine = std::make_unique<KernelMachine>(*profile, directory);
  const std::vector<std::string> leaks = machine->Leaks();
  if (!leaks.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this kernel has ", leaks[0], ": the cases remove all mapped devices, run them in a VM"));
  }
  return machine;
}

}  // namespace dmkit::conformance
