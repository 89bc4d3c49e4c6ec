// SPDX-License-Identifier: Apache-2.0
// Bytes as a history of two processes that share a device set: changes, io, faults, crashes, power
// losses. What was reported done must be there after each of these, and pool and state must agree.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/block.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/units.h"
#include "testing/fuzz/history/known_device.h"
#include "testing/fuzz/history/world.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"
#include "testing/model/thin/thin_check.h"
#include "thinp/device_set.h"

namespace dmkit::history {
namespace {

using thinp::DeviceSet;

constexpr const char* kNames[] = {"a", "b", "c", "d"};
constexpr size_t kDevices = std::size(kNames);
constexpr uint64_t kSize = uint64_t{1} << 20;
constexpr uint64_t kLargeSize = uint64_t{2} << 20;
constexpr char kRoot[] = "/store";
constexpr char kMetadataFile[] = "/store/pool/metadata";

class SetHistory {
 public:
  explicit SetHistory(Input& input)
      : input_(input), header_(input.Byte()), world_(header_, [this](int user) { Drop(user); }) {
    options_.root = kRoot;
    options_.remove_patience = absl::Milliseconds(100);
    if (OnFiles()) {
      options_.pool.data_loop_size = sys::Bytes{4 << 20};
      options_.pool.metadata_loop_size = sys::Bytes{2 << 20};
    } else {
      world_.kernel().AddDisk("vda", 4 << 20);
      metadata_ = &world_.kernel().AddDisk("vdb", 2 << 20);
      options_.pool.data_device = "/dev/vda";
      options_.pool.metadata_device = "/dev/vdb";
    }
  }

  void Run() {
    for (int step = 0; step < kStepsMax && !input_.AtEnd(); ++step) Step();
    Finish();
  }

 private:
  bool OnFiles() const { return (header_ & 8) != 0 || !HasNodes(header_); }
  DeviceSet* set(int user) { return sets_[static_cast<size_t>(user)].get(); }

  void Drop(int user) {
    for (auto& held : held_[static_cast<size_t>(user)]) held.reset();
    sets_[static_cast<size_t>(user)].reset();
  }

  void Step() {
    const uint32_t what = input_.Below(16);
    const uint32_t who = input_.Byte();
    user_ = static_cast<int>(who & 1);
    trouble_ = ReadTrouble(who >> 1, input_);
    name_ = (who >> 3) % kDevices;
    other_ = (who >> 5) % kDevices;
    switch (what) {
      case 13:
        world_.Crash(user_);
        return Disturb();
      case 14:
        return Reboot();
      case 15:
        return Hold();
      default:
        break;
    }
    if (set(user_) == nullptr || what == 0) {
      Open();
    } else if (what <= 2) {
      Add();
    } else if (what <= 4) {
      Snapshot();
    } else if (what <= 6) {
      Delete();
    } else if (what == 7) {
      Resize();
    } else if (what <= 9) {
      Write();
    } else if (what == 10) {
      Deactivate();
    } else if (what == 11) {
      Check();
    } else {
      TakePoolDown();
    }
  }

  Outcome Do(absl::string_view what, const std::function<absl::Status()>& operation) {
    const Outcome outcome = world_.Do(user_, trouble_, what, operation);
    if (!outcome.undisturbed || outcome.crashed) Disturb();
    return outcome;
  }
  // A change that was not disturbed has repaired everything before.
  bool Expected(const Outcome& outcome) const { return outcome.undisturbed && pool_is_up_; }
  void Disturb() { repaired_ = false; }
  void Repaired() { repaired_ = true; }

  KnownDevice& device() { return devices_[name_]; }
  std::string name() const { return kNames[name_]; }
  bool IsHeld(size_t name) const {
    return std::any_of(held_.begin(), held_.end(),
                       [&](const auto& of_user) { return of_user[name] != nullptr; });
  }

  void Open() {
    const Outcome outcome = Do("open", [&] {
      sets_[static_cast<size_t>(user_)].reset();
      auto opened = DeviceSet::Open(world_.dm(user_), options_);
      if (opened.ok()) sets_[static_cast<size_t>(user_)] = *std::move(opened);
      return opened.status();
    });
    if (outcome.undisturbed) world_.ExpectOk(outcome.status, "a store opens");
    if (outcome.status.ok()) pool_is_up_ = true;
    has_read_set_[static_cast<size_t>(user_)] = outcome.undisturbed;
    if (outcome.crashed) sets_[static_cast<size_t>(user_)].reset();
    if (!outcome.undisturbed || outcome.crashed) return;
    Repaired();
    for (size_t i = 0; i < kDevices; ++i) Learn(i);
  }

  // What is not known is what the state says now.
  void Learn(size_t number) {
    const absl::Status found = set(user_)->Find(kNames[number]).status();
    NoteFound(world_, kNames[number], found, devices_[number]);
  }

  void Add() {
    const Outcome outcome = Do(absl::StrCat("add ", name()), [&] {
      return set(user_)->AddThin(name(), sys::Bytes{kSize}, {}).status();
    });
    KnownDevice fresh;
    for (auto& block : fresh.blocks) block = '\0';
    Made(outcome, fresh);
  }

