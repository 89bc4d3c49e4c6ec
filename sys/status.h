// SPDX-License-Identifier: Apache-2.0
// Statuses that keep the errno, and the two macros that pass them on. Four kinds of error are kept
// apart: bad caller input (INVALID_ARGUMENT, no errno, no syscall made); refusal by the kernel
// (errno payload); an unintelligible kernel reply or file (DATA_LOSS, no errno); programmer error
// (DMKIT_CHECK). Decisions are made on GetErrno(), never on the code or the text.

#ifndef DMKIT_SYS_STATUS_H_
#define DMKIT_SYS_STATUS_H_

#include <string>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::sys {

// Makes the status of a failed system call. The message reads "<context>: <text> (<ERRNO NAME>)".
// `error` must be a positive errno value. The absl code comes from a table of our own, so that an
// abseil upgrade cannot change it: ENOENT, ENXIO, ENODEV, ENODATA are NOT_FOUND; EEXIST is
// ALREADY_EXISTS; EACCES and EPERM are PERMISSION_DENIED; EBUSY and EROFS are FAILED_PRECONDITION;
// ENOSPC, ENOMEM, EMFILE, ENFILE, EDQUOT are RESOURCE_EXHAUSTED; EINVAL, EOVERFLOW, ENAMETOOLONG
// are INVALID_ARGUMENT; EOPNOTSUPP, ENOSYS, ENOTTY are UNIMPLEMENTED; EINTR and EAGAIN are
// UNAVAILABLE; ETIMEDOUT is DEADLINE_EXCEEDED; every other one is UNKNOWN.
absl::Status ErrnoStatus(int error, absl::string_view context);

// The errno that `status` carries, or 0 when it is OK or did not come from a system call.
int GetErrno(const absl::Status& status);

// The symbolic name ("EBUSY") of `error`, or "errno <n>" for a number without a name.
std::string ErrnoName(int error);

// `status` with "<context>: " before its message; code and payloads stay. OK stays OK.
absl::Status AddContext(const absl::Status& status, absl::string_view context);

// `first` with "; <what>: <message of second>" behind its message when `second` is an error too.
// For clean-up that fails after an error: the first error keeps its code and errno. When only
// `second` is an error, it is returned with `what` as its context.
absl::Status WithSecondError(const absl::Status& first, absl::string_view what,
                             const absl::Status& second);

namespace internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
inline absl::Status ToStatus(absl::Status status) { return status; }
template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& value) {
  return value.status();
}
}  // namespace internal
}  // namespace dmkit::sys

// Returns the error of `expression` (a Status or a StatusOr) from the enclosing function.
#define DMKIT_RETURN_IF_ERROR(expression)                                     \
  do {                                                                        \
    absl::Status dmkit_status = ::dmkit::sys::internal::ToStatus(expression); \
    if (ABSL_PREDICT_FALSE(!dmkit_status.ok())) return dmkit_status;          \
  } while (false)

// Assigns the value of the StatusOr `expression` to `target` (which may be a declaration), or
// returns its error from the enclosing function.
#define DMKIT_ASSIGN_OR_RETURN(target, expression) \
  DMKIT_ASSIGN_OR_RETURN_IMPL(DMKIT_CONCAT(dmkit_value_, __LINE__), target, expression)
#define DMKIT_CONCAT_IMPL(a, b) a##b
#define DMKIT_CONCAT(a, b) DMKIT_CONCAT_IMPL(a, b)
// `target` may be a declaration, which takes no parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define DMKIT_ASSIGN_OR_RETURN_IMPL(value, target, expression) \
  auto value = (expression);                                   \
  if (ABSL_PREDICT_FALSE(!value.ok())) return value.status();  \
  target = *std::move(value)
// NOLINTEND(bugprone-macro-parentheses)

// Ends the process when `condition` is false: for programmer errors only, never for data that came
// from a kernel, a file or a caller.
#define DMKIT_CHECK(condition)                                             \
  do {                                                                     \
    if (ABSL_PREDICT_FALSE(!(condition))) {                                \
      ::dmkit::sys::internal::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                                      \
  } while (false)

#endif  // DMKIT_SYS_STATUS_H_
