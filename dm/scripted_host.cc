// SPDX-License-Identifier: Apache-2.0
// The scripted control device and /dev. For tests only.

#include "dm/scripted_host.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "dm/codec_reply.h"
#include "dm/codec_request.h"
#include "dm/commands.h"
#include "sys/status.h"

namespace dmkit::dm::testing {
namespace {

absl::Status Unsupported() { return sys::ErrnoStatus(ENOSYS, "not scripted"); }

// A file of which only reading works.
class TextFile : public sys::File {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override {
    if (offset >= text_.size()) return size_t{0};
    return text_.copy(buffer.data(), buffer.size(), offset);
  }
  absl::Status WriteAt(uint64_t, absl::string_view) override { return Unsupported(); }
  absl::Status Truncate(uint64_t) override { return Unsupported(); }
  absl::Status Sync() override { return Unsupported(); }
  absl::StatusOr<sys::FileStat> Stat() override { return Unsupported(); }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t) override { return Unsupported(); }
  absl::StatusOr<int> Ioctl(unsigned long, absl::Span<char>) override { return Unsupported(); }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return Unsupported(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return Unsupported(); }
  absl::StatusOr<bool> TryLock(sys::LockMode) override { return Unsupported(); }
  absl::Status Unlock() override { return Unsupported(); }
  int descriptor() const override { return -1; }

 private:
  std::string text_;
};

// What this room has no use for: there, because every pointer of a Host is set.
class NoMounts : public sys::Mounts {
 public:
  absl::StatusOr<std::unique_ptr<sys::Dir>> Mount(const sys::MountRequest&) override {
    return Unsupported();
  }
  absl::Status Unmount(absl::string_view, sys::UnmountMode) override { return Unsupported(); }
};

class NoProcesses : public sys::Processes {
 public:
  absl::StatusOr<sys::ProcessResult> Run(const std::vector<std::string>&, absl::Duration) override {
    return Unsupported();
  }
  absl::StatusOr<std::string> Find(absl::string_view) override { return Unsupported(); }
  int32_t ProcessId() override { return 1; }
  uint32_t EffectiveUserId() override { return 0; }
  absl::Status LockMemory() override { return Unsupported(); }
  absl::Status UnlockMemory() override { return Unsupported(); }
};

struct Replier {
  DeviceInfo info;

  Reply operator()(const VersionRequest&) const { return VersionReply{}; }
  Reply operator()(const RemoveAllRequest&) const { return DoneReply{}; }
  Reply operator()(const SetGeometryRequest&) const { return DoneReply{}; }
  Reply operator()(const ArmPollRequest&) const { return DoneReply{}; }
  Reply operator()(const ListDevicesRequest&) const {
    return ListDevicesReply{{{info.device, info.name, info.event_nr, info.uuid}}};
  }
  Reply operator()(const ListVersionsRequest&) const {
    return TargetVersionsReply{{{"zero", {1, 1, 0}}, {"error", {1, 5, 0}}}};
  }
  Reply operator()(const TargetVersionRequest& request) const {
    return TargetVersionsReply{{{request.type.text(), {1, 22, 0}}}};
  }
  Reply operator()(const StatusRequest&) const { return TableReply{info, Targets()}; }
  Reply operator()(const WaitRequest&) const { return TableReply{info, Targets()}; }
  Reply operator()(const DependenciesRequest&) const { return DependenciesReply{info, {{7, 1}}}; }
  Reply operator()(const MessageRequest&) const { return MessageReply{info, std::nullopt}; }
  template <typename Other>
  Reply operator()(const Other&) const {
    return info;
  }

  static std::vector<TargetStatus> Targets() {
    return {{sys::Sectors(0), sys::Sectors(8), "zero", ""}};
  }
};

// The name in the key of a request that has one.
template <typename T>
auto KeyName(const T& request, int) -> decltype(request.key, std::string()) {
  const auto* name = std::get_if<DmName>(&request.key);
  return name == nullptr ? "web" : name->text();
}
template <typename T>
std::string KeyName(const T&, long) {
  return "web";
}
std::string KeyName(const CreateRequest& request, int) { return request.name.text(); }

}  // namespace

