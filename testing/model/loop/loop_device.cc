// SPDX-License-Identifier: Apache-2.0
// How a loop device gets its file and loses it. Mirrors loop_configure(), loop_change_fd(),
// loop_clr_fd(), __loop_clr_fd(), lo_open() and lo_release().

#include "testing/model/loop/loop_device.h"

#include <cerrno>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "testing/model/loop/loop_driver.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kConfigurableFlags =
    kLoopReadOnly | kLoopAutoclear | kLoopPartscan | kLoopDirectIo;
// Of /dev/null and the like, which have a read and a write.
constexpr uint32_t kMemoryMajor = 1;

bool IsValidBlockSize(uint64_t bytes) {
  return bytes >= kSectorBytes && bytes <= kPageBytes && (bytes & (bytes - 1)) == 0;
}

}  // namespace

LoopDevice::LoopDevice(Core& core, const LoopDriver& driver, uint32_t loop_number)
    : BlockDevice(core, {kLoopMajor, loop_number}, absl::StrCat("loop", loop_number)),
      driver_(driver),
      loop_number_(loop_number) {
  mutable_limits().has_write_cache = false;
  BumpDiskSequence();
  AddDisk();
}

LoopDevice::~LoopDevice() { DeleteDisk(); }

std::shared_ptr<OpenFile> LoopDevice::Abandon() {
  is_abandoned_ = true;
  LosePageCache();
  SetSectors(0);
  state_ = State::kUnbound;
  return std::move(file_);
}

int LoopDevice::OnOpen(const Opener&) {
  if (core().profile.loop_detaches_at_last_close && state_ == State::kRundown) return -ENXIO;
  return 0;
}

void LoopDevice::OnRelease(const Opener&) {
  if (open_count() > 0 || is_abandoned_) return;
  if (state_ == State::kBound && (flags_ & kLoopAutoclear) != 0) state_ = State::kRundown;
  if (state_ == State::kRundown) Detach();
}

int LoopDevice::DriverIoctl(const IoctlContext& context, unsigned long request, UserMemory memory) {
  switch (request) {
    case kLoopSetFd: {
      LoopConfig config;
      config.descriptor = static_cast<uint32_t>(memory.value());
      return SetFd(context, config);
    }
    case kLoopConfigure: {
      LoopConfig config;
      const int error = ReadLoopConfig(memory, &config);
      return error != 0 ? error : SetFd(context, config);
    }
    case kLoopChangeFd:
      return ChangeFd(context, static_cast<uint32_t>(memory.value()));
    case kLoopClrFd:
      return ClearFd();
    default:
      return StatusIoctl(context, request, memory);
  }
}

// loop_check_backing_file(): what cannot be read at all, or was opened for writing and cannot be
// written.
int LoopDevice::CheckFileOperations(const OpenFile& file) const {
  if (!core().profile.loop_checks_file_first) return 0;
  const sys::FileStat stat = file.Stat();
  if (stat.type == sys::FileType::kDirectory) return -EINVAL;
  const bool is_control =
      stat.type == sys::FileType::kCharDevice && stat.rdevice.major != kMemoryMajor;
  return is_control ? -EINVAL : 0;
}

int LoopDevice::ValidateFile(const OpenFile& file) const {
  const OpenFile* below = &file;
  while (below->block_device() != nullptr && below->block_device()->number().major == kLoopMajor) {
    if (below->block_device() == this) return -EBADF;
    const LoopDevice* const loop = driver_.Find(below->block_device()->number().minor);
    if (loop == nullptr || !loop->is_bound()) return -EINVAL;
    below = loop->file();
  }
  const sys::FileType type = file.Stat().type;
  return type == sys::FileType::kRegular || type == sys::FileType::kBlockDevice ? 0 : -EINVAL;
}

int LoopDevice::SetFd(const IoctlContext& context, const LoopConfig& config) {
  std::shared_ptr<OpenFile> file = context.process.FileAt(static_cast<int>(config.descriptor));
  if (file == nullptr) return -EBADF;
  int error = CheckFileOperations(*file);
  if (error == 0) error = CheckClaim(context.claim);
  if (error == 0 && state_ != State::kUnbound) error = -EBUSY;
  if (error == 0) error = CheckConfig(*file, config);
  if (error != 0) return error;
  TakeInfo(config.info);
  flags_ = config.info.flags;
  if (!file->mode().write || !context.writable) flags_ |= kLoopReadOnly;
  return Bind(std::move(file), config);
}

