// SPDX-License-Identifier: Apache-2.0
// googletest matchers for Status and StatusOr. For tests only.

#ifndef DMKIT_SYS_STATUS_MATCHERS_H_
#define DMKIT_SYS_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "sys/status.h"

namespace dmkit::sys {

// An OK Status or StatusOr.
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status status = internal::ToStatus(arg);
  if (!status.ok()) *result_listener << "which is " << status.ToString();
  return status.ok();
}

// An error of a system call with this errno, whatever its text.
MATCHER_P(FailsWithErrno, error,
          std::string(negation ? "does not fail with " : "fails with ") + ErrnoName(error)) {
  const absl::Status status = internal::ToStatus(arg);
  *result_listener << "which is " << status.ToString();
  return GetErrno(status) == error;
}

// A status with this code that came from no system call: bad input or an unintelligible reply.
MATCHER_P(FailsWithCode, code,
          std::string(negation ? "does not fail with " : "fails with ") +
              absl::StatusCodeToString(code)) {
  const absl::Status status = internal::ToStatus(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code && GetErrno(status) == 0;
}

// A StatusOr that is OK and whose value matches.
MATCHER_P(IsOkAndHolds, value_matcher, "is OK and holds a value that matches") {
  if (!arg.ok()) {
    *result_listener << "which is " << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_STATUS_MATCHERS_H_
