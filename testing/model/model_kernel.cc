// SPDX-License-Identifier: Apache-2.0
// The parts put together, started in the order of a boot, and ended in the order of a power loss.

#include "testing/model/model_kernel.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/dm_core.h"
#include "testing/model/files/block_filesystem.h"
#include "testing/model/files/vfs.h"
#include "testing/model/flakey.h"
#include "testing/model/loop/loop_driver.h"
#include "testing/model/process/clock.h"
#include "testing/model/process/identity.h"
#include "testing/model/process/runner.h"
#include "testing/model/process/semaphores.h"
#include "testing/model/process/udevd.h"
#include "testing/model/programs.h"
#include "testing/model/thin/thin_check.h"
#include "testing/model/thin/thin_pool.h"

namespace dmkit::model {
namespace {

// As in guests that have their disks from virtio: dm's major is theirs then too.
constexpr uint32_t kDiskMajor = 254;
constexpr uint32_t kMinorsOfADisk = 16;
// What the model itself does is done by nobody.
constexpr int kNoProcess = 0;
constexpr char kMapperDir[] = "/dev/mapper/";
// The processes of programs.
constexpr int kFirstChild = 1000;

Vfs::Options VfsOptions(const ModelOptions& options) {
  Vfs::Options result;
  result.has_devtmpfs = options.has_devtmpfs;
  result.has_sysfs = options.has_sysfs;
  return result;
}

void Append(std::vector<std::string> more, std::vector<std::string>* lines) {
  lines->insert(lines->end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

}  // namespace

struct ModelKernel::Parts : public ChildProcesses, public LinkDirectory {
  // What a process has beside files and mounts.
  struct Seam {
    Seam(Parts& parts, const Identity& who)
        : identity(who),
          semaphores(parts.core, parts.semaphores, identity),
          clock(parts.core, identity),
          random(parts.core, identity),
          processes(
              parts.core,
              [&parts](absl::string_view name, std::string* path) {
                return parts.programs.Find(name, path);
              },
              parts, identity) {}

    Identity identity;
    ModelSemaphores semaphores;
    ModelClock clock;
    ModelRandom random;
    ModelProcesses processes;
  };

  Parts(const Profile& profile, uint64_t seed, const ModelOptions& options_in);
  ~Parts() override;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void StartDrivers();
  void EndDrivers();
  void EndProcess(int process);
  void LosePower(Unsynced unsynced);
  sys::Host HostOf(int process, uint32_t effective_user);
  void ShowUdevd();
  Disk& AddDisk(absl::string_view name, uint64_t bytes, sys::DeviceNumber number);

  int StartChild(const Identity& parent, sys::Host* host) override;
  void EndChild(int child) override;

  void MakeLink(absl::string_view name, absl::string_view target) override;
  void RemoveLink(absl::string_view name, absl::string_view target) override;

  const ModelOptions options;
  Core core;
  Programs programs;
  SemaphoreTable semaphores;
  std::vector<std::unique_ptr<Disk>> disks;
  uint32_t virtio_disks = 0;
  std::unique_ptr<Vfs> vfs;
  std::unique_ptr<LoopDriver> loops;
  std::unique_ptr<DmCore> dm;
  std::unique_ptr<ThinPools> pools;
  std::unique_ptr<Udevd> udevd;
  std::map<int, std::unique_ptr<Seam>> seams;
  std::map<int, int> parents;  // of processes of programs
};

ModelKernel::Parts::Parts(const Profile& profile, uint64_t seed, const ModelOptions& options_in)
    : options(options_in), core(profile, seed), programs(core), semaphores(core) {
  const Scheduler::Call call(core.scheduler, kNoProcess);
  core.memory_bytes = options.memory_bytes;
  core.blocks.RegisterMajor(kDiskMajor, "virtblk");
  vfs = std::make_unique<Vfs>(core, VfsOptions(options));
  for (const char* kind : {"ext4", "xfs"}) vfs->RegisterKind(kind, BlockFilesystemKind(kind));
  StartDrivers();
  if (options.has_udevd) udevd = std::make_unique<Udevd>(core, semaphores, *this);
}

ModelKernel::Parts::~Parts() {
  const Scheduler::Call call(core.scheduler, kNoProcess);
  LosePower(Unsynced::kLost);
  vfs.reset();
  disks.clear();
}

void ModelKernel::Parts::StartDrivers() {
  loops = std::make_unique<LoopDriver>(core, options.loop_devices);
  dm = std::make_unique<DmCore>(core, options.dm_major);
  pools = std::make_unique<ThinPools>(*dm);
  RegisterFlakey(*dm);
}

void ModelKernel::Parts::EndDrivers() {
  pools->LosePower();
  pools.reset();
  dm.reset();
  loops.reset();
}

// With the programs that it runs.
void ModelKernel::Parts::EndProcess(int process) {
  for (const auto& [child, parent] : parents) {
    if (parent == process) EndProcess(child);
  }
  core.scheduler.Kill(process);
  vfs->EndProcess(process);
}

// Nothing writes any more from the first line on, so what follows may come in the order in which
// the parts hold one another.
void ModelKernel::Parts::LosePower(Unsynced unsynced) {
  core.has_power = false;
  core.scheduler.LosePower();
  for (const auto& [process, seam] : seams) vfs->EndProcess(process);
  vfs->LosePower(unsynced);
  DropFrozenFilesystems(core);
  EndDrivers();
  semaphores.LosePower();
  if (udevd != nullptr) udevd->LosePower();
  core.blocks.LosePower();
  for (const std::unique_ptr<Disk>& disk : disks) disk->LosePower(unsynced);
  // What the end of the drivers has left behind is theirs too.
  core.scheduler.LosePower();
  core.uevents.LosePower();
  core.has_power = true;
}

sys::Host ModelKernel::Parts::HostOf(int process, uint32_t effective_user) {
  const Identity who{process, vfs->AddProcess(process, effective_user).effective_user()};
  std::unique_ptr<Seam>& seam = seams[process];
  if (seam == nullptr) seam = std::make_unique<Seam>(*this, who);
  seam->identity = who;
  sys::Host host;
  host.root = &vfs->RootOf(process);
  host.mounts = &vfs->MountsOf(process);
  host.processes = &seam->processes;
  host.semaphores = &seam->semaphores;
  host.clock = &seam->clock;
  host.random = &seam->random;
  return host;
}

// What programs see of a udevd. Not inside a Call.
void ModelKernel::Parts::ShowUdevd() {
  if (udevd == nullptr) return;
  sys::Host host;
  {
    const Scheduler::Call call(core.scheduler, kNoProcess);
    host = HostOf(kNoProcess, 0);
  }
  sys::Dir& root = *host.root;
  const std::pair<absl::string_view, absl::string_view> files[] = {
      {"/usr/lib/udev/rules.d/55-dm.rules",
       "IMPORT{program}=\"/sbin/dmsetup udevflags $env{DM_COOKIE}\"\n"},
      {"/usr/lib/udev/rules.d/95-dm-notify.rules",
       "ENV{DM_COOKIE}==\"?*\", RUN+=\"/sbin/dmsetup udevcomplete $env{DM_COOKIE}\"\n"},
      {"/sbin/dmsetup", "#!\n"}};
  for (const auto& [path, text] : files) {
    DMKIT_CHECK(sys::MakeDirs(root, path.substr(0, path.rfind('/')), 0755).ok());
    sys::OpenOptions writable;
    writable.access = sys::Access::kReadWrite;
    writable.create = true;
    auto file = root.OpenFile(path, writable);
    DMKIT_CHECK(file.ok() && (*file)->WriteAt(0, text).ok());
  }
  DMKIT_CHECK(sys::MakeDirs(root, "/run/udev", 0755).ok());
  DMKIT_CHECK(root.MakeNode("/run/udev/control", sys::FileType::kSocket, {}, 0600).ok());
}

Disk& ModelKernel::Parts::AddDisk(absl::string_view name, uint64_t bytes,
                                  sys::DeviceNumber number) {
  DMKIT_CHECK(bytes % kSectorBytes == 0);
  if (core.blocks.majors().count(number.major) == 0) {
    core.blocks.RegisterMajor(number.major, "disk");
  }
  DMKIT_CHECK(core.blocks.Find(number) == nullptr);
  disks.push_back(std::make_unique<Disk>(core, number, std::string(name), bytes));
  return *disks.back();
}

int ModelKernel::Parts::StartChild(const Identity& parent, sys::Host* host) {
  int child = kFirstChild;
  while (seams.count(child) != 0) ++child;
  *host = HostOf(child, parent.effective_user);
  parents[child] = parent.id;
  return child;
}

void ModelKernel::Parts::EndChild(int child) {
  vfs->EndProcess(child);
  seams.erase(child);
  parents.erase(child);
}

void ModelKernel::Parts::MakeLink(absl::string_view name, absl::string_view target) {
  const std::string path = absl::StrCat(kMapperDir, name);
  std::string old;
  if (vfs->ReadLink(path, &old) == 0) vfs->Unlink(path);
  vfs->MakeSymlink(absl::StrCat("../", target), path);
}

void ModelKernel::Parts::RemoveLink(absl::string_view name, absl::string_view target) {
  const std::string path = absl::StrCat(kMapperDir, name);
  std::string old;
  if (vfs->ReadLink(path, &old) == 0 && old == absl::StrCat("../", target)) vfs->Unlink(path);
}

ModelKernel::ModelKernel(const Profile& profile, uint64_t seed, const ModelOptions& options)
    : parts_(std::make_unique<Parts>(profile, seed, options)) {
  parts_->ShowUdevd();
}

ModelKernel::~ModelKernel() = default;

sys::Host ModelKernel::host() { return host(1); }

sys::Host ModelKernel::host(int process, uint32_t effective_user) {
  DMKIT_CHECK(process > kNoProcess && process < kFirstChild);
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->HostOf(process, effective_user);
}

void ModelKernel::CrashProcess(int process) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  parts_->EndProcess(process);
}

void ModelKernel::Reboot(Unsynced unsynced) {
  {
    const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
    parts_->LosePower(unsynced);
    parts_->StartDrivers();
  }
  parts_->ShowUdevd();
}

void ModelKernel::SetUdevdRunning(bool is_running) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  parts_->udevd->SetRunning(is_running);
}

Disk& ModelKernel::AddDisk(absl::string_view name, uint64_t bytes) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  const uint32_t minor = parts_->virtio_disks++ * kMinorsOfADisk;
  return parts_->AddDisk(name, bytes, sys::DeviceNumber{kDiskMajor, minor});
}