int LoopDevice::CheckConfig(const OpenFile& file, const LoopConfig& config) const {
  const int error = ValidateFile(file);
  if (error != 0) return error;
  if ((config.info.flags & ~kConfigurableFlags) != 0) return -EINVAL;
  const bool checks_block_size = !core().profile.loop_failed_configure_mutes_uevents;
  if (checks_block_size && config.block_size != 0 && !IsValidBlockSize(config.block_size)) {
    return -EINVAL;
  }
  return CheckInfo(config.info);
}

int LoopDevice::Bind(std::shared_ptr<OpenFile> file, const LoopConfig& config) {
  SuppressUevents(true);
  ForceMediaChange();
  SetReadOnly((flags_ & kLoopReadOnly) != 0);
  // The kernel leaves here without an end to the silence.
  if (config.block_size != 0 && !IsValidBlockSize(config.block_size)) return -EINVAL;
  file_ = std::move(file);
  uses_direct_io_ = (flags_ & kLoopDirectIo) != 0;
  SetBlockLimits(config.block_size != 0 ? config.block_size : DefaultBlockBytes());
  SetDiscardLimits();
  mutable_limits().has_write_cache = (flags_ & kLoopReadOnly) == 0;
  UpdateDirectIo(file_->mode().direct || uses_direct_io_);
  SetSize(SizeOf(*file_));
  state_ = State::kBound;
  SuppressUevents(false);
  SendUevent("change", {});
  return 0;
}

int LoopDevice::ChangeFd(const IoctlContext& context, uint32_t descriptor) {
  std::shared_ptr<OpenFile> file = context.process.FileAt(static_cast<int>(descriptor));
  if (file == nullptr) return -EBADF;
  const int checked = CheckFileOperations(*file);
  if (checked != 0) return checked;
  SuppressUevents(true);
  const int error = ReplaceFile(std::move(file));
  SuppressUevents(false);
  SendUevent("change", {});
  return error;
}

int LoopDevice::ReplaceFile(std::shared_ptr<OpenFile> file) {
  if (state_ != State::kBound) return -ENXIO;
  if ((flags_ & kLoopReadOnly) == 0) return -EINVAL;
  const int error = ValidateFile(*file);
  if (error != 0) return error;
  if (SizeOf(*file) != SizeOf(*file_)) return -EINVAL;
  ForceMediaChange();
  file_.swap(file);
  UpdateDirectIo(file_->mode().direct || uses_direct_io_);
  return 0;
}

int LoopDevice::ClearFd() {
  if (state_ != State::kBound) return -ENXIO;
  const bool is_last_opener = open_count() <= 1;
  if (core().profile.loop_detaches_at_last_close) {
    flags_ |= kLoopAutoclear;
    if (is_last_opener) state_ = State::kRundown;
    return 0;
  }
  if (!is_last_opener) {
    flags_ |= kLoopAutoclear;
    return 0;
  }
  Detach();
  return 0;
}

void LoopDevice::Detach() {
  // Dropped at the end: it may be the last open of another device.
  const std::shared_ptr<OpenFile> file = std::move(file_);
  file_ = nullptr;
  offset_ = 0;
  size_limit_ = 0;
  name_.clear();
  SetBlockLimits(kSectorBytes);
  if (!core().profile.loop_keeps_write_cache) mutable_limits().has_write_cache = false;
  DropPageCache();
  SetSectors(0);
  state_ = State::kRundown;
  SendUevent("change", {});
  ForceMediaChange();
  flags_ = 0;
  uses_direct_io_ = false;
  state_ = State::kUnbound;
}

void LoopDevice::ForceMediaChange() {
  SendUevent("change", {"DISK_MEDIA_CHANGE=1"});
  BumpDiskSequence();
  DropPageCache();
}

int LoopDevice::ChangeBlockSize(uint64_t bytes) {
  const bool zero_is_default = core().profile.loop_block_size_zero_is_default;
  if (!zero_is_default && !IsValidBlockSize(bytes)) return -EINVAL;
  if (bytes == limits().logical_block_bytes) return 0;
  WriteBack(0, sectors() * kSectorBytes);
  DropPageCache();
  auto block_bytes = static_cast<uint32_t>(bytes);
  if (block_bytes == 0) block_bytes = DefaultBlockBytes();
  const bool is_valid = IsValidBlockSize(block_bytes);
  if (is_valid) SetBlockLimits(block_bytes);
  UpdateDirectIo(file_->mode().direct || uses_direct_io_);
  return is_valid ? 0 : -EINVAL;
}

}  // namespace dmkit::model
