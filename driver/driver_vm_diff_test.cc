// SPDX-License-Identifier: Apache-2.0
// Differences of layers on a kernel: how the layers are mounted for them, and what an interrupted
// apply leaves. What counts as a difference is tested with driver/archive/.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Calls `before` at each read.
class SourceThatCalls : public sys::ByteSource {
 public:
  SourceThatCalls(const std::string& data, std::function<void()> before)
      : data_(data), before_(std::move(before)) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    before_();
    return data_.Read(buffer);
  }

 private:
  sys::StringSource data_;
  const std::function<void()> before_;
};

class DriverDiffVmTest : public DriverVmTest {
 protected:
  // parent <- layer, neither of them mounted.
  void SetUp() override {
    ASSERT_THAT(Open().Create("parent", {}), sys::IsOk());
    In("parent", [&](const std::string& path) {
      Write(path, "changed", "old");
      Write(path, "kept", "kept");
      Write(path, "removed", "old");
    });
    ASSERT_THAT(driver_->Create("layer", {"parent"}), sys::IsOk());
    In("layer", [&](const std::string& path) {
      Write(path, "added", "new, and of some length");
      Write(path, "changed", "new contents");
      ASSERT_THAT(host().root->Unlink(path + "/removed"), sys::IsOk());
    });
  }

  void In(const std::string& id, const std::function<void(const std::string& path)>& work) {
    const auto path = driver_->Get(id);
    ASSERT_THAT(path, sys::IsOk());
    work(*path);
    ASSERT_THAT(driver_->Put(id, false), sys::IsOk());
  }

  std::vector<std::string> Changes(const std::string& id, const std::string& parent) {
    std::vector<std::string> changes;
    EXPECT_THAT(driver_->Changes(id, parent,
                                 [&](const Change& change) {
                                   changes.push_back(absl::StrCat(
                                       std::string(1, ChangeLetter(change.kind)), change.path));
                                   return absl::OkStatus();
                                 }),
                sys::IsOk());
    return changes;
  }

  std::string Archive(const std::string& id, const std::string& parent) {
    sys::StringSink out;
    EXPECT_THAT(driver_->Diff(id, parent, {}, out), sys::IsOk());
    return out.data();
  }

  absl::Status Apply(const std::string& id, const std::string& archive) {
    sys::StringSource in(archive);
    return driver_->ApplyDiff(id, {}, in).status();
  }
};

TEST_F(DriverDiffVmTest, ChangesAreThoseOfTheLayerAndNothingStaysMounted) {
  EXPECT_THAT(Changes("layer", "parent"), ElementsAre("A/added", "C/changed", "D/removed"));
  EXPECT_THAT(Changes("layer", ""), ElementsAre("A/added", "A/changed", "A/kept"));
  EXPECT_THAT(Changes("layer", "layer"), IsEmpty());
  ExpectAllDown();
}

TEST_F(DriverDiffVmTest, ArchiveOnACopyOfTheParentMakesTheLayer) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
  sys::StringSource in(archive);
  const auto applied = driver_->ApplyDiff("copy", {}, in);
  ASSERT_THAT(applied, sys::IsOk());
  EXPECT_THAT(driver_->DiffSize("layer", "parent"), sys::IsOkAndHolds(sys::Bytes{applied->bytes}));
  EXPECT_THAT(Changes("copy", "layer"), IsEmpty());
  EXPECT_TRUE(driver_->Inspect("copy")->ready());
  EXPECT_FALSE(IsUp("copy"));
  ExpectAllDown();
}