Disk& ModelKernel::AddDisk(absl::string_view name, uint64_t bytes, sys::DeviceNumber number) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->AddDisk(name, bytes, number);
}

absl::Time ModelKernel::Now() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->core.scheduler.Now();
}

void ModelKernel::Advance(absl::Duration duration) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  parts_->core.scheduler.Advance(duration);
}

void ModelKernel::SetBlocking(Blocking blocking) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  parts_->core.scheduler.SetBlocking(blocking);
}

void ModelKernel::Interrupt(int process) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  parts_->core.scheduler.Interrupt(process);
}

std::vector<std::string> ModelKernel::Hangs() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->core.scheduler.Hangs();
}

std::vector<std::string> ModelKernel::MappedDevices() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  std::vector<std::string> lines;
  for (const auto& [name, device] : parts_->dm->devices()) {
    lines.push_back(absl::StrCat(name, " (", sys::FormatDeviceNumber(device->number()), ") open ",
                                 device->opens(), device->is_suspended() ? " suspended" : "",
                                 device->is_deferred() ? " deferred" : ""));
  }
  return lines;
}

std::vector<std::string> ModelKernel::BoundLoops() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  std::vector<std::string> lines;
  for (const LoopState& loop : parts_->loops->List()) {
    if (!loop.is_bound) continue;
    lines.push_back(
        absl::StrCat("loop", loop.number, " ", loop.backing_file, " open ", loop.opens));
  }
  return lines;
}

