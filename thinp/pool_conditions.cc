// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_conditions.h"

namespace dmkit::thinp {
namespace {

// Whether `used` of `total` is less than `percent` free.
bool IsBelow(uint64_t used, uint64_t total, uint32_t percent) {
  // Blocks of a device are at most 2^54 / 128, so that this does not wrap.
  return (total - used) * 100 < total * percent;
}

// The kernel tells of data at its mark and below (dm-thin.c, check_low_water_mark(), v6.1), and of
// metadata likewise (dm-space-map-metadata.c, check_threshold(), v6.1).
bool IsDataLow(const PoolSight& sight, const PoolLimits& limits) {
  const uint64_t used = sight.status.used_data.count();
  const uint64_t total = sight.status.total_data.count();
  return total - used <= sight.low_water_mark.count() ||
         IsBelow(used, total, limits.low_data_percent);
}

bool IsMetadataLow(const ThinPoolStatus& status, const PoolLimits& limits) {
  const uint64_t used = status.used_metadata_blocks;
  const uint64_t total = status.total_metadata_blocks;
  return total - used <= status.metadata_low_watermark.value_or(0) ||
         IsBelow(used, total, limits.low_metadata_percent);
}

// Whether the pool of `now` was made after that of `before` had gone. Event numbers grow, round the
// end of their 32 bits, while a device lives.
bool IsAnother(const PoolSight& before, const PoolSight& now) {
  if (before.device != now.device) return true;
  // A pool without a uuid can be given one.
  if (!before.uuid.empty() && before.uuid != now.uuid) return true;
  return static_cast<int32_t>(now.event_nr - before.event_nr) < 0;
}

}  // namespace

absl::string_view PoolEventName(PoolEventKind kind) {
  switch (kind) {
    case PoolEventKind::kLowData:
      return "low_data";
    case PoolEventKind::kLowMetadata:
      return "low_metadata";
    case PoolEventKind::kOutOfDataSpace:
      return "out_of_data_space";
    case PoolEventKind::kModeChanged:
      return "mode";
    case PoolEventKind::kNeedsCheck:
      return "needs_check";
    case PoolEventKind::kGone:
      return "gone";
    case PoolEventKind::kBack:
      return "back";
  }
  return "";
}

std::vector<PoolEvent> PoolConditions::Update(const std::optional<PoolSight>& now) {
  std::vector<PoolEvent> events;
  const bool was_there = last_.has_value();
  const bool is_same = was_there && now.has_value() && !IsAnother(*last_, *now);
  if (!is_same && (was_there || (!has_looked_ && !now.has_value()))) {
    events.push_back({PoolEventKind::kGone, std::nullopt, std::nullopt});
  }
  if (!is_same) Forget();
  if (now.has_value()) {
    if (!is_same && has_looked_) events.push_back({PoolEventKind::kBack, std::nullopt, now});
    AddMode(*now, events);
    AddHealth(*now, events);
  }
  last_ = now;
  has_looked_ = true;
  return events;
}

void PoolConditions::AddMode(const PoolSight& now, std::vector<PoolEvent>& events) {
  const PoolMode mode = now.status.mode;
  std::optional<PoolMode> before;
  if (last_.has_value()) before = last_->status.mode;
  if (mode != before.value_or(PoolMode::kWrite)) {
    const PoolEventKind kind = mode == PoolMode::kOutOfDataSpace ? PoolEventKind::kOutOfDataSpace
                                                                 : PoolEventKind::kModeChanged;
    events.push_back({kind, before, now});
  }
}

void PoolConditions::AddHealth(const PoolSight& now, std::vector<PoolEvent>& events) {
  // A pool that fails says nothing but that.
  if (now.status.mode == PoolMode::kFail || now.status.mode == PoolMode::kError) return;
  const auto tell = [&](PoolEventKind kind, bool is_so, bool& was_so) {
    if (is_so && !was_so) events.push_back({kind, std::nullopt, now});
    was_so = is_so;
  };
  tell(PoolEventKind::kNeedsCheck, now.status.needs_check, needs_check_);
  // A pool that never ran has no space yet.
  if (now.status.total_data.count() == 0) return;
  tell(PoolEventKind::kLowData, IsDataLow(now, limits_), is_data_low_);
  tell(PoolEventKind::kLowMetadata, IsMetadataLow(now.status, limits_), is_metadata_low_);
}

void PoolConditions::Forget() {
  last_ = std::nullopt;
  needs_check_ = false;
  is_data_low_ = false;
  is_metadata_low_ = false;
}

}  // namespace dmkit::thinp
