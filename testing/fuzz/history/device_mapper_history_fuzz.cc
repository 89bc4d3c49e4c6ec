// SPDX-License-Identifier: Apache-2.0
// Bytes as a history of DeviceMapper calls over a few names, with io between them, crashes and
// power losses. Tables must come back as they were loaded, lists must agree with the kernel, and
// everything can be removed at the end.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
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
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "sys/block.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/units.h"
#include "testing/fuzz/history/mapper_checks.h"
#include "testing/fuzz/history/mapper_words.h"
#include "testing/fuzz/history/world.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"
#include "testing/model/thin/thin_check.h"

namespace dmkit::history {
namespace {

constexpr size_t kDevices = std::size(kMapperNames);
constexpr uint64_t kDiskBytes = uint64_t{4} << 20;
constexpr uint64_t kBlockBytes = kMapperBlock * 512;

class MapperHistory {
 public:
  explicit MapperHistory(Input& input)
      // Without nodes a table has no way to name a disk.
      : input_(input), world_(input.Byte() & 3u, [this](int) { held_.clear(); }) {
    world_.kernel().AddDisk("vda", kDiskBytes);
    world_.kernel().AddDisk("vdb", kDiskBytes);
    metadata_ = &world_.kernel().AddDisk("vdc", kDiskBytes);
  }

  void Run() {
    for (int step = 0; step < kStepsMax && !input_.AtEnd(); ++step) {
      Step();
      ExpectListed();
    }
    Finish();
  }

 private:
  dm::DeviceMapper& dm() { return world_.dm(0); }
  Mapped& mapped() { return mapped_[number_]; }
  dm::DmName Name(size_t number) const { return *dm::DmName::Create(kMapperNames[number]); }
  dm::DmName name() const { return Name(number_); }
  std::string what(absl::string_view verb) const {
    return absl::StrCat(verb, " ", kMapperNames[number_]);
  }

  absl::Status Do(absl::string_view text, const std::function<absl::Status()>& operation) {
    return world_.Do(0, Trouble(), text, operation).status;
  }

  void Step() {
    const uint32_t step = input_.Byte();
    number_ = (step >> 5) % kDevices;
    switch (step % 20) {
      case 0:
      case 1:
        return Create();
      case 2:
      case 3:
      case 4:
        return Load();
      case 5:
      case 6:
        return Resume();
      case 7:
        return Suspend();
      case 8:
        return Remove();
      case 9:
        return Rename();
      case 10:
        return Clear();
      case 11:
        return CompareTables();
      case 12:
      case 13:
        return Message();
      case 14:
        return Io();
      case 15:
        return Hold();
      case 16:
        return Wait();
      case 17:
        return Ask();
      case 18:
        return End();
      default:
        return RemoveAll();
    }
  }

  void Create() {
    dm::CreateOptions options;
    const uint32_t with = input_.Byte();
    if ((with & 1) != 0)
      options.uuid = *dm::DmUuid::Create(absl::StrCat("UUID-", kMapperNames[number_]));
    if ((with & 2) != 0) options.minor = with >> 2;
    const absl::Status status =
        Do(what("create"), [&] { return dm().Create(name(), options).status(); });
    if (mapped().exists) world_.Expect(!status.ok(), "a device is made twice");
    if (!status.ok() && !mapped().exists) {
      world_.Expect(options.minor.has_value() || options.uuid.has_value(),
                    "a device cannot be made");
    }
    if (status.ok()) {
      mapped() = Mapped();
      mapped().exists = true;
    }
  }

  void Load() {
    std::vector<dm::TableLine> table;
    uint64_t start = 0;
    const uint32_t lines = 1 + input_.Below(2);
    for (uint32_t i = 0; i < lines; ++i) {
      table.push_back(ReadTableLine(start, input_));
      start += table.back().length.count();
    }
    dm::LoadOptions options;
    options.read_only = input_.Below(8) == 7;
    std::string text = what("load");
    for (const dm::TableLine& line : table) {
      absl::StrAppend(&text, " [", line.type.text(), " ", line.params, "]");
    }
    const absl::Status status =
        Do(text, [&] { return dm().Load(name(), table, options).status(); });
    if (!status.ok()) return;
    world_.Expect(mapped().exists, "a table without a device");
    mapped().inactive = std::move(table);
  }

