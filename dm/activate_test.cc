// SPDX-License-Identifier: Apache-2.0
// Tests of whole devices, and of their undoing, on a control device that answers by a script.

#include "dm/activate.h"

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using testing::Line;
using testing::Name;
using ::testing::Not;
using testing::ScriptedHost;
using testing::Uuid;

constexpr char kMapperNode[] = "/dev/mapper/web";
constexpr absl::Duration kPatience = absl::Seconds(1);

class ActivateTest : public ::testing::Test {
 protected:
  ActivateTest() : dm_(DeviceMapper::Open(scripted_.host()).value()) {}

  NewDevice Device() { return {Name("web"), Uuid("X"), {Line(0, 8, "zero", "")}, true}; }
  DeviceIdentity Identity() { return {Name("web"), Uuid("X")}; }

  // Lets requests of the type T fail with `error`, the first `times` of them.
  template <typename T>
  void Fail(int error, int times = 1000000) {
    scripted_.responder = [error, times, before = scripted_.responder](
                              const Request& request) mutable -> absl::StatusOr<Reply> {
      if (std::holds_alternative<T>(request) && times-- > 0) {
        return sys::ErrnoStatus(error, "scripted");
      }
      return before(request);
    };
  }
  // Answers requests of the type T with `info`.
  template <typename T>
  void Tell(DeviceInfo info) {
    scripted_.responder =
        [info, before = scripted_.responder](const Request& request) -> absl::StatusOr<Reply> {
      return std::holds_alternative<T>(request) ? Reply(info) : before(request);
    };
  }
  bool HasNode() { return scripted_.root.nodes.count(kMapperNode) != 0; }
  void PutNode() {
    scripted_.root.nodes[kMapperNode].type = sys::FileType::kBlockDevice;
    scripted_.root.nodes[kMapperNode].rdevice = {253, 3};
  }
  template <typename T>
  T Sent(size_t index) {
    return std::get<T>(scripted_.requests.at(index));
  }

  ScriptedHost scripted_;
  DeviceMapper dm_;
};

TEST_F(ActivateTest, CreateIsThreeIoctlsAndTwoNodes) {
  const auto info = CreateDevice(dm_, Device());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->device, (sys::DeviceNumber{253, 3}));
  EXPECT_TRUE(HasNode());
  EXPECT_EQ(scripted_.root.nodes.count("/dev/dm-3"), 1u);
  EXPECT_EQ(Sent<CreateRequest>(0).uuid, Uuid("X"));
  EXPECT_EQ(Sent<LoadRequest>(1).key, DeviceKey(Uuid("X")));
  EXPECT_TRUE(Sent<LoadRequest>(1).read_only);
  EXPECT_EQ(Sent<ResumeRequest>(2).cookie, QuietCookie());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE TABLE_LOAD DEV_SUSPEND");
}

TEST_F(ActivateTest, ACreationThatFailsAtOnceLeavesTheOwnerOfTheNameAlone) {
  Fail<CreateRequest>(EBUSY);
  EXPECT_THAT(CreateDevice(dm_, Device()), FailsWithErrno(EBUSY));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE");
}

TEST_F(ActivateTest, AFailedLoadIsUndone) {
  Fail<LoadRequest>(EINVAL);
  EXPECT_THAT(CreateDevice(dm_, Device()), FailsWithErrno(EINVAL));
  EXPECT_EQ(Sent<RemoveRequest>(2).key, DeviceKey(Uuid("X")));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE TABLE_LOAD DEV_REMOVE");
}

TEST_F(ActivateTest, AFailedResumeIsUndone) {
  Fail<ResumeRequest>(EINVAL);
  EXPECT_THAT(CreateDevice(dm_, Device()), FailsWithErrno(EINVAL));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE TABLE_LOAD DEV_SUSPEND DEV_REMOVE");
}

