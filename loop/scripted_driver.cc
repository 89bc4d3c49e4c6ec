// SPDX-License-Identifier: Apache-2.0
// The ioctls of the test host. Reads and writes the kernel's structures itself, not by the codec
// under test. For tests only.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "loop/scripted_host.h"
#include "loop/tracer.h"
#include "sys/status.h"

namespace dmkit::loop::testing {
namespace {

absl::Status Fail(int error, absl::string_view what) {
  return sys::ErrnoStatus(error, absl::StrCat("scripted ", what));
}

uint64_t Encoded(sys::DeviceNumber device) {
  return (device.minor & 0xFF) | (device.major << 8) | ((device.minor & ~0xFFu) << 12);
}

}  // namespace

void ScriptedHost::BindByOther(uint32_t number, const std::string& path, uint32_t flags) {
  const sys::FileStat& stat = files.at(path);
  ScriptedLoop& loop = loops[number];
  loop.bound = true;
  loop.info.lo_number = number;
  loop.info.lo_device = Encoded(stat.device);
  loop.info.lo_inode = stat.inode;
  loop.info.lo_rdevice = Encoded(stat.rdevice);
  loop.info.lo_flags = flags;
  loop.backing_path = path;
  Resize(loop, stat.size_bytes);
}

int ScriptedHost::ScriptedError(unsigned long request, uint32_t number) {
  if (meanwhile) meanwhile(request, number);
  std::deque<int>& next = next_errors[request];
  if (!next.empty()) {
    const int error = next.front();
    next.pop_front();
    return error;
  }
  const auto always = errors.find(request);
  return always == errors.end() ? 0 : always->second;
}

absl::StatusOr<int> ScriptedHost::AskControl(unsigned long request, uint64_t value) {
  ioctls_.push_back(IoctlName(request));
  if (const int error = ScriptedError(request, 0); error != 0) return Fail(error, "control");
  uint32_t number = 0;
  switch (request) {
    case LOOP_CTL_GET_FREE:
      while (loops.count(number) != 0 && loops[number].bound) ++number;
      break;
    case LOOP_CTL_ADD:
      number = static_cast<uint32_t>(value);
      if (loops.count(number) != 0) return Fail(EEXIST, "control");
      break;
    default:
      return Fail(ENOSYS, "control");
  }
  if (loops.count(number) == 0) AddLoop(number);
  return static_cast<int>(number);
}

void ScriptedHost::Resize(ScriptedLoop& loop, uint64_t file_bytes) {
  const uint64_t offset = std::min<uint64_t>(loop.info.lo_offset, file_bytes);
  loop.size_bytes = file_bytes - offset;
  if (loop.info.lo_sizelimit != 0) {
    loop.size_bytes = std::min<uint64_t>(loop.size_bytes, loop.info.lo_sizelimit);
  }
  loop.size_bytes = loop.size_bytes / 512 * 512;
}

absl::StatusOr<int> ScriptedHost::BindLoop(ScriptedLoop& loop, uint32_t number, int fd,
                                           bool writable) {
  const auto descriptor = descriptors_.find(fd);
  if (descriptor == descriptors_.end()) return Fail(EBADF, "bind");
  if (loop.bound || loop.held) return Fail(EBUSY, "bind");
  const loop_info64 asked = loop.info;
  BindByOther(number, descriptor->second.path, asked.lo_flags);
  if (!descriptor->second.writable || !writable) loop.info.lo_flags |= LO_FLAGS_READ_ONLY;
  return 0;
}

absl::StatusOr<int> ScriptedHost::AskLoop(uint32_t number, unsigned long request, char* argument,
                                          uint64_t value, bool writable) {
  ioctls_.push_back(absl::StrCat(IoctlName(request), ":", number));
  if (const int error = ScriptedError(request, number); error != 0) return Fail(error, "loop");
  ScriptedLoop& loop = loops[number];
  const bool usable = loop.bound && !loop.rundown;
  const bool needs_binding = request != LOOP_CONFIGURE && request != LOOP_SET_FD &&
                             request != BLKSSZGET && request != BLKGETSIZE64;
  if (needs_binding && !usable) return Fail(ENXIO, "loop");
  switch (request) {
    case LOOP_CONFIGURE: {
      loop_config config;
      std::memcpy(&config, argument, sizeof(config));
      if (!loop.bound) loop.info = config.info;
      DMKIT_RETURN_IF_ERROR(BindLoop(loop, number, static_cast<int>(config.fd), writable));
      loop.block_size = config.block_size == 0 ? 512 : config.block_size;
      break;
    }
    case LOOP_SET_FD:
      if (!loop.bound) loop.info = {};
      DMKIT_RETURN_IF_ERROR(BindLoop(loop, number, static_cast<int>(value), writable));
      break;
    case LOOP_SET_STATUS64: {
      loop_info64 info;
      std::memcpy(&info, argument, sizeof(info));
      loop.info.lo_offset = info.lo_offset;
      loop.info.lo_sizelimit = info.lo_sizelimit;
      std::memcpy(loop.info.lo_file_name, info.lo_file_name, LO_NAME_SIZE);
      loop.info.lo_flags = (loop.info.lo_flags & ~uint32_t{LO_FLAGS_AUTOCLEAR}) |
                           (info.lo_flags & LO_FLAGS_AUTOCLEAR);
      Resize(loop, files[loop.backing_path].size_bytes);
      break;
    }
    case LOOP_GET_STATUS64:
      std::memcpy(argument, &loop.info, sizeof(loop.info));
      break;
    case LOOP_CLR_FD:
      if (loop.openers > 1) {
        loop.info.lo_flags |= LO_FLAGS_AUTOCLEAR;
      } else if (clears_at_close) {
        loop.rundown = true;
      } else {
        Unbind(loop);
      }
      break;
    case LOOP_SET_CAPACITY:
      Resize(loop, files[loop.backing_path].size_bytes);
      break;
    case LOOP_SET_DIRECT_IO:
      loop.info.lo_flags |= LO_FLAGS_DIRECT_IO;
      break;
    case LOOP_SET_BLOCK_SIZE:
      loop.block_size = static_cast<uint32_t>(value);
      break;
    case BLKSSZGET:
      std::memcpy(argument, &loop.block_size, sizeof(loop.block_size));
      break;
    case BLKGETSIZE64:
      std::memcpy(argument, &loop.size_bytes, sizeof(loop.size_bytes));
      break;
    default:
      return Fail(EINVAL, "loop");
  }
  if (afterwards) afterwards(request, loop);
  return 0;
}

void ScriptedHost::Unbind(ScriptedLoop& loop) {
  const int openers = loop.openers;
  loop = ScriptedLoop();
  loop.openers = openers;
}

void ScriptedHost::ClosedLoop(uint32_t number) {
  const auto found = loops.find(number);
  if (found == loops.end() || --found->second.openers > 0) return;
  ScriptedLoop& loop = found->second;
  if (loop.rundown || (loop.bound && (loop.info.lo_flags & LO_FLAGS_AUTOCLEAR) != 0)) Unbind(loop);
}

}  // namespace dmkit::loop::testing