struct ScriptedHost::Unused {
  NoMounts mounts;
  NoProcesses processes;
};

class ScriptedHost::Control : public TextFile {
 public:
  explicit Control(ScriptedHost& owner) : TextFile(""), owner_(owner) {}

  absl::StatusOr<int> Ioctl(unsigned long code, absl::Span<char> argument) override {
    const CommandFacts* facts = FindRequestCode(code);
    if (facts == nullptr) return sys::ErrnoStatus(ENOTTY, "scripted ioctl");
    const std::string buffer(argument.data(), argument.size());
    std::memcpy(argument.data(), &owner_.kernel, sizeof(owner_.kernel));
    if (facts->command == Command::kVersion) {
      if (owner_.version_error == 0) return 0;
      return sys::ErrnoStatus(owner_.version_error, "scripted ioctl");
    }
    DMKIT_ASSIGN_OR_RETURN(const Request request, DecodeRequest(facts->command, buffer));
    owner_.requests.push_back(request);
    owner_.buffer_sizes.push_back(buffer.size());
    DMKIT_ASSIGN_OR_RETURN(const Reply reply, owner_.responder(request));
    DMKIT_ASSIGN_OR_RETURN(std::string answer,
                           EncodeReply(facts->command, reply, owner_.kernel, buffer));
    if (owner_.spoil) owner_.spoil(answer);
    std::memcpy(argument.data(), answer.data(), argument.size());
    return 0;
  }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return owner_.readable; }

 private:
  ScriptedHost& owner_;
};

ScriptedHost::ScriptedHost()
    : responder([](const Request& request) { return Succeed(request); }),
      root([this] { return std::make_unique<Control>(*this); }),
      unused_(std::make_unique<Unused>()) {
  sys::FileStat control;
  control.type = sys::FileType::kCharDevice;
  control.rdevice = {10, 236};
  root.nodes["/dev/mapper/control"] = control;
  root.nodes["/dev/mapper"].type = sys::FileType::kDirectory;
  root.texts["/proc/misc"] = "237 loop-control\n236 device-mapper\n183 hw_random\n";
}

ScriptedHost::~ScriptedHost() = default;

sys::Host ScriptedHost::host() {
  sys::Host host;
  host.mounts = &unused_->mounts;
  host.processes = &unused_->processes;
  host.semaphores = &semaphores;
  host.random = &random;
  host.root = &root;
  host.clock = &clock;
  return host;
}

void ScriptedHost::StartUdevd() {
  root.nodes["/run/udev/control"].type = sys::FileType::kSocket;
  root.texts["/lib/udev/rules.d/55-dm.rules"] =
      "# udevflags\nIMPORT{program}=\"/sbin/dmsetup udevflags $env{DM_COOKIE}\"\n";
  root.texts["/lib/udev/rules.d/95-dm-notify.rules"] =
      "# udevcomplete\n"
      "ENV{DM_COOKIE}==\"?*\", RUN+=\"/sbin/dmsetup udevcomplete $env{DM_COOKIE}\"\n";
  root.texts["/sbin/dmsetup"] = "program";
  root.texts["/proc/net/unix"] =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0005 01 1234 /run/udev/control\n";
  root.texts["/proc/1/comm"] = "systemd\n";
  root.texts["/proc/300/comm"] = "systemd-udevd\n";
  root.links["/proc/self/ns/pid"] = "pid:[4026531836]";
  root.links["/proc/self/ns/ipc"] = "ipc:[4026531839]";
  root.links["/proc/300/ns/ipc"] = "ipc:[4026531839]";
}

void ScriptedHost::KillUdevd() {
  root.texts["/proc/net/unix"] = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  root.texts.erase("/proc/300/comm");
  root.links.erase("/proc/300/ns/ipc");
}

