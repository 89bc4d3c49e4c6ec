// SPDX-License-Identifier: Apache-2.0
// Tests of the errno table, the payload and the macros.

#include "sys/status.h"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Mapping {
  int error;
  absl::StatusCode code;
};

constexpr Mapping kMappings[] = {
    {ENOENT, absl::StatusCode::kNotFound},
    {ENXIO, absl::StatusCode::kNotFound},
    {ENODEV, absl::StatusCode::kNotFound},
    {ENODATA, absl::StatusCode::kNotFound},
    {EEXIST, absl::StatusCode::kAlreadyExists},
    {EACCES, absl::StatusCode::kPermissionDenied},
    {EPERM, absl::StatusCode::kPermissionDenied},
    {EBUSY, absl::StatusCode::kFailedPrecondition},
    {EROFS, absl::StatusCode::kFailedPrecondition},
    {ENOSPC, absl::StatusCode::kResourceExhausted},
    {ENOMEM, absl::StatusCode::kResourceExhausted},
    {EMFILE, absl::StatusCode::kResourceExhausted},
    {ENFILE, absl::StatusCode::kResourceExhausted},
    {EDQUOT, absl::StatusCode::kResourceExhausted},
    {EINVAL, absl::StatusCode::kInvalidArgument},
    {EOVERFLOW, absl::StatusCode::kInvalidArgument},
    {ENAMETOOLONG, absl::StatusCode::kInvalidArgument},
    {EOPNOTSUPP, absl::StatusCode::kUnimplemented},
    {ENOSYS, absl::StatusCode::kUnimplemented},
    {ENOTTY, absl::StatusCode::kUnimplemented},
    {EINTR, absl::StatusCode::kUnavailable},
    {EAGAIN, absl::StatusCode::kUnavailable},
    {ETIMEDOUT, absl::StatusCode::kDeadlineExceeded},
    {EIO, absl::StatusCode::kUnknown},
    {EFBIG, absl::StatusCode::kUnknown},
    {ENOTDIR, absl::StatusCode::kUnknown},
    {4095, absl::StatusCode::kUnknown},
};

TEST(ErrnoStatusTest, CodesComeFromOurTable) {
  for (const Mapping& mapping : kMappings) {
    EXPECT_EQ(ErrnoStatus(mapping.error, "x").code(), mapping.code) << ErrnoName(mapping.error);
  }
}

TEST(ErrnoStatusTest, EveryErrnoComesBack) {
  for (int error = 1; error < 4096; ++error) {
    EXPECT_EQ(GetErrno(ErrnoStatus(error, "x")), error);
  }
}

TEST(ErrnoStatusTest, MessageIsContextTextAndName) {
  EXPECT_EQ(ErrnoStatus(EBUSY, "remove /dev/x").message(),
            "remove /dev/x: Device or resource busy (EBUSY)");
  EXPECT_EQ(ErrnoStatus(4095, "x").message(), "x: unknown error (errno 4095)");
}

TEST(ErrnoStatusTest, PayloadIsTheDecimalNumber) {
  const absl::Status status = ErrnoStatus(ENODATA, "x");
  ASSERT_TRUE(status.GetPayload("type.dmkit/errno").has_value());
  EXPECT_EQ(std::string(*status.GetPayload("type.dmkit/errno")), "61");
}

TEST(ErrnoStatusDeathTest, ZeroAndNegativeNumbersAreProgrammerErrors) {
  EXPECT_DEATH(ErrnoStatus(0, "x").IgnoreError(), "check failed: error > 0");
  EXPECT_DEATH(ErrnoStatus(-EIO, "x").IgnoreError(), "check failed: error > 0");
}

TEST(GetErrnoTest, IsZeroForOkAndForErrorsOfOurOwn) {
  EXPECT_EQ(GetErrno(absl::OkStatus()), 0);
  EXPECT_EQ(GetErrno(absl::NotFoundError("no errno")), 0);
}

TEST(GetErrnoTest, IsZeroForAForeignPayload) {
  absl::Status other = absl::NotFoundError("x");
  other.SetPayload("type.example/errno", absl::Cord("2"));
  EXPECT_EQ(GetErrno(other), 0);
  absl::Status garbled = absl::NotFoundError("x");
  garbled.SetPayload("type.dmkit/errno", absl::Cord("2x"));
  EXPECT_EQ(GetErrno(garbled), 0);
}

