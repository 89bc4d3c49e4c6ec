// SPDX-License-Identifier: Apache-2.0
// The machine with thin pools.

#include "testing/model/thin/thin_fixture.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kMetadataBytes = uint64_t{1024} * 4096;
constexpr uint64_t kDataBytes = uint64_t{512} * kBlock * kSectorBytes;

}  // namespace

ThinTest::ThinTest()
    : metadata_(
          std::make_unique<Disk>(machine_.core, sys::DeviceNumber{8, 32}, "sdc", kMetadataBytes)),
      data_(std::make_unique<Disk>(machine_.core, sys::DeviceNumber{8, 48}, "sdd", kDataBytes)),
      pools_(std::make_unique<ThinPools>(*machine_.dm)) {}

ThinTest::~ThinTest() {
  // They count in variables of the test that has returned.
  metadata_->SetFault(nullptr);
  data_->SetFault(nullptr);
  machine_.control.reset();
  machine_.dm.reset();
}

std::string ThinTest::PoolLine(absl::string_view more) {
  return absl::StrCat("8:32 8:48 128 0", more.empty() ? "" : " ", more);
}

void ThinTest::MakePool(uint64_t blocks, absl::string_view more) {
  machine_.Activate("pool", blocks * kBlock, "thin-pool", PoolLine(more));
}

int ThinTest::LoadPool(uint64_t blocks, absl::string_view more) {
  return machine_.Load("pool", blocks * kBlock, "thin-pool", PoolLine(more));
}

int ThinTest::ReloadPool(uint64_t blocks, absl::string_view more) {
  const int error = LoadPool(blocks, more);
  return error != 0 ? error : machine_.Resume("pool");
}

std::string ThinTest::ThinLine(absl::string_view id) {
  return absl::StrCat(machine_.Number("pool"), " ", id);
}

void ThinTest::MakeThin(absl::string_view name, absl::string_view id, uint64_t blocks) {
  ASSERT_EQ(Send(absl::StrCat("create_thin ", id)), 0);
  UseThin(name, id, blocks);
}

void ThinTest::UseThin(absl::string_view name, absl::string_view id, uint64_t blocks) {
  machine_.Activate(name, blocks * kBlock, "thin", ThinLine(id));
}

int ThinTest::Send(absl::string_view message) {
  DmBytes bytes;
  return machine_.Call(kTargetMsg, bytes.Name("pool").Message(0, message));
}

std::string ThinTest::Info(absl::string_view name, uint32_t flags) {
  const std::vector<std::string> targets = machine_.Table(name, flags).Targets();
  if (targets.size() != 1) return absl::StrCat(targets.size(), " targets");
  // Behind start, length and type.
  const std::vector<std::string> words = absl::StrSplit(targets[0], absl::MaxSplits(' ', 3));
  return words[3];
}

std::string ThinTest::Line(absl::string_view name) { return Info(name, kStatusTableFlag); }

std::string ThinTest::Mode() {
  constexpr size_t kModeAt = 4;
  const std::string info = Info("pool", kNoFlushFlag);
  const std::vector<std::string> words = absl::StrSplit(info, ' ');
  if (words.size() < kModeAt + 4) return info;
  return absl::StrJoin(words.begin() + kModeAt, words.begin() + kModeAt + 4, " ");
}

uint32_t ThinTest::Events(absl::string_view name) { return machine_.device(name).event_number(); }

int ThinTest::Write(absl::string_view name, uint64_t sector, uint64_t sectors, char fill,
                    bool fua) {
  const Scheduler::Call call(machine_.core.scheduler, 1);
  const std::string bytes(sectors * kSectorBytes, fill);
  return machine_.device(name).Write(sector * kSectorBytes, bytes, fua);
}

int ThinTest::Flush(absl::string_view name) {
  const Scheduler::Call call(machine_.core.scheduler, 1);
  return machine_.device(name).Flush();
}

int ThinTest::Discard(absl::string_view name, uint64_t sector, uint64_t sectors) {
  const Scheduler::Call call(machine_.core.scheduler, 1);
  return machine_.device(name).Discard(sector * kSectorBytes, sectors * kSectorBytes);
}

std::string ThinTest::Read(absl::string_view name, uint64_t sector, uint64_t sectors) {
  const Scheduler::Call call(machine_.core.scheduler, 1);
  std::string bytes(sectors * kSectorBytes, '!');
  const int error =
      machine_.device(name).Read(sector * kSectorBytes, absl::MakeSpan(&bytes[0], bytes.size()));
  if (error != 0) return absl::StrCat("error ", error);
  std::string letters;
  for (size_t at = 0; at < bytes.size(); at += kSectorBytes) {
    const absl::string_view part = absl::string_view(bytes).substr(at, kSectorBytes);
    const bool is_same = part.find_first_not_of(part[0]) == absl::string_view::npos;
    letters += !is_same ? '?' : part[0] == '\0' ? '.' : part[0];
  }
  return letters;
}

void ThinTest::Advance(absl::Duration duration) {
  const Scheduler::Call call(machine_.core.scheduler, 1);
  machine_.core.scheduler.Advance(duration);
}

void ThinTest::FailMetadata(bool fails) {
  metadata_->SetFault(
      [fails](const Io& io) { return fails && io.kind != IoKind::kRead ? -EIO : 0; });
}

void ThinTest::LosePower(Unsynced unsynced) {
  pools_->LosePower();
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    machine_.core.scheduler.LosePower();
  }
  machine_.control.reset();
  machine_.dm.reset();
  metadata_->LosePower(unsynced);
  data_->LosePower(unsynced);
  machine_.dm = std::make_unique<DmCore>(machine_.core);
  machine_.control = std::make_unique<DmControl>(*machine_.dm, OpenMode(), "/dev/mapper/control");
  pools_ = std::make_unique<ThinPools>(*machine_.dm);
}

}  // namespace dmkit::model