std::string ScriptedHost::TakeCommands() {
  std::string commands;
  for (const Request& request : requests) {
    const absl::string_view name = FactsOf(CommandOf(request)).name.substr(3);
    absl::StrAppend(&commands, commands.empty() ? "" : " ", name);
  }
  requests.clear();
  return commands;
}

Reply ScriptedHost::Succeed(const Request& request) {
  Replier replier;
  replier.info.name = std::visit([](const auto& typed) { return KeyName(typed, 0); }, request);
  replier.info.uuid = "X";
  replier.info.device = {253, 3};
  replier.info.has_active_table = true;
  replier.info.target_count = 1;
  return std::visit(replier, request);
}

absl::StatusOr<std::unique_ptr<sys::File>> ScriptedRoot::OpenFile(absl::string_view path,
                                                                  const sys::OpenOptions&) {
  const auto text = texts.find(std::string(path));
  if (text != texts.end()) return std::make_unique<TextFile>(text->second);
  DMKIT_RETURN_IF_ERROR(Stat(path));
  if (open_error != 0) return sys::ErrnoStatus(open_error, absl::StrCat("open ", path));
  return control_();
}

absl::Status ScriptedRoot::MakeDir(absl::string_view path, uint32_t mode) {
  sys::FileStat stat;
  stat.type = sys::FileType::kDirectory;
  stat.mode = mode & ~uint32_t{077};
  if (nodes.emplace(std::string(path), stat).second) return absl::OkStatus();
  return sys::ErrnoStatus(EEXIST, absl::StrCat("mkdir ", path));
}

// Links lead to what lies beside them ("../dm-3" from /dev/mapper), one step far.
absl::StatusOr<sys::FileStat> ScriptedRoot::Stat(absl::string_view path) {
  const auto link = links.find(std::string(path));
  if (link == links.end()) return StatLink(path);
  absl::string_view parent = path.substr(0, path.rfind('/'));
  absl::string_view target = link->second;
  if (absl::ConsumePrefix(&target, "../")) parent = parent.substr(0, parent.rfind('/'));
  return StatLink(absl::StrCat(parent, "/", target));
}

absl::StatusOr<sys::FileStat> ScriptedRoot::StatLink(absl::string_view path) {
  const std::string key(path);
  sys::FileStat stat;
  if (links.count(key) != 0) {
    stat.type = sys::FileType::kSymlink;
  } else if (texts.count(key) != 0) {
    stat.size_bytes = texts[key].size();
  } else if (nodes.count(key) != 0) {
    stat = nodes[key];
  } else {
    return sys::ErrnoStatus(ENOENT, absl::StrCat("stat ", path));
  }
  return stat;
}

absl::Status ScriptedRoot::Unlink(absl::string_view path) {
  const std::string key(path);
  if (nodes.erase(key) + links.erase(key) + texts.erase(key) != 0) return absl::OkStatus();
  return sys::ErrnoStatus(ENOENT, absl::StrCat("unlink ", path));
}

absl::Status ScriptedRoot::RemoveDir(absl::string_view path) { return Unlink(path); }

absl::Status ScriptedRoot::MakeNode(absl::string_view path, sys::FileType type,
                                    sys::DeviceNumber device, uint32_t mode) {
  const absl::string_view parent = path.substr(0, path.rfind('/'));
  if (parent != "/dev" && nodes.count(std::string(parent)) == 0) {
    return sys::ErrnoStatus(ENOENT, absl::StrCat("mknod ", path));
  }
  sys::FileStat stat;
  stat.type = type;
  stat.rdevice = device;
  stat.mode = mode;
  if (!StatLink(path).ok()) {
    nodes.emplace(std::string(path), stat);
    return absl::OkStatus();
  }
  return sys::ErrnoStatus(EEXIST, absl::StrCat("mknod ", path));
}