TEST_F(DriverDiffVmTest, LayersAreMountedReadOnlyForReadersAndWritableForWhoGetsThem) {
  bool visited = false;
  const auto visit = [&](const Change&) {
    if (std::exchange(visited, true)) return absl::OkStatus();
    for (const char* id : {"parent", "layer"}) {
      const std::string path = absl::StrCat(config_.root, "/mnt/", id, "/rootfs");
      EXPECT_THAT(host().root->MakeDir(path + "/no", 0755), sys::FailsWithErrno(EROFS)) << id;
      EXPECT_THAT(driver_->Remove(id), sys::FailsWithErrno(EBUSY)) << id;
    }
    EXPECT_THAT(driver_->Create("child", {"parent"}), sys::IsOk());
    const auto path = driver_->Get("parent");
    EXPECT_THAT(path, sys::IsOk());
    Write(*path, "while reading", "x");
    return absl::OkStatus();
  };
  EXPECT_THAT(driver_->Changes("layer", "parent", visit), sys::IsOk());
  EXPECT_TRUE(visited);
  EXPECT_EQ(driver_->Inspect("parent")->mount_count(), 1u);
  EXPECT_THAT(Read(config_.root + "/mnt/parent/rootfs", "while reading"),
              ::testing::Optional(std::string("x")));
  EXPECT_THAT(driver_->Put("parent", false), sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverDiffVmTest, MountedLayerIsReadThroughItsMount) {
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "later", "x");
  EXPECT_THAT(Changes("layer", "parent"), Contains("A/later"));
  EXPECT_THAT(host().root->MakeDir(*path + "/yes", 0755), sys::IsOk()) << "still writable";
  EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 1u);
}

TEST_F(DriverDiffVmTest, SnapshotOfALayerInUseIsReadAfterItsJournalWasReplayed) {
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "synced", "x");
  ASSERT_THAT(driver_->Create("copy", {"layer"}), sys::IsOk());
  EXPECT_THAT(Changes("copy", "parent"), Contains("A/synced"));
}

