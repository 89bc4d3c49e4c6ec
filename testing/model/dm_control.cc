// SPDX-License-Identifier: Apache-2.0
// One pass through ctl_ioctl() of drivers/md/dm-ioctl.c; read in v6.1 and v6.12.

#include "testing/model/dm_control.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "testing/model/dm_commands.h"
#include "testing/model/dm_params.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kDmIoctlType = 0xfd;
constexpr uint64_t kDataSizeMax = uint64_t{1} << 30;

constexpr uint32_t kRemoveAllNumber = 1;
constexpr uint32_t kListDevicesNumber = 2;
constexpr uint32_t kCreateNumber = 3;
constexpr uint32_t kListVersionsNumber = 13;
constexpr uint32_t kArmPollNumber = 16;

struct Command {
  int (*function)(DmCore&, DmParams&);  // null: done elsewhere
  bool has_payload;
  bool is_event;  // a global event when it succeeds
};

constexpr Command kCommands[] = {
    {nullptr, true, false},  // VERSION
    {RemoveAll, false, true},        {ListDevices, true, false},   {CreateDevice, false, true},
    {RemoveDevice, false, true},     {RenameDevice, true, true},   {SuspendDevice, false, false},
    {DeviceStatus, false, false},    {WaitDevice, true, false},    {LoadTable, true, false},
    {ClearTable, false, false},      {TableDeps, true, false},     {TableStatus, true, false},
    {ListVersions, true, false},     {TargetMessage, true, false}, {SetGeometry, true, false},
    {nullptr, false, false},  // ARM_POLL
    {GetTargetVersion, true, false},
};

// check_version(): writes the kernel's version whatever the caller's is.
int CheckVersion(const Version& kernel, const UserMemory& memory, Version* version) {
  const int error = memory.CopyIn(kVersionAt, version->data(), kVersionBytes);
  if (error != 0) return error;
  const bool fits = (*version)[0] == kernel[0] && (*version)[1] <= kernel[1];
  *version = kernel;
  const int written = memory.CopyOut(kVersionAt, kernel.data(), kVersionBytes);
  if (written != 0) return written;
  return fits ? 0 : -EINVAL;
}

// copy_params(): `buffer` becomes the kernel's copy, for which there is room up to `memory_bytes`.
// Without a payload only the header is looked at.
int CopyParams(const UserMemory& memory, const Version& version, bool has_payload,
               uint64_t memory_bytes, std::string* buffer) {
  uint32_t size = 0;
  uint32_t flags = 0;
  if (!memory.Covers(0, kDataAt)) return -EFAULT;
  memory.CopyIn(kDataSizeAt, &size, sizeof(size));
  memory.CopyIn(kFlagsAt, &flags, sizeof(flags));
  if (size < kDataAt || size > kDataSizeMax) return -EINVAL;
  const size_t copied = has_payload ? size : kDataAt;
  const bool is_secret = (flags & kSecureDataFlag) != 0;
  if (copied > memory_bytes) return is_secret && memory.Clear(0, copied) != 0 ? -EFAULT : -ENOMEM;
  if (!memory.Covers(0, copied)) return -EFAULT;
  if (buffer->size() < copied) buffer->resize(copied);
  memory.CopyIn(0, &(*buffer)[0], copied);
  std::memcpy(&(*buffer)[0], version.data(), kVersionBytes);
  DmParams params(&(*buffer)[0], copied);
  params.SetDataSize(copied);
  return is_secret ? memory.Clear(0, copied) : 0;
}

// validate_params().
int ValidateParams(uint32_t number, DmParams& params) {
  params.Clear(kBufferFullFlag | kUeventGeneratedFlag | kSecureDataFlag | kDataOutFlag);
  if (number == kRemoveAllNumber || number == kListDevicesNumber || number == kListVersionsNumber) {
    return 0;
  }
  if (number == kCreateNumber) {
    if (params.name().empty()) return -EINVAL;
  } else if (!params.name().empty() && !params.uuid().empty()) {
    return -EINVAL;
  }
  params.bytes()[kNameAt + kNameBytes - 1] = '\0';
  params.bytes()[kUuidAt + kUuidBytes - 1] = '\0';
  return 0;
}

}  // namespace

int DmControl::Ioctl(Process& process, unsigned long request, UserMemory memory) {
  if (!process.is_root()) return -EACCES;
  if (_IOC_TYPE(request) != kDmIoctlType) return -ENOTTY;
  const auto number = static_cast<uint32_t>(_IOC_NR(request));
  Version version = {};
  int error = CheckVersion(dm_.profile().dm_interface, memory, &version);
  if (error != 0 || number == 0) return error;
  if (number >= std::size(kCommands)) return -ENOTTY;
  const Command& command = kCommands[number];
  // Taken, not shared: another call may come on this file while this one waits.
  std::string buffer = std::move(buffer_);
  error = CopyParams(memory, version, command.has_payload, dm_.core().memory_bytes, &buffer);
  if (error == 0) error = Run(number, command.function, command.is_event, memory, &buffer);
  buffer_ = std::move(buffer);
  return error;
}

int DmControl::Run(uint32_t number, int (*function)(DmCore&, DmParams&), bool is_event,
                   const UserMemory& memory, std::string* buffer) {
  uint32_t size = 0;
  std::memcpy(&size, buffer->data() + kDataSizeAt, sizeof(size));
  DmParams params(&(*buffer)[0], size);
  int error = ValidateParams(number, params);
  if (error != 0) return error;
  params.SetDataSize(kDataAt);
  if (number == kArmPollNumber) {
    seen_event_ = dm_.global_event();
  } else {
    error = function(dm_, params);
  }
  if (error != 0) return error;
  if (is_event) dm_.GlobalEvent();
  return memory.CopyOut(0, params.bytes(), params.U32(kDataSizeAt));
}

sys::FileStat DmControl::Stat() const {
  sys::FileStat stat;
  stat.type = sys::FileType::kCharDevice;
  stat.mode = 0600;
  stat.rdevice = {kMiscMajor, kDmControlMinor};
  stat.links = 1;
  return stat;
}

}  // namespace dmkit::model