absl::Status ScriptedRoot::SetMode(absl::string_view path, uint32_t mode) {
  const auto node = nodes.find(std::string(path));
  if (node == nodes.end()) return sys::ErrnoStatus(ENOENT, absl::StrCat("chmod ", path));
  node->second.mode = mode;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<sys::Dir>> ScriptedRoot::OpenDir(absl::string_view) {
  return Unsupported();
}
absl::StatusOr<std::vector<sys::DirEntry>> ScriptedRoot::List(absl::string_view path) {
  const std::string prefix = absl::StrCat(path, "/");
  std::map<std::string, sys::FileType> found;
  const auto add = [&](const std::string& full, sys::FileType type) {
    if (!absl::StartsWith(full, prefix)) return;
    const std::string rest = full.substr(prefix.size());
    const size_t slash = rest.find('/');
    found[rest.substr(0, slash)] = slash == std::string::npos ? type : sys::FileType::kDirectory;
  };
  for (const auto& [full, stat] : nodes) add(full, stat.type);
  for (const auto& [full, text] : texts) add(full, sys::FileType::kRegular);
  for (const auto& [full, target] : links) add(full, sys::FileType::kSymlink);
  if (found.empty() && nodes.count(std::string(path)) == 0) {
    return sys::ErrnoStatus(ENOENT, absl::StrCat("list ", path));
  }
  std::vector<sys::DirEntry> entries;
  for (const auto& [name, type] : found) entries.push_back({name, type});
  return entries;
}
absl::StatusOr<std::string> ScriptedRoot::ReadLink(absl::string_view path) {
  const auto link = links.find(std::string(path));
  if (link == links.end()) return sys::ErrnoStatus(ENOENT, absl::StrCat("readlink ", path));
  return link->second;
}
absl::Status ScriptedRoot::Rename(absl::string_view from, absl::string_view to) {
  const std::string old_key(from);
  const std::string new_key(to);
  DMKIT_RETURN_IF_ERROR(StatLink(from));
  nodes.erase(new_key);
  links.erase(new_key);
  if (nodes.count(old_key) != 0) nodes[new_key] = nodes[old_key];
  if (links.count(old_key) != 0) links[new_key] = links[old_key];
  return Unlink(from);
}
absl::Status ScriptedRoot::MakeSymlink(absl::string_view, absl::string_view) {
  return Unsupported();
}
absl::Status ScriptedRoot::SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) {
  const auto node = nodes.find(std::string(path));
  if (node == nodes.end()) return sys::ErrnoStatus(ENOENT, absl::StrCat("chown ", path));
  node->second.uid = uid;
  node->second.gid = gid;
  return absl::OkStatus();
}
absl::StatusOr<std::unique_ptr<sys::Dir>> ScriptedRoot::OpenDirNoFollow(absl::string_view) {
  return Unsupported();
}
absl::StatusOr<std::unique_ptr<sys::Dir>> ScriptedRoot::OpenDirInRoot(absl::string_view) {
  return Unsupported();
}
absl::Status ScriptedRoot::MakeLink(absl::string_view, absl::string_view) { return Unsupported(); }
absl::Status ScriptedRoot::SetTimes(absl::string_view, absl::Time, absl::Time) {
  return Unsupported();
}
absl::StatusOr<std::vector<std::string>> ScriptedRoot::ListXattrs(absl::string_view) {
  return Unsupported();
}
absl::StatusOr<std::string> ScriptedRoot::GetXattr(absl::string_view, absl::string_view) {
  return Unsupported();
}
absl::Status ScriptedRoot::SetXattr(absl::string_view, absl::string_view, absl::string_view) {
  return Unsupported();
}
absl::Status ScriptedRoot::RemoveXattr(absl::string_view, absl::string_view) {
  return Unsupported();
}
absl::StatusOr<sys::SpaceInfo> ScriptedRoot::Space() { return Unsupported(); }
absl::Status ScriptedRoot::Sync() { return Unsupported(); }

}  // namespace dmkit::dm::testing
