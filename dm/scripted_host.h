// SPDX-License-Identifier: Apache-2.0
// A host for this room's tests: a control device that answers bytes by a script, and a /dev that is
// a map. It knows no rule of device-mapper: what a command leads to is up to the test.

#ifndef DMKIT_DM_SCRIPTED_HOST_H_
#define DMKIT_DM_SCRIPTED_HOST_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/replies.h"
#include "dm/requests.h"
#include "dm/scripted_semaphores.h"
#include "dm/types.h"
#include "sys/host.h"

namespace dmkit::dm::testing {

// What lies below /dev, /proc and elsewhere. Only what this room calls works; the rest fails with
// ENOSYS. A directory is there when it is a node, or when something is below it.
class ScriptedRoot : public sys::Dir {
 public:
  // Makes an open file for the control node.
  using ControlMaker = std::function<std::unique_ptr<sys::File>()>;
  explicit ScriptedRoot(ControlMaker control) : control_(std::move(control)) {}

  std::map<std::string, sys::FileStat> nodes;  // by path
  std::map<std::string, std::string> texts;    // contents of plain files
  std::map<std::string, std::string> links;    // where symbolic links lead, by path
  int open_error = 0;                          // of opening a device node

  absl::StatusOr<std::unique_ptr<sys::File>> OpenFile(absl::string_view path,
                                                      const sys::OpenOptions& options) override;
  absl::Status MakeDir(absl::string_view path, uint32_t mode) override;
  absl::StatusOr<sys::FileStat> Stat(absl::string_view path) override;
  absl::StatusOr<sys::FileStat> StatLink(absl::string_view path) override;
  absl::Status Unlink(absl::string_view path) override;
  absl::Status RemoveDir(absl::string_view path) override;
  absl::Status MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                        uint32_t mode) override;
  absl::Status SetMode(absl::string_view path, uint32_t mode) override;

  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDir(absl::string_view path) override;
  absl::StatusOr<std::vector<sys::DirEntry>> List(absl::string_view path) override;
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override;
  absl::Status Rename(absl::string_view from, absl::string_view to) override;
  absl::Status MakeSymlink(absl::string_view target, absl::string_view path) override;
  absl::Status SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) override;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirNoFollow(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirInRoot(absl::string_view path) override;
  absl::Status MakeLink(absl::string_view from, absl::string_view to) override;
  absl::Status SetTimes(absl::string_view path, absl::Time accessed, absl::Time modified) override;
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view path) override;
  absl::StatusOr<std::string> GetXattr(absl::string_view path, absl::string_view name) override;
  absl::Status SetXattr(absl::string_view path, absl::string_view name,
                        absl::string_view value) override;
  absl::Status RemoveXattr(absl::string_view path, absl::string_view name) override;
  absl::StatusOr<sys::SpaceInfo> Space() override;
  absl::Status Sync() override;
  absl::Status SyncFilesystem() override { return Sync(); }

 private:
  ControlMaker control_;
};

// Time that passes only by sleeping.
class ScriptedClock : public sys::Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override { now_ += duration; }

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

// The control device and the host around it.
class ScriptedHost {
 public:
  // Answers one request: a reply of the command's kind, or an error with an errno.
  using Responder = std::function<absl::StatusOr<Reply>(const Request&)>;

  ScriptedHost();
  ~ScriptedHost();
  ScriptedHost(const ScriptedHost&) = delete;
  ScriptedHost& operator=(const ScriptedHost&) = delete;

  // Replaces Succeed as the one who answers. VERSION is always answered by `kernel`.
  Responder responder;
  // Changes the bytes of a reply before they go back; may be null.
  std::function<void(std::string& reply)> spoil;
  Version kernel = {4, 47, 0};
  // The errno of VERSION, 0 for success.
  int version_error = 0;

  // All requests but VERSION, in order, and the size of the buffer of each.
  std::vector<Request> requests;
  std::vector<size_t> buffer_sizes;
  // What WaitForEvent gets.
  bool readable = false;

  ScriptedRoot root;
  ScriptedClock clock;
  ScriptedSemaphores semaphores{clock};
  ScriptedRandom random;
  TraceLines trace;
  sys::Host host();

  // The commands of `requests` since the last call, as one line: "DEV_CREATE TABLE_LOAD".
  std::string TakeCommands();

  // Puts there what shows of a udevd with Debian's rules for device-mapper. It does no work: see
  // ScriptedSemaphores::on_wait.
  void StartUdevd();
  // As if it was killed: its socket stays, nobody has it open.
  void KillUdevd();

  // A successful reply to any request: device 253:3, with the name that was asked for where one
  // was.
  static Reply Succeed(const Request& request);

 private:
  class Control;
  struct Unused;
  std::unique_ptr<Unused> unused_;
};

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_SCRIPTED_HOST_H_
