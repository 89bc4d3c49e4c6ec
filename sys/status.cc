// SPDX-License-Identifier: Apache-2.0
// The errno table, the errno payload, and the end of the process on a programmer error.

#include "sys/status.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmkit::sys {
namespace {

constexpr absl::string_view kErrnoPayloadUrl = "type.dmkit/errno";

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
    case ENODATA:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
      return absl::StatusCode::kPermissionDenied;
    case EBUSY:
    case EROFS:
      return absl::StatusCode::kFailedPrecondition;
    case ENOSPC:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EDQUOT:
      return absl::StatusCode::kResourceExhausted;
    case EINVAL:
    case EOVERFLOW:
    case ENAMETOOLONG:
      return absl::StatusCode::kInvalidArgument;
    case EOPNOTSUPP:
    case ENOSYS:
    case ENOTTY:
      return absl::StatusCode::kUnimplemented;
    case EINTR:
    case EAGAIN:
      return absl::StatusCode::kUnavailable;
    case ETIMEDOUT:
      return absl::StatusCode::kDeadlineExceeded;
    default:
      return absl::StatusCode::kUnknown;
  }
}

// strerror() would need a buffer shared between threads, and the locale.
absl::string_view Description(int error) {
  const char* text = strerrordesc_np(error);
  return text == nullptr ? "unknown error" : text;
}

// The same status with another message.
absl::Status WithMessage(const absl::Status& status, absl::string_view message) {
  absl::Status result(status.code(), message);
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view context) {
  DMKIT_CHECK(error > 0);
  absl::Status status(CodeOf(error),
                      absl::StrCat(context, ": ", Description(error), " (", ErrnoName(error), ")"));
  status.SetPayload(kErrnoPayloadUrl, absl::Cord(absl::StrCat(error)));
  return status;
}

int GetErrno(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrnoPayloadUrl);
  int error = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &error)) return 0;
  return error;
}

std::string ErrnoName(int error) {
  const char* name = error > 0 ? strerrorname_np(error) : nullptr;
  return name == nullptr ? absl::StrCat("errno ", error) : std::string(name);
}

absl::Status AddContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return WithMessage(status, absl::StrCat(context, ": ", status.message()));
}

absl::Status WithSecondError(const absl::Status& first, absl::string_view what,
                             const absl::Status& second) {
  if (first.ok()) return AddContext(second, what);
  if (second.ok()) return first;
  return WithMessage(first, absl::StrCat(first.message(), "; ", what, ": ", second.message()));
}

namespace internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace internal
}  // namespace dmkit::sys