TEST(ErrnoNameTest, IsTheSymbolOrTheNumber) {
  EXPECT_EQ(ErrnoName(ENODATA), "ENODATA");
  EXPECT_EQ(ErrnoName(EAGAIN), "EAGAIN");
  EXPECT_EQ(ErrnoName(4095), "errno 4095");
  EXPECT_EQ(ErrnoName(0), "errno 0");
  EXPECT_EQ(ErrnoName(-1), "errno -1");
}

TEST(AddContextTest, KeepsCodeAndErrno) {
  const absl::Status status = AddContext(ErrnoStatus(EBUSY, "umount /a"), "layer web");
  EXPECT_EQ(status.message(), "layer web: umount /a: Device or resource busy (EBUSY)");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrno(status), EBUSY);
}

TEST(AddContextTest, KeepsForeignPayloads) {
  absl::Status status = absl::DataLossError("cut off");
  status.SetPayload("type.example/x", absl::Cord("y"));
  EXPECT_TRUE(AddContext(status, "file").GetPayload("type.example/x").has_value());
}

TEST(AddContextTest, OkStaysOk) { EXPECT_THAT(AddContext(absl::OkStatus(), "x"), IsOk()); }

TEST(WithSecondErrorTest, FirstErrorKeepsCodeAndErrno) {
  const absl::Status both =
      WithSecondError(ErrnoStatus(ENOSPC, "write a"), "remove a", ErrnoStatus(EIO, "unlink a"));
  EXPECT_EQ(GetErrno(both), ENOSPC);
  EXPECT_EQ(both.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(both.message(),
            "write a: No space left on device (ENOSPC); remove a: unlink a: Input/output error "
            "(EIO)");
}

TEST(WithSecondErrorTest, NoSecondErrorChangesNothing) {
  const absl::Status first = ErrnoStatus(ENOSPC, "write a");
  EXPECT_EQ(WithSecondError(first, "remove a", absl::OkStatus()), first);
}

TEST(WithSecondErrorTest, OnlyASecondErrorIsReported) {
  const absl::Status second =
      WithSecondError(absl::OkStatus(), "remove a", ErrnoStatus(EIO, "unlink a"));
  EXPECT_THAT(second, FailsWithErrno(EIO));
  EXPECT_THAT(std::string(second.message()), HasSubstr("remove a: unlink a"));
  EXPECT_THAT(WithSecondError(absl::OkStatus(), "x", absl::OkStatus()), IsOk());
}

absl::StatusOr<std::unique_ptr<int>> MakeNumber(bool work) {
  if (!work) return ErrnoStatus(ENOMEM, "make");
  return std::make_unique<int>(7);
}

absl::StatusOr<int> UseNumber(bool work) {
  DMKIT_RETURN_IF_ERROR(MakeNumber(work));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<int> number, MakeNumber(work));
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<int> other, MakeNumber(work));
  *other += *number;
  return *other;
}

TEST(MacrosTest, PassErrorsOnAndMoveValues) {
  EXPECT_THAT(UseNumber(true), IsOkAndHolds(14));
  EXPECT_THAT(UseNumber(false), FailsWithErrno(ENOMEM));
}

absl::Status AssignOnly(bool work, std::unique_ptr<int>& number) {
  DMKIT_ASSIGN_OR_RETURN(number, MakeNumber(work));
  return absl::OkStatus();
}

TEST(MacrosTest, AssignLeavesTheTargetAloneOnError) {
  auto number = std::make_unique<int>(3);
  EXPECT_THAT(AssignOnly(false, number), FailsWithErrno(ENOMEM));
  EXPECT_EQ(*number, 3);
  EXPECT_THAT(AssignOnly(true, number), IsOk());
  EXPECT_EQ(*number, 7);
}

TEST(CheckDeathTest, NamesTheCondition) {
  const int one = 1;
  DMKIT_CHECK(one == 1);
  EXPECT_DEATH(DMKIT_CHECK(one == 2), "status_test.cc:[0-9]+: check failed: one == 2");
}

TEST(MatchersTest, TellErrorsApart) {
  EXPECT_THAT(absl::OkStatus(), Not(FailsWithErrno(EIO)));
  EXPECT_THAT(ErrnoStatus(EIO, "x"), Not(IsOk()));
  EXPECT_THAT(ErrnoStatus(EIO, "x"), Not(FailsWithErrno(EBUSY)));
  EXPECT_THAT(ErrnoStatus(EINVAL, "x"), Not(FailsWithCode(absl::StatusCode::kInvalidArgument)));
  EXPECT_THAT(absl::InvalidArgumentError("x"), FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(UseNumber(false), Not(IsOkAndHolds(14)));
  EXPECT_THAT(UseNumber(true), Not(IsOkAndHolds(13)));
}

}  // namespace
}  // namespace dmkit::sys
