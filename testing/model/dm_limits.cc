// SPDX-License-Identifier: Apache-2.0
// Whether the areas that a table uses fit its devices, and the limits that come of them. Mirrors
// dm_calculate_queue_limits() and what it calls in drivers/md/dm-table.c; read in v6.1 and v6.12.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "testing/model/dm_core.h"
#include "testing/model/dm_table.h"

namespace dmkit::model {
namespace {

void Stack(const QueueLimits& below, QueueLimits* limits) {
  limits->logical_block_bytes = std::max(limits->logical_block_bytes, below.logical_block_bytes);
  limits->physical_block_bytes = std::max(
      {limits->physical_block_bytes, below.physical_block_bytes, limits->logical_block_bytes});
  limits->discard_granularity_bytes =
      std::max(limits->discard_granularity_bytes, below.discard_granularity_bytes);
  limits->max_discard_sectors = std::min(limits->max_discard_sectors, below.max_discard_sectors);
  limits->has_write_cache = limits->has_write_cache || below.has_write_cache;
}

QueueLimits StackingLimits() {
  QueueLimits limits;
  limits.has_write_cache = false;
  limits.max_discard_sectors = std::numeric_limits<uint32_t>::max();
  return limits;
}

bool IsAreaInvalid(const TableDevice& device, uint64_t start, uint64_t length,
                   const QueueLimits& limits) {
  const uint64_t size = device.device().sectors();
  // An unbound loop device: it may get its size later.
  if (size == 0) return false;
  if (start >= size || start + length > size) return true;
  const uint64_t mask = limits.logical_block_bytes / kSectorBytes - 1;
  return ((start | length) & mask) != 0;
}

bool TakesDiscards(const Target& target) {
  if (target.discards() != Discards::kAsItsDevices) return target.discards() == Discards::kAlways;
  bool all = true;
  target.VisitDevices([&all](const TableDevice& device, uint64_t, uint64_t) {
    all = all && device.device().limits().max_discard_sectors != 0;
  });
  return all;
}

}  // namespace

QueueLimits DmTable::LimitsOf(const Target& target) const {
  QueueLimits limits = StackingLimits();
  target.VisitDevices([&limits](const TableDevice& device, uint64_t, uint64_t) {
    Stack(device.device().limits(), &limits);
  });
  return limits;
}

// A request that respects the logical block size may be cut where two targets meet: each piece must
// suit its target.
int DmTable::CheckAlignment(const QueueLimits& limits) const {
  const uint64_t block = limits.logical_block_bytes / kSectorBytes;
  uint64_t next_start = 0;
  uint64_t remaining = 0;
  for (const std::unique_ptr<Target>& target : targets_) {
    const uint64_t own = LimitsOf(*target).logical_block_bytes / kSectorBytes;
    if (remaining < target->length() && (remaining & (own - 1)) != 0) return -EINVAL;
    next_start = (next_start + target->length()) & (block - 1);
    remaining = next_start == 0 ? 0 : block - next_start;
  }
  return remaining == 0 ? 0 : -EINVAL;
}

int DmTable::CalculateLimits(QueueLimits* limits) const {
  *limits = StackingLimits();
  bool takes_discards = true;
  for (const std::unique_ptr<Target>& target : targets_) {
    QueueLimits own = LimitsOf(*target);
    target->AdjustLimits(&own);
    bool is_invalid = false;
    target->VisitDevices(
        [&is_invalid, &own](const TableDevice& device, uint64_t start, uint64_t length) {
          is_invalid = is_invalid || IsAreaInvalid(device, start, length, own);
        });
    if (is_invalid) return -EINVAL;
    Stack(own, limits);
    takes_discards = takes_discards && TakesDiscards(*target);
  }
  if (!takes_discards) {
    limits->max_discard_sectors = 0;
    limits->discard_granularity_bytes = 0;
  }
  return CheckAlignment(*limits);
}

bool DmTable::KeepsLimits() const {
  return std::all_of(targets_.begin(), targets_.end(), [](const std::unique_ptr<Target>& target) {
    if (!target->type().Has(TargetType::kDevices)) return false;
    bool has_device = false;
    target->VisitDevices(
        [&has_device](const TableDevice&, uint64_t, uint64_t) { has_device = true; });
    return !has_device;
  });
}

}  // namespace dmkit::model
