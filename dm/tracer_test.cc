// SPDX-License-Identifier: Apache-2.0
// Tests of ioctls as lines.

#include "dm/tracer.h"

#include <cerrno>
#include <string>

#include "dm/codec_testing.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using testing::kKernel;
using testing::Line;
using testing::Name;
using ::testing::Not;
using ::testing::StartsWith;
using testing::Target;
using testing::Type;
using testing::Uuid;
using testing::With;

DeviceInfo Web() {
  DeviceInfo info;
  info.name = "web";
  info.uuid = "X";
  info.device = {253, 3};
  info.open_count = 2;
  info.event_nr = 5;
  info.target_count = 1;
  info.has_active_table = true;
  return info;
}

std::string Trace(const Request& request, const Reply& reply, size_t room = 512) {
  return FormatIoctl(RequestCode(CommandOf(request)), EncodeRequest(request, room).value(),
                     Answer(request, reply, room), 0);
}

std::string TraceFailure(const Request& request, int error) {
  const std::string bytes = EncodeRequest(request, 512).value();
  return FormatIoctl(RequestCode(CommandOf(request)), bytes, bytes, error);
}

constexpr absl::string_view kWeb =
    "253:3 \"web\" uuid=\"X\" flags=ACTIVE_PRESENT open=2 events=5 targets=1";

TEST(TracerTest, EachCommandIsOneLine) {
  const DeviceKey key = Name("web");
  EXPECT_EQ(Trace(VersionRequest{}, VersionReply{kKernel}), "DM_VERSION version=4.0.0 = 4.47.0");
  EXPECT_EQ(Trace(RemoveAllRequest{true}, DoneReply{}), "DM_REMOVE_ALL flags=DEFERRED_REMOVE = ok");
  EXPECT_EQ(Trace(ListDevicesRequest{true, "", ""},
                  ListDevicesReply{{{{253, 3}, "web", 5, "X"}, {{253, 4}, "b", 0, ""}}}),
            "DM_LIST_DEVICES flags=UUID room=512 = flags=UUID devices=[253:3 \"web\" uuid=\"X\" "
            "events=5; 253:4 \"b\" events=0]");
  EXPECT_EQ(Trace(CreateRequest{Name("web"), Uuid("X"), std::nullopt}, Web()),
            absl::StrCat("DM_DEV_CREATE name=\"web\" uuid=\"X\" flags=0 = ", kWeb));
  EXPECT_EQ(Trace(ResumeRequest{key, false, false, {0x4e0000}}, Web()),
            absl::StrCat("DM_DEV_SUSPEND name=\"web\" flags=0 cookie=0x4e0000 = ", kWeb));
  EXPECT_EQ(Trace(LoadRequest{key, {Line(0, 8, "zero", ""), Line(8, 8, "linear", "7:0 0")}}, Web()),
            absl::StrCat("DM_TABLE_LOAD name=\"web\" flags=0 room=512 table=[0 8 zero; 8 8 linear "
                         "7:0 0] = ",
                         kWeb));
  EXPECT_EQ(
      Trace(WaitRequest{key, 4}, TableReply{Web(), {Target(0, 8, "zero", "")}}),
      absl::StrCat("DM_DEV_WAIT name=\"web\" flags=0 event=4 room=512 = ", kWeb, " [0 8 zero]"));
  EXPECT_EQ(
      Trace(DependenciesRequest{key}, DependenciesReply{Web(), {{7, 1}, {7, 0}}}),
      absl::StrCat("DM_TABLE_DEPS name=\"web\" flags=0 room=512 = ", kWeb, " devices=[7:1 7:0]"));
  EXPECT_EQ(Trace(ListVersionsRequest{}, TargetVersionsReply{{{"zero", {1, 1, 0}}}}),
            "DM_LIST_VERSIONS flags=0 room=512 = flags=0 targets=[zero 1.1.0]");
  EXPECT_THAT(Trace(MessageRequest{key, sys::Sectors(7), "@stats_list"}, MessageReply{Web(), ""}),
              HasSubstr(" sector=7 message=\"@stats_list\" = "));
  EXPECT_THAT(Trace(MessageRequest{key, sys::Sectors(7), "m"}, MessageReply{Web(), ""}),
              ::testing::EndsWith(" answer=\"\""));
  EXPECT_THAT(Trace(RenameRequest{Name("web"), Name("new"), {}}, Web()),
              HasSubstr(" new_name=\"new\" = "));
  EXPECT_THAT(Trace(SetUuidRequest{Name("web"), Uuid("X"), {}}, Web()),
              HasSubstr(" new_uuid=\"X\" = "));
  EXPECT_EQ(Trace(SetGeometryRequest{key, 1, 2, 3, 4}, DoneReply{}),
            "DM_DEV_SET_GEOMETRY name=\"web\" flags=0 room=512 geometry=\"1 2 3 4\" = ok");
  EXPECT_EQ(Trace(InfoRequest{sys::DeviceNumber{253, 3}}, Web()),
            absl::StrCat("DM_DEV_STATUS dev=253:3 flags=0 = ", kWeb));
}

TEST(TracerTest, AFailureShowsItsErrnoAndNoReply) {
  EXPECT_EQ(TraceFailure(RemoveRequest{Name("web")}, EBUSY),
            "DM_DEV_REMOVE name=\"web\" flags=0 = EBUSY");
}

TEST(TracerTest, UnknownFlagsAreShownBothWays) {
  const std::string request =
      With(EncodeRequest(InfoRequest{Name("web")}).value(), 28, uint32_t{0x40000080});
  const std::string reply =
      With(Answer(InfoRequest{Name("web")}, Web()), 28, uint32_t{0x40000080 | 0x20});
  const std::string line = FormatIoctl(DM_DEV_STATUS, request, reply, 0);
  EXPECT_THAT(line, HasSubstr(" flags=0x40000080 = "));
  EXPECT_THAT(line, HasSubstr(" flags=ACTIVE_PRESENT|0x40000080 "));
}

TEST(TracerTest, NothingThatATerminalWouldObeyComesOut) {
  const std::string line =
      Trace(CreateRequest{Name("a\x1b[1m\nb"), std::nullopt, std::nullopt}, Web());
  EXPECT_THAT(line, HasSubstr("\"a\\x1b[1m\\x0ab\""));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
}

TEST(TracerTest, AReplyThatDidNotFitShowsItsFlags) {
  EXPECT_THAT(Trace(DependenciesRequest{Name("web")}, DependenciesReply{Web(), {{7, 1}}}, 320),
              ::testing::EndsWith(" = flags=ACTIVE_PRESENT|BUFFER_FULL"));
}

TEST(TracerTest, WhatCannotBeDecodedIsSaidToBeSo) {
  EXPECT_THAT(FormatIoctl(DM_DEV_STATUS, "short", "short", 0), HasSubstr("<"));
  const std::string no_key = EncodeRequest(ListVersionsRequest{}, 512).value();
  EXPECT_THAT(FormatIoctl(DM_TABLE_STATUS, no_key, no_key, ENXIO),
              ::testing::AllOf(StartsWith("DM_TABLE_STATUS flags=0 room=512 <"),
                               ::testing::EndsWith("> = ENXIO")));
}

TEST(TracerTest, OtherIoctlsAreShownByNumber) {
  EXPECT_EQ(FormatIoctl(0x4c82, "", "", 0), "ioctl 0x4c82 = ok");
  EXPECT_EQ(FormatIoctl(0xc138fd3f, "", "", ENOTTY), "ioctl 0xc138fd3f = ENOTTY");
}

}  // namespace
}  // namespace dmkit::dm
