// SPDX-License-Identifier: Apache-2.0
// Tests of requests of every command.

#include "dm/codec_request.h"

#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using testing::Filled;
using testing::Line;
using testing::Name;
using testing::Type;
using testing::Uuid;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Every request type, with every field away from its default at least once.
std::vector<Request> SomeRequests() {
  const sys::DeviceNumber number = {253, 300};
  return {
      VersionRequest{},
      RemoveAllRequest{},
      RemoveAllRequest{true},
      ListDevicesRequest{},
      ListDevicesRequest{true, std::string(127, 'n'), std::string(128, 'u')},
      CreateRequest{Name("web"), std::nullopt, std::nullopt},
      CreateRequest{Name(std::string(127, 'n')), Uuid(std::string(128, 'u')), 1048575},
      CreateRequest{Name("web"), Uuid("X"), 0},
      RemoveRequest{Name("web")},
      RemoveRequest{Uuid("X"), true, {0x4e0000}},
      RenameRequest{Name("web"), Name(std::string(127, 'n')), {1}},
      SetUuidRequest{Name("web"), Uuid(std::string(128, 'u')), {0xffffffff}},
      SuspendRequest{number},
      SuspendRequest{number, true, true},
      ResumeRequest{Name("web"), true, false, {2}},
      ResumeRequest{Name("web"), false, true, {}},
      InfoRequest{Name("web"), true},
      StatusRequest{Name("web")},
      StatusRequest{number, StatusKind::kTable, true, true},
      StatusRequest{number, StatusKind::kImaMeasurement, false, false},
      WaitRequest{Uuid("X"), 0xffffffff, StatusKind::kTable, true, true},
      LoadRequest{Name("web"), {Line(0, 8, "zero", ""), Line(8, 1, "linear", "7:0 0")}, true},
      LoadRequest{number, {}, false},
      ClearRequest{number},
      DependenciesRequest{Name("web"), true},
      ListVersionsRequest{},
      MessageRequest{Name("web"), sys::Sectors(~uint64_t{0}), "@stats_list"},
      SetGeometryRequest{Name("web"), 1, 2, 3, ~uint64_t{0}},
      ArmPollRequest{},
      TargetVersionRequest{Type("thin-pool")},
  };
}

TEST(RequestTest, DecodingGivesBackWhatWasEncoded) {
  for (const Request& request : SomeRequests()) {
    for (size_t room : {0u, 312u, 4096u}) {
      SCOPED_TRACE(FactsOf(CommandOf(request)).name);
      const auto bytes = EncodeRequest(request, room);
      ASSERT_THAT(bytes, IsOk());
      const auto decoded = DecodeRequest(CommandOf(request), *bytes);
      ASSERT_THAT(decoded, IsOk());
      EXPECT_TRUE(*decoded == request);
    }
  }
}

TEST(RequestTest, StatesTheFirstVersionOfItsCommand) {
  for (const Request& request : SomeRequests()) {
    const auto header = DecodeHeader(EncodeRequest(request).value());
    EXPECT_EQ(header->version, FactsOf(CommandOf(request)).since);
  }
}

TEST(RequestTest, OnlyCommandsWithAPayloadGetRoom) {
  for (const Request& request : SomeRequests()) {
    const bool grows = FactsOf(CommandOf(request)).request == RequestForm::kPayload;
    const std::string bytes = EncodeRequest(request, 16384).value();
    EXPECT_EQ(bytes.size(), grows ? 16384u : 312u);
    EXPECT_EQ(DecodeHeader(bytes)->data_size, bytes.size());
  }
}

TEST(RequestTest, WhatNoKernelCanBeAskedIsRefused) {
  const std::vector<Request> bad = {
      ListDevicesRequest{false, std::string(128, 'n'), ""},
      ListDevicesRequest{false, "", std::string(129, 'u')},
      ListDevicesRequest{false, std::string("a\0b", 3), ""},
      CreateRequest{Name("web"), std::nullopt, 1048576},
      InfoRequest{sys::DeviceNumber{0, 0}},
      InfoRequest{sys::DeviceNumber{4096, 0}},
      RemoveRequest{sys::DeviceNumber{253, 1048576}},
      LoadRequest{Name("web"), {Line(0, 8, "zero", absl::string_view("\0", 1))}},
      MessageRequest{Name("web"), sys::Sectors(0), ""},
      MessageRequest{Name("web"), sys::Sectors(0), std::string("a\0", 2)},
  };
  for (const Request& request : bad) {
    EXPECT_THAT(EncodeRequest(request), FailsWithCode(kInvalid))
        << FactsOf(CommandOf(request)).name;
  }
}

