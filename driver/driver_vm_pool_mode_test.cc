// SPDX-License-Identifier: Apache-2.0
// What the driver says and still does, on a real kernel, while its pool takes no changes: each
// refusal names the mode and the next step, and the step helps.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "driver/driver_vm_fixture.h"
#include "sys/block.h"
#include "sys/status.h"
#include "sys/string_stream.h"
#include "thinp/pool.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const char kWrapped[] = "admins-metadata";

class DriverPoolModeVmTest : public DriverVmTest {
 protected:
  // The pool's metadata on a mapped device that can be made to fail.
  void GiveMetadata() {
    loop_.emplace(AttachImage("metadata", uint64_t{8} << 20));
    ASSERT_THAT(dm::CreateDevice(dm(), {Wrapped().name, Wrapped().uuid, {Linear()}, false}),
                sys::IsOk());
    SetOptions({"dm.basesize=64M", "dm.loopdatasize=512M",
                absl::StrCat("dm.metadatadev=/dev/mapper/", kWrapped)});
  }

  void TearDown() override {
    if (loop_.has_value()) {
      if (driver_ != nullptr) {
        EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
      }
      driver_.reset();
      EXPECT_THAT(dm::RemoveDevice(dm(), Wrapped(), absl::Seconds(5), false), sys::IsOk());
      loop_.reset();
    }
    DriverVmTest::TearDown();
  }

  dm::TableLine Linear() const { return Line("linear", "0"); }
  dm::TableLine FailingWrites() const { return Line("flakey", "0 0 3600 1 error_writes"); }
  dm::TableLine Failing() const {
    return {sys::Sectors{0}, Length(), *dm::TargetType::Create("error"), ""};
  }

  // Below the pool, without a flush that could fail.
  void Swap(const dm::TableLine& line) {
    dm::SuspendOptions options;
    options.no_flush = true;
    options.skip_lockfs = true;
    ASSERT_THAT(dm().Load(Wrapped().name, {line}, dm::LoadOptions()), sys::IsOk());
    ASSERT_THAT(dm().Suspend(Wrapped().name, options), sys::IsOk());
    ASSERT_THAT(dm().Resume(Wrapped().name, options, dm::QuietCookie()), sys::IsOk());
  }

  // Writes one aligned block of the pool after the other.
  absl::Status Fill(sys::DeviceNumber number, uint64_t size_bytes) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.direct = true;
    DMKIT_ASSIGN_OR_RETURN(auto device, sys::OpenBlock(host(), number, options));
    constexpr size_t kBlock = 64 << 10;
    const std::unique_ptr<char, void (*)(void*)> buffer(
        static_cast<char*>(std::aligned_alloc(4096, kBlock)), std::free);
    std::fill_n(buffer.get(), kBlock, 'x');
    for (uint64_t at = 0; at < size_bytes; at += kBlock) {
      DMKIT_RETURN_IF_ERROR(device->WriteAt(at, absl::string_view(buffer.get(), kBlock)));
    }
    return absl::OkStatus();
  }

  // All of the pool's blocks go to a thin device that is none of the store's, until EmptyPool.
  void FillPool() {
    auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver_->PoolStatus()->name()));
    ASSERT_THAT(pool, sys::IsOk());
    thinp::ThinPoolParams params = pool->params();
    params.features.error_if_no_space = true;
    ASSERT_THAT(pool->Reload(params), sys::IsOk());
    ASSERT_THAT(pool->CreateThin(FillerId()), sys::IsOk());
    const sys::Sectors length = pool->length();
    const auto active = dm::CreateDevice(
        dm(), {Filler().name, Filler().uuid, pool->ThinTable(FillerId(), length), false});
    ASSERT_THAT(active, sys::IsOk());
    EXPECT_FALSE(Fill(active->device, sys::ToBytes(length)->count()).ok());
  }
  void EmptyPool() {
    ASSERT_THAT(dm::RemoveDevice(dm(), Filler(), absl::Seconds(5), false), sys::IsOk());
    auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver_->PoolStatus()->name()));
    ASSERT_THAT(pool, sys::IsOk());
    ASSERT_THAT(pool->Delete(FillerId()), sys::IsOk());
  }

  void ExpectRefused(const absl::Status& refused, const std::string& mode,
                     const std::string& next_step) {
    EXPECT_THAT(refused, sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr(mode), HasSubstr(next_step)));
  }

 private:
  static dm::DeviceIdentity Wrapped() {
    return {*dm::DmName::Create(kWrapped), *dm::DmUuid::Create("ADMIN-3")};
  }
  static dm::DeviceIdentity Filler() {
    return {*dm::DmName::Create("filler"), *dm::DmUuid::Create("FILLER")};
  }
  static thinp::ThinId FillerId() { return *thinp::ThinId::Create(900); }
  sys::Sectors Length() const { return sys::WholeSectors(loop_->info.size); }
  dm::TableLine Line(const char* type, const char* rest) const {
    return {sys::Sectors{0}, Length(), *dm::TargetType::Create(type),
            absl::StrCat(sys::FormatDeviceNumber(loop_->info.device), " ", rest)};
  }

  std::optional<loop::AttachedLoop> loop_;
};

TEST_F(DriverPoolModeVmTest, FullPoolRefusesLayersNamingItsModeUntilThereIsSpace) {
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=64M", "dm.loopmetadatasize=16M"});
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  FillPool();
  const absl::Status refused = driver.Create("more", {"web"});
  EXPECT_THAT(refused, sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("out_of_data_space"), HasSubstr("remove layers")));
  EXPECT_FALSE(*driver.Exists("more"));
  EXPECT_EQ(driver.PoolStatus()->mode(), "out_of_data_space");
  EXPECT_FALSE(driver.PoolCheck()->clean());
  EXPECT_THAT(OpenStatus(), sys::IsOk());
  EXPECT_THAT(driver.Remove("web"), sys::IsOk());
  EmptyPool();
  EXPECT_THAT(driver.Create("more", {}), sys::IsOk());
}

