// SPDX-License-Identifier: Apache-2.0
// Bytes as a history of two processes with a store of layers: layers made, mounted, written to and
// removed, with faults, crashes and power losses. What was reported done must be there after each
// of these, and a layer must have its own files and nothing else.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/options.h"
#include "sys/host.h"
#include "sys/status.h"
#include "testing/fuzz/history/layer_files.h"
#include "testing/fuzz/history/world.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"
#include "testing/model/thin/thin_check.h"

namespace dmkit::history {
namespace {

constexpr const char* kNames[] = {"a", "b", "c", "d"};
constexpr size_t kLayers = std::size(kNames);
constexpr char kMetadataFile[] = "/store/pool/metadata";
constexpr uint64_t kMetadataBytes = uint64_t{4} << 20;

struct Layer {
  enum { kAbsent, kPresent, kUnknown } state = kAbsent;
  std::optional<Contents> files = Contents();
  std::optional<int> mounts = 0;  // how often it was handed out
};

class DriverHistory {
 public:
  explicit DriverHistory(Input& input)
      : input_(input), header_(input.Byte()), world_(header_, [this](int user) { Drop(user); }) {
    std::vector<std::string> words = {"dm.basesize=64M"};
    if ((header_ & 16) != 0) words.push_back("dm.mountopt=noatime");
    if (OnFiles()) {
      words.insert(words.end(), {"dm.loopdatasize=512M", "dm.loopmetadatasize=4M"});
    } else {
      world_.kernel().AddDisk("vda", uint64_t{512} << 20);
      metadata_ = &world_.kernel().AddDisk("vdb", kMetadataBytes);
      words.insert(words.end(), {"dm.datadev=/dev/vda", "dm.metadatadev=/dev/vdb"});
    }
    const auto options = driver::ParseOptions(words);
    world_.ExpectOk(options.status(), "the options");
    config_.root = "/store";
    config_.options = *options;
  }

  void Run() {
    for (int step = 0; step < kStepsMax && !input_.AtEnd(); ++step) Step();
    Finish();
  }

 private:
  bool OnFiles() const { return (header_ & 8) != 0 || !HasNodes(header_); }
  driver::Driver* driver(int user) { return drivers_[static_cast<size_t>(user)].get(); }
  void Drop(int user) {
    held_[static_cast<size_t>(user)].reset();
    drivers_[static_cast<size_t>(user)].reset();
  }
  Layer& layer() { return layers_[name_]; }
  std::string name() const { return kNames[name_]; }
  bool AnyHeld() const { return held_[0] != nullptr || held_[1] != nullptr; }

  void Step() {
    const uint32_t what = input_.Below(16);
    const uint32_t who = input_.Byte();
    user_ = static_cast<int>(who & 1);
    trouble_ = ReadTrouble(who >> 1, input_);
    name_ = (who >> 3) % kLayers;
    other_ = (who >> 5) % (kLayers + 1);
    if (what == 13) {
      world_.Crash(user_);
    } else if (what == 14) {
      Reboot();
    } else if (driver(user_) == nullptr || what == 0) {
      Open();
    } else if (what <= 3) {
      Create();
    } else if (what <= 6) {
      Get();
    } else if (what <= 8) {
      Put();
    } else if (what <= 10) {
      Remove();
    } else if (what == 11) {
      Look();
    } else if (what == 12) {
      Cleanup();
    } else {
      Hold();
    }
  }

  Outcome Do(absl::string_view what, const std::function<absl::Status()>& operation) {
    return world_.Do(user_, trouble_, what, operation);
  }
  bool Expected(const Outcome& outcome) const { return outcome.undisturbed && pool_is_up_; }

  void Open() {
    const Outcome outcome = Do("open", [&] {
      drivers_[static_cast<size_t>(user_)].reset();
      auto opened = driver::Driver::Open(world_.dm(user_), config_);
      if (opened.ok()) drivers_[static_cast<size_t>(user_)] = *std::move(opened);
      return opened.status();
    });
    if (outcome.undisturbed) world_.ExpectOk(outcome.status, "a store opens");
    if (outcome.status.ok()) pool_is_up_ = true;
    base_is_usable_[static_cast<size_t>(user_)] = outcome.undisturbed;
    if (outcome.crashed) Drop(user_);
    if (!outcome.undisturbed || outcome.crashed) return;
    for (size_t i = 0; i < kLayers; ++i) {
      const auto exists = driver(user_)->Exists(kNames[i]);
      world_.ExpectOk(exists.status(), "whether a layer exists");
      Layer& known = layers_[i];
      world_.Expect(*exists || known.state != Layer::kPresent, "a layer is lost");
      world_.Expect(!*exists || known.state != Layer::kAbsent, "a layer that nobody made");
      known.state = *exists ? Layer::kPresent : Layer::kAbsent;
      if (!*exists) known = Layer();
    }
  }

