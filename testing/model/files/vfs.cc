// SPDX-License-Identifier: Apache-2.0
// The boot, the processes, and what joins the parts.

#include "testing/model/files/vfs.h"

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/files/device_nodes.h"
#include "testing/model/files/made_up.h"
#include "testing/model/files/memory_filesystem.h"
#include "testing/model/files/path_calls.h"
#include "testing/model/files/proc_files.h"
#include "testing/model/files/sys_files.h"
#include "testing/model/files/uuid.h"
#include "testing/model/files/vfs_state.h"

namespace dmkit::model {
namespace {

constexpr sys::DeviceNumber kRootDevice = {259, 0};
constexpr sys::DeviceNumber kDevtmpfsDevice = {0, 5};
constexpr sys::DeviceNumber kSysfsDevice = {0, 21};
constexpr sys::DeviceNumber kProcDevice = {0, 22};
constexpr sys::DeviceNumber kRunDevice = {0, 23};
constexpr sys::DeviceNumber kTmpDevice = {0, 24};

constexpr uint64_t kGib = uint64_t{1} << 30;
constexpr uint32_t kDirectIoBytes = 512;

// Numbers that both kernels have had for ever.
constexpr sys::DeviceNumber kNull = {1, 3};
constexpr sys::DeviceNumber kZero = {1, 5};
constexpr sys::DeviceNumber kLoopControl = {10, 237};
constexpr sys::DeviceNumber kDmControl = {10, 236};

InodeAttributes Directory(uint32_t mode) {
  InodeAttributes attributes;
  attributes.type = sys::FileType::kDirectory;
  attributes.mode = mode;
  return attributes;
}

}  // namespace

struct Vfs::Parts {
  Parts(Core& core, const Options& options_in) : options(options_in), state(core), nodes(core) {}

  void MakeRoot();
  void Boot();
  void MountAtBoot(const std::string& path, std::shared_ptr<Filesystem> filesystem);
  std::shared_ptr<Filesystem> Tmpfs(const char* kind, sys::DeviceNumber device, uint32_t mode);
  ProcSource Proc();