TEST_F(DriverDiffVmTest, ErrorOfWhoVisitsOrReadsEndsItAndNothingStaysMounted) {
  EXPECT_THAT(driver_->Changes("layer", "parent",
                               [](const Change&) { return sys::ErrnoStatus(EPIPE, "gone"); }),
              sys::FailsWithErrno(EPIPE));
  EXPECT_THAT(driver_->DiffSize("layer", "unknown"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver_->DiffSize("unknown", ""), sys::FailsWithErrno(ENOENT));
  ExpectAllDown();
}

TEST_F(DriverDiffVmTest, ParentIsKnownWithoutAnIoctlAndSaysWhenItIsGone) {
  ASSERT_THAT(driver_->Create("grandchild", {"layer"}), sys::IsOk());
  for (const bool removed : {false, true}) {
    if (removed) {
      ASSERT_THAT(driver_->Remove("layer"), sys::IsOk());
    }
    counted_.SetPlan(nullptr);
    const auto parent = driver_->Parent("grandchild");
    ASSERT_THAT(parent, sys::IsOk());
    EXPECT_EQ(parent->id, "layer");
    EXPECT_EQ(parent->removed, removed);
    EXPECT_EQ(counted_.CountOf("Ioctl"), 0u);
    const auto inspected = driver_->Inspect("grandchild");
    ASSERT_THAT(inspected, sys::IsOk());
    EXPECT_EQ(inspected->parent(), "layer");
    EXPECT_EQ(inspected->parent_removed(), removed);
  }
  counted_.SetPlan(nullptr);
  const auto none = driver_->Parent("parent");
  ASSERT_THAT(none, sys::IsOk());
  EXPECT_EQ(none->id, "");
  EXPECT_FALSE(none->removed);
  EXPECT_THAT(driver_->Parent("unknown"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver_->Parent("layer"), sys::FailsWithErrno(ENOENT)) << "removed";
  EXPECT_THAT(driver_->Parent("no/layer"), sys::FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(counted_.CountOf("Ioctl"), 0u);
}

TEST_F(DriverDiffVmTest, OnlyLayersWithoutCommonLineAreWarnedAbout) {
  ASSERT_THAT(driver_->Create("stranger", {}), sys::IsOk());
  ASSERT_THAT(driver_->Create("sibling", {"parent"}), sys::IsOk());
  ASSERT_THAT(driver_->Create("grandchild", {"layer"}), sys::IsOk());
  EXPECT_THAT(driver_->DiffWarning("layer", "parent"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("parent", "layer"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("grandchild", "parent"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("layer", ""), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("layer", "sibling"), sys::IsOkAndHolds(HasSubstr("sibling")));
  EXPECT_THAT(driver_->DiffWarning("stranger", "layer"), sys::IsOkAndHolds(HasSubstr("layer")));
  ASSERT_THAT(driver_->Remove("layer"), sys::IsOk());
  EXPECT_THAT(driver_->DiffWarning("grandchild", "parent"), sys::IsOkAndHolds(std::string()))
      << "nobody knows any more";
}

TEST_F(DriverDiffVmTest, YoungerLayerOfAParentsNameIsNotItsParent) {
  ASSERT_THAT(driver_->Create("grandchild", {"layer"}), sys::IsOk());
  ASSERT_THAT(driver_->Remove("parent"), sys::IsOk());
  ASSERT_THAT(driver_->Create("parent", {}), sys::IsOk());
  const auto parent = driver_->Parent("layer");
  ASSERT_THAT(parent, sys::IsOk());
  EXPECT_EQ(parent->id, "parent");
  EXPECT_TRUE(parent->removed);
  EXPECT_TRUE(driver_->Inspect("layer")->parent_removed());
  const auto list = driver_->List();
  ASSERT_THAT(list, sys::IsOk());
  for (const report::Layer& layer : list->layers()) {
    EXPECT_EQ(layer.parent_removed(), layer.id() == "layer") << layer.id();
  }
  EXPECT_THAT(driver_->DiffWarning("layer", "parent"), sys::IsOkAndHolds(std::string()))
      << "nobody knows any more";
  EXPECT_THAT(driver_->DiffWarning("grandchild", "parent"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("grandchild", "layer"), sys::IsOkAndHolds(std::string()));
  ASSERT_THAT(driver_->Grow("parent", sys::Bytes{96 << 20}), sys::IsOk());
  ASSERT_THAT(driver_->Create("child", {"parent"}), sys::IsOk());
  Open();
  EXPECT_FALSE(driver_->Parent("child")->removed) << "the new one has layers of its own";
}

TEST_F(DriverDiffVmTest, AncestorWhoseStateFileIsDamagedIsNoReasonNotToCompare) {
  ASSERT_THAT(driver_->Create("grandchild", {"layer"}), sys::IsOk());
  ASSERT_THAT(driver_->Create("stranger", {}), sys::IsOk());
  Write(config_.root + "/devices", "layer", "not what it was");
  Open();
  EXPECT_THAT(driver_->DiffWarning("grandchild", "parent"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("stranger", "grandchild"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(driver_->DiffWarning("grandchild", "layer"), sys::IsOkAndHolds(std::string()));
  EXPECT_THAT(Changes("grandchild", "parent"), ElementsAre("A/added", "C/changed", "D/removed"));
  EXPECT_FALSE(driver_->Parent("grandchild")->removed);
  EXPECT_THAT(driver_->DiffSize("grandchild", "layer"),
              sys::FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DriverDiffVmTest, ApplyToAMountedLayerIsRefusedAndChangesNothing) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Get("parent"), sys::IsOk());
  EXPECT_THAT(Apply("parent", archive), sys::FailsWithErrno(EBUSY));
  EXPECT_TRUE(driver_->Inspect("parent")->ready());
  EXPECT_THAT(Apply("unknown", archive), sys::FailsWithErrno(ENOENT));
}

TEST_F(DriverDiffVmTest, ArchiveThatIsCutOffLeavesALayerThatOnlyRemoveTakes) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
  EXPECT_THAT(Apply("copy", archive.substr(0, 700)),
              sys::FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(driver_->Inspect("copy")->ready());
  const auto incomplete = sys::FailsWithCode(absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(driver_->Get("copy"), incomplete);
  EXPECT_THAT(Apply("copy", archive), incomplete);
  EXPECT_THAT(driver_->DiffSize("copy", "parent"), incomplete);
  EXPECT_THAT(driver_->Create("child", {"copy"}), incomplete);
  EXPECT_THAT(driver_->Remove("copy"), sys::IsOk());
}

TEST_F(DriverDiffVmTest, LayerWhoseMountLeakedWhileItWasFilledIsNotComplete) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
  std::unique_ptr<cases::Sitter> sitter;
  SourceThatCalls in(archive, [&] {
    if (sitter == nullptr) sitter = kernel_->SitElsewhere(config_.root + "/mnt/copy/rootfs");
  });
  clock_.Hurry(true);
  EXPECT_THAT(driver_->ApplyDiff("copy", {}, in), sys::FailsWithErrno(EBUSY));
  clock_.Hurry(false);
  EXPECT_FALSE(driver_->Inspect("copy")->ready());
  EXPECT_THAT(driver_->Remove("copy"), sys::IsOk());
  EndOf(sitter, "copy");
  EXPECT_THAT(driver_->CollectGarbage(absl::Seconds(10)), sys::IsOk());
  EXPECT_THAT(DeviceNames(), Not(Contains(EndsWith("-copy"))));
}

// The count that is left would make an incomplete layer one that somebody has.
TEST_F(DriverDiffVmTest, ApplyThatIsKilledAfterAPutThatWasLeavesALayerThatNobodyHas) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
  ASSERT_THAT(driver_->Get("copy"), sys::IsOk());
  bool stopped = false;
  counted_.SetPlan([&stopped](const sys::SeamCall& call) {
    stopped = stopped || (call.method == "Unlink" && absl::EndsWith(call.object, "/mounts/copy"));
    return stopped ? EIO : 0;
  });
  EXPECT_THAT(driver_->Put("copy", false), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  EXPECT_FALSE(IsUp("copy")) << "the test has not got there";
  EXPECT_EQ(Open().Inspect("copy")->mount_count(), 0u);
  SourceThatCalls in(archive, [&] { counted_.SetPlan(sys::FaultyHost::StopAt(1)); });
  EXPECT_THAT(driver_->ApplyDiff("copy", {}, in), sys::FailsWithErrno(EIO));
  driver_.reset();
  counted_.SetPlan(nullptr);
  Open();
  EXPECT_TRUE(IsThere(config_.root + "/mnt/copy/rootfs")) << "the test has not got there";
  EXPECT_EQ(driver_->Inspect("copy")->mount_count(), 0u);
  const auto incomplete = sys::FailsWithCode(absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(driver_->Get("copy"), incomplete);
  EXPECT_THAT(Apply("copy", archive), incomplete);
  EXPECT_FALSE(IsUp("copy"));
  EXPECT_THAT(driver_->Remove("copy"), sys::IsOk());
  ExpectAllDown();
}

// An apply with an error, or the end, at each of its calls: what is complete is all or nothing.
class DriverApplySweepVmTest : public DriverDiffVmTest {
 protected:
  void SweepApply(sys::FaultyHost::Plan (*plan)(uint64_t), bool restart) {
    config_.lock_patience = absl::ZeroDuration();
    Open();
    const std::string archive = Archive("layer", "parent");
    ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
    Sweep(
        plan, [&] { return Apply("copy", archive); },
        [&](const absl::Status& status) {
          if (restart) Open();
          ExpectAllOrNothingOrAMark(status);
          EXPECT_THAT(driver_->Remove("copy"), sys::IsOk());
          ExpectAllDown();
          ExpectClean();
          ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
        });
  }

  void ExpectAllOrNothingOrAMark(const absl::Status& status) {
    const bool ready = driver_->Inspect("copy")->ready();
    if (status.ok()) {
      EXPECT_TRUE(ready);
    }
    if (!ready) {
      EXPECT_THAT(driver_->Get("copy"), sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
      return;
    }
    const bool is_new = Changes("copy", "layer").empty();
    EXPECT_TRUE(is_new || Changes("copy", "parent").empty());
    EXPECT_TRUE(is_new || !status.ok());
    if (driver_->Inspect("copy")->mount_count() > 0) {
      EXPECT_THAT(driver_->Put("copy", true), sys::IsOk());
    }
  }
};

TEST_F(DriverApplySweepVmTest, ApplyThatFailsAnywhereLeavesAllOrNothingOrAMark) {
  SweepApply(FailOnce, /*restart=*/false);
}

TEST_F(DriverApplySweepVmTest, ApplyThatEndsAnywhereLeavesAllOrNothingOrAMark) {
  SweepApply(sys::FaultyHost::StopAt, /*restart=*/true);
}

TEST_F(DriverDiffVmTest, EachDifferenceCostsAKnownNumberOfIoctlsAndSyncs) {
  const std::string archive = Archive("layer", "parent");
  ASSERT_THAT(driver_->Create("copy", {"parent"}), sys::IsOk());
  counted_.SetPlan(nullptr);
  Changes("layer", "parent");
  EXPECT_EQ(counted_.CountOf("Ioctl"), 10u);
  EXPECT_EQ(counted_.CountOf("Sync"), 0u);
  counted_.SetPlan(nullptr);
  EXPECT_THAT(Apply("copy", archive), sys::IsOk());
  EXPECT_EQ(counted_.CountOf("Ioctl"), 8u);
  EXPECT_EQ(counted_.CountOf("Sync"), 4u);
}

}  // namespace
}  // namespace dmkit::driver
