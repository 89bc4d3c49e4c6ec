// SPDX-License-Identifier: Apache-2.0
// What the pool says and does in each mode that a real kernel can bring it into.

#include <cerrno>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/pool_contents.h"
#include "thinp/pool_vm_fixture.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class PoolModeVmTest : public PoolFixture {
 protected:
  // A pool whose metadata device can be made to fail.
  Pool MakeBreakable() {
    ThinPoolParams with = params();
    MakeLinear("wrapped", metadata_loop());
    with.metadata = plain().Info(Name("wrapped"))->device;
    return Make(with);
  }

  // The pool's data device is full, and a write has noticed.
  Pool MakeFull() {
    ThinPoolParams with = params();
    with.features.error_if_no_space = true;
    Pool pool = Make(with);
    EXPECT_THAT(pool.CreateThin(Id(1)), IsOk());
    const sys::DeviceNumber thin = ActivateThinId(pool, 1);
    EXPECT_THAT(Fill(thin, 0, kDataBytes, 'x'), IsOk());
    EXPECT_FALSE(Fill(thin, kDataBytes, kBlockBytes, 'x').ok());
    return pool;
  }

  static std::string WritableProblem(const Pool& pool) {
    const auto status = pool.Status();
    EXPECT_THAT(status, IsOk());
    const absl::Status writable = CheckWritable(pool, *status);
    EXPECT_THAT(writable, FailsWithCode(kFailedPrecondition));
    return std::string(writable.message());
  }
};

TEST_F(PoolModeVmTest, OutOfDataSpaceTakesMessagesButNoNewBlocks) {
  Pool pool = MakeFull();
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kOutOfDataSpace);
  EXPECT_EQ(status->used_data, status->total_data);
  EXPECT_THAT(WritableProblem(pool),
              AllOf(HasSubstr(kPoolName), HasSubstr("out_of_data_space"), HasSubstr("256 of 256")));
  EXPECT_THAT(CheckTakesMessages(pool, *status), IsOk());
  EXPECT_THAT(pool.CreateThin(Id(2)), IsOk());
  EXPECT_THAT(pool.SetTransactionId(0, 1), IsOk());
}

TEST_F(PoolModeVmTest, DeletingAThinDeviceEndsOutOfDataSpace) {
  Pool pool = MakeFull();
  DeactivateThinId(1);
  ASSERT_THAT(pool.Delete(Id(1)), IsOk());
  const auto status = pool.CommittedStatus();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kWrite);
  EXPECT_EQ(status->used_data.count(), 0u);
  EXPECT_THAT(CheckWritable(pool, *status), IsOk());
}

TEST_F(PoolModeVmTest, GrowingEndsOutOfDataSpace) {
  Pool pool = MakeFull();
  GrowImage(data_loop(), "data", 2 * kDataBytes);
  ASSERT_THAT(pool.GrowData(sys::Sectors{2 * Length().count()}), IsOk());
  EXPECT_EQ(pool.Status()->mode, PoolMode::kWrite);
}

// Without error_if_no_space the writer waits inside the kernel until the pool has grown.
TEST_F(PoolModeVmTest, GrowingLetsAWriterThatWaitsForSpaceGoOn) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  const sys::DeviceNumber thin = ActivateThinId(pool, 1);
  ASSERT_THAT(Fill(thin, 0, kDataBytes, 'x'), IsOk());
  absl::Status written;
  kernel().LetCallsSleep();
  std::thread writer([&] { written = Fill(thin, kDataBytes, kBlockBytes, 'y'); });
  while (pool.Status()->mode == PoolMode::kWrite) plain_host().clock->Sleep(absl::Milliseconds(1));
  GrowImage(data_loop(), "data", 2 * kDataBytes);
  EXPECT_THAT(pool.GrowData(sys::Sectors{2 * Length().count()}), IsOk());
  writer.join();
  EXPECT_THAT(written, IsOk());
  EXPECT_EQ(Read(thin, kDataBytes, kBlockBytes), std::string(kBlockBytes, 'y'));
}

TEST_F(PoolModeVmTest, MessageWhoseCommitFailedIsAnErrorThatNamesModeAndNextStep) {
  Pool pool = MakeBreakable();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  FailWrites("wrapped", metadata_loop());
  const absl::Status created = pool.CreateThin(Id(2));
  EXPECT_THAT(created, FailsWithCode(kFailedPrecondition)) << "the kernel itself says OK";
  EXPECT_THAT(std::string(created.message()),
              AllOf(HasSubstr("create_thin 2"), HasSubstr("not committed"), HasSubstr("mode ro")));
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kReadOnly);
  EXPECT_TRUE(status->needs_check);
  EXPECT_THAT(WritableProblem(pool),
              AllOf(HasSubstr("ro"), HasSubstr("needs_check"), HasSubstr("thin_check")));
  EXPECT_FALSE(CheckTakesMessages(pool, *status).ok());
  EXPECT_THAT(pool.CreateThin(Id(3)), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.Delete(Id(1)), FailsWithErrno(EOPNOTSUPP));
}

TEST_F(PoolModeVmTest, ReadOnlyPoolRefusesEveryMessageWithEopnotsupp) {
  {
    Pool pool = Make();
    ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
    TakeDown();
  }
  ThinPoolParams read_only = params();
  read_only.features.read_only = true;
  Pool pool = Make(read_only);
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kReadOnly);
  EXPECT_FALSE(status->needs_check);
  EXPECT_THAT(WritableProblem(pool), HasSubstr("mode ro"));
  EXPECT_THAT(pool.CreateThin(Id(2)), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.CreateSnapshot(Id(2), Id(1)), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.Delete(Id(1)), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.SetTransactionId(0, 1), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.ReserveMetadataSnapshot(), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.ReleaseMetadataSnapshot(), FailsWithErrno(EOPNOTSUPP));
  const auto contents = ReadPoolContents(host(), pool, PoolOwner::kUs);
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(contents->count(1), 1u) << "its contents can be read all the same";
}

TEST_F(PoolModeVmTest, ReadOnlyPoolIsMadeWritableByAReload) {
  {
    Make();
    TakeDown();
  }
  ThinPoolParams read_only = params();
  read_only.features.read_only = true;
  Pool pool = Make(read_only);
  ASSERT_THAT(pool.Reload(params()), IsOk());
  EXPECT_THAT(CheckWritable(pool, *pool.Status()), IsOk());
  EXPECT_THAT(pool.CreateThin(Id(1)), IsOk());
}

TEST_F(PoolModeVmTest, PoolWhoseMetadataIsGoneFails) {
  Pool pool = MakeBreakable();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  FailAll("wrapped");
  EXPECT_FALSE(pool.CreateThin(Id(2)).ok());
  // The call whose own commit breaks the pool is answered with Error, every later one with Fail.
  const auto first = pool.CommittedStatus();
  ASSERT_THAT(first, IsOk());
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kFail);
  EXPECT_THAT(WritableProblem(pool), AllOf(HasSubstr("Fail"), HasSubstr("metadata")));
  EXPECT_THAT(pool.CreateThin(Id(3)), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(ReadPoolContents(host(), pool, PoolOwner::kUs), FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(pool.Refresh(), IsOk()) << "its table can still be read";
}

}  // namespace
}  // namespace dmkit::thinp