TEST_F(ActivateTest, ABadTableIsUndoneToo) {
  NewDevice device = Device();
  device.table.clear();
  EXPECT_THAT(CreateDevice(dm_, device), FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE DEV_REMOVE");
}

TEST_F(ActivateTest, ANodeThatCannotBeMadeIsUndone) {
  scripted_.root.nodes[kMapperNode].type = sys::FileType::kRegular;
  EXPECT_THAT(CreateDevice(dm_, Device()), FailsWithErrno(EEXIST));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE TABLE_LOAD DEV_SUSPEND DEV_REMOVE");
  EXPECT_TRUE(HasNode()) << "what was in the way is not ours";
}

TEST_F(ActivateTest, TheFirstErrorWinsOverThatOfTheUndoing) {
  Fail<LoadRequest>(EINVAL);
  Fail<RemoveRequest>(EIO);
  const auto created = CreateDevice(dm_, Device());
  EXPECT_THAT(created, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(created.status().message()),
              ::testing::AllOf(HasSubstr("undo the creation"), HasSubstr("EIO")));
}

TEST_F(ActivateTest, UndoingWaitsForUdevd) {
  Fail<ResumeRequest>(EINVAL);
  Fail<RemoveRequest>(EBUSY, 3);
  const auto created = CreateDevice(dm_, Device());
  EXPECT_THAT(created, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(created.status().message()), Not(HasSubstr("undo")));
}

TEST_F(ActivateTest, CreateFailsAtEveryCallAndLeavesNothing) {
  constexpr uint64_t kLookForUdevd = 3;
  for (uint64_t call = 1;; ++call) {
    ScriptedHost scripted;
    // Counts devices: the script knows nothing else.
    int devices = 0;
    scripted.responder = [&devices](const Request& request) {
      if (std::holds_alternative<CreateRequest>(request)) ++devices;
      if (std::holds_alternative<RemoveRequest>(request)) --devices;
      return ScriptedHost::Succeed(request);
    };
    sys::FaultyHost faulty(scripted.host());
    auto dm = DeviceMapper::Open(faulty.host());
    ASSERT_THAT(dm, IsOk());
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const auto created = CreateDevice(*dm, Device());
    if (call == kLookForUdevd) {
      EXPECT_THAT(created, IsOk()) << "no reason to fail: the node is made here, then";
      EXPECT_EQ(scripted.root.nodes.count(kMapperNode), 1u);
      continue;
    }
    if (created.ok()) {
      EXPECT_EQ(devices, 1);
      EXPECT_EQ(call, 9u) << "three ioctls, a look for udevd, and a look and a making for each of "
                             "two nodes";
      EXPECT_EQ(faulty.CountOf("Ioctl"), 3u);
      break;
    }
    EXPECT_THAT(created, FailsWithErrno(EIO)) << call;
    EXPECT_EQ(devices, 0) << call;
    EXPECT_EQ(scripted.root.nodes.count(kMapperNode), 0u) << call;
  }
}

TEST_F(ActivateTest, TheLinkIsLeftToAUdevdThatMakesLinks) {
  scripted_.StartUdevd();
  ASSERT_THAT(CreateDevice(dm_, Device()), IsOk());
  EXPECT_FALSE(HasNode());
  EXPECT_EQ(scripted_.root.nodes.count("/dev/dm-3"), 1u);
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_CREATE TABLE_LOAD DEV_SUSPEND");
}

TEST_F(ActivateTest, ANodeThatADeadDeviceLeftIsOutOfUdevdsWay) {
  scripted_.StartUdevd();
  PutNode();
  bool had_node = true;
  scripted_.responder = [this, &had_node](const Request& request) {
    if (std::holds_alternative<ResumeRequest>(request)) had_node = HasNode();
    return ScriptedHost::Succeed(request);
  };
  ASSERT_THAT(CreateDevice(dm_, Device()), IsOk());
  EXPECT_FALSE(had_node) << "gone before the uevent";
}

TEST_F(ActivateTest, WithoutTheRulesForLinksTheNodeIsMadeHere) {
  scripted_.StartUdevd();
  scripted_.root.texts.erase("/lib/udev/rules.d/55-dm.rules");
  ASSERT_THAT(CreateDevice(dm_, Device()), IsOk());
  EXPECT_TRUE(HasNode());
}

TEST_F(ActivateTest, RemoveIsOneIoctlByUuidAndTakesTheNode) {
  PutNode();
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_FALSE(HasNode());
  EXPECT_EQ(Sent<RemoveRequest>(0).key, DeviceKey(Uuid("X")));
  EXPECT_EQ(Sent<RemoveRequest>(0).cookie, QuietCookie());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_REMOVE");
}

TEST_F(ActivateTest, RemoveTakesTheNodeOfTheNameThatTheDeviceHadLast) {
  PutNode();
  scripted_.root.nodes["/dev/mapper/renamed"] = scripted_.root.nodes[kMapperNode];
  DeviceInfo info;
  info.name = "renamed";
  Tell<RemoveRequest>(info);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_TRUE(HasNode()) << "it belongs to somebody else now";
  EXPECT_EQ(scripted_.root.nodes.count("/dev/mapper/renamed"), 0u);
}

TEST_F(ActivateTest, RemoveOfWhatIsGoneIsOkAndTakesTheStaleNode) {
  PutNode();
  Fail<RemoveRequest>(ENXIO);
  Fail<InfoRequest>(ENXIO);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_FALSE(HasNode());
}

TEST_F(ActivateTest, RemoveOfWhatIsGoneWithItsNodeIsOneIoctl) {
  Fail<RemoveRequest>(ENXIO);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_REMOVE");
}

TEST_F(ActivateTest, RemoveLeavesTheNodeOfAStrangerWithTheSameName) {
  PutNode();
  Fail<RemoveRequest>(ENXIO);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_TRUE(HasNode());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_REMOVE DEV_STATUS");
}

TEST_F(ActivateTest, RemoveRetriesEbusyUntilItsPatienceEnds) {
  Fail<RemoveRequest>(EBUSY, 4);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_REMOVE DEV_REMOVE DEV_REMOVE DEV_REMOVE DEV_REMOVE");
  Fail<RemoveRequest>(EBUSY);
  PutNode();
  const absl::Time start = scripted_.clock.Now();
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), FailsWithErrno(EBUSY));
  EXPECT_EQ(scripted_.clock.Now() - start, kPatience);
  EXPECT_TRUE(HasNode());
}