  const Options options;
  VfsState state;
  std::string boot_id;
  std::shared_ptr<Filesystem> root;
  DeviceNodes nodes;
  std::mutex mutex;  // for what follows: it is asked for outside of calls
  std::map<int, std::unique_ptr<sys::Dir>> roots;
  std::map<int, std::unique_ptr<sys::Mounts>> mounts;
};

std::shared_ptr<VfsProcess> VfsState::ProcessOf(int id) {
  std::shared_ptr<VfsProcess>& process = processes[id];
  if (process == nullptr) process = std::make_shared<VfsProcess>(id, users[id]);
  return process;
}

void Vfs::Parts::MakeRoot() {
  MemoryFilesystem::Limits limits;
  limits.total_bytes = 4096 * kGib;
  limits.direct_io_bytes = kDirectIoBytes;
  const auto tree = std::make_shared<Tree>(Durability::kRecorded, Directory(0755));
  root = std::make_shared<MemoryFilesystem>("ext4", kRootDevice, tree, limits);
  Core& core = state.core;
  for (const char* const path :
       {"dev", "etc", "mnt", "proc", "run", "sys", "usr/sbin", "var/lib"}) {
    PutNode(core, *tree, path, sys::FileType::kDirectory, {}, 0755);
  }
  PutNode(core, *tree, "tmp", sys::FileType::kDirectory, {}, 01777);
  if (!options.has_devtmpfs) {
    PutNode(core, *tree, "dev/null", sys::FileType::kCharDevice, kNull, 0666);
    PutNode(core, *tree, "dev/zero", sys::FileType::kCharDevice, kZero, 0666);
    PutNode(core, *tree, "dev/loop-control", sys::FileType::kCharDevice, kLoopControl, 0660);
    PutNode(core, *tree, "dev/mapper/control", sys::FileType::kCharDevice, kDmControl, 0600);
  }
  tree->SyncAll();
}

void Vfs::Parts::MountAtBoot(const std::string& path, std::shared_ptr<Filesystem> filesystem) {
  auto mount = std::make_shared<Mount>();
  mount->source = filesystem->kind();
  mount->filesystem = std::move(filesystem);
  mount->is_of_boot = true;
  if (path == "/") {
    mount->source = "/dev/root";
    state.names.Attach(mount, nullptr);
    return;
  }
  Location on;
  // A name that somebody removed for good is made again, as an initramfs would.
  if (state.names.Resolve(0, state.names.root(), path, true, &on) != 0) {
    PutNode(state.core, *root->tree(), path.substr(1), sys::FileType::kDirectory, {}, 0755);
  }
  if (state.names.Resolve(0, state.names.root(), path, true, &on) != 0) return;
  if (on.inode->is_directory()) state.names.Attach(mount, &on);
}

std::shared_ptr<Filesystem> Vfs::Parts::Tmpfs(const char* kind, sys::DeviceNumber device,
                                              uint32_t mode) {
  MemoryFilesystem::Limits limits;
  limits.total_bytes = 4 * kGib;
  limits.direct_io_bytes = state.core.profile.tmpfs_has_direct_io ? kTmpfsDirectIoBytes : 0;
  return std::make_shared<MemoryFilesystem>(
      kind, device, std::make_shared<Tree>(Durability::kVolatile, Directory(mode)), limits);
}

ProcSource Vfs::Parts::Proc() {
  const auto processes = [this] {
    std::vector<int> ids;
    for (const auto& [id, process] : state.processes) ids.push_back(id);
    return ids;
  };
  const auto descriptors = [this](int id) {
    std::map<int, std::string> paths;
    const auto found = state.processes.find(id);
    if (found == state.processes.end()) return paths;
    for (const auto& [number, descriptor] : found->second->descriptors()) {
      paths.emplace(number, descriptor->file->Path());
    }
    return paths;
  };
  return {state.core, state.names, [this] { return boot_id; }, processes, descriptors};
}

void Vfs::Parts::Boot() {
  boot_id = RandomUuid(state.core.random);
  MountAtBoot("/", root);
  if (options.has_sysfs) {
    MountAtBoot("/sys",
                std::make_shared<MadeUpFilesystem>("sysfs", kSysfsDevice, SysRoot(state.core)));
  }
  if (options.has_procfs) {
    MountAtBoot("/proc", std::make_shared<MadeUpFilesystem>("proc", kProcDevice, ProcRoot(Proc())));
  }
  if (options.has_devtmpfs) {
    const std::shared_ptr<Filesystem> dev = Tmpfs("devtmpfs", kDevtmpfsDevice, 0755);
    PutNode(state.core, *dev->tree(), "null", sys::FileType::kCharDevice, kNull, 0666);
    PutNode(state.core, *dev->tree(), "zero", sys::FileType::kCharDevice, kZero, 0666);
    nodes.Start(dev->tree());
    MountAtBoot("/dev", dev);
  }
  MountAtBoot("/run", Tmpfs("tmpfs", kRunDevice, 0755));
  MountAtBoot("/tmp", Tmpfs("tmpfs", kTmpDevice, 01777));
}

Vfs::Vfs(Core& core, const Options& options) : parts_(std::make_unique<Parts>(core, options)) {
  parts_->MakeRoot();
  parts_->Boot();
  core.paths = this;
}

Vfs::~Vfs() { parts_->state.core.paths = nullptr; }

void Vfs::RegisterKind(std::string kind, MountBlockDevice mount) {
  parts_->state.kinds[std::move(kind)] = std::move(mount);
}

int Vfs::FindBlockDevice(absl::string_view path, sys::DeviceNumber* device) {
  return LookupBlockDevice(parts_->state.names, 0, path, device);
}

Process& Vfs::AddProcess(int id, uint32_t effective_user) {
  VfsState& state = parts_->state;
  if (state.processes.count(id) == 0) state.users[id] = effective_user;
  return *state.ProcessOf(id);
}

void Vfs::EndProcess(int id) {
  VfsState& state = parts_->state;
  const auto found = state.processes.find(id);
  if (found == state.processes.end()) return;
  const std::shared_ptr<VfsProcess> process = found->second;
  state.processes.erase(found);
  process->End();
}

sys::Dir& Vfs::RootOf(int process) {
  const std::lock_guard<std::mutex> lock(parts_->mutex);
  std::unique_ptr<sys::Dir>& root = parts_->roots[process];
  if (root == nullptr) root = MakeSeamRoot(parts_->state, process);
  return *root;
}

sys::Mounts& Vfs::MountsOf(int process) {
  const std::lock_guard<std::mutex> lock(parts_->mutex);
  std::unique_ptr<sys::Mounts>& mounts = parts_->mounts[process];
  if (mounts == nullptr) mounts = MakeSeamMounts(parts_->state, process);
  return *mounts;
}

void Vfs::LosePower(Unsynced unsynced) {
  Parts& parts = *parts_;
  parts.state.names.LosePower();
  parts.root->tree()->LosePower(unsynced, parts.state.core.random);
  parts.state.next_tmpfs = VfsState::kFirstTmpfs;
  parts.Boot();
}

int Vfs::MakeSymlink(absl::string_view target, absl::string_view path) {
  VfsState& state = parts_->state;
  VfsProcess udevd(0, 0);
  return PathCalls(state.core, state.names, udevd, state.names.Top(state.names.root()))
      .MakeSymlink(target, path);
}

int Vfs::ReadLink(absl::string_view path, std::string* target) const {
  VfsState& state = parts_->state;
  VfsProcess udevd(0, 0);
  return PathCalls(state.core, state.names, udevd, state.names.Top(state.names.root()))
      .ReadLink(path, target);
}

int Vfs::Unlink(absl::string_view path) {
  VfsState& state = parts_->state;
  VfsProcess udevd(0, 0);
  return PathCalls(state.core, state.names, udevd, state.names.Top(state.names.root()))
      .Unlink(path);
}

std::vector<MountEntry> Vfs::Mounts() const {
  const Namespace& names = parts_->state.names;
  std::vector<MountEntry> entries;
  for (const MountPtr& mount : names.mounts()) {
    if (mount->is_of_boot) continue;
    MountEntry entry;
    const Filesystem& filesystem = *mount->filesystem;
    if (mount->is_attached) entry.target = names.PathOf({mount, filesystem.tree()->root()});
    entry.source = mount->source;
    entry.filesystem = filesystem.kind();
    entry.device = filesystem.device();
    entry.users = names.UsersOf(*mount);
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<std::string> Vfs::OpenHandles() const {
  std::vector<std::string> handles;
  for (const auto& [id, process] : parts_->state.processes) {
    for (const auto& [number, descriptor] : process->descriptors()) {
      handles.push_back(
          absl::StrCat("process ", id, " descriptor ", number, ": ", descriptor->file->Path()));
    }
  }
  return handles;
}

}  // namespace dmkit::model
