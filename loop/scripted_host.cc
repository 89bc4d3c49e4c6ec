// SPDX-License-Identifier: Apache-2.0
// The files of the test host: /dev, /sys, /proc and what else a test adds. For tests only.

#include "loop/scripted_host.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "loop/refusing_files.h"
#include "sys/status.h"

namespace dmkit::loop::testing {
namespace {

constexpr sys::DeviceNumber kFilesystem = {254, 1};
constexpr sys::DeviceNumber kControl = {10, 237};

absl::Status Fail(int error, absl::string_view what) {
  return sys::ErrnoStatus(error, absl::StrCat("scripted ", what));
}

// N of "<prefix>N<suffix>".
bool NumberIn(absl::string_view path, absl::string_view prefix, absl::string_view suffix,
              uint32_t& number) {
  return absl::ConsumePrefix(&path, prefix) && absl::ConsumeSuffix(&path, suffix) &&
         absl::SimpleAtoi(path, &number);
}

}  // namespace

void ScriptedClock::Sleep(absl::Duration duration) {
  ++sleeps;
  now_ += duration;
  if (while_sleeping) while_sleeping();
}

// An open file of any kind; texts are the contents of those in /proc and /sys.
class ScriptedHost::OpenFile : public RefusingFile {
 public:
  OpenFile(ScriptedHost& owner, sys::FileStat stat, std::string text, Descriptor descriptor)
      : owner_(owner), stat_(stat), text_(std::move(text)), fd_(owner.next_descriptor_++) {
    owner_.descriptors_[fd_] = std::move(descriptor);
  }
  ~OpenFile() override { owner_.descriptors_.erase(fd_); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override {
    if (offset >= text_.size()) return size_t{0};
    return text_.copy(buffer.data(), buffer.size(), offset);
  }
  absl::StatusOr<sys::FileStat> Stat() override { return stat_; }
  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override {
    if (stat_.type != sys::FileType::kBlockDevice || request != BLKGETSIZE64) {
      return Fail(ENOTTY, "ioctl");
    }
    std::memcpy(argument.data(), &stat_.size_bytes, sizeof(uint64_t));
    return 0;
  }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return Fail(ENOTTY, "ioctl"); }
  int descriptor() const override { return fd_; }

 protected:
  ScriptedHost& owner_;

 private:
  sys::FileStat stat_;
  std::string text_;
  int fd_;
};

class ScriptedHost::ControlFile : public OpenFile {
 public:
  using OpenFile::OpenFile;
  absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t value) override {
    return owner_.AskControl(request, value);
  }
};

class ScriptedHost::LoopFile : public OpenFile {
 public:
  LoopFile(ScriptedHost& owner, sys::FileStat stat, const Descriptor& descriptor)
      : OpenFile(owner, stat, "", descriptor),
        number_(stat.rdevice.minor),
        writable_(descriptor.writable) {
    ++owner.loops[number_].openers;
  }
  ~LoopFile() override { owner_.ClosedLoop(number_); }

  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override {
    return owner_.AskLoop(number_, request, argument.data(), 0, writable_);
  }
  absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t value) override {
    return owner_.AskLoop(number_, request, nullptr, value, writable_);
  }

 private:
  uint32_t number_;
  bool writable_;
};

class ScriptedHost::Root : public RefusingDir {
 public:
  explicit Root(ScriptedHost& owner) : owner_(owner) {}

