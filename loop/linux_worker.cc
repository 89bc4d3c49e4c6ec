// SPDX-License-Identifier: Apache-2.0
// For tests only.

#include "loop/linux_worker.h"

#include <cstdio>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "loop/loop_device.h"
#include "sys/linux_host.h"
#include "sys/lock_file.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

constexpr int kRounds = 10;
constexpr absl::Duration kPatience = absl::Seconds(60);

// Writes the file's name through the device and reads it from the file: a device that two files
// share would mix them up.
absl::Status CheckIsOwn(const sys::Host& host, sys::File& device, absl::string_view file) {
  std::string text(file);
  text.resize(512, '.');
  DMKIT_RETURN_IF_ERROR(device.WriteAt(0, text));
  DMKIT_RETURN_IF_ERROR(device.Sync());
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> backing, host.root->OpenFile(file, {}));
  std::string back(text.size(), '\0');
  DMKIT_RETURN_IF_ERROR(backing->ReadAt(0, absl::MakeSpan(&back[0], back.size())));
  if (back == text) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(file, " does not have what was written to its device"));
}

}  // namespace

absl::StatusOr<WorkerResult> Work(const sys::Host& host, absl::string_view lock_dir,
                                  absl::string_view file) {
  const absl::Time deadline = host.clock->Now() + kPatience;
  for (int round = 0; round < kRounds; ++round) {
    DMKIT_ASSIGN_OR_RETURN(const AttachedLoop attached, Attach(host, file, {}, deadline));
    DMKIT_RETURN_IF_ERROR(CheckIsOwn(host, *attached.device, file));
  }
  AttachOptions options;
  options.autoclear = false;
  WorkerResult result;
  {
    DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> dir, host.root->OpenDir(lock_dir));
    DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                           sys::AcquireLock(host, *dir, "lock", "attach", kPatience));
    DMKIT_ASSIGN_OR_RETURN(
        const AttachedLoop shared,
        FindOrAttach(host, absl::StrCat(lock_dir, "/shared"), options, deadline));
    result.shared = shared.info.number;
  }
  DMKIT_ASSIGN_OR_RETURN(const AttachedLoop own, Attach(host, file, options, deadline));
  DMKIT_RETURN_IF_ERROR(CheckIsOwn(host, *own.device, file));
  result.own = own.info.number;
  return result;
}

int WorkerMain(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) return 2;
  const sys::LinuxHost linux_host;
  const absl::StatusOr<WorkerResult> result = Work(linux_host.host(), arguments[0], arguments[1]);
  if (!result.ok()) {
    std::printf("%s\n", result.status().ToString().c_str());
    return 1;
  }
  std::printf("%u %u\n", result->shared, result->own);
  return 0;
}

}  // namespace dmkit::loop