  void Snapshot() {
    const KnownDevice origin = devices_[other_];
    const Outcome outcome = Do(absl::StrCat("snapshot ", name(), " of ", kNames[other_]), [&] {
      return set(user_)->AddSnapshot(name(), kNames[other_], sys::Bytes{kLargeSize}, {}).status();
    });
    if (outcome.status.ok() && !outcome.crashed) {
      world_.Expect(origin.state != KnownDevice::kAbsent, "a snapshot of nothing");
      devices_[other_].state = KnownDevice::kPresent;
    }
    if (origin.state == KnownDevice::kPresent || outcome.status.ok()) return Made(outcome, origin);
    if (!Expected(outcome)) return Made(outcome, origin);
    if (origin.state == KnownDevice::kAbsent) {
      world_.Expect(
          sys::GetErrno(outcome.status) == ENOENT || sys::GetErrno(outcome.status) == EEXIST,
          "a snapshot without an origin");
    }
  }

  void Made(const Outcome& outcome, const KnownDevice& made) {
    if (outcome.status.ok() && outcome.undisturbed) Repaired();
    NoteMade(world_, outcome, Expected(outcome), made, device());
  }

  void Delete() {
    const bool is_held = IsHeld(name_);
    const Outcome outcome =
        Do(absl::StrCat("delete ", name()), [&] { return set(user_)->Delete(name()); });
    KnownDevice& known = device();
    if (outcome.status.ok()) {
      world_.Expect(known.state != KnownDevice::kAbsent, "a device is deleted twice");
      world_.Expect(!is_held, "a device in use is deleted");
      known.state = KnownDevice::kAbsent;
      if (outcome.undisturbed) Repaired();
    } else if (Expected(outcome)) {
      const int error = sys::GetErrno(outcome.status);
      if (error == ENOENT) {
        world_.Expect(known.state != KnownDevice::kPresent, "a device is lost");
        known.state = KnownDevice::kAbsent;
      } else {
        world_.Expect(error == EBUSY && is_held, "a device cannot be deleted");
      }
    } else if (known.state == KnownDevice::kPresent) {
      known.state = KnownDevice::kUnknown;
    }
  }

  void Resize() {
    const Outcome outcome = Do(absl::StrCat("grow ", name()), [&] {
      return set(user_)->SetSize(name(), sys::Bytes{kLargeSize}, {});
    });
    if (!Expected(outcome)) return;
    const bool absent = sys::GetErrno(outcome.status) == ENOENT;
    world_.Expect(outcome.status.ok() || absent, "a device cannot grow");
    world_.Expect(!absent || device().state != KnownDevice::kPresent, "a device is lost");
    world_.Expect(absent || device().state != KnownDevice::kAbsent, "a device is there again");
    device().state = absent ? KnownDevice::kAbsent : KnownDevice::kPresent;
    Repaired();
  }

  // The mapped device, for io; none when it is not to be had now.
  std::optional<sys::DeviceNumber> Activate() {
    std::optional<dm::DeviceInfo> info;
    const Outcome outcome = Do(absl::StrCat("activate ", name()), [&] {
      const auto found = set(user_)->Find(name());
      DMKIT_RETURN_IF_ERROR(found);
      auto activated = set(user_)->Activate(*found);
      if (activated.ok()) info = *activated;
      return activated.status();
    });
    if (outcome.crashed) return std::nullopt;
    if (outcome.status.ok()) {
      world_.Expect(device().state != KnownDevice::kAbsent, "a device is there again");
      device().deferred = false;
      // Until a repair resumes it.
      if (info->suspended) {
        world_.Expect(!repaired_, "a device stays suspended");
        return std::nullopt;
      }
      // Nobody knows whether it will stay.
      if (device().state == KnownDevice::kUnknown) return std::nullopt;
      return info->device;
    }
    if (Expected(outcome) && repaired_ && device().state == KnownDevice::kPresent) {
      world_.Expect(device().deferred, "a device cannot be activated");
    }
    return std::nullopt;
  }

  std::unique_ptr<sys::File> OpenDevice(sys::DeviceNumber number) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    auto file = sys::OpenBlock(world_.host(user_), number, options);
    world_.ExpectOk(file.status(), "an active device can be opened");
    return *std::move(file);
  }

  void Write() {
    const uint32_t what = input_.Byte();
    const auto number = Activate();
    if (!number.has_value()) return;
    const auto file = OpenDevice(*number);
    CompareBlocks(world_, name(), *file, device());
    const size_t block = what % kBlocks;
    const char byte = static_cast<char>('A' + what / kBlocks % 26);
    world_.Note(absl::StrCat("write ", std::string(1, byte), " into block ", block));
    WriteBlock(world_, *file, block, byte, device());
  }

