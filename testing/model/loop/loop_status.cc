// SPDX-License-Identifier: Apache-2.0
// What can be set and read of a bound loop device. Mirrors loop_set_status(), loop_get_status(),
// loop_set_capacity(), loop_set_dio(), loop_set_block_size() and the files of loop_attrs.

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/strings/str_cat.h"
#include "testing/model/encoded_device.h"
#include "testing/model/loop/loop_device.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kKeyBytesMax = 32;
constexpr uint64_t kSignedMax = std::numeric_limits<int64_t>::max();
constexpr uint32_t kSettableFlags = kLoopAutoclear | kLoopPartscan;
constexpr uint32_t kClearableFlags = kLoopAutoclear;
// What fallocate of a file takes at once, and what it frees: pages.
constexpr uint64_t kFileDiscardSectorsMax = std::numeric_limits<uint32_t>::max() >> 9;

}  // namespace

int LoopDevice::StatusIoctl(const IoctlContext& context, unsigned long request,
                            const UserMemory& memory) {
  const bool may_set = context.writable || context.process.is_root();
  LoopInfo info;
  int error = 0;
  switch (request) {
    case kLoopSetStatus:
    case kLoopSetStatus64:
      if (!may_set) return -EPERM;
      error =
          request == kLoopSetStatus ? ReadLoopInfo(memory, &info) : ReadLoopInfo64(memory, &info);
      return error != 0 ? error : SetStatus(info);
    case kLoopGetStatus:
    case kLoopGetStatus64:
      if (memory.is_null()) return -EINVAL;
      error = GetStatus(&info);
      if (error != 0) return error;
      return request == kLoopGetStatus ? WriteLoopInfo(info, memory)
                                       : WriteLoopInfo64(info, memory);
    case kLoopSetBlockSize:
      return may_set ? SetBlockSize(context, memory.value()) : -EPERM;
    case kLoopSetCapacity:
      return may_set ? SetCapacity() : -EPERM;
    case kLoopSetDirectIo:
      return may_set ? SetDirectIo(memory.value() != 0) : -EPERM;
    default:
      return -EINVAL;
  }
}

int LoopDevice::CheckInfo(const LoopInfo& info) {
  if (info.encrypt_key_size > kKeyBytesMax || info.encrypt_type != 0) return -EINVAL;
  if (info.offset > kSignedMax || info.size_limit > kSignedMax) return -EOVERFLOW;
  return 0;
}

void LoopDevice::TakeInfo(const LoopInfo& info) {
  offset_ = info.offset;
  size_limit_ = info.size_limit;
  name_ = info.name;
}

int LoopDevice::SetStatus(const LoopInfo& info) {
  if (!is_bound()) return -ENXIO;
  const bool size_changes = info.offset != offset_ || info.size_limit != size_limit_;
  if (size_changes) {
    WriteBack(0, sectors() * kSectorBytes);
    DropPageCache();
  }
  const int error = CheckInfo(info);
  if (error != 0) return error;
  TakeInfo(info);
  flags_ = (info.flags & kSettableFlags) | (flags_ & ~kClearableFlags);
  if (size_changes) SetSize(SizeOf(*file_));
  UpdateDirectIo(uses_direct_io_);
  return 0;
}

int LoopDevice::GetStatus(LoopInfo* info) const {
  if (!is_bound()) return -ENXIO;
  const sys::FileStat stat = file_->Stat();
  info->device = EncodeDevice(stat.device);
  info->inode = stat.inode;
  info->rdevice = EncodeDevice(stat.rdevice);
  info->offset = offset_;
  info->size_limit = size_limit_;
  info->number = loop_number_;
  info->flags = flags_;
  info->name = name_;
  return 0;
}

int LoopDevice::SetCapacity() {
  if (!is_bound()) return -ENXIO;
  SetSize(SizeOf(*file_));
  return 0;
}

