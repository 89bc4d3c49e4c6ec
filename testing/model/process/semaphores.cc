// SPDX-License-Identifier: Apache-2.0
// Sets of one semaphore, and their seam.

#include "testing/model/process/semaphores.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

// ipc/util.h and include/uapi/linux/sem.h.
constexpr uint32_t kIndexBits = 15;
constexpr uint32_t kSequences = std::numeric_limits<int32_t>::max() >> kIndexBits;
constexpr uint32_t kSetsMax = 32000;
constexpr uint32_t kIndexCycleMin = 64;
constexpr int32_t kValueMax = 32767;

absl::Status Report(int64_t result, absl::string_view operation, absl::string_view object) {
  if (result >= 0) return absl::OkStatus();
  return sys::ErrnoStatus(static_cast<int>(-result), absl::StrCat(operation, " ", object));
}

std::string KeyLabel(uint32_t key) { return absl::StrCat("key 0x", absl::Hex(key)); }

std::string Label(int32_t id) { return absl::StrCat("id ", id); }

}  // namespace

uint32_t SemaphoreTable::IndexOf(int32_t id) {
  return static_cast<uint32_t>(id) & ((1U << kIndexBits) - 1);
}

const SemaphoreTable::Set* SemaphoreTable::FindId(int32_t id) const {
  if (id < 0) return nullptr;
  const auto found = sets_.find(IndexOf(id));
  return found == sets_.end() || found->second.id != id ? nullptr : &found->second;
}

int SemaphoreTable::Look(const Identity& process, int32_t id, const Set** set) const {
  *set = FindId(id);
  if (*set == nullptr) return -EINVAL;
  return process.is_root() || process.effective_user == (*set)->owner ? 0 : -EACCES;
}

// ipc_idr_alloc(): indexes are given out in turn, so that the id of a set that was removed does not
// come again soon; the sequence number grows when they start anew.
int32_t SemaphoreTable::Create(const Identity& process, uint32_t key) {
  if (Find(key) >= 0) return -EEXIST;
  if (sets_.size() >= kSetsMax) return -ENOSPC;
  const auto in_use = static_cast<uint32_t>(sets_.size());
  const uint32_t end = std::min(std::max(in_use * 3 / 2, kIndexCycleMin), kSetsMax);
  auto index = static_cast<uint32_t>(last_index_ + 1) % end;
  while (sets_.count(index) != 0) index = (index + 1) % end;
  if (static_cast<int64_t>(index) <= last_index_) sequence_ = (sequence_ + 1) % kSequences;
  last_index_ = index;
  Set& set = sets_[index];
  set.key = key;
  set.owner = process.effective_user;
  set.changed = Seconds();
  set.id = static_cast<int32_t>((sequence_ << kIndexBits) + index);
  return set.id;
}

int32_t SemaphoreTable::Find(uint32_t key) const {
  for (const auto& [index, set] : sets_) {
    if (set.key == key) return set.id;
  }
  return -ENOENT;
}

int32_t SemaphoreTable::Value(const Identity& process, int32_t id) const {
  const Set* set = nullptr;
  const int error = Look(process, id, &set);
  return error != 0 ? error : set->value;
}

int SemaphoreTable::SetValue(const Identity& process, int32_t id, int32_t value) {
  if (value < 0 || value > kValueMax) return -ERANGE;
  const Set* set = nullptr;
  const int error = Look(process, id, &set);
  if (error != 0) return error;
  Own(*set).value = value;
  Own(*set).changed = Seconds();
  return 0;
}

int SemaphoreTable::Remove(const Identity& process, int32_t id) {
  const Set* set = nullptr;
  const int error = Look(process, id, &set);
  if (error == -EACCES) return -EPERM;
  if (error == 0) sets_.erase(IndexOf(id));
  return error;
}

int SemaphoreTable::Add(const Identity& process, int32_t id, int32_t delta) {
  const Set* set = nullptr;
  const int error = Look(process, id, &set);
  if (error != 0) return error;
  const int32_t value = set->value + delta;
  if (value < 0) return -EAGAIN;
  if (value > kValueMax) return -ERANGE;
  Own(*set).value = value;
  Own(*set).last_operation = Seconds();
  return 0;
}

// Of both kinds of times the kernel keeps whole seconds.
absl::Time SemaphoreTable::Seconds() const {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(core_.scheduler.Now()));
}

