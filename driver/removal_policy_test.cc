// SPDX-License-Identifier: Apache-2.0

#include "driver/removal_policy.h"

#include "absl/status/status.h"
#include "dm/types.h"
#include "driver/options.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

constexpr dm::Version kNew{4, 27, 0};
constexpr dm::Version kOld{4, 26, 9};

RemovalPolicy Decide(const Options& options, const dm::Version& version, bool loop) {
  const auto policy = DecideRemoval(options, version, loop);
  EXPECT_THAT(policy, sys::IsOk());
  return policy.value_or(RemovalPolicy());
}

TEST(RemovalPolicyTest, DeferralIsTheDefaultWhereTheKernelHasIt) {
  EXPECT_TRUE(Decide({}, kNew, true).deferred_removal);
  EXPECT_TRUE(Decide({}, kNew, true).deferred_deletion);
  EXPECT_TRUE(Decide({}, {5, 0, 0}, true).deferred_removal);
  EXPECT_FALSE(Decide({}, kOld, true).deferred_removal);
  EXPECT_FALSE(Decide({}, kOld, true).deferred_deletion);
}

TEST(RemovalPolicyTest, DiscardIsTheDefaultForLoopFilesOnly) {
  EXPECT_TRUE(Decide({}, kNew, true).discard);
  EXPECT_FALSE(Decide({}, kNew, false).discard);
  Options options;
  options.blkdiscard = false;
  EXPECT_FALSE(Decide(options, kNew, true).discard);
  options.blkdiscard = true;
  EXPECT_TRUE(Decide(options, kNew, false).discard);
}

TEST(RemovalPolicyTest, DeletionIsNotDeferredWhereRemovalIsNot) {
  Options options;
  options.use_deferred_removal = false;
  EXPECT_FALSE(Decide(options, kNew, true).deferred_deletion);
  options.use_deferred_deletion = false;
  options.use_deferred_removal = true;
  EXPECT_TRUE(Decide(options, kNew, true).deferred_removal);
  EXPECT_FALSE(Decide(options, kNew, true).deferred_deletion);
}

TEST(RemovalPolicyTest, DeferralThatTheKernelDoesNotHaveIsRefused) {
  Options options;
  options.use_deferred_removal = true;
  EXPECT_TRUE(absl::IsFailedPrecondition(DecideRemoval(options, kOld, true).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(DecideRemoval(options, {3, 99, 0}, true).status()));
}

TEST(RemovalPolicyTest, DeferredDeletionWithoutDeferredRemovalIsRefused) {
  Options options;
  options.use_deferred_deletion = true;
  EXPECT_TRUE(absl::IsInvalidArgument(DecideRemoval(options, kOld, true).status()));
  options.use_deferred_removal = false;
  EXPECT_TRUE(absl::IsInvalidArgument(DecideRemoval(options, kNew, true).status()));
}

}  // namespace
}  // namespace dmkit::driver