  void Create() {
    const bool from_base = other_ == kLayers;
    const Layer parent = from_base ? Layer() : layers_[other_];
    const std::string parent_name = from_base ? "" : kNames[other_];
    const Outcome outcome = Do(absl::StrCat("create ", name(), " from '", parent_name, "'"),
                               [&] { return driver(user_)->Create(name(), {parent_name}); });
    Layer& known = layer();
    if (outcome.status.ok()) {
      world_.Expect(known.state != Layer::kPresent, "a layer is made twice");
      world_.Expect(from_base || parent.state != Layer::kAbsent, "a layer of nothing");
      if (!from_base) layers_[other_].state = Layer::kPresent;
      known = {Layer::kPresent, parent.files, 0};
      return;
    }
    if (Expected(outcome)) {
      const int error = sys::GetErrno(outcome.status);
      const bool no_parent = error == ENOENT && !from_base && parent.state != Layer::kPresent;
      const bool exists = error == EEXIST && known.state != Layer::kAbsent;
      // What keeps the base from being used is found out at opening.
      const bool no_base = from_base && !base_is_usable_[static_cast<size_t>(user_)];
      world_.Expect(no_parent || exists || no_base, "a layer cannot be made");
      if (exists) known.state = Layer::kPresent;
      return;
    }
    if (known.state == Layer::kPresent) return;
    if (known.state == Layer::kUnknown && known.files != parent.files) {
      known.files.reset();
    } else {
      known.files = parent.files;
    }
    known.state = Layer::kUnknown;
  }

  void Get() {
    const uint32_t what = input_.Byte();
    std::string path;
    const Outcome outcome = Do(absl::StrCat("get ", name()), [&] {
      auto got = driver(user_)->Get(name());
      if (got.ok()) path = *std::move(got);
      return got.status();
    });
    Layer& known = layer();
    if (!outcome.status.ok()) {
      if (!outcome.undisturbed) known.mounts.reset();
      if (Expected(outcome)) {
        world_.Expect(sys::GetErrno(outcome.status) == ENOENT && known.state != Layer::kPresent,
                      "a layer cannot be mounted");
        known.state = Layer::kAbsent;
      }
      return;
    }
    world_.Expect(known.state != Layer::kAbsent, "a layer is there again");
    known.state = Layer::kPresent;
    if (known.mounts.has_value()) ++*known.mounts;
    Compare(path);
    if (what < 200) Write(path, what);
  }

  void Compare(const std::string& path) {
    const Contents found = ReadLayer(world_, user_, path);
    if (layer().files.has_value() && *layer().files != found) {
      world_.Fail(absl::StrCat(name(), " has ", Words(found), " for ", Words(*layer().files)));
    }
    layer().files = found;
  }

  void Write(const std::string& path, uint32_t what) {
    const size_t file = what % kFiles;
    const std::string text(1 + (what % 8) * 5000, static_cast<char>('A' + what % 26));
    world_.Note(absl::StrCat("write ", text.substr(0, 1), " to file ", file, " of ", name()));
    WriteFile(world_, user_, path, file, text);
    (*layer().files)[file] = text;
  }

  void Put() {
    const bool all = input_.Below(4) == 0;
    was_held_ = AnyHeld();
    const Outcome outcome = Do(absl::StrCat("put ", name(), all ? " wholly" : ""),
                               [&] { return driver(user_)->Put(name(), all); });
    Layer& known = layer();
    if (Expected(outcome)) ExpectPut(outcome.status);
    if (!outcome.undisturbed) {
      known.mounts.reset();
    } else if (outcome.status.ok()) {
      if (all) {
        known.mounts = 0;
      } else if (known.mounts.has_value()) {
        --*known.mounts;
      }
    } else if (sys::GetErrno(outcome.status) == EINVAL) {
      known.mounts = 0;
    } else {
      known.mounts.reset();
    }
  }

  void ExpectPut(const absl::Status& status) {
    const Layer& known = layer();
    const int error = sys::GetErrno(status);
    if (status.ok()) {
      world_.Expect(known.state != Layer::kAbsent, "a layer is there again");
      world_.Expect(known.mounts != 0, "a layer is given back too often");
    } else if (error == ENOENT) {
      world_.Expect(known.state != Layer::kPresent, "a layer is lost");
    } else if (error == EINVAL) {
      world_.Expect(!known.mounts.has_value() || *known.mounts == 0, "a mount is forgotten");
    } else {
      world_.Expect(error == EBUSY && was_held_, "a layer cannot be unmounted");
    }
  }

  void Remove() {
    const Outcome outcome =
        Do(absl::StrCat("remove ", name()), [&] { return driver(user_)->Remove(name()); });
    Layer& known = layer();
    const int error = sys::GetErrno(outcome.status);
    if (outcome.status.ok()) {
      world_.Expect(known.state != Layer::kAbsent, "a layer is removed twice");
      world_.Expect(!known.mounts.has_value() || *known.mounts == 0, "a mounted layer is removed");
      known = Layer();
    } else if (Expected(outcome) && error == ENOENT) {
      world_.Expect(known.state != Layer::kPresent, "a layer is lost");
      known = Layer();
    } else if (Expected(outcome)) {
      world_.Expect(error == EBUSY && known.mounts != 0, "a layer cannot be removed");
    } else if (known.state == Layer::kPresent) {
      known.state = Layer::kUnknown;
    }
  }

