// SPDX-License-Identifier: Apache-2.0
// Tests of the client on a control device that answers by a script.

#include "dm/device_mapper.h"

#include <cerrno>
#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Line;
using testing::Name;
using testing::ScriptedHost;
using ::testing::SizeIs;
using testing::Type;
using testing::Uuid;
using testing::With;

constexpr size_t kFirstBuffer = 2048;

class DeviceMapperTest : public ::testing::Test {
 protected:
  DeviceMapper Open() {
    auto dm = DeviceMapper::Open(scripted_.host());
    EXPECT_THAT(dm, IsOk());
    return *std::move(dm);
  }
  void FailWith(int error) {
    scripted_.responder = [error](const Request&) -> absl::StatusOr<Reply> {
      return sys::ErrnoStatus(error, "scripted");
    };
  }
  // The only request that was made.
  template <typename T>
  T Only() {
    EXPECT_THAT(scripted_.requests, SizeIs(1));
    return std::get<T>(scripted_.requests.at(0));
  }

  ScriptedHost scripted_;
  const DeviceKey key_ = Name("web");
};

TEST_F(DeviceMapperTest, OpenTellsTheKernelsVersionAndAsksNothingElse) {
  scripted_.kernel = {4, 48, 0};
  const DeviceMapper dm = Open();
  EXPECT_EQ(dm.version(), (Version{4, 48, 0}));
  EXPECT_THAT(scripted_.requests, SizeIs(0));
}