int SemaphoreTable::WaitForZero(const Identity& process, int32_t id, absl::Duration timeout) {
  const Set* set = nullptr;
  const int error = Look(process, id, &set);
  if (error != 0) return error;
  if (set->value == 0) {
    Own(*set).last_operation = Seconds();
    return 0;
  }
  bool is_late = false;
  const Scheduler::TimerId timer = core_.scheduler.After(timeout, [&is_late] { is_late = true; });
  const auto has_ended = [this, id, &is_late] {
    const Set* now = FindId(id);
    return is_late || now == nullptr || now->value == 0;
  };
  const int waited = core_.scheduler.Wait(
      WaitKind::kInterruptible, absl::StrCat("semaphore id ", id, ": wait for zero"), has_ended);
  core_.scheduler.Cancel(timer);
  if (waited != 0) return waited;
  set = FindId(id);
  if (set == nullptr) return -EIDRM;
  if (set->value != 0) return -EAGAIN;
  Own(*set).last_operation = Seconds();
  return 0;
}

std::vector<sys::SemaphoreSet> SemaphoreTable::Sets(const Identity& process) const {
  std::vector<sys::SemaphoreSet> sets;
  for (const auto& [index, set] : sets_) {
    const Set* found = nullptr;
    if (Look(process, set.id, &found) != 0) continue;
    sets.push_back({set.id, set.key, set.last_operation, set.changed});
  }
  return sets;
}

void SemaphoreTable::LosePower() {
  sets_.clear();
  last_index_ = -1;
  sequence_ = 0;
}

std::vector<std::string> SemaphoreTable::List() const {
  std::map<uint32_t, int32_t> by_key;
  for (const auto& [index, set] : sets_) by_key.emplace(set.key, set.value);
  std::vector<std::string> lines;
  for (const auto& [key, value] : by_key) {
    lines.push_back(absl::StrFormat("semaphore 0x%08x value %d", key, value));
  }
  return lines;
}

absl::StatusOr<int32_t> ModelSemaphores::Create(uint32_t key) {
  const std::string operation = "create semaphore";
  // As the seam's rule is: 0 is IPC_PRIVATE.
  DMKIT_RETURN_IF_ERROR(Report(key == 0 ? -EINVAL : 0, operation, KeyLabel(key)));
  const Scheduler::Call call(core_.scheduler, process_.id);
  const int32_t id = table_.Create(process_, key);
  DMKIT_RETURN_IF_ERROR(Report(id, operation, KeyLabel(key)));
  return id;
}

absl::StatusOr<int32_t> ModelSemaphores::Find(uint32_t key) {
  const std::string operation = "find semaphore";
  DMKIT_RETURN_IF_ERROR(Report(key == 0 ? -EINVAL : 0, operation, KeyLabel(key)));
  const Scheduler::Call call(core_.scheduler, process_.id);
  const int32_t id = table_.Find(key);
  DMKIT_RETURN_IF_ERROR(Report(id, operation, KeyLabel(key)));
  return id;
}

absl::StatusOr<int32_t> ModelSemaphores::Value(int32_t id) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  const int32_t value = table_.Value(process_, id);
  DMKIT_RETURN_IF_ERROR(Report(value, "read semaphore", Label(id)));
  return value;
}

absl::Status ModelSemaphores::SetValue(int32_t id, int32_t value) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  return Report(table_.SetValue(process_, id, value), "set semaphore", Label(id));
}

absl::Status ModelSemaphores::Add(int32_t id, int32_t delta) {
  const bool usable = delta != 0 && delta >= std::numeric_limits<int16_t>::min() &&
                      delta <= std::numeric_limits<int16_t>::max();
  if (!usable) return Report(-EINVAL, "add to semaphore", Label(id));
  const Scheduler::Call call(core_.scheduler, process_.id);
  return Report(table_.Add(process_, id, delta), "add to semaphore", Label(id));
}

absl::StatusOr<bool> ModelSemaphores::WaitForZero(int32_t id, absl::Duration timeout) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  // As the seam's rule is: an endless wait has an end too.
  timeout = std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365));
  const absl::Time deadline = core_.scheduler.Now() + timeout;
  const uint64_t deaths = core_.scheduler.deaths(process_.id);
  while (true) {
    const absl::Duration left = std::max(deadline - core_.scheduler.Now(), absl::ZeroDuration());
    const int result = table_.WaitForZero(process_, id, left);
    if (result == 0) return true;
    if (result == -EAGAIN) return false;
    // A signal is no reason to stop, but the end of the process or of everything is.
    const bool is_over = !core_.has_power || core_.scheduler.deaths(process_.id) != deaths;
    if (result != -EINTR || is_over) {
      return Report(result, "wait for semaphore", Label(id));
    }
  }
}

absl::Status ModelSemaphores::Remove(int32_t id) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  return Report(table_.Remove(process_, id), "remove semaphore", Label(id));
}

absl::StatusOr<std::vector<sys::SemaphoreSet>> ModelSemaphores::ListSets() {
  const Scheduler::Call call(core_.scheduler, process_.id);
  return table_.Sets(process_);
}

}  // namespace dmkit::model