std::vector<std::string> ModelKernel::MountPoints() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  std::vector<std::string> lines;
  for (const MountEntry& mount : parts_->vfs->Mounts()) {
    const std::string target = mount.target.empty() ? "(detached)" : mount.target;
    lines.push_back(absl::StrCat(target, " ", mount.filesystem, " ", mount.source));
  }
  return lines;
}

std::vector<std::string> ModelKernel::OpenHandles() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->vfs->OpenHandles();
}

std::vector<std::string> ModelKernel::Leaks() {
  std::vector<std::string> lines = MappedDevices();
  Append(BoundLoops(), &lines);
  Append(MountPoints(), &lines);
  Append(OpenHandles(), &lines);
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  Append(parts_->semaphores.List(), &lines);
  return lines;
}

std::vector<Uevent> ModelKernel::TakeUevents() {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  return parts_->core.uevents.Take();
}

std::vector<std::string> ModelKernel::CheckThinMetadata(absl::string_view disk_name) {
  const Scheduler::Call call(parts_->core.scheduler, kNoProcess);
  BlockDevice* const device = parts_->core.blocks.FindByName(disk_name);
  if (device == nullptr) return {absl::StrCat(disk_name, " is not there")};
  return model::CheckThinMetadata(*device);
}

DmCore& ModelKernel::dm() { return *parts_->dm; }
LoopDriver& ModelKernel::loops() { return *parts_->loops; }
ThinPools& ModelKernel::thin_pools() { return *parts_->pools; }
Vfs& ModelKernel::vfs() { return *parts_->vfs; }
Programs& ModelKernel::programs() { return parts_->programs; }

}  // namespace dmkit::model