  // Opens a device and keeps it open, or closes it.
  void Hold() {
    auto& held = held_[static_cast<size_t>(user_)][name_];
    if (held != nullptr) {
      world_.Note(absl::StrCat("close ", name()));
      held.reset();
      return;
    }
    if (set(user_) == nullptr) return;
    const auto number = Activate();
    if (number.has_value()) held = OpenDevice(*number);
  }

  void Deactivate() {
    const bool deferred = input_.Below(2) != 0;
    const bool is_held = IsHeld(name_);
    const Outcome outcome =
        Do(absl::StrCat("deactivate ", name(), deferred ? " at the last close" : ""),
           [&] { return set(user_)->Deactivate(name(), absl::Milliseconds(100), deferred); });
    if (deferred && IsHeld(name_)) device().deferred = true;
    if (outcome.undisturbed && !outcome.status.ok()) {
      world_.Expect(sys::GetErrno(outcome.status) == EBUSY && is_held && !deferred,
                    "a device cannot be deactivated");
    }
  }

  void Check() {
    std::optional<thinp::CheckReport> report;
    const Outcome outcome = Do("check", [&] {
      auto checked = set(user_)->Check();
      if (checked.ok()) report = *std::move(checked);
      return checked.status();
    });
    if (!Expected(outcome) || !repaired_) return;
    world_.ExpectOk(outcome.status, "a check");
    ExpectClean(*report);
  }

  void ExpectClean(const thinp::CheckReport& report) {
    world_.Expect(report.unowned_thin_ids.empty(), "thin ids that nobody owns");
    world_.ExpectNothing(report.devices_without_thin, "devices without a thin id");
    // A set remembers how it found its own file.
    world_.Expect(report.quarantined.empty() || !has_read_set_[static_cast<size_t>(user_)],
                  "damaged state files");
    world_.Expect(!report.transaction_open, "an open transaction");
    world_.ExpectOk(report.changes_problem, "changes");
    world_.ExpectOk(report.contents_problem, "contents");
    world_.Expect(report.pool.mode == thinp::PoolMode::kWrite, "the pool's mode");
    world_.Expect(!report.pool.needs_check, "the pool needs a check");
  }

  void TakePoolDown() {
    const Outcome outcome = Do("take the pool down", [&] { return set(user_)->DeactivatePool(); });
    if (outcome.status.ok() || !outcome.undisturbed) pool_is_up_ = false;
  }

  void Reboot() {
    const auto unsynced = static_cast<model::Unsynced>(input_.Below(3));
    world_.Reboot(unsynced);
    pool_is_up_ = false;
    for (KnownDevice& device : devices_) device.deferred = false;
    Disturb();
  }

  // With nothing failing any more everything is there, and can be taken down.
  void Finish() {
    trouble_ = Trouble();
    user_ = 1;
    world_.Close(1);
    user_ = 0;
    for (auto& held : held_[0]) held.reset();
    Open();
    for (name_ = 0; name_ < kDevices; ++name_) {
      if (device().state != KnownDevice::kPresent) continue;
      const auto number = Activate();
      world_.Expect(number.has_value(), "a device cannot be used");
      CompareBlocks(world_, name(), *OpenDevice(*number), device());
    }
    Check();
    const auto list = set(0)->List();
    world_.ExpectOk(list.status(), "a list");
    const auto present = std::count_if(
        devices_.begin(), devices_.end(),
        [](const KnownDevice& device) { return device.state == KnownDevice::kPresent; });
    world_.Expect(list->devices.size() == static_cast<size_t>(present), "the number of devices");
    TakeDown();
  }

  void TakeDown() {
    const auto active = set(0)->ActiveDevices();
    world_.ExpectOk(active.status(), "a list of what is active");
    for (const std::string& name : *active) {
      world_.ExpectOk(set(0)->Deactivate(name, absl::Seconds(1), false), "deactivates");
    }
    world_.ExpectOk(set(0)->DeactivatePool(), "the pool goes");
    world_.Close(0);
    world_.ExpectNothing(world_.kernel().Leaks(), "left in the kernel");
    if (OnFiles()) metadata_ = &world_.kernel().AddDisk("vdb", 2 << 20);
    world_.ExpectNothing(OnFiles() ? CheckMetadataFile(world_.host(0), kMetadataFile, *metadata_)
                                   : model::CheckThinMetadata(*metadata_),
                         "the pool's metadata");
  }

  Input& input_;
  const uint32_t header_;
  std::array<KnownDevice, kDevices> devices_;
  std::array<std::unique_ptr<DeviceSet>, World::kUsers> sets_;
  std::array<std::array<std::unique_ptr<sys::File>, kDevices>, World::kUsers> held_;
  World world_;
  thinp::DeviceSetOptions options_;
  model::Disk* metadata_ = nullptr;
  // Of the step.
  int user_ = 0;
  Trouble trouble_;
  size_t name_ = 0;
  size_t other_ = 0;
  // Known to be so.
  bool pool_is_up_ = false;
  std::array<bool, World::kUsers> has_read_set_ = {};
  bool repaired_ = false;
};

}  // namespace
}  // namespace dmkit::history

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::history::Input input(data, size);
  dmkit::history::SetHistory(input).Run();
  return 0;
}
