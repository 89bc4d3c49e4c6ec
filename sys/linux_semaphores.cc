// SPDX-License-Identifier: Apache-2.0
// System V semaphores on Linux. No knowledge of cookies.

#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

// semctl's fourth argument, which no header declares.
union SemaphoreArgument {
  int value;
  struct semid_ds* status;
  unsigned short* values;
  struct seminfo* info;
};

absl::StatusOr<int32_t> Get(absl::string_view operation, uint32_t key, int flags) {
  const std::string object = absl::StrCat("key 0x", absl::Hex(key));
  // Key 0 is IPC_PRIVATE: each call would make another set that nobody finds.
  if (key == 0) return ErrnoStatus(EINVAL, absl::StrCat(operation, " ", object, ": no key"));
  const int id = semget(static_cast<key_t>(key), 1, flags);
  DMKIT_RETURN_IF_ERROR(CallStatus(id, operation, object));
  return id;
}

std::string Label(int32_t id) { return absl::StrCat("id ", id); }

}  // namespace

absl::StatusOr<int32_t> LinuxSemaphores::Create(uint32_t key) {
  return Get("create semaphore", key, IPC_CREAT | IPC_EXCL | 0600);
}

absl::StatusOr<int32_t> LinuxSemaphores::Find(uint32_t key) {
  return Get("find semaphore", key, 0);
}

absl::StatusOr<int32_t> LinuxSemaphores::Value(int32_t id) {
  const int value = semctl(id, 0, GETVAL);
  DMKIT_RETURN_IF_ERROR(CallStatus(value, "read semaphore", Label(id)));
  return value;
}

absl::Status LinuxSemaphores::SetValue(int32_t id, int32_t value) {
  SemaphoreArgument argument = {};
  argument.value = value;
  return CallStatus(semctl(id, 0, SETVAL, argument), "set semaphore", Label(id));
}

absl::Status LinuxSemaphores::Add(int32_t id, int32_t delta) {
  // To the kernel a zero means to wait for zero, and larger steps do not fit its type.
  const bool usable = delta != 0 && delta >= std::numeric_limits<short>::min() &&
                      delta <= std::numeric_limits<short>::max();
  if (!usable) {
    return ErrnoStatus(EINVAL, absl::StrCat("add ", delta, " to semaphore ", Label(id)));
  }
  struct sembuf operation = {};
  operation.sem_op = static_cast<short>(delta);
  operation.sem_flg = IPC_NOWAIT;
  return CallStatus(RetryOnEintr([&] { return semop(id, &operation, 1); }), "add to semaphore",
                    Label(id));
}

absl::StatusOr<bool> LinuxSemaphores::WaitForZero(int32_t id, absl::Duration timeout) {
  // The kernel would count a whole timeout again after a signal.
  const Deadline deadline(timeout);
  while (true) {
    const struct timespec wait = absl::ToTimespec(deadline.Left());
    struct sembuf operation = {};
    if (semtimedop(id, &operation, 1, &wait) == 0) return true;
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return CallStatus(-1, "wait for semaphore", Label(id));
  }
}

absl::Status LinuxSemaphores::Remove(int32_t id) {
  return CallStatus(semctl(id, 0, IPC_RMID), "remove semaphore", Label(id));
}

absl::StatusOr<std::vector<SemaphoreSet>> LinuxSemaphores::ListSets() {
  struct seminfo limits = {};
  SemaphoreArgument argument = {};
  argument.info = &limits;
  const int last = semctl(0, 0, SEM_INFO, argument);
  DMKIT_RETURN_IF_ERROR(CallStatus(last, "list semaphores", "of the IPC namespace"));
  std::vector<SemaphoreSet> sets;
  for (int index = 0; index <= last; ++index) {
    struct semid_ds status = {};
    argument.status = &status;
    // An index without a set, or with one that is not for this user, is no reason to stop.
    const int id = semctl(index, 0, SEM_STAT, argument);
    if (id < 0) continue;
    SemaphoreSet set;
    set.id = id;
    set.key = static_cast<uint32_t>(status.sem_perm.__key);
    set.last_operation = absl::FromTimeT(status.sem_otime);
    set.changed = absl::FromTimeT(status.sem_ctime);
    sets.push_back(set);
  }
  return sets;
}

}  // namespace dmkit::sys::internal
