// SPDX-License-Identifier: Apache-2.0
// The commands on loop devices.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "driver/cli/execute.h"
#include "driver/cli/request.h"
#include "driver/cli/to_report.h"
#include "driver/report.pb.h"
#include "loop/loop_device.h"
#include "loop/types.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver::cli {
namespace {

// For the races with other attachers, and for udev's brief opens.
constexpr absl::Duration kPatience = absl::Seconds(10);

// N of "/dev/loopN".
std::optional<uint32_t> LoopNumber(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/dev/loop")) return std::nullopt;
  return sys::ParseUnsigned32(path);
}

bool HoldsFile(const loop::LoopInfo& info, const sys::FileStat& file) {
  if (file.type == sys::FileType::kBlockDevice) return info.backing_rdevice == file.rdevice;
  return info.backing_device == file.device && info.backing_inode == file.inode &&
         info.backing_rdevice == sys::DeviceNumber{};
}

// The devices that have `file`, at whatever offset.
absl::StatusOr<std::vector<uint32_t>> DevicesOf(const sys::Host& host, absl::string_view file) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, AbsolutePath(host, file));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<loop::LoopInfo> devices, loop::List(host));
  std::vector<uint32_t> numbers;
  for (const loop::LoopInfo& info : devices) {
    if (HoldsFile(info, stat)) numbers.push_back(info.number);
  }
  return numbers;
}

void DetachNumber(uint32_t number, const Context& context) {
  const std::string path = absl::StrCat("/dev/loop", number);
  const absl::StatusOr<loop::DetachResult> result =
      loop::Detach(context.host, number, context.host.clock->Now() + kPatience);
  if (!result.ok()) return context.output.Fail(path, result.status());
  if (result->deferred) {
    context.output.Note(path, "something has it open; the kernel detaches it at the last close");
  }
}

absl::StatusOr<loop::LoopInfo> Attach(const LoopAttachRequest& request, const sys::Host& host) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, AbsolutePath(host, request.file));
  DMKIT_ASSIGN_OR_RETURN(
      const loop::AttachedLoop attached,
      loop::FindOrAttach(host, path, request.options, host.clock->Now() + kPatience));
  if (attached.info.autoclear) {
    // Only a device that was found: a new one is asked for without it.
    return absl::FailedPreconditionError(
        absl::StrCat("the file is attached to /dev/loop", attached.info.number,
                     " already, which goes away with its last user (autoclear); wait for that, or "
                     "use that device"));
  }
  return attached.info;
}

}  // namespace

void Execute(const LoopAttachRequest& request, const Context& context) {
  const absl::StatusOr<loop::LoopInfo> info = Attach(request, context.host);
  if (!info.ok()) return context.output.Fail(request.file, info.status());
  context.output.Print(ToReport(*info));
}

void Execute(const LoopDetachRequest& request, const Context& context) {
  const std::optional<uint32_t> number = LoopNumber(request.device_or_file);
  if (number.has_value()) return DetachNumber(*number, context);
  const absl::StatusOr<std::vector<uint32_t>> numbers =
      DevicesOf(context.host, request.device_or_file);
  if (!numbers.ok()) return context.output.Fail(request.device_or_file, numbers.status());
  if (numbers->size() > 1) {
    return context.output.Fail(
        request.device_or_file,
        absl::FailedPreconditionError(absl::StrCat("several devices have this file: /dev/loop",
                                                   absl::StrJoin(*numbers, ", /dev/loop"),
                                                   "; name the one to detach")));
  }
  if (numbers->empty()) {
    return context.output.Note(request.device_or_file, "no loop device has this file");
  }
  DetachNumber(numbers->front(), context);
}

void Execute(const LoopListRequest&, const Context& context) {
  const absl::StatusOr<std::vector<loop::LoopInfo>> devices = loop::List(context.host);
  if (!devices.ok()) return context.output.Fail("", devices.status());
  report::LoopDeviceList list;
  for (const loop::LoopInfo& info : *devices) *list.add_devices() = ToReport(info);
  context.output.Print(list);
}

}  // namespace dmkit::driver::cli
