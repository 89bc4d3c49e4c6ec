// SPDX-License-Identifier: Apache-2.0

#include "driver/layer_lock.h"

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LayerLocksTest : public ::testing::Test {
 protected:
  LayerLocks Open() {
    auto locks = LayerLocks::Open(linux_.host(), temp_.path(), absl::ZeroDuration());
    EXPECT_THAT(locks, sys::IsOk());
    return *std::move(locks);
  }
  bool HasFile(const std::string& name) {
    return linux_.host().root->Stat(absl::StrCat(temp_.path(), "/locks/", name)).ok();
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
};

TEST_F(LayerLocksTest, SecondHolderOfALayerIsToldTheFirstOnesOperation) {
  const LayerLocks locks = Open();
  const auto first = locks.Acquire("web", "get");
  ASSERT_THAT(first, sys::IsOk());
  const auto second = locks.Acquire("web", "rm");
  EXPECT_THAT(second, sys::FailsWithErrno(ETIMEDOUT));
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr("layer \"web\""), HasSubstr("(get)")));
}

TEST_F(LayerLocksTest, LayersAndStoresDoNotShareLocks) {
  const LayerLocks locks = Open();
  const auto web = locks.Acquire("web", "get");
  ASSERT_THAT(web, sys::IsOk());
  EXPECT_THAT(locks.Acquire("db", "get"), sys::IsOk());
  sys::TempDir other;
  const auto elsewhere = LayerLocks::Open(linux_.host(), other.path(), absl::ZeroDuration());
  ASSERT_THAT(elsewhere, sys::IsOk());
  EXPECT_THAT(elsewhere->Acquire("web", "get"), sys::IsOk());
}

TEST_F(LayerLocksTest, ForgottenLayerLeavesNoFileAndCanBeLockedAgain) {
  const LayerLocks locks = Open();
  {
    const auto held = locks.Acquire("web", "rm");
    ASSERT_THAT(held, sys::IsOk());
    EXPECT_TRUE(HasFile("web"));
    EXPECT_THAT(locks.Forget("web", *held), sys::IsOk());
  }
  EXPECT_FALSE(HasFile("web"));
  EXPECT_THAT(locks.Acquire("web", "create"), sys::IsOk());
}

TEST_F(LayerLocksTest, UnusableRunDirectoryIsAnError) {
  EXPECT_THAT(LayerLocks::Open(linux_.host(), "/proc/version/x", absl::ZeroDuration()),
              sys::FailsWithErrno(ENOTDIR));
}

}  // namespace
}  // namespace dmkit::driver
