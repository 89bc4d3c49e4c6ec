// SPDX-License-Identifier: Apache-2.0
// Suspend, resume, and taking a table into use.

#include <cerrno>
#include <string>
#include <vector>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

using Lines = std::vector<std::string>;

class DmResumeTest : public DmTest {
 protected:
  bool Has(absl::string_view name, uint32_t flag) {
    return (machine_.Status(name).flags() & flag) != 0;
  }
};

TEST_P(DmResumeTest, ResumeWithoutATableWorksOnlyWhileRunning) {
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Suspend("a"), 0);
  EXPECT_EQ(machine_.Resume("a"), -EINVAL);
  EXPECT_TRUE(Has("a", kSuspendFlag));
}

TEST_P(DmResumeTest, ManySuspendsNeedOneResume) {
  machine_.Activate("a", 8, "zero", "");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(machine_.Suspend("a"), 0);
  EXPECT_TRUE(Has("a", kSuspendFlag));
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_FALSE(Has("a", kSuspendFlag));
}

TEST_P(DmResumeTest, FirstTableThatIsTooLongFailsAtLoad) {
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8193, "linear", "8:0 0"), -EINVAL);
  EXPECT_EQ(machine_.Load("a", 8, "linear", "8:0 8192"), -EINVAL);
  EXPECT_EQ(machine_.Status("a").flags(), 0u);
  BlockHandle handle;
  EXPECT_EQ(machine_.Open("a", &handle), -ENXIO);
}

TEST_P(DmResumeTest, LaterTableThatIsTooLongFailsAtResumeAndIsLost) {
  machine_.Activate("a", 8, "linear", "8:0 0");
  ASSERT_EQ(machine_.Load("a", 8193, "linear", "8:0 0"), 0);
  EXPECT_EQ(machine_.Resume("a"), -EINVAL);
  EXPECT_EQ(machine_.Status("a").flags(), kSuspendFlag | kActivePresentFlag);
  EXPECT_EQ(machine_.Table("a").Targets(), Lines{"0 8 linear 8:0 0"});
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Status("a").flags(), kActivePresentFlag);
}

TEST_P(DmResumeTest, TableThatFitsNoMoreFailsAtItsFirstResume) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 8192, "linear", "8:0 0"), 0);
  machine_.disk->Resize(4096 * kSectorBytes);
  EXPECT_EQ(machine_.Resume("a"), -EINVAL);
  EXPECT_EQ(machine_.Status("a").flags(), kSuspendFlag);
  EXPECT_EQ(machine_.Resume("a"), -EINVAL);
}

TEST_P(DmResumeTest, DeviceWithoutASizePassesTheChecks) {
  machine_.disk->Resize(0);
  machine_.Activate("a", 8192, "linear", "8:0 12345");
  std::string bytes(512, '\0');
  EXPECT_EQ(machine_.device("a").Read(0, absl::MakeSpan(&bytes[0], bytes.size())), -EIO);
}

TEST_P(DmResumeTest, AreasMustSuitTheLogicalBlockSize) {
  machine_.disk->mutable_limits().logical_block_bytes = 4096;
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8, "linear", "8:0 1"), -EINVAL);
  EXPECT_EQ(machine_.Load("a", 9, "linear", "8:0 0"), -EINVAL);
  DmBytes bytes(kStructBytes);
  bytes.Name("a").Target(0, 4, "zero", "").Target(4, 8, "linear", "8:0 0");
  EXPECT_EQ(machine_.Call(kTableLoad, bytes), -EINVAL);
  EXPECT_EQ(machine_.Load("a", 8, "linear", "8:0 8"), 0);
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.device("a").limits().logical_block_bytes, 4096u);
}

TEST_P(DmResumeTest, ReadOnlyFlagFollowsTheTableInUse) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Load("a", 8, "zero", "", kReadOnlyFlag), 0);
  EXPECT_FALSE(Has("a", kReadOnlyFlag));
  EXPECT_NE(machine_.Status("a", kQueryInactiveFlag).flags() & kReadOnlyFlag, 0u);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_TRUE(Has("a", kReadOnlyFlag));
}

TEST_P(DmResumeTest, ReadOnlyNodeShowsInTheFlag) {
  machine_.Activate("a", 8, "zero", "");
  machine_.device("a").SetNodeReadOnly(true);
  EXPECT_TRUE(Has("a", kReadOnlyFlag));
  // Taking a writable table into use does not change that.
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_TRUE(Has("a", kReadOnlyFlag));
}

TEST_P(DmResumeTest, QueryInactiveCountsTheInactiveTargets) {
  machine_.Activate("a", 8, "zero", "");
  EXPECT_EQ(machine_.Status("a").U32(kTargetCountAt), 1u);
  EXPECT_EQ(machine_.Status("a", kQueryInactiveFlag).U32(kTargetCountAt), 0u);
  EXPECT_NE(machine_.Status("a", kQueryInactiveFlag).flags() & kActivePresentFlag, 0u);
}

