// SPDX-License-Identifier: Apache-2.0
// A host for this room's tests: a /dev of loop devices that bind and detach, whose every ioctl a
// test can answer by a script instead. Only what the tests look at; what a real driver does in
// detail is tested on one (loop_linux_test).

#ifndef DMKIT_LOOP_SCRIPTED_HOST_H_
#define DMKIT_LOOP_SCRIPTED_HOST_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "loop/uapi.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/linux_host.h"

namespace dmkit::loop::testing {

// One loop device as the driver would have it.
struct ScriptedLoop {
  bool bound = false;
  bool rundown = false;  // told to detach, waits for the last close
  bool held = false;     // exclusively, by somebody else
  int openers = 0;
  loop_info64 info = {};  // of a bound one
  uint32_t block_size = 512;
  uint64_t size_bytes = 0;
  std::string backing_path;
};

// Time that passes only by sleeping.
class ScriptedClock : public sys::Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override;

  std::function<void()> while_sleeping;  // what others do meanwhile
  int sleeps = 0;

 private:
  absl::Time now_ = absl::UnixEpoch();
};

class TraceLines : public sys::TraceSink {
 public:
  std::vector<std::string> lines;
  void Line(absl::string_view line) override { lines.emplace_back(line); }
  void Hold() override {}
  void Release() override {}
};

// Begins with the control device and its line in /proc/misc, sysfs, loop0 to loop3 unbound with
// their nodes, and the regular file kImage.
class ScriptedHost {
 public:
  static constexpr char kImage[] = "/images/web.img";
  static constexpr uint64_t kImageBytes = 1 << 20;

  ScriptedHost();
  ~ScriptedHost();
  ScriptedHost(const ScriptedHost&) = delete;
  ScriptedHost& operator=(const ScriptedHost&) = delete;

  sys::Host host();

  // All files and device nodes outside /sys, by path.
  std::map<std::string, sys::FileStat> files;
  std::map<std::string, std::string> links;  // what ReadLink and Stat follow
  std::map<std::string, int> open_errors;    // of OpenFile, by path
  std::map<uint32_t, ScriptedLoop> loops;
  std::string proc_misc = " 58 zram\n237 loop-control\n";
  bool has_sysfs = true;
  bool adds_by_open = true;      // opening an unknown number adds it
  bool clears_at_close = false;  // CLR_FD as from 6.12 on

  // What the next calls of a request fail with, in order; 0 lets one through.
  std::map<unsigned long, std::deque<int>> next_errors;
  // What every call of a request fails with.
  std::map<unsigned long, int> errors;
  // Called ahead of each ioctl: what another process did a moment before. `errors` come after it.
  std::function<void(unsigned long request, uint32_t number)> meanwhile;
  // Called behind a successful ioctl, to make the driver lie.
  std::function<void(unsigned long request, ScriptedLoop& loop)> afterwards;

  ScriptedClock clock;
  TraceLines trace;

  // Adds a regular file.
  void AddFile(const std::string& path, uint64_t inode, uint64_t size_bytes);
  // Adds a block device node.
  void AddNode(const std::string& path, sys::DeviceNumber device);
  void AddLoop(uint32_t number);
  void RemoveLoop(uint32_t number);
  // Binds a device to a file as another process would; its name is empty and nobody has it open.
  void BindByOther(uint32_t number, const std::string& path, uint32_t flags = 0);

  // Names of the ioctls since the last call, with the loop device's number behind most, such as
  // "LOOP_CTL_GET_FREE LOOP_CONFIGURE:0".
  std::string TakeIoctls();
  std::vector<uint32_t> BoundNumbers() const;

 private:
  class Root;
  class OpenFile;
  class LoopFile;
  class ControlFile;
  friend class Root;

  int ScriptedError(unsigned long request, uint32_t number);
  absl::StatusOr<int> AskControl(unsigned long request, uint64_t value);
  absl::StatusOr<int> AskLoop(uint32_t number, unsigned long request, char* argument,
                              uint64_t value, bool writable);
  absl::StatusOr<int> BindLoop(ScriptedLoop& loop, uint32_t number, int fd, bool writable);
  static void Resize(ScriptedLoop& loop, uint64_t file_bytes);
  void Unbind(ScriptedLoop& loop);
  void ClosedLoop(uint32_t number);
  absl::StatusOr<std::string> Resolve(absl::string_view path) const;

  struct Descriptor {
    std::string path;
    bool writable = false;
    bool direct = false;
  };
  std::map<int, Descriptor> descriptors_;
  int next_descriptor_ = 3;
  std::vector<std::string> ioctls_;
  std::unique_ptr<Root> root_;
  const sys::LinuxHost rest_;  // what this room never calls
};

}  // namespace dmkit::loop::testing

#endif  // DMKIT_LOOP_SCRIPTED_HOST_H_
