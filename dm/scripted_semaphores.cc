// SPDX-License-Identifier: Apache-2.0
// Semaphores in memory.

#include "dm/scripted_semaphores.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::dm::testing {

absl::Status ScriptedSemaphores::Look(int32_t id) const {
  if (sets.count(id) != 0) return absl::OkStatus();
  return sys::ErrnoStatus(EINVAL, absl::StrCat("scripted semaphore ", id));
}

absl::StatusOr<int32_t> ScriptedSemaphores::Create(uint32_t key) {
  if (create_error != 0) return sys::ErrnoStatus(create_error, "create scripted semaphore");
  if (Find(key).ok()) return sys::ErrnoStatus(EEXIST, "create scripted semaphore");
  sets[next_id_].key = key;
  sets[next_id_].changed = clock_.Now();
  return next_id_++;
}

absl::StatusOr<int32_t> ScriptedSemaphores::Find(uint32_t key) {
  for (const auto& [id, set] : sets) {
    if (set.key == key) return id;
  }
  return sys::ErrnoStatus(ENOENT, "find scripted semaphore");
}

absl::StatusOr<int32_t> ScriptedSemaphores::Value(int32_t id) {
  DMKIT_RETURN_IF_ERROR(Look(id));
  return sets[id].value;
}

absl::Status ScriptedSemaphores::SetValue(int32_t id, int32_t value) {
  DMKIT_RETURN_IF_ERROR(Look(id));
  sets[id].value = value;
  sets[id].changed = clock_.Now();
  return absl::OkStatus();
}

absl::Status ScriptedSemaphores::Add(int32_t id, int32_t delta) {
  DMKIT_RETURN_IF_ERROR(Look(id));
  if (sets[id].value + delta < 0) return sys::ErrnoStatus(EAGAIN, "scripted semaphore");
  sets[id].value += delta;
  sets[id].last_operation = clock_.Now();
  return absl::OkStatus();
}

absl::StatusOr<bool> ScriptedSemaphores::WaitForZero(int32_t id, absl::Duration timeout) {
  DMKIT_RETURN_IF_ERROR(Look(id));
  waits.push_back(timeout);
  if (on_wait) on_wait(id);
  if (sets.count(id) == 0) return sys::ErrnoStatus(EIDRM, "scripted semaphore");
  if (sets[id].value == 0) return true;
  clock_.Sleep(timeout);
  return false;
}

absl::Status ScriptedSemaphores::Remove(int32_t id) {
  DMKIT_RETURN_IF_ERROR(Look(id));
  sets.erase(id);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<sys::SemaphoreSet>> ScriptedSemaphores::ListSets() {
  std::vector<sys::SemaphoreSet> list;
  for (const auto& [id, set] : sets) {
    list.push_back({id, set.key, set.last_operation, set.changed});
  }
  return list;
}

absl::Status ScriptedRandom::Fill(absl::Span<char> buffer) {
  std::memcpy(buffer.data(), &next, std::min(buffer.size(), sizeof(next)));
  ++next;
  return absl::OkStatus();
}

}  // namespace dmkit::dm::testing