  void Look() {
    const bool check = input_.Below(2) == 0;
    std::optional<driver::report::PoolCheck> report;
    std::optional<driver::report::Layer> seen;
    const Outcome outcome = Do(check ? "check" : absl::StrCat("inspect ", name()), [&] {
      if (!check) {
        auto inspected = driver(user_)->Inspect(name());
        if (inspected.ok()) seen = *std::move(inspected);
        return inspected.status();
      }
      auto checked = driver(user_)->PoolCheck();
      if (checked.ok()) report = *std::move(checked);
      return checked.status();
    });
    if (!Expected(outcome)) return;
    if (check) return world_.ExpectOk(outcome.status, "a check");
    const Layer& known = layer();
    if (known.state == Layer::kPresent) {
      world_.ExpectOk(outcome.status, "a layer is inspected");
      world_.Expect(
          !known.mounts.has_value() || seen->mount_count() == static_cast<uint32_t>(*known.mounts),
          "the number of mounts");
    }
  }

  void Cleanup() {
    was_held_ = AnyHeld();
    const Outcome outcome = Do("cleanup", [&] { return driver(user_)->Cleanup(); });
    if (outcome.undisturbed && !outcome.status.ok()) {
      world_.Expect(was_held_ || !pool_is_up_, "the store cannot be taken down");
    }
    pool_is_up_ = false;
    for (Layer& known : layers_) {
      if (outcome.undisturbed && outcome.status.ok()) {
        known.mounts = 0;
      } else {
        known.mounts.reset();
      }
    }
  }

  // Keeps a mounted layer busy, or lets it go.
  void Hold() {
    auto& held = held_[static_cast<size_t>(user_)];
    if (held != nullptr) {
      world_.Note("close the directory");
      return held.reset();
    }
    std::string path;
    Do(absl::StrCat("inspect ", name()), [&] {
      const auto seen = driver(user_)->Inspect(name());
      if (seen.ok()) path = seen->mount_path();
      return seen.status();
    });
    if (path.empty()) return;
    world_.Note(absl::StrCat("open the directory ", path));
    auto dir = world_.host(user_).root->OpenDir(path);
    if (driver(user_) != nullptr && dir.ok()) held = *std::move(dir);
  }

  void Reboot() {
    world_.Reboot(static_cast<model::Unsynced>(input_.Below(3)));
    pool_is_up_ = false;
    for (Layer& known : layers_) known.mounts = 0;
  }

  // With nothing failing any more everything is there, and can be taken down.
  void Finish() {
    trouble_ = Trouble();
    world_.Close(1);
    user_ = 0;
    held_[0].reset();
    Open();
    const auto list = driver(0)->List();
    world_.ExpectOk(list.status(), "a list");
    world_.Expect(list->quarantined_size() == 0, "damaged state files");
    int present = 0;
    for (name_ = 0; name_ < kLayers; ++name_) {
      if (layer().state != Layer::kPresent) continue;
      ++present;
      const auto path = driver(0)->Get(name());
      world_.ExpectOk(path.status(), "a layer can be mounted");
      Compare(*path);
      world_.ExpectOk(driver(0)->Put(name(), true), "a layer can be unmounted");
    }
    world_.Expect(list->layers_size() == present, "the number of layers");
    const auto check = driver(0)->PoolCheck();
    world_.ExpectOk(check.status(), "a check");
    if (!check->clean()) world_.Fail(check->DebugString());
    TakeDown();
  }

  void TakeDown() {
    world_.ExpectOk(driver(0)->Cleanup(), "the store is taken down");
    world_.Close(0);
    world_.ExpectNothing(world_.kernel().Leaks(), "left in the kernel");
    world_.ExpectNoHang();
    if (OnFiles()) metadata_ = &world_.kernel().AddDisk("vdb", kMetadataBytes);
    world_.ExpectNothing(OnFiles() ? CheckMetadataFile(world_.host(0), kMetadataFile, *metadata_)
                                   : model::CheckThinMetadata(*metadata_),
                         "the pool's metadata");
  }

  Input& input_;
  const uint32_t header_;
  std::array<Layer, kLayers> layers_;
  std::array<std::unique_ptr<driver::Driver>, World::kUsers> drivers_;
  std::array<std::unique_ptr<sys::Dir>, World::kUsers> held_;
  World world_;
  driver::DriverConfig config_;
  model::Disk* metadata_ = nullptr;
  bool pool_is_up_ = false;
  std::array<bool, World::kUsers> base_is_usable_ = {};
  // Of the step.
  bool was_held_ = false;
  int user_ = 0;
  Trouble trouble_;
  size_t name_ = 0;
  size_t other_ = 0;
};

}  // namespace
}  // namespace dmkit::history

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::history::Input input(data, size);
  dmkit::history::DriverHistory(input).Run();
  return 0;
}
