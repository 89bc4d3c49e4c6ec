// SPDX-License-Identifier: Apache-2.0
// A history that was run on Linux 6.1.192 and 6.12.117, which agree on every line: what the pool's
// status said, the used metadata blocks included, and the number of its event.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolGoldenTest : public ThinTest {
 protected:
  std::string State() { return absl::StrCat(Info("pool", kNoFlushFlag), Events()); }
  int WriteBlock(absl::string_view name, uint64_t block) {
    // Between the commands of a shell much time passes.
    Advance(absl::Milliseconds(50));
    return Write(name, block * kBlock, kBlock, 'w');
  }
};

TEST_P(PoolGoldenTest, FillDiscardSnapshotGrow) {
  const std::string full = " discard_passdown error_if_no_space - 256 ";
  MakePool(4, "1 error_if_no_space");
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(Send("create_thin 2"), 0);
  UseThin("a", "1");
  UseThin("b", "2");
  ASSERT_EQ(WriteBlock("a", 0), 0);
  ASSERT_EQ(WriteBlock("a", 1), 0);
  ASSERT_EQ(WriteBlock("b", 0), 0);
  ASSERT_EQ(WriteBlock("b", 1), 0);
  EXPECT_EQ(State(), "0 118/1024 4/4 - rw" + full + "0");
  ASSERT_EQ(WriteBlock("a", 4), -ENOSPC);
  EXPECT_EQ(State(), "0 113/1024 4/4 - out_of_data_space" + full + "2");
  MakeThin("c", "3");
  EXPECT_EQ(Flush("c"), -ENOSPC);
  EXPECT_EQ(Flush("a"), 0);
  Advance(absl::Seconds(2));
  ASSERT_EQ(Discard("b", 0, kBlock), 0);
  EXPECT_EQ(State(), "0 116/1024 3/4 - out_of_data_space" + full + "2");
  Advance(absl::Seconds(3));
  EXPECT_EQ(State(), "0 116/1024 3/4 - out_of_data_space" + full + "2");
  ASSERT_EQ(Send("set_transaction_id 0 1"), 0);
  EXPECT_EQ(State(), "1 114/1024 3/4 - rw" + full + "3");
  ASSERT_EQ(WriteBlock("a", 4), 0);
  Flush("a");
  EXPECT_EQ(State(), "1 114/1024 4/4 - rw" + full + "3");
  ASSERT_EQ(WriteBlock("b", 5), -ENOSPC);
  EXPECT_EQ(State(), "1 114/1024 4/4 - out_of_data_space" + full + "4");
  ASSERT_EQ(Discard("b", kBlock, kBlock), 0);
  EXPECT_EQ(State(), "1 118/1024 3/4 - out_of_data_space" + full + "4");
  ASSERT_EQ(Send("set_transaction_id 1 2"), 0);
  ASSERT_EQ(Send("create_snap 5 1"), 0);
  EXPECT_EQ(State(), "2 114/1024 3/4 - rw" + full + "5");
}

DMKIT_ON_BOTH_KERNELS(PoolGoldenTest);

}  // namespace
}  // namespace dmkit::model
