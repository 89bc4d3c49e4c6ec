// SPDX-License-Identifier: Apache-2.0
// Semaphores in memory, with a place for a test to act as udevd. For tests only.

#ifndef DMKIT_DM_SCRIPTED_SEMAPHORES_H_
#define DMKIT_DM_SCRIPTED_SEMAPHORES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::dm::testing {

class ScriptedSemaphores : public sys::Semaphores {
 public:
  // Time passes by waiting.
  explicit ScriptedSemaphores(sys::Clock& clock) : clock_(clock) {}

  struct Set {
    uint32_t key = 0;
    int32_t value = 0;
    absl::Time last_operation = absl::UnixEpoch();
    absl::Time changed = absl::UnixEpoch();
  };
  std::map<int32_t, Set> sets;  // by id
  int create_error = 0;         // of every Create
  // Called by each wait, before the value is looked at: a udevd at work, or somebody who removes.
  std::function<void(int32_t id)> on_wait;
  std::vector<absl::Duration> waits;  // how long each was to last

  absl::StatusOr<int32_t> Create(uint32_t key) override;
  absl::StatusOr<int32_t> Find(uint32_t key) override;
  absl::StatusOr<int32_t> Value(int32_t id) override;
  absl::Status SetValue(int32_t id, int32_t value) override;
  absl::Status Add(int32_t id, int32_t delta) override;
  absl::StatusOr<bool> WaitForZero(int32_t id, absl::Duration timeout) override;
  absl::Status Remove(int32_t id) override;
  absl::StatusOr<std::vector<sys::SemaphoreSet>> ListSets() override;

 private:
  absl::Status Look(int32_t id) const;

  sys::Clock& clock_;
  int32_t next_id_ = 0;
};

// Gives `next`, counted up by one each time, as the first two bytes of what is asked for.
class ScriptedRandom : public sys::Random {
 public:
  uint16_t next = 0x1234;
  absl::Status Fill(absl::Span<char> buffer) override;
};

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_SCRIPTED_SEMAPHORES_H_