TEST_P(DmResumeTest, ImmutableTypeIsReplacedByAnErrorTargetOnly) {
  class ImmutableTarget : public Target {
   public:
    using Target::Target;
    int Map(const Io&) override { return 0; }
  };
  class ImmutableType : public TargetType {
   public:
    ImmutableType() : TargetType("stone", {1, 0, 0}, kImmutable | kSingleton | kAlwaysWriteable) {}
    int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
      *target = std::make_unique<ImmutableTarget>(arguments);
      return 0;
    }
  };
  machine_.dm->RegisterModule({{"stone"}, {std::make_shared<ImmutableType>()}});
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8, "stone", "", kReadOnlyFlag), -EINVAL);
  ASSERT_EQ(machine_.Load("a", 8, "stone", ""), 0);
  // While it is only inactive, anything may come in its place.
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Load("a", 8, "stone", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8, "zero", ""), -EINVAL);
  EXPECT_EQ(machine_.Load("a", 16, "stone", ""), 0);
  EXPECT_EQ(machine_.Load("a", 8, "error", ""), 0);
  DmBytes second(kStructBytes), first(kStructBytes);
  first.Name("a").Target(0, 8, "stone", "").Target(8, 8, "error", "");
  EXPECT_EQ(machine_.Call(kTableLoad, first), -EINVAL);
  second.Name("a").Target(0, 8, "error", "").Target(8, 8, "stone", "");
  EXPECT_EQ(machine_.Call(kTableLoad, second), -EINVAL);
}

// A target whose hooks leave a trace.
class TracingType : public TargetType {
 public:
  TracingType() : TargetType("tracing", {1, 0, 0}, 0) {}

  mutable Lines calls;
  int preresume_error = 0;

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override;
};

class TracingTarget : public Target {
 public:
  TracingTarget(const TargetArguments& arguments, const TracingType& type)
      : Target(arguments), type_(type) {}
  ~TracingTarget() override { type_.calls.emplace_back("dtr"); }
  int Map(const Io&) override { return 0; }
  void Presuspend() override { type_.calls.emplace_back("presuspend"); }
  void Postsuspend() override { type_.calls.emplace_back("postsuspend"); }
  int Preresume() override {
    type_.calls.emplace_back("preresume");
    return type_.preresume_error;
  }
  void Resume() override { type_.calls.emplace_back("resume"); }

 private:
  const TracingType& type_;
};

int TracingType::Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const {
  *target = std::make_unique<TracingTarget>(arguments, *this);
  calls.emplace_back("ctr");
  return 0;
}

TEST_P(DmResumeTest, HooksComeInTheKernelsOrder) {
  const auto type = std::make_shared<TracingType>();
  machine_.dm->RegisterModule({{"tracing"}, {type}});
  machine_.Activate("a", 8, "tracing", "");
  EXPECT_EQ(type->calls, (Lines{"ctr", "preresume", "resume"}));
  type->calls.clear();
  ASSERT_EQ(machine_.Load("a", 8, "tracing", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(type->calls, (Lines{"ctr", "presuspend", "postsuspend", "preresume", "resume", "dtr"}));
  type->calls.clear();
  for (int i = 0; i < 2; ++i) machine_.device("a").InternalSuspend();
  for (int i = 0; i < 2; ++i) machine_.device("a").InternalResume();
  EXPECT_EQ(type->calls, (Lines{"presuspend", "postsuspend", "preresume", "resume"}));
  type->calls.clear();
  ASSERT_EQ(machine_.Remove("a"), 0);
  EXPECT_EQ(type->calls, (Lines{"presuspend", "postsuspend", "dtr"}));
}

TEST_P(DmResumeTest, FailedPreresumeLeavesTheNewTableInUseAndTheDeviceSuspended) {
  const auto type = std::make_shared<TracingType>();
  machine_.dm->RegisterModule({{"tracing"}, {type}});
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Load("a", 16, "tracing", ""), 0);
  type->preresume_error = -ENOMEM;
  EXPECT_EQ(machine_.Resume("a"), -ENOMEM);
  EXPECT_EQ(machine_.Table("a").Targets(), Lines{"0 16 tracing "});
  EXPECT_EQ(machine_.Status("a").flags(), kSuspendFlag | kActivePresentFlag);
  type->preresume_error = 0;
  EXPECT_EQ(machine_.Resume("a"), 0);
}

TEST_P(DmResumeTest, InternalSuspendNestsAndShows) {
  machine_.Activate("a", 8, "zero", "");
  DmDevice& device = machine_.device("a");
  device.InternalSuspend();
  device.InternalSuspend();
  EXPECT_EQ(machine_.Status("a").flags(), kInternalSuspendFlag | kActivePresentFlag);
  device.InternalResume();
  EXPECT_TRUE(Has("a", kInternalSuspendFlag));
  device.InternalResume();
  EXPECT_FALSE(Has("a", kInternalSuspendFlag));
}

TEST_P(DmResumeTest, SuspendOfAnInternallySuspendedDeviceWaits) {
  machine_.Activate("a", 8, "zero", "");
  DmDevice& device = machine_.device("a");
  device.InternalSuspend();
  EXPECT_EQ(machine_.Suspend("a"), -EINTR);
  ASSERT_EQ(machine_.core.scheduler.Hangs().size(), 1u);
  machine_.core.scheduler.After(absl::Seconds(5), [&device] { device.InternalResume(); });
  EXPECT_EQ(machine_.Suspend("a"), 0);
}

TEST_P(DmResumeTest, UserAndInternalSuspendShowTogetherAndEndInAnyOrder) {
  machine_.Activate("a", 8, "zero", "");
  DmDevice& device = machine_.device("a");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  device.InternalSuspend();
  EXPECT_EQ(machine_.Status("a").flags(), kSuspendFlag | kInternalSuspendFlag | kActivePresentFlag);
  device.InternalResume();
  EXPECT_TRUE(Has("a", kSuspendFlag));
  EXPECT_EQ(machine_.Resume("a"), 0);
}

DMKIT_ON_BOTH_KERNELS(DmResumeTest);

}  // namespace
}  // namespace dmkit::model
