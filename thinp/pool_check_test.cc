// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_check.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thinp/metadata.h"
#include "thinp/pool_contents.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

proto::DeviceState Device(const std::string& name, uint32_t thin_id) {
  proto::DeviceState device;
  device.set_name(name);
  device.set_thin_id(thin_id);
  return device;
}

CheckReport Compare(const std::vector<proto::DeviceState>& devices,
                    const std::vector<uint32_t>& ids) {
  PoolContents contents;
  for (const uint32_t id : ids) contents[id] = MetadataDevice();
  CheckReport report;
  CompareOwners(devices, contents, report);
  return report;
}

TEST(CompareOwnersTest, FindsNothingInAnEmptyStoreOnAnEmptyPool) {
  const CheckReport report = Compare({}, {});
  EXPECT_THAT(report.unowned_thin_ids, IsEmpty());
  EXPECT_THAT(report.devices_without_thin, IsEmpty());
}

TEST(CompareOwnersTest, FindsNothingWhereEveryIdHasItsDevice) {
  const CheckReport report =
      Compare({Device("a", 7), Device("b", 0), Device("c", 0xffffff)}, {0, 7, 0xffffff});
  EXPECT_THAT(report.unowned_thin_ids, IsEmpty());
  EXPECT_THAT(report.devices_without_thin, IsEmpty());
}

TEST(CompareOwnersTest, NamesIdsThatNoDeviceHas) {
  const CheckReport report = Compare({Device("b", 5)}, {1, 5, 900});
  EXPECT_THAT(report.unowned_thin_ids, ElementsAre(1, 900));
  EXPECT_THAT(report.devices_without_thin, IsEmpty());
}

TEST(CompareOwnersTest, NamesDevicesThatThePoolDoesNotHave) {
  const CheckReport report = Compare({Device("a", 1), Device("b", 2), Device("c", 3)}, {2});
  EXPECT_THAT(report.unowned_thin_ids, IsEmpty());
  EXPECT_THAT(report.devices_without_thin, ElementsAre("a", "c"));
}

TEST(CompareOwnersTest, ReportsBothSidesAtOnce) {
  const CheckReport report = Compare({Device("a", 1)}, {2});
  EXPECT_THAT(report.unowned_thin_ids, ElementsAre(2));
  EXPECT_THAT(report.devices_without_thin, ElementsAre("a"));
}

TEST(CompareOwnersTest, AddsToWhatTheReportHasAlready) {
  CheckReport report;
  report.unowned_thin_ids = {9};
  CompareOwners({Device("a", 1)}, {{2, MetadataDevice()}}, report);
  EXPECT_THAT(report.unowned_thin_ids, ElementsAre(9, 2));
}

}  // namespace
}  // namespace dmkit::thinp