TEST_F(DriverPoolModeVmTest, FullPoolGrowsNoLayersAndCanBeGrownItself) {
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=64M", "dm.loopmetadatasize=16M"});
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const auto path = driver.Get("web");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "file", "kept");
  ASSERT_THAT(driver.Put("web", false), sys::IsOk());
  FillPool();
  const sys::Bytes larger{uint64_t{96} << 20};
  CreateOptions with_size;
  with_size.parent = "web";
  with_size.size = larger;
  for (const absl::Status& refused :
       {driver.Grow("web", larger), driver.Create("more", with_size)}) {
    ExpectRefused(refused, "out_of_data_space", "remove layers");
  }
  EXPECT_EQ(driver.Inspect("web")->size_bytes(), uint64_t{64} << 20);
  EXPECT_FALSE(*driver.Exists("more"));
  EXPECT_THAT(driver.GrowPool(), sys::IsOk()) << "there is nothing to gain yet";
  EXPECT_EQ(driver.PoolStatus()->mode(), "out_of_data_space");
  {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    const auto file = host().root->OpenFile(config_.root + "/pool/data", options);
    ASSERT_THAT(file, sys::IsOk());
    ASSERT_THAT((*file)->Truncate(uint64_t{256} << 20), sys::IsOk());
  }
  EXPECT_THAT(driver.GrowPool(), sys::IsOk());
  EXPECT_EQ(driver.PoolStatus()->mode(), "rw");
  EXPECT_THAT(driver.Grow("web", larger), sys::IsOk());
  EmptyPool();
  const auto grown = driver.Get("web");
  ASSERT_THAT(grown, sys::IsOk());
  EXPECT_EQ(Read(*grown, "file"), std::string("kept"));
  EXPECT_GT((*host().root->OpenDir(*grown))->Space()->total_bytes, uint64_t{70} << 20);
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  ExpectClean();
}

// The filesystem has room for the archive and takes it; the pool has not, which only shows when the
// filesystem is written back.
TEST_F(DriverPoolModeVmTest, ArchiveThatThePoolHasNoSpaceForLeavesAnIncompleteLayer) {
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=64M", "dm.loopmetadatasize=16M"});
  Driver& driver = Open();
  auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver.PoolStatus()->name()));
  ASSERT_THAT(pool, sys::IsOk());
  thinp::ThinPoolParams params = pool->params();
  params.features.error_if_no_space = true;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  ASSERT_THAT(driver.Create("large", {}), sys::IsOk());
  const auto path = driver.Get("large");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "file", std::string(size_t{32} << 20, 'x'));
  ASSERT_THAT(driver.Put("large", false), sys::IsOk());
  sys::StringSink archive;
  ASSERT_THAT(driver.Diff("large", "", {}, archive), sys::IsOk());
  ASSERT_THAT(driver.Create("copy", {}), sys::IsOk());
  sys::StringSource in(archive.data());
  EXPECT_FALSE(driver.ApplyDiff("copy", {}, in).ok());
  EXPECT_FALSE(driver.Inspect("copy")->ready());
  EXPECT_EQ(driver.PoolStatus()->mode(), "out_of_data_space");
  EXPECT_THAT(driver.Remove("copy"), sys::IsOk());
}

TEST_F(DriverPoolModeVmTest, PoolThatNeedsACheckSaysSoAndItsLayersCanBeListed) {
  GiveMetadata();
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  Swap(FailingWrites());
  EXPECT_FALSE(driver.Create("lost", {"web"}).ok());
  ExpectRefused(driver.Create("more", {"web"}), "mode ro and needs_check", "thin_check");
  ExpectRefused(driver.Remove("web"), "mode ro and needs_check", "thin_check");
  EXPECT_TRUE(driver.PoolStatus()->needs_check());
  EXPECT_THAT(driver.Status(), sys::IsOk());
  EXPECT_TRUE(*driver.Exists("web"));
  const auto check = driver.PoolCheck();
  ASSERT_THAT(check, sys::IsOk());
  EXPECT_THAT(check->problems(0).problem(), HasSubstr("thin_check"));
  Swap(Linear());
}

TEST_F(DriverPoolModeVmTest, FailedPoolSaysSoAndComesBackOnceItsDeviceDoes) {
  GiveMetadata();
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  Swap(Failing());
  EXPECT_FALSE(driver.Create("lost", {"web"}).ok());
  ExpectRefused(driver.Create("more", {"web"}), "mode Fail", "cleanup");
  ExpectRefused(driver.Remove("web"), "mode Fail", "cleanup");
  EXPECT_EQ(driver.PoolStatus()->mode(), "Fail");
  EXPECT_THAT(driver.Status(), sys::IsOk());
  EXPECT_THAT(driver.List(), sys::IsOk());
  EXPECT_FALSE(driver.PoolCheck()->clean());
  EXPECT_THAT(OpenStatus(), sys::IsOk());
  Swap(Linear());
  ASSERT_THAT(driver.Cleanup(), sys::IsOk());
  Driver& again = Open();
  EXPECT_THAT(again.Create("more", {"web"}), sys::IsOk());
  EXPECT_TRUE(again.PoolCheck()->clean());
}

}  // namespace
}  // namespace dmkit::driver
