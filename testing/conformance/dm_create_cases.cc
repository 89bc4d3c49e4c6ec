// SPDX-License-Identifier: Apache-2.0
// DM_DEV_CREATE.

#include <cerrno>
#include <string>

#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmCreate : public DmTest {};

TEST_F(DmCreate, NameInUseGivesEbusy) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Create("a"), -EBUSY);
}

TEST_F(DmCreate, UuidInUseGivesEbusy) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Create("b", "U"), -EBUSY);
  EXPECT_FALSE(Exists("b"));
}

TEST_F(DmCreate, ReplyWritesTheDeviceAndItsState) {
  DmRequest request(400);
  request.Name("a").Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_CREATE_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count event_nr dev name[127-127] uuid[128-128]");
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.target_count(), 0u);
  EXPECT_EQ(request.open_count(), 0u);
  EXPECT_EQ(request.event(), 0u);
  EXPECT_EQ(request.flags(), 0u);
}

TEST_F(DmCreate, NewDeviceIsNotSuspended) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(FlagsOf("a"), 0u);
}

TEST_F(DmCreate, SlashInTheNameGivesEinval) {
  EXPECT_EQ(Create("a/b"), -EINVAL);
  EXPECT_EQ(Create("/"), -EINVAL);
}

}  // namespace
}  // namespace dmkit::conformance