  void Resume() {
    const absl::Status status = Do(what("resume"), [&] {
      return dm().Resume(name(), dm::SuspendOptions(), dm::UdevCookie()).status();
    });
    if (!status.ok()) {
      // The new table is lost, or the old one is in place: the kernel knows.
      Learn();
      return;
    }
    world_.Expect(mapped().exists, "a resume without a device");
    if (!mapped().inactive.empty()) mapped().active = std::move(mapped().inactive);
    mapped().inactive.clear();
    mapped().suspended = false;
  }

  void Suspend() {
    dm::SuspendOptions options;
    const uint32_t how = input_.Byte();
    options.no_flush = (how & 1) != 0;
    options.skip_lockfs = (how & 2) != 0;
    const absl::Status status =
        Do(what("suspend"), [&] { return dm().Suspend(name(), options).status(); });
    if (status.ok()) mapped().suspended = true;
  }

  void Remove() {
    dm::RemoveOptions options;
    options.deferred = input_.Below(2) != 0;
    bool deferred = false;
    const absl::Status status = Do(what("remove"), [&] {
      const auto removed = dm().Remove(name(), options);
      if (removed.ok()) deferred = removed->deferred_remove;
      return removed.status();
    });
    if (status.ok()) {
      world_.Expect(mapped().exists, "nothing is removed");
      if (deferred) {
        mapped().deferred = 1;
      } else {
        mapped() = Mapped();
      }
    } else if (mapped().exists && mapped().deferred == 0) {
      world_.Expect(sys::GetErrno(status) == EBUSY, "a device cannot be removed");
    }
  }

  void Rename() {
    const size_t to = input_.Below(kDevices);
    const absl::Status status = Do(absl::StrCat(what("rename"), " to ", kMapperNames[to]), [&] {
      return dm().Rename(name(), Name(to), dm::UdevCookie()).status();
    });
    if (!status.ok()) return;
    world_.Expect(mapped().exists && !mapped_[to].exists, "a rename that cannot be");
    mapped_[to] = std::move(mapped());
    mapped() = Mapped();
    // A stacked table names it by its number: the words stay as they are in the kernel.
  }

  void Clear() {
    const absl::Status status = Do(what("clear"), [&] { return dm().Clear(name()).status(); });
    if (status.ok()) mapped().inactive.clear();
  }

  void Message() {
    const std::string message = ReadMessage(input_);
    const absl::Status status = Do(absl::StrCat(what("message"), " ", message), [&] {
      return dm().Message(name(), sys::Sectors{0}, message).status();
    });
    if (status.ok() && message[0] == '@') mapped().deferred = 0;
  }

  std::unique_ptr<sys::File> OpenDevice() {
    const auto info = dm().Info(name());
    if (!info.ok() || !info->has_active_table) return nullptr;
    sys::OpenOptions options;
    if (!info->read_only) options.access = sys::Access::kReadWrite;
    auto file = sys::OpenBlock(world_.host(0), info->device, options);
    return file.ok() ? *std::move(file) : nullptr;
  }

  void Io() {
    const uint32_t how = input_.Byte();
    // Io of a suspended device waits for ever.
    if (AnySuspended(mapped_)) return;
    const auto file = OpenDevice();
    if (file == nullptr) return;
    const uint64_t at = uint64_t{how % 16} * kBlockBytes;
    std::string bytes(4096, static_cast<char>(how));
    world_.Note(absl::StrCat(what("write and read"), " at ", at));
    const absl::Status written = file->WriteAt(at, bytes);
    const absl::Status synced = file->Sync();
    std::string back(bytes.size(), '\0');
    const auto got = file->ReadAt(at, absl::MakeSpan(back));
    // Io to a full pool may wait for space.
    world_.ForgiveHangs();
    const bool is_zero = mapped().active.size() == 1 && mapped().active[0].type.text() == "zero";
    if (written.ok() && synced.ok() && got.ok() && *got == bytes.size() && !is_zero) {
      world_.Expect(back == bytes || AnyZeros(mapped_), "what was written is not read");
    }
  }

  void Hold() {
    if (held_.erase(number_) != 0) {
      world_.Note(what("close"));
    } else if (auto file = OpenDevice(); file != nullptr) {
      world_.Note(what("open"));
      held_[number_] = std::move(file);
    }
  }

