// SPDX-License-Identifier: Apache-2.0
// System V semaphores of the model: sets of one semaphore, with ids, permissions and limits as in
// ipc/util.c and ipc/sem.c. No knowledge of cookies.

#ifndef DMKIT_TESTING_MODEL_PROCESS_SEMAPHORES_H_
#define DMKIT_TESTING_MODEL_PROCESS_SEMAPHORES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/process/identity.h"

namespace dmkit::model {

// The sets of a kernel. Everything needs a Scheduler::Call; results are 0 or a value, or a negative
// errno.
class SemaphoreTable {
 public:
  explicit SemaphoreTable(Core& core) : core_(core) {}
  SemaphoreTable(const SemaphoreTable&) = delete;
  SemaphoreTable& operator=(const SemaphoreTable&) = delete;

  // semget() with IPC_CREAT | IPC_EXCL | 0600: the id. -EEXIST, -ENOSPC.
  int32_t Create(const Identity& process, uint32_t key);
  // semget(): the id, also of a set that the caller may not touch. -ENOENT.
  int32_t Find(uint32_t key) const;
  // semctl(): GETVAL, SETVAL, IPC_RMID. -EINVAL: no such set; -EACCES and for removal -EPERM: not
  // the caller's; -ERANGE: no value of a semaphore.
  int32_t Value(const Identity& process, int32_t id) const;
  int SetValue(const Identity& process, int32_t id, int32_t value);
  int Remove(const Identity& process, int32_t id);
  // semop() with IPC_NOWAIT. -EAGAIN: would be negative; -ERANGE: would be too large.
  int Add(const Identity& process, int32_t id, int32_t delta);
  // semtimedop() for zero: 0 then. -EAGAIN: `timeout` has passed; -EIDRM: removed meanwhile;
  // -EINTR.
  int WaitForZero(const Identity& process, int32_t id, absl::Duration timeout);

  // semctl(): SEM_STAT of each index: the sets that the caller may read, in the order of indexes.
  std::vector<sys::SemaphoreSet> Sets(const Identity& process) const;

  // All sets are gone; those who wait have returned.
  void LosePower();
  // "semaphore 0x0d4d1234 value 1", in the order of their keys.
  std::vector<std::string> List() const;

 private:
  struct Set {
    uint32_t key = 0;
    uint32_t owner = 0;
    int32_t value = 0;
    int32_t id = 0;
    absl::Time last_operation = absl::UnixEpoch();
    absl::Time changed;
  };

  const Set* FindId(int32_t id) const;
  // 0, -EINVAL or -EACCES.
  int Look(const Identity& process, int32_t id, const Set** set) const;
  Set& Own(const Set& set) { return sets_.at(IndexOf(set.id)); }
  absl::Time Seconds() const;
  static uint32_t IndexOf(int32_t id);

  Core& core_;
  std::map<uint32_t, Set> sets_;  // by index
  int64_t last_index_ = -1;
  uint32_t sequence_ = 0;
};

// The seam of one process. Each call takes a Scheduler::Call.
class ModelSemaphores : public sys::Semaphores {
 public:
  // `process` outlives it.
  ModelSemaphores(Core& core, SemaphoreTable& table, const Identity& process)
      : core_(core), table_(table), process_(process) {}

  absl::StatusOr<int32_t> Create(uint32_t key) override;
  absl::StatusOr<int32_t> Find(uint32_t key) override;
  absl::StatusOr<int32_t> Value(int32_t id) override;
  absl::Status SetValue(int32_t id, int32_t value) override;
  absl::Status Add(int32_t id, int32_t delta) override;
  absl::StatusOr<bool> WaitForZero(int32_t id, absl::Duration timeout) override;
  absl::Status Remove(int32_t id) override;
  absl::StatusOr<std::vector<sys::SemaphoreSet>> ListSets() override;

 private:
  Core& core_;
  SemaphoreTable& table_;
  const Identity& process_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_SEMAPHORES_H_