TEST_F(DeviceMapperTest, OpenOfAnotherMajorVersionNamesIt) {
  scripted_.kernel = {5, 1, 0};
  scripted_.version_error = EINVAL;
  const auto dm = DeviceMapper::Open(scripted_.host());
  EXPECT_THAT(dm, FailsWithCode(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(std::string(dm.status().message()), HasSubstr("5.1.0"));
}

TEST_F(DeviceMapperTest, OpenWithoutPrivilegeSaysSo) {
  scripted_.version_error = EACCES;
  const auto dm = DeviceMapper::Open(scripted_.host());
  EXPECT_THAT(dm, FailsWithErrno(EACCES));
  EXPECT_THAT(std::string(dm.status().message()),
              AllOf(HasSubstr("DM_VERSION /dev/mapper/control"), HasSubstr("CAP_SYS_ADMIN")));
}

TEST_F(DeviceMapperTest, EachMethodIsOneIoctlWithWhatItWasGiven) {
  DeviceMapper dm = Open();
  const UdevCookie cookie = QuietCookie();
  EXPECT_EQ(cookie.value, 0x004e0000u);
  EXPECT_THAT(dm.RemoveAll(true), IsOk());
  EXPECT_THAT(dm.List(), IsOk());
  EXPECT_THAT(dm.Create(Name("web"), {Uuid("X"), 7}), IsOk());
  EXPECT_THAT(dm.Remove(key_, {true, cookie}), IsOk());
  EXPECT_THAT(dm.Rename(Name("web"), Name("new"), cookie), IsOk());
  EXPECT_THAT(dm.SetUuid(Name("web"), Uuid("X"), cookie), IsOk());
  EXPECT_THAT(dm.Suspend(key_, {true, false}), IsOk());
  EXPECT_THAT(dm.Resume(key_, {false, true}, cookie), IsOk());
  EXPECT_THAT(dm.Info(key_), IsOk());
  EXPECT_THAT(dm.Wait(key_, 7, {true, true}), IsOk());
  EXPECT_THAT(dm.Load(key_, {Line(0, 8, "zero", "")}, {true}), IsOk());
  EXPECT_THAT(dm.Clear(key_), IsOk());
  EXPECT_THAT(dm.Dependencies(key_, true), IsOk());
  EXPECT_THAT(dm.Status(key_, {true, false}), IsOk());
  EXPECT_THAT(dm.Table(key_, {false, true}), IsOk());
  EXPECT_THAT(dm.ListVersions(), IsOk());
  EXPECT_THAT(dm.GetTargetVersion(Type("thin")), IsOk());
  EXPECT_THAT(dm.Message(key_, sys::Sectors(3), "m"), IsOk());
  EXPECT_THAT(dm.SetGeometry(key_, 1, 2, 3, 4), IsOk());
  EXPECT_THAT(dm.ArmPoll(), IsOk());
  const std::vector<Request> expected = {
      RemoveAllRequest{true},
      ListDevicesRequest{true, "", ""},
      CreateRequest{Name("web"), Uuid("X"), 7},
      RemoveRequest{key_, true, cookie},
      RenameRequest{Name("web"), Name("new"), cookie},
      SetUuidRequest{Name("web"), Uuid("X"), cookie},
      SuspendRequest{key_, true, false},
      ResumeRequest{key_, false, true, cookie},
      InfoRequest{key_, false},
      WaitRequest{key_, 7, StatusKind::kStatus, true, true},
      LoadRequest{key_, {Line(0, 8, "zero", "")}, true},
      ClearRequest{key_},
      DependenciesRequest{key_, true},
      StatusRequest{key_, StatusKind::kStatus, true, false},
      StatusRequest{key_, StatusKind::kTable, false, true, true},
      ListVersionsRequest{},
      TargetVersionRequest{Type("thin")},
      MessageRequest{key_, sys::Sectors(3), "m"},
      SetGeometryRequest{key_, 1, 2, 3, 4},
      ArmPollRequest{},
  };
  ASSERT_EQ(scripted_.requests.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(scripted_.requests[i] == expected[i]) << FactsOf(CommandOf(expected[i])).name;
  }
}

TEST_F(DeviceMapperTest, RepliesComeBackTyped) {
  DeviceMapper dm = Open();
  EXPECT_THAT(dm.List(),
              IsOkAndHolds(ElementsAre(ListedDevice{{253, 3}, "web", 0, std::string("X")})));
  EXPECT_EQ(dm.Info(key_)->device, (sys::DeviceNumber{253, 3}));
  EXPECT_THAT(dm.Table(key_, {})->targets, SizeIs(1));
  EXPECT_THAT(dm.Dependencies(key_, false), IsOkAndHolds(ElementsAre(sys::DeviceNumber{7, 1})));
  EXPECT_THAT(dm.ListVersions(), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(dm.GetTargetVersion(Type("thin")), IsOkAndHolds(Version{1, 22, 0}));
  EXPECT_EQ(dm.Message(key_, sys::Sectors(0), "m")->text, std::nullopt);
  scripted_.readable = true;
  EXPECT_THAT(dm.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(true));
}

TEST_F(DeviceMapperTest, RenamingTellsTheNewNames) {
  DeviceMapper dm = Open();
  EXPECT_EQ(dm.Rename(Name("web"), Name("new"), {})->name, "new");
  const auto info = dm.SetUuid(Name("web"), Uuid("X"), {});
  EXPECT_EQ(info->name, "web");
  EXPECT_EQ(info->uuid, "X");
}

TEST_F(DeviceMapperTest, ARefusalNamesCommandDeviceErrnoAndHint) {
  DeviceMapper dm = Open();
  FailWith(EBUSY);
  const auto removed = dm.Remove(key_, {});
  EXPECT_THAT(removed, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(removed.status().message()),
              AllOf(HasSubstr("DM_DEV_REMOVE dm device \"web\": "), HasSubstr("EBUSY"),
                    HasSubstr("open count")));
}

TEST_F(DeviceMapperTest, AnInterruptedCommandIsNotRepeated) {
  DeviceMapper dm = Open();
  FailWith(EINTR);
  EXPECT_THAT(dm.Wait(key_, 0, {}), FailsWithErrno(EINTR));
  EXPECT_THAT(dm.Suspend(key_, {}), FailsWithErrno(EINTR));
  EXPECT_THAT(dm.Resume(key_, {}, {}), FailsWithErrno(EINTR));
  EXPECT_THAT(scripted_.requests, SizeIs(3));
}

TEST_F(DeviceMapperTest, BadInputIsRefusedWithoutAnIoctl) {
  DeviceMapper dm = Open();
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(dm.Load(key_, {}, {}), FailsWithCode(kInvalid));
  EXPECT_THAT(dm.Load(key_, {Line(8, 8, "zero", "")}, {}), FailsWithCode(kInvalid));
  const std::vector<TableLine> fatal = {Line(0, 8, "thin", "253:0 5 7:3"),
                                        Line(8, 8, "linear", "7:3 0")};
  EXPECT_THAT(dm.Load(key_, fatal, {}), FailsWithCode(kInvalid));
  EXPECT_THAT(dm.Message(key_, sys::Sectors(0), ""), FailsWithCode(kInvalid));
  EXPECT_THAT(dm.Info(sys::DeviceNumber{0, 0}), FailsWithCode(kInvalid));
  EXPECT_THAT(dm.Create(Name("web"), {std::nullopt, 1048576}), FailsWithCode(kInvalid));
  EXPECT_THAT(scripted_.requests, SizeIs(0));
}

TEST_F(DeviceMapperTest, AnOlderKernelIsNotAskedForWhatItWouldMisunderstand) {
  scripted_.kernel = {4, 18, 0};
  DeviceMapper dm = Open();
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  EXPECT_THAT(dm.SetUuid(Name("web"), Uuid("X"), {}), FailsWithCode(kUnimplemented));
  EXPECT_THAT(dm.Remove(key_, {true, {}}), FailsWithCode(kUnimplemented));
  EXPECT_THAT(dm.ArmPoll(), FailsWithCode(kUnimplemented));
  EXPECT_THAT(dm.CancelDeferredRemove(key_), FailsWithCode(kUnimplemented));
  EXPECT_THAT(scripted_.requests, SizeIs(0));
  EXPECT_THAT(dm.Remove(key_, {}), IsOk());
}

TEST_F(DeviceMapperTest, AnOlderKernelTellsTheVersionsOfTheTypesThatAreLoaded) {
  scripted_.kernel = {4, 40, 0};
  DeviceMapper dm = Open();
  EXPECT_THAT(dm.GetTargetVersion(Type("zero")), IsOkAndHolds(Version{1, 1, 0}));
  const absl::Status version = dm.GetTargetVersion(Type("thin")).status();
  EXPECT_THAT(version, FailsWithCode(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(std::string(version.message()),
              AllOf(HasSubstr("target type \"thin\""), HasSubstr("4.41"), HasSubstr("4.40")));
  EXPECT_EQ(scripted_.TakeCommands(), "LIST_VERSIONS LIST_VERSIONS");
  FailWith(EACCES);
  EXPECT_THAT(dm.GetTargetVersion(Type("zero")), FailsWithErrno(EACCES));
}

TEST_F(DeviceMapperTest, ADeferredRemovalIsTakenBackByAMessageToTheCore) {
  DeviceMapper dm = Open();
  EXPECT_THAT(dm.CancelDeferredRemove(key_), IsOk());
  EXPECT_EQ(Only<MessageRequest>(),
            (MessageRequest{key_, sys::Sectors(0), "@cancel_deferred_remove"}));
  FailWith(EBUSY);
  const absl::Status busy = dm.CancelDeferredRemove(key_);
  EXPECT_THAT(busy, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(busy.message()), AllOf(HasSubstr("web"), HasSubstr("being removed")));
}

TEST_F(DeviceMapperTest, AReplyThatDoesNotFitIsAskedForAgainWithTwiceTheRoom) {
  scripted_.responder = [](const Request&) {
    TableReply reply;
    reply.info.target_count = 2;
    reply.targets = {testing::Target(0, 8, "big", std::string(5000, 'x')),
                     testing::Target(8, 8, "zero", "")};
    return reply;
  };
  DeviceMapper dm = Open();
  EXPECT_THAT(dm.Status(key_, {})->targets, SizeIs(2));
  EXPECT_THAT(scripted_.buffer_sizes,
              ElementsAre(kFirstBuffer, 2 * kFirstBuffer, 4 * kFirstBuffer));
}

TEST_F(DeviceMapperTest, GrowthEndsAtAMaximum) {
  scripted_.spoil = [](std::string& reply) { reply = With(reply, 28, uint32_t{0x100}); };
  DeviceMapper dm = Open();
  EXPECT_THAT(dm.List(), FailsWithCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(scripted_.buffer_sizes, SizeIs(14));
  EXPECT_EQ(scripted_.buffer_sizes.back(), size_t{16} << 20);
}

TEST_F(DeviceMapperTest, AMessageIsNeverSentTwice) {
  scripted_.responder = [](const Request&) {
    return MessageReply{DeviceInfo(), std::string(20000, 'x')};
  };
  DeviceMapper dm = Open();
  const auto reply = dm.Message(key_, sys::Sectors(0), "@stats_print 0");
  EXPECT_THAT(reply, FailsWithCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr("not repeated"));
  EXPECT_THAT(scripted_.requests, SizeIs(1));
}

TEST_F(DeviceMapperTest, ARequestLargerThanTheFirstBufferGoesOutWhole) {
  DeviceMapper dm = Open();
  const std::vector<TableLine> table = {Line(0, 8, "zero", std::string(40000, ' '))};
  EXPECT_THAT(dm.Load(key_, table, {}), IsOk());
  EXPECT_EQ(Only<LoadRequest>().table, table);
}

TEST_F(DeviceMapperTest, AnUnintelligibleReplyIsDataLossAndNamesCommandAndDevice) {
  scripted_.spoil = [](std::string& reply) { reply = With(reply, 12, uint32_t{0}); };
  DeviceMapper dm = Open();
  const auto info = dm.Info(key_);
  EXPECT_THAT(info, FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(info.status().message()), HasSubstr("DM_DEV_STATUS dm device \"web\": "));
  EXPECT_THAT(dm.Table(key_, {}), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DeviceMapperTest, AVersionOfAnotherTargetIsDataLoss) {
  DeviceMapper dm = Open();
  for (const std::vector<TargetVersion>& targets : {std::vector<TargetVersion>{},
                                                    {{"other", {1, 0, 0}}},
                                                    {{"thin", {1, 0, 0}}, {"thin", {1, 0, 0}}}}) {
    scripted_.responder = [&targets](const Request&) { return TargetVersionsReply{targets}; };
    EXPECT_THAT(dm.GetTargetVersion(Type("thin")), FailsWithCode(absl::StatusCode::kDataLoss));
  }
}

TEST_F(DeviceMapperTest, EachIoctlIsTracedWhenSomebodyListens) {
  sys::Host host = scripted_.host();
  host.trace = &scripted_.trace;
  auto dm = DeviceMapper::Open(host);
  ASSERT_THAT(dm, IsOk());
  EXPECT_THAT(dm->Info(key_), IsOk());
  FailWith(ENXIO);
  EXPECT_THAT(dm->Clear(key_), FailsWithErrno(ENXIO));
  EXPECT_THAT(scripted_.trace.lines,
              ElementsAre("DM_VERSION version=4.0.0 = 4.47.0",
                          "DM_DEV_STATUS name=\"web\" flags=0 = 253:3 \"web\" uuid=\"X\" "
                          "flags=ACTIVE_PRESENT open=0 events=0 targets=1",
                          "DM_TABLE_CLEAR name=\"web\" flags=0 = ENXIO"));
}

TEST_F(DeviceMapperTest, AMovedClientGoesOn) {
  DeviceMapper first = Open();
  DeviceMapper second = std::move(first);
  EXPECT_THAT(second.Info(key_), IsOk());
  EXPECT_EQ(second.host().root, &scripted_.root);
}

}  // namespace
}  // namespace dmkit::dm