  // For an event that has been already.
  void Wait() {
    const auto info = dm().Info(name());
    if (!info.ok()) return;
    Do(what("wait"), [&] {
      return dm().Wait(name(), info->event_nr + 1, dm::StatusOptions()).status();
    }).IgnoreError();
  }

  void Ask() {
    dm::StatusOptions options;
    const uint32_t how = input_.Byte();
    options.no_flush = (how & 1) != 0;
    options.inactive = (how & 2) != 0;
    Do(what("ask"), [&]() -> absl::Status {
      DMKIT_RETURN_IF_ERROR(dm().Status(name(), options));
      DMKIT_RETURN_IF_ERROR(dm().Dependencies(name(), options.inactive));
      DMKIT_RETURN_IF_ERROR(dm().ListVersions());
      DMKIT_RETURN_IF_ERROR(dm().ArmPoll());
      return dm().SetGeometry(name(), 1 + how, 2, 3, 0);
    }).IgnoreError();
  }

  void End() {
    const uint32_t how = input_.Below(4);
    if (how == 3) {
      world_.Crash(0);
    } else {
      world_.Reboot(static_cast<model::Unsynced>(how));
      mapped_ = {};
    }
    ExpectListed();
  }

  void RemoveAll() {
    const bool deferred = input_.Below(2) != 0;
    world_.ExpectOk(Do("remove all", [&] { return dm().RemoveAll(deferred); }), "remove all");
    for (Mapped& mapped : mapped_) mapped.deferred = 1;
  }

  // The kernel's flags are the truth after a call that failed on its way.
  void Learn() {
    const auto info = dm().Info(name());
    if (!info.ok()) return;
    mapped().suspended = info->suspended;
    mapped().active.clear();
    mapped().inactive.clear();
  }

  // What was loaded is printed again, devices as numbers.
  void CompareTables() {
    for (const bool inactive : {false, true}) {
      dm::StatusOptions options;
      options.inactive = inactive;
      const auto table = dm().Table(name(), options);
      const std::vector<dm::TableLine>& known = inactive ? mapped().inactive : mapped().active;
      if (!table.ok()) {
        world_.Expect(!mapped().exists || mapped().deferred != 0, "a device is gone");
        return;
      }
      if (known.empty()) continue;
      ExpectTable(world_, table->targets, known);
      world_.Expect(table->info.suspended == mapped().suspended, "suspended or not");
    }
  }

  // The list agrees with the kernel, and with what is known.
  void ExpectListed() {
    const auto list = dm().List();
    world_.ExpectOk(list.status(), "a list");
    const std::vector<std::string> there = world_.kernel().MappedDevices();
    world_.Expect(list->size() == there.size(), "the length of the list");
    for (size_t i = 0; i < kDevices; ++i) {
      const auto listed =
          std::find_if(list->begin(), list->end(),
                       [&](const dm::ListedDevice& one) { return one.name == kMapperNames[i]; });
      if (listed == list->end()) {
        world_.Expect(!mapped_[i].exists || mapped_[i].deferred != 0, "a device is gone");
        mapped_[i] = Mapped();
        continue;
      }
      world_.Expect(mapped_[i].exists, "a device that nobody made");
      ExpectFound(world_, dm(), Name(i), *listed);
    }
  }

  // In the order that stacks allow.
  void Finish() {
    held_.clear();
    for (size_t round = 0; round <= kDevices; ++round) {
      for (number_ = 0; number_ < kDevices; ++number_) {
        dm().Clear(name()).status().IgnoreError();
        dm().Remove(name(), dm::RemoveOptions()).status().IgnoreError();
      }
    }
    const auto list = dm().List();
    world_.ExpectOk(list.status(), "a list");
    world_.Expect(list->empty(), "a device cannot be removed");
    world_.Close(0);
    world_.ExpectNothing(world_.kernel().Leaks(), "left in the kernel");
    world_.ExpectNoHang();
    world_.ExpectNothing(model::CheckThinMetadata(*metadata_), "the pool's metadata");
  }

  Input& input_;
  std::array<Mapped, kDevices> mapped_;
  std::map<size_t, std::unique_ptr<sys::File>> held_;
  World world_;
  model::Disk* metadata_ = nullptr;
  size_t number_ = 0;
};

}  // namespace
}  // namespace dmkit::history

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::history::Input input(data, size);
  dmkit::history::MapperHistory(input).Run();
  return 0;
}
