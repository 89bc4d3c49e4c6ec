// SPDX-License-Identifier: Apache-2.0
// A file and a directory of which nothing works: bases for those of a test host, which say what
// does.

#ifndef DMKIT_LOOP_REFUSING_FILES_H_
#define DMKIT_LOOP_REFUSING_FILES_H_

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::loop::testing {

inline absl::Status Refused() { return sys::ErrnoStatus(ENOSYS, "not scripted"); }

class RefusingFile : public sys::File {
 public:
  absl::Status WriteAt(uint64_t, absl::string_view) override { return Refused(); }
  absl::Status Truncate(uint64_t) override { return Refused(); }
  absl::Status Sync() override { return Refused(); }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t) override { return Refused(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return Refused(); }
  absl::StatusOr<bool> TryLock(sys::LockMode) override { return Refused(); }
  absl::Status Unlock() override { return Refused(); }
};

class RefusingDir : public sys::Dir {
 public:
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDir(absl::string_view) override {
    return Refused();
  }
  absl::Status MakeDir(absl::string_view, uint32_t) override { return Refused(); }
  absl::Status Rename(absl::string_view, absl::string_view) override { return Refused(); }
  absl::Status RemoveDir(absl::string_view) override { return Refused(); }
  absl::Status MakeSymlink(absl::string_view, absl::string_view) override { return Refused(); }
  absl::Status SetMode(absl::string_view, uint32_t) override { return Refused(); }
  absl::Status SetOwner(absl::string_view, uint32_t, uint32_t) override { return Refused(); }
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirNoFollow(absl::string_view) override {
    return Refused();
  }
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenDirInRoot(absl::string_view) override {
    return Refused();
  }
  absl::Status MakeLink(absl::string_view, absl::string_view) override { return Refused(); }
  absl::Status SetTimes(absl::string_view, absl::Time, absl::Time) override { return Refused(); }
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view) override {
    return Refused();
  }
  absl::StatusOr<std::string> GetXattr(absl::string_view, absl::string_view) override {
    return Refused();
  }
  absl::Status SetXattr(absl::string_view, absl::string_view, absl::string_view) override {
    return Refused();
  }
  absl::Status RemoveXattr(absl::string_view, absl::string_view) override { return Refused(); }
  absl::StatusOr<sys::SpaceInfo> Space() override { return Refused(); }
  absl::Status Sync() override { return Refused(); }
  absl::Status SyncFilesystem() override { return Refused(); }
};

}  // namespace dmkit::loop::testing

#endif  // DMKIT_LOOP_REFUSING_FILES_H_
