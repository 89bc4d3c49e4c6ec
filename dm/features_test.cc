// SPDX-License-Identifier: Apache-2.0
// Tests of what is not asked of older kernels.

#include "dm/features.h"

#include <vector>

#include "dm/codec_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using testing::Name;
using testing::Type;
using testing::Uuid;

struct Gate {
  Request request;
  uint32_t minor;  // the first that has it
};

std::vector<Gate> Gates() {
  const DeviceKey key = Name("web");
  return {
      {TargetVersionRequest{Type("zero")}, 41},
      {ArmPollRequest{}, 37},
      {SetGeometryRequest{key, 1, 1, 1, 0}, 6},
      {MessageRequest{key, sys::Sectors(0), "m"}, 2},
      {MessageRequest{key, sys::Sectors(0), "@cancel_deferred_remove"}, 27},
      {ListVersionsRequest{}, 1},
      {SuspendRequest{key, false, true}, 12},
      {ResumeRequest{key, false, true, {}}, 12},
      {InfoRequest{key, true}, 16},
      {DependenciesRequest{key, true}, 16},
      {StatusRequest{key, StatusKind::kTable, false, true}, 16},
      {WaitRequest{key, 0, StatusKind::kStatus, false, true}, 16},
      {StatusRequest{key, StatusKind::kImaMeasurement, false, true}, 45},
      {SetUuidRequest{Name("web"), Uuid("X"), {}}, 19},
      {RemoveRequest{key, true, {}}, 27},
      {RemoveAllRequest{true}, 27},
  };
}

TEST(FeaturesTest, EachIsThereFromItsVersionOn) {
  for (const Gate& gate : Gates()) {
    SCOPED_TRACE(FactsOf(CommandOf(gate.request)).name);
    EXPECT_THAT(CheckSupported(gate.request, {4, gate.minor, 0}), IsOk());
    EXPECT_THAT(CheckSupported(gate.request, {4, 48, 0}), IsOk());
    EXPECT_THAT(CheckSupported(gate.request, {4, gate.minor - 1, 9}),
                FailsWithCode(absl::StatusCode::kUnimplemented));
  }
}

TEST(FeaturesTest, PlainRequestsNeedNothing) {
  const DeviceKey key = Name("web");
  for (const Request& request :
       {Request(SuspendRequest{key, true, false}), Request(InfoRequest{key, false}),
        Request(RemoveRequest{key}), Request(StatusRequest{key, StatusKind::kTable, true, false}),
        Request(ListDevicesRequest{true, "", ""}), Request(RemoveAllRequest{})}) {
    EXPECT_THAT(CheckSupported(request, {4, 0, 0}), IsOk());
  }
}

TEST(FeaturesTest, TheMessageNamesBothVersions) {
  const absl::Status status = CheckSupported(ArmPollRequest{}, {4, 30, 0});
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("4.37.0"));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("4.30.0"));
}

}  // namespace
}  // namespace dmkit::dm