  absl::StatusOr<std::unique_ptr<sys::File>> OpenFile(absl::string_view path,
                                                      const sys::OpenOptions& options) override {
    DMKIT_ASSIGN_OR_RETURN(const std::string name, owner_.Resolve(path));
    const auto error = owner_.open_errors.find(name);
    if (error != owner_.open_errors.end()) return Fail(error->second, name);
    Descriptor descriptor{name, options.access == sys::Access::kReadWrite, options.direct};
    if (name == "/proc/misc") return Text(owner_.proc_misc, descriptor);
    uint32_t number = 0;
    if (owner_.has_sysfs && NumberIn(name, "/sys/block/loop", "/loop/backing_file", number)) {
      const auto loop = owner_.loops.find(number);
      if (loop == owner_.loops.end() || !loop->second.bound) return Fail(ENOENT, name);
      return Text(loop->second.backing_path + "\n", descriptor);
    }
    DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, Stat(name));
    if (stat.type == sys::FileType::kBlockDevice && stat.rdevice.major == kLoopMajor) {
      return OpenLoopDevice(stat, descriptor);
    }
    if (stat.type == sys::FileType::kCharDevice && stat.rdevice == kControl) {
      return std::unique_ptr<sys::File>(
          std::make_unique<ControlFile>(owner_, stat, "", descriptor));
    }
    return std::unique_ptr<sys::File>(
        std::make_unique<ScriptedHost::OpenFile>(owner_, stat, "", descriptor));
  }
  absl::StatusOr<std::vector<sys::DirEntry>> List(absl::string_view path) override {
    std::vector<sys::DirEntry> entries;
    if (path == "/sys/block" && owner_.has_sysfs) {
      entries.push_back({"vda", sys::FileType::kSymlink});
      for (const auto& [number, loop] : owner_.loops) {
        entries.push_back({absl::StrCat("loop", number), sys::FileType::kSymlink});
      }
      return entries;
    }
    if (path != "/dev") return Fail(ENOENT, path);
    for (const auto& [name, stat] : owner_.files) {
      absl::string_view rest = name;
      if (absl::ConsumePrefix(&rest, "/dev/")) entries.push_back({std::string(rest), stat.type});
    }
    return entries;
  }
  absl::StatusOr<sys::FileStat> Stat(absl::string_view path) override {
    DMKIT_ASSIGN_OR_RETURN(const std::string name, owner_.Resolve(path));
    sys::FileStat directory;
    directory.type = sys::FileType::kDirectory;
    if (owner_.has_sysfs && name == "/sys/block") return directory;
    uint32_t number = 0;
    if (owner_.has_sysfs && NumberIn(name, "/sys/block/loop", "", number) &&
        owner_.loops.count(number) != 0) {
      return directory;
    }
    const auto found = owner_.files.find(name);
    if (found == owner_.files.end()) return Fail(ENOENT, name);
    return found->second;
  }
  absl::StatusOr<sys::FileStat> StatLink(absl::string_view path) override { return Stat(path); }
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override {
    int fd = 0;
    absl::string_view rest = path;
    if (absl::ConsumePrefix(&rest, "/proc/self/fd/") && absl::SimpleAtoi(rest, &fd) &&
        owner_.descriptors_.count(fd) != 0) {
      return owner_.descriptors_[fd].path;
    }
    return Fail(EINVAL, path);
  }
  absl::Status Unlink(absl::string_view path) override {
    return owner_.files.erase(std::string(path)) != 0 ? absl::OkStatus() : Fail(ENOENT, path);
  }
  absl::Status MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                        uint32_t mode) override {
    sys::FileStat stat;
    stat.type = type;
    stat.rdevice = device;
    stat.mode = mode;
    return owner_.files.emplace(path, stat).second ? absl::OkStatus() : Fail(EEXIST, path);
  }

 private:
  absl::StatusOr<std::unique_ptr<sys::File>> Text(const std::string& text,
                                                  const Descriptor& descriptor) {
    return std::unique_ptr<sys::File>(
        std::make_unique<ScriptedHost::OpenFile>(owner_, sys::FileStat(), text, descriptor));
  }
  absl::StatusOr<std::unique_ptr<sys::File>> OpenLoopDevice(const sys::FileStat& stat,
                                                            const Descriptor& descriptor) {
    const auto loop = owner_.loops.find(stat.rdevice.minor);
    const bool missing = loop == owner_.loops.end();
    if ((missing && !owner_.adds_by_open) || (!missing && loop->second.rundown)) {
      return Fail(ENXIO, descriptor.path);
    }
    return std::unique_ptr<sys::File>(std::make_unique<LoopFile>(owner_, stat, descriptor));
  }

  ScriptedHost& owner_;
};

ScriptedHost::ScriptedHost() : root_(std::make_unique<Root>(*this)) {
  sys::FileStat control;
  control.type = sys::FileType::kCharDevice;
  control.rdevice = kControl;
  files["/dev/loop-control"] = control;
  for (uint32_t number = 0; number < 4; ++number) AddLoop(number);
  AddFile(kImage, 100, kImageBytes);
}

ScriptedHost::~ScriptedHost() = default;

sys::Host ScriptedHost::host() {
  sys::Host host = rest_.host(&trace);
  host.root = root_.get();
  host.clock = &clock;
  return host;
}

void ScriptedHost::AddFile(const std::string& path, uint64_t inode, uint64_t size_bytes) {
  sys::FileStat stat;
  stat.device = kFilesystem;
  stat.inode = inode;
  stat.size_bytes = size_bytes;
  files[path] = stat;
}

void ScriptedHost::AddNode(const std::string& path, sys::DeviceNumber device) {
  sys::FileStat stat;
  stat.type = sys::FileType::kBlockDevice;
  stat.device = {0, 5};
  stat.inode = files.size() + 1000;
  stat.rdevice = device;
  stat.mode = 0600;
  files[path] = stat;
}

void ScriptedHost::AddLoop(uint32_t number) {
  loops[number] = ScriptedLoop();
  AddNode(absl::StrCat("/dev/loop", number), {kLoopMajor, number});
}

void ScriptedHost::RemoveLoop(uint32_t number) {
  loops.erase(number);
  files.erase(absl::StrCat("/dev/loop", number));
}

std::string ScriptedHost::TakeIoctls() { return absl::StrJoin(std::exchange(ioctls_, {}), " "); }

std::vector<uint32_t> ScriptedHost::BoundNumbers() const {
  std::vector<uint32_t> numbers;
  for (const auto& [number, loop] : loops) {
    if (loop.bound) numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::string> ScriptedHost::Resolve(absl::string_view path) const {
  const auto link = links.find(std::string(path));
  return link == links.end() ? std::string(path) : link->second;
}

}  // namespace dmkit::loop::testing
