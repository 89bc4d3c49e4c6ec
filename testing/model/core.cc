// SPDX-License-Identifier: Apache-2.0
// The shared parts at their start.

#include "testing/model/core.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace dmkit::model {
namespace {

// Any time will do; a fixed one makes runs repeatable.
absl::Time StartTime() {
  return absl::FromCivil(absl::CivilSecond(2024, 1, 1, 0, 0, 0), absl::UTCTimeZone());
}

}  // namespace

Core::Core(const Profile& profile_in, uint64_t seed)
    : profile(profile_in), random(seed), scheduler(StartTime()) {}

absl::Time Core::Stamp() {
  last_stamp_ = std::max(scheduler.Now(), last_stamp_ + absl::Nanoseconds(1));
  return last_stamp_;
}

}  // namespace dmkit::model