int LoopDevice::SetDirectIo(bool wanted) {
  if (!is_bound()) return -ENXIO;
  UpdateDirectIo(wanted);
  return uses_direct_io_ == wanted ? 0 : -EINVAL;
}

int LoopDevice::SetBlockSize(const IoctlContext& context, uint64_t bytes) {
  const int error = CheckClaim(context.claim);
  if (error != 0) return error;
  return is_bound() ? ChangeBlockSize(bytes) : -ENXIO;
}

uint64_t LoopDevice::SizeOf(const OpenFile& file) const {
  const BlockDevice* const device = file.block_device();
  uint64_t bytes = device != nullptr ? device->sectors() * kSectorBytes : file.Stat().size_bytes;
  if (bytes < offset_) return 0;
  bytes -= offset_;
  if (size_limit_ != 0) bytes = std::min(bytes, size_limit_);
  return bytes / kSectorBytes;
}

// set_capacity_and_notify(): a change from or to nothing is no resize.
void LoopDevice::SetSize(uint64_t size_sectors) {
  const uint64_t before = sectors();
  SetSectors(size_sectors);
  const bool is_resize = before != size_sectors && before != 0 && size_sectors != 0;
  if (is_resize) {
    SendUevent("change", {"RESIZE=1"});
  } else {
    SendUevent("change", {});
  }
}

void LoopDevice::UpdateDirectIo(bool wanted) {
  const uint32_t needed = file_->DirectIoBytes();
  const bool uses =
      wanted && needed != 0 && limits().logical_block_bytes >= needed && offset_ % needed == 0;
  if (uses == uses_direct_io_) {
    return;
  }
  // What fails here is seen by the next flush.
  file_->Sync();
  uses_direct_io_ = uses;
  flags_ = uses ? flags_ | kLoopDirectIo : flags_ & ~kLoopDirectIo;
}

void LoopDevice::SetBlockLimits(uint32_t block_bytes) {
  mutable_limits().logical_block_bytes = block_bytes;
  mutable_limits().physical_block_bytes = block_bytes;
}

// 6.1 looks at how the file was opened and not at a block device; 6.12 looks at the flag.
uint32_t LoopDevice::DefaultBlockBytes() const {
  const auto sector = static_cast<uint32_t>(kSectorBytes);
  const bool is_direct = core().profile.loop_block_size_zero_is_default
                             ? (flags_ & kLoopDirectIo) != 0
                             : file_->mode().direct && file_->block_device() == nullptr;
  return is_direct ? std::max(sector, file_->DirectIoBytes()) : sector;
}

void LoopDevice::SetDiscardLimits() {
  QueueLimits& limits = mutable_limits();
  const BlockDevice* const device = file_->block_device();
  if (device == nullptr) {
    limits.max_discard_sectors = kFileDiscardSectorsMax;
    limits.discard_granularity_bytes = kPageBytes;
    return;
  }
  limits.max_discard_sectors = device->limits().max_discard_sectors;
  limits.discard_granularity_bytes = 0;
  if (limits.max_discard_sectors == 0) return;
  limits.discard_granularity_bytes = std::max<uint64_t>(device->limits().discard_granularity_bytes,
                                                        device->limits().physical_block_bytes);
}

std::vector<std::pair<std::string, std::string>> LoopDevice::Attributes() const {
  if (file_ == nullptr) return {};
  const auto flag = [this](uint32_t mask) { return (flags_ & mask) != 0 ? "1\n" : "0\n"; };
  return {{"loop/backing_file", absl::StrCat(file_->Path(), "\n")},
          {"loop/offset", absl::StrCat(offset_, "\n")},
          {"loop/sizelimit", absl::StrCat(size_limit_, "\n")},
          {"loop/autoclear", flag(kLoopAutoclear)},
          {"loop/partscan", flag(kLoopPartscan)},
          {"loop/dio", flag(kLoopDirectIo)}};
}

}  // namespace dmkit::model