TEST(RequestTest, ARequestOverTheKernelsLimitIsRefused) {
  EXPECT_THAT(EncodeRequest(ListVersionsRequest{}, (size_t{1} << 30) + 1), FailsWithCode(kInvalid));
}

TEST(DecodeRequestTest, RequestsWithoutTheirKeyAreRefused) {
  for (const Request& request : SomeRequests()) {
    const Command command = CommandOf(request);
    if (DecodeRequest(command, EncodeHeader([] {
                        HeaderFields header;
                        header.data_size = header.data_start = 312;
                        return header;
                      }()))
            .ok()) {
      // Only those that address no device.
      EXPECT_TRUE(command == Command::kVersion || command == Command::kRemoveAll ||
                  command == Command::kListDevices || command == Command::kListVersions ||
                  command == Command::kDevArmPoll)
          << FactsOf(command).name;
    }
  }
}

TEST(DecodeRequestTest, EveryCutIsNoticed) {
  for (const Request& request : SomeRequests()) {
    const Command command = CommandOf(request);
    const std::string good = EncodeRequest(request).value();
    const size_t needed = FactsOf(command).request == RequestForm::kVersionOnly  ? 12
                          : FactsOf(command).request == RequestForm::kHeaderOnly ? 312
                                                                                 : good.size();
    for (size_t size = 0; size < needed; ++size) {
      EXPECT_THAT(DecodeRequest(command, good.substr(0, size)), FailsWithCode(kDataLoss))
          << FactsOf(command).name << " " << size;
    }
  }
}

TEST(DecodeRequestTest, NamesThatNobodyCouldHaveMadeAreRefused) {
  const std::string create = EncodeRequest(CreateRequest{Name("web"), Uuid("X"), 1}).value();
  const std::string rename = EncodeRequest(RenameRequest{Name("web"), Name("new"), {}}).value();
  const std::string version = EncodeRequest(TargetVersionRequest{Type("linear")}).value();
  const struct {
    Command command;
    std::string bytes;
  } bad[] = {
      {Command::kDevCreate, Filled(create, 48, 3, '\0')},
      {Command::kDevCreate, Filled(create, 48, 3, '/')},
      {Command::kDevCreate, Filled(create, 48, 128, 'n')},
      {Command::kDevCreate, Filled(create, 176, 129, 'u')},
      {Command::kDevRename, Filled(rename, 48, 3, '\0')},
      {Command::kDevRename, Filled(rename, kPayloadStart, 3, '/')},
      {Command::kDevRename, Filled(rename, kPayloadStart, 3, '\0')},
      {Command::kDevRename, With(rename, offsetof(dm_ioctl, data_start), uint32_t{304})},
      {Command::kDevRename, With(rename, offsetof(dm_ioctl, data_start), uint32_t{0xffffffff})},
      {Command::kGetTargetVersion, Filled(version, 48, 6, '\0')},
      {Command::kGetTargetVersion, Filled(version, 48, 16, 'x')},
  };
  for (const auto& [command, bytes] : bad) {
    EXPECT_THAT(DecodeRequest(command, bytes), FailsWithCode(kDataLoss)) << FactsOf(command).name;
  }
}

TEST(DecodeRequestTest, GeometriesThatAreNotFourNumbersAreRefused) {
  for (absl::string_view text : {"", "1 2 3", "1 2 3 4 5", "a 2 3 4", "1 2 3 -4", "1 2 3 4x",
                                 "4294967296 2 3 4", "1 2 3 18446744073709551616"}) {
    std::string bytes = EncodeRequest(SetGeometryRequest{Name("web"), 1, 2, 3, 4}, 400).value();
    bytes.replace(kPayloadStart, 60, std::string(60, '\0'));
    bytes.replace(kPayloadStart, text.size(), std::string(text));
    EXPECT_THAT(DecodeRequest(Command::kDevSetGeometry, bytes), FailsWithCode(kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
