// SPDX-License-Identifier: Apache-2.0
// A lock between processes: flock on a file that names its holder.

#ifndef DMKIT_SYS_LOCK_FILE_H_
#define DMKIT_SYS_LOCK_FILE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::sys {

// Proof that a lock is held. Released on destruction; move-only.
class HeldLock {
 public:
  HeldLock(HeldLock&&) noexcept = default;
  HeldLock& operator=(HeldLock&&) noexcept = default;

 private:
  friend absl::StatusOr<HeldLock> AcquireLock(const Host&, Dir&, absl::string_view,
                                              absl::string_view, absl::Duration);
  explicit HeldLock(std::unique_ptr<File> file) : file_(std::move(file)) {}
  std::unique_ptr<File> file_;
};

// Takes the exclusive lock on the file `name` in `dir`, which is made when missing, polling for at
// most `patience`. Whoever holds the lock may remove the file: others that wait for it then lock
// the new one. The file then holds 256 bytes for people: "<pid> <what>" of the holder, cut off
// where it is longer, and line feeds behind it. On a full filesystem (ENOSPC, EDQUOT) the lock is
// taken all the same, and the file is empty. ETIMEDOUT when another process keeps it: the message
// says which pid and what it is doing. Two calls in one process exclude each other as two processes
// do. Costs no fsync.
absl::StatusOr<HeldLock> AcquireLock(const Host& host, Dir& dir, absl::string_view name,
                                     absl::string_view what, absl::Duration patience);

// Who holds the lock on the file `name` in `dir`, for people: "process 12 (deleting web)". Nothing:
// nobody does, or there is no such file. Does not wait, and does not stand in the way of others
// that ask the same; who takes the lock at this moment may find it taken.
absl::StatusOr<std::optional<std::string>> FindLockHolder(Dir& dir, absl::string_view name);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_LOCK_FILE_H_
