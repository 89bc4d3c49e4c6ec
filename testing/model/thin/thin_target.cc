// SPDX-License-Identifier: Apache-2.0
// The table line, status, limits and hooks of a thin device. Mirrors drivers/md/dm-thin.c; read in
// v6.1 and v6.12.

#include "testing/model/thin/thin_target.h"

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "testing/model/thin/device_id.h"

namespace dmkit::model {
namespace {

// Where a kernel has a limit of its own, and not one that follows from the size of a block.
constexpr uint64_t kDiscardSectorsMax = uint64_t{16} * 1024 * 2048;

}  // namespace

ThinTarget::ThinTarget(const TargetArguments& arguments, std::shared_ptr<Pool> pool,
                       ThinDevice& device, std::shared_ptr<TableDevice> pool_device,
                       std::shared_ptr<TableDevice> origin)
    : Target(arguments),
      pool_(std::move(pool)),
      device_(device),
      pool_device_(std::move(pool_device)),
      origin_(std::move(origin)),
      discards_(pool_->features().discard_enabled ? Discards::kAlways : Discards::kNever),
      active_{arguments.table.device(), {}} {
  pool_->AddThin(active_);
}

ThinTarget::~ThinTarget() {
  pool_->RemoveThin(active_);
  pool_->metadata().CloseThinDevice(device_);
}

void ThinTarget::Presuspend() {
  if (!table().device().is_suspending_without_flush()) return;
  requeues_ = true;
  for (WaitingIo* const io : active_.waiting) {
    if (!io->waits) continue;
    io->waits = false;
    io->result = kRequeue;
  }
}

int ThinTarget::Preresume() {
  if (origin_ != nullptr) origin_bytes_ = origin_->device().sectors() * kSectorBytes;
  return 0;
}

void ThinTarget::VisitDevices(const DeviceVisitor& visit) const {
  // What the pool's table in use gives room for, whatever the metadata knows.
  const PoolBinding* const binding = pool_->binding();
  if (binding == nullptr) return;
  const uint64_t blocks = binding->length / pool_->block_sectors();
  if (blocks != 0) visit(*pool_device_, 0, blocks * pool_->block_sectors());
}

void ThinTarget::AdjustLimits(QueueLimits* limits) const {
  if (!pool_->features().discard_enabled) return;
  const uint32_t blocks_max = table().device().dm().profile().thin_discard_blocks_max;
  limits->discard_granularity_bytes = pool_->block_bytes();
  limits->max_discard_sectors =
      blocks_max == 0 ? kDiscardSectorsMax : pool_->block_sectors() * blocks_max;
}

int ThinTarget::StatusOfMappings(std::string* out) {
  // The count and the highest block are asked for before anything is printed.
  if (pool_->metadata().fail_io()) return -EINVAL;
  uint64_t highest = 0;
  const int error = pool_->metadata().HighestMappedBlock(device_, &highest);
  if (error != 0 && error != -ENODATA) return error;
  const uint64_t sectors = pool_->block_sectors();
  absl::StrAppend(out, device_.state().mapped_blocks * sectors, " ");
  if (error == 0) {
    absl::StrAppend(out, (highest + 1) * sectors - 1);
  } else {
    absl::StrAppend(out, "-");
  }
  return 0;
}

void ThinTarget::Status(StatusKind kind, bool, std::string* out) {
  if (pool_->mode() == PoolMode::kFail) {
    absl::StrAppend(out, "Fail");
    return;
  }
  switch (kind) {
    case StatusKind::kInfo:
      if (StatusOfMappings(out) != 0) absl::StrAppend(out, "Error");
      return;
    case StatusKind::kTable:
      absl::StrAppend(out, pool_device_->name, " ", device_.id());
      if (origin_ != nullptr) absl::StrAppend(out, " ", origin_->name);
      return;
    case StatusKind::kIma:
      return;
  }
}

ThinType::ThinType(std::shared_ptr<PoolRegistry> registry)
    : TargetType("thin", registry->dm.profile().thin_version, kDevices),
      registry_(std::move(registry)) {}

int ThinType::OpenThin(const TargetArguments& arguments, const TableDevice& pool_device,
                       std::shared_ptr<Pool>* pool, ThinDevice** device) const {
  const std::optional<uint32_t> id = ParseDeviceId(arguments.words[1]);
  if (!id.has_value()) return -EINVAL;
  const sys::DeviceNumber number = pool_device.device().number();
  if (registry_->dm.FindByNumber(number) == nullptr) return -EINVAL;
  std::shared_ptr<Pool> found = registry_->FindByDevice(number);
  if (found == nullptr || found->mode() == PoolMode::kFail) return -EINVAL;
  const int error = found->metadata().OpenThinDevice(*id, device);
  if (error != 0) return error;
  if (found->is_suspended()) {
    found->metadata().CloseThinDevice(**device);
    return -EINVAL;
  }
  *pool = std::move(found);
  return 0;
}

int ThinType::Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const {
  const std::vector<std::string>& words = arguments.words;
  if (words.size() != 2 && words.size() != 3) return -EINVAL;
  std::shared_ptr<TableDevice> origin;
  if (words.size() == 3) {
    if (words[0] == words[2]) return -EINVAL;
    const int error = arguments.table.GetDevice(words[2], /*write=*/false, &origin);
    if (error != 0) return error;
  }
  std::shared_ptr<TableDevice> pool_device;
  int error = arguments.table.GetDevice(words[0], arguments.table.writable(), &pool_device);
  if (error != 0) return error;
  std::shared_ptr<Pool> pool;
  ThinDevice* device = nullptr;
  error = OpenThin(arguments, *pool_device, &pool, &device);
  if (error != 0) return error;
  *target = std::make_unique<ThinTarget>(arguments, std::move(pool), *device,
                                         std::move(pool_device), std::move(origin));
  return 0;
}

}  // namespace dmkit::model
