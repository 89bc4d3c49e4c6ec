// SPDX-License-Identifier: Apache-2.0
// A mapped device as a block device: opens, io, ioctls and what sysfs shows.

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_core.h"
#include "testing/model/dm_device.h"

namespace dmkit::model {

int DmDevice::OnOpen(const Opener&) { return is_deleting_ ? -ENXIO : 0; }

void DmDevice::OnRelease(const Opener&) {
  if (open_count() == 0 && is_deferred_) dm_.QueueDeferredRemove();
}

int DmDevice::DoIo(const Io& io) {
  if (live_ == nullptr) return -EIO;
  while (true) {
    const int waited = WaitForResume();
    if (waited != 0) return waited;
    if (live_ == nullptr) return -EIO;
    ++in_flight_;
    const int result = io.kind == IoKind::kFlush ? MapFlush(io) : MapRange(io);
    --in_flight_;
    // dm_handle_requeue(): only a suspend that does not flush takes io back.
    if (result == kRequeue && is_suspending_without_flush_) continue;
    if (result == kRequeue) return -EIO;
    if (result == 0) stats_.Count(io);
    return result;
  }
}

int DmDevice::WaitForResume() {
  if (!holds_io_back_) return 0;
  return core().scheduler.Wait(WaitKind::kUninterruptible,
                               absl::StrCat("io of ", disk_name(), ": suspended"),
                               [this] { return !holds_io_back_; });
}

int DmDevice::MapFlush(const Io& io) {
  const std::shared_ptr<DmTable> table = live_;
  int first_error = 0;
  for (const std::unique_ptr<Target>& target : table->targets()) {
    const int error = target->Map(io);
    if (error == kRequeue) return error;
    if (first_error == 0) first_error = error;
  }
  return first_error;
}

int DmDevice::MapRange(const Io& io) {
  // Kept alive while a target waits.
  const std::shared_ptr<DmTable> table = live_;
  for (uint64_t done = 0; done < io.length;) {
    const uint64_t at = io.offset + done;
    Target* const target = table->Find(at / kSectorBytes);
    // The table has become shorter than what the caller saw.
    if (target == nullptr) return -EIO;
    const uint64_t begin = target->begin() * kSectorBytes;
    Io part = io;
    part.offset = at - begin;
    part.length = std::min(io.length - done, begin + target->length() * kSectorBytes - at);
    if (io.into != nullptr) part.into = io.into + done;
    if (io.from != nullptr) part.from = io.from + done;
    const int error = target->Map(part);
    if (error != 0) return error;
    done += part.length;
  }
  return 0;
}

int DmDevice::Geometry(uint16_t* cylinders, uint8_t* heads, uint8_t* sectors, uint64_t* start) {
  const DmGeometry geometry = geometry_.value_or(DmGeometry{});
  *cylinders = geometry.cylinders;
  *heads = geometry.heads;
  *sectors = geometry.sectors;
  *start = geometry.start;
  return 0;
}

int DmDevice::DriverIoctl(const IoctlContext& context, unsigned long request, UserMemory argument) {
  if (live_ == nullptr || live_->targets().size() != 1) return -ENOTTY;
  const std::shared_ptr<DmTable> table = live_;
  bool is_whole = false;
  BlockDevice* const device = table->targets().front()->IoctlDevice(&is_whole);
  if (device == nullptr) return -ENOTTY;
  if (is_suspended_) return -EAGAIN;
  if (!is_whole && !context.process.is_root()) return -ENOTTY;
  return device->DriverIoctl(context, request, argument);
}

std::vector<std::pair<std::string, std::string>> DmDevice::Attributes() const {
  return {{"dm/name", absl::StrCat(name, "\n")},
          {"dm/uuid", absl::StrCat(uuid.value_or(""), "\n")},
          {"dm/suspended", is_suspended_ ? "1\n" : "0\n"}};
}

}  // namespace dmkit::model