TEST_F(ActivateTest, RemoveRetriesNothingButEbusy) {
  Fail<RemoveRequest>(EIO);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, true), FailsWithErrno(EIO));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_REMOVE");
}

TEST_F(ActivateTest, RemoveLeavesAnOpenDeviceToTheKernelWhenAsked) {
  PutNode();
  Fail<RemoveRequest>(EBUSY, 1);
  EXPECT_THAT(RemoveDevice(dm_, Identity(), absl::ZeroDuration(), true), IsOk());
  EXPECT_FALSE(Sent<RemoveRequest>(0).deferred);
  EXPECT_TRUE(Sent<RemoveRequest>(1).deferred);
  EXPECT_FALSE(HasNode());
}

TEST_F(ActivateTest, RemoveLeavesTheNodeOfADeviceThatGotTheNameMeanwhile) {
  for (const int error : {0, ENXIO}) {
    PutNode();
    scripted_.responder = [this, error](const Request& request) -> absl::StatusOr<Reply> {
      scripted_.root.nodes[kMapperNode].rdevice = {253, 4};
      if (error != 0) return sys::ErrnoStatus(error, "scripted");
      return ScriptedHost::Succeed(request);
    };
    EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
    EXPECT_TRUE(HasNode()) << error;
  }
}

TEST_F(ActivateTest, RemoveLeavesANodeThatWasNotThereBefore) {
  for (const int error : {0, ENXIO}) {
    scripted_.root.nodes.erase(kMapperNode);
    scripted_.responder = [this, error](const Request& request) -> absl::StatusOr<Reply> {
      PutNode();
      if (error != 0) return sys::ErrnoStatus(error, "scripted");
      return ScriptedHost::Succeed(request);
    };
    EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
    EXPECT_TRUE(HasNode()) << error;
  }
}

TEST_F(ActivateTest, RemoveTakesALinkThatLeadsNowhere) {
  scripted_.root.links[kMapperNode] = "../dm-3";
  EXPECT_THAT(RemoveDevice(dm_, Identity(), kPatience, false), IsOk());
  EXPECT_EQ(scripted_.root.links.count(kMapperNode), 0u);
}

TEST_F(ActivateTest, RemoveFailsAtEveryCallAndCanBeRepeated) {
  constexpr uint64_t kLookForTheNode = 1;
  for (uint64_t call = 1; call <= 4; ++call) {
    ScriptedHost scripted;
    scripted.root.nodes[kMapperNode].type = sys::FileType::kBlockDevice;
    sys::FaultyHost faulty(scripted.host());
    auto dm = DeviceMapper::Open(faulty.host());
    ASSERT_THAT(dm, IsOk());
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const absl::Status removed = RemoveDevice(*dm, Identity(), kPatience, false);
    if (call == kLookForTheNode) {
      EXPECT_THAT(removed, IsOk()) << "no reason to fail";
    } else {
      EXPECT_THAT(removed, FailsWithErrno(EIO)) << call;
    }
    faulty.SetPlan(nullptr);
    scripted.root.nodes[kMapperNode].type = sys::FileType::kBlockDevice;
    EXPECT_THAT(RemoveDevice(*dm, Identity(), kPatience, false), IsOk()) << call;
    EXPECT_EQ(faulty.calls(), 4u) << "a look at the node, one ioctl, a look again, its removal";
    EXPECT_EQ(scripted.root.nodes.count(kMapperNode), 0u) << call;
  }
}

