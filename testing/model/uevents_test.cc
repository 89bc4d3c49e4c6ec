// SPDX-License-Identifier: Apache-2.0

#include "testing/model/uevents.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dmkit::model {
namespace {

TEST(UeventsTest, ListenersHearEachEventAfterItWasRecorded) {
  Uevents events;
  std::vector<std::string> heard;
  events.Listen([&](const Uevent& event) { heard.push_back(event.Value("DM_COOKIE")); });
  events.Send(absl::UnixEpoch(), "change", "/devices/x", {"DM_COOKIE=1"}, {"DEVNAME=x"});
  events.Send(absl::UnixEpoch(), "change", "/devices/x", {}, {"DEVNAME=x"});
  EXPECT_EQ(heard, (std::vector<std::string>{"1", ""}));
  EXPECT_EQ(events.sent(), 2u);
}

TEST(UeventsTest, OnlyTheLastOnesAreKept) {
  Uevents events;
  for (size_t i = 0; i < Uevents::kKept + 3; ++i) {
    events.Send(absl::UnixEpoch(), "add", "/devices/x", {}, {});
  }
  const std::vector<Uevent> taken = events.Take();
  ASSERT_EQ(taken.size(), Uevents::kKept);
  EXPECT_EQ(taken.front().sequence, 4u);
  EXPECT_TRUE(events.Take().empty());
}

}  // namespace
}  // namespace dmkit::model