TEST_F(ActivateTest, ReloadIsTwoIoctls) {
  EXPECT_THAT(ReloadDevice(dm_, Name("web"), {Line(0, 8, "zero", "")}), IsOk());
  EXPECT_EQ(Sent<ResumeRequest>(1).cookie, QuietCookie());
  EXPECT_EQ(scripted_.TakeCommands(), "TABLE_LOAD DEV_SUSPEND");
}

TEST_F(ActivateTest, AFailedReloadStopsAtTheLoad) {
  Fail<LoadRequest>(EINVAL);
  EXPECT_THAT(ReloadDevice(dm_, Name("web"), {Line(0, 8, "zero", "")}), FailsWithErrno(EINVAL));
  EXPECT_EQ(scripted_.TakeCommands(), "TABLE_LOAD");
}

TEST_F(ActivateTest, AFailedSwapIsFollowedByAResumeOfTheOldTable) {
  Fail<ResumeRequest>(EINVAL, 1);
  DeviceInfo info;
  info.suspended = true;
  Tell<InfoRequest>(info);
  const auto reloaded = ReloadDevice(dm_, Name("web"), {Line(0, 8, "zero", "")});
  EXPECT_THAT(reloaded, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(reloaded.status().message()), Not(HasSubstr("resume the old table")));
  EXPECT_EQ(scripted_.TakeCommands(), "TABLE_LOAD DEV_SUSPEND DEV_STATUS DEV_SUSPEND");
}

TEST_F(ActivateTest, ANewTableThatIsStillThereIsDroppedBeforeTheResume) {
  Fail<ResumeRequest>(EINTR, 1);
  DeviceInfo info;
  info.has_inactive_table = true;
  Tell<InfoRequest>(info);
  EXPECT_THAT(ReloadDevice(dm_, Name("web"), {Line(0, 8, "zero", "")}), FailsWithErrno(EINTR));
  EXPECT_EQ(scripted_.TakeCommands(), "TABLE_LOAD DEV_SUSPEND DEV_STATUS TABLE_CLEAR");
}

TEST_F(ActivateTest, ReloadFailsAtEveryCallWithThatError) {
  const char* const reached[] = {"", "TABLE_LOAD DEV_STATUS DEV_SUSPEND"};
  for (uint64_t call = 1; call <= 3; ++call) {
    ScriptedHost scripted;
    scripted.responder = [](const Request& request) -> Reply {
      DeviceInfo info;
      info.suspended = true;
      return std::holds_alternative<InfoRequest>(request) ? Reply(info)
                                                          : ScriptedHost::Succeed(request);
    };
    sys::FaultyHost faulty(scripted.host());
    auto dm = DeviceMapper::Open(faulty.host());
    ASSERT_THAT(dm, IsOk());
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const auto reloaded = ReloadDevice(*dm, Name("web"), {Line(0, 8, "zero", "")});
    if (call == 3) {
      EXPECT_THAT(reloaded, IsOk());
      EXPECT_EQ(faulty.CountOf("Ioctl"), 2u);
      break;
    }
    EXPECT_THAT(reloaded, FailsWithErrno(EIO)) << call;
    EXPECT_EQ(scripted.TakeCommands(), reached[call - 1]);
  }
}

TEST_F(ActivateTest, AFailureToResumeTheOldTableIsReportedWithTheFirstError) {
  Fail<ResumeRequest>(EIO);
  Fail<ResumeRequest>(EINVAL, 1);
  DeviceInfo info;
  info.suspended = true;
  Tell<InfoRequest>(info);
  const auto reloaded = ReloadDevice(dm_, Name("web"), {Line(0, 8, "zero", "")});
  EXPECT_THAT(reloaded, FailsWithErrno(EINVAL));
  EXPECT_THAT(std::string(reloaded.status().message()),
              ::testing::AllOf(HasSubstr("resume the old table"), HasSubstr("EIO")));
}

}  // namespace
}  // namespace dmkit::dm
