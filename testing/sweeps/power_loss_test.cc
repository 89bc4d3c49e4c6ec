// SPDX-License-Identifier: Apache-2.0
// The power goes in front of every call that an operation of the driver makes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "driver/options.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "sys/units.h"
#include "testing/model/model_kernel.h"

namespace dmkit {
namespace {

using model::ModelKernel;
using model::Unsynced;
using sys::IsOk;
using ::testing::IsEmpty;

constexpr char kRoot[] = "/store";

// A store on a model of its own.
class Store {
 public:
  Store(const model::Profile& profile, uint64_t seed)
      : kernel_(profile, seed), faulty_(kernel_.host()) {}

  ModelKernel& kernel() { return kernel_; }
  sys::FaultyHost& faulty() { return faulty_; }
  driver::Driver& driver() { return *driver_; }

  absl::Status Open() {
    Close();
    auto dm = dm::DeviceMapper::Open(faulty_.host());
    if (!dm.ok()) return dm.status();
    dm_ = std::make_unique<dm::DeviceMapper>(*std::move(dm));
    driver::DriverConfig config;
    config.root = kRoot;
    config.options =
        *driver::ParseOptions({"dm.basesize=32M", absl::StrCat("dm.loopdatasize=", data_mib_, "M"),
                               "dm.loopmetadatasize=4M"});
    auto driver = driver::Driver::Open(*dm_, config);
    if (driver.ok()) driver_ = *std::move(driver);
    return driver.status();
  }
  void Close() {
    driver_.reset();
    dm_.reset();
  }
  // The size of the pool's data that every Open asks for from now on.
  void AskForData(uint64_t mebibytes) { data_mib_ = mebibytes; }

  // A file of the layer, which is synced with its name.
  absl::Status Write(const std::string& layer, const std::string& text) {
    const auto path = driver_->Get(layer);
    if (!path.ok()) return path.status();
    {
      auto dir = faulty_.host().root->OpenDir(*path);
      if (!dir.ok()) return dir.status();
      const absl::Status written = sys::ReplaceFileDurably(**dir, "file", text);
      if (!written.ok()) return written;
    }
    return driver_->Put(layer, false);
  }
  // "" when it is not there.
  std::string Read(const std::string& layer) {
    const auto path = driver_->Get(layer);
    EXPECT_THAT(path, IsOk()) << layer;
    if (!path.ok()) return "";
    const auto text = sys::ReadFile(*kernel_.host().root, absl::StrCat(*path, "/file"), 4096);
    EXPECT_THAT(driver_->Put(layer, false), IsOk());
    return text.value_or("");
  }
  // Of the filesystem in the layer.
  uint64_t Space(const std::string& layer) {
    const auto path = driver_->Get(layer);
    EXPECT_THAT(path, IsOk()) << layer;
    if (!path.ok()) return 0;
    const uint64_t bytes = (*kernel_.host().root->OpenDir(*path))->Space()->total_bytes;
    EXPECT_THAT(driver_->Put(layer, false), IsOk());
    return bytes;
  }
  std::set<std::string> Layers() {
    std::set<std::string> ids;
    const auto list = driver_->List();
    EXPECT_THAT(list, IsOk());
    if (list.ok()) {
      for (const auto& layer : list->layers()) ids.insert(layer.id());
    }
    return ids;
  }

 private:
  ModelKernel kernel_;
  sys::FaultyHost faulty_;
  uint64_t data_mib_ = 256;
  std::unique_ptr<dm::DeviceMapper> dm_;
  std::unique_ptr<driver::Driver> driver_;
};

struct Scene {
  std::string name;
  bool has_store = true;                    // made, with the layer "web" and a file in it
  std::function<absl::Status(Store&)> run;  // what is interrupted
  std::function<void(Store&, bool done)>
      check;  // after the restart; `done`: it had reported success
};

// A sanitizer makes a sweep ten times as long, and looks for faults that each call shows alike.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DMKIT_SWEEP_STEP 5
#endif
#endif
#ifndef DMKIT_SWEEP_STEP
#define DMKIT_SWEEP_STEP 1
#endif
constexpr uint64_t kStep = DMKIT_SWEEP_STEP;

// Where the power goes, and what becomes of unsynced writes then.
struct Cut {
  uint64_t call = 0;
  Unsynced unsynced = Unsynced::kLost;
};

class PowerLossTest : public ::testing::TestWithParam<Scene> {
 protected:
  // False when the operation made fewer calls.
  bool CutAt(const Cut& cut, const model::Profile& profile) {
    const Scene& scene = GetParam();
    Store store(profile, cut.call);
    if (scene.has_store) {
      EXPECT_THAT(store.Open(), IsOk());
      EXPECT_THAT(store.driver().Create("web", {}), IsOk());
      EXPECT_THAT(store.Write("web", "of web"), IsOk());
    }
    store.faulty().SetPlan(sys::FaultyHost::StopAt(cut.call));
    const absl::Status status = scene.run(store);
    const bool is_reached = store.faulty().calls() >= cut.call;
    SCOPED_TRACE(absl::StrCat("call ", cut.call, ": ",
                              is_reached ? store.faulty().Log()[cut.call - 1] : "the end", ": ",
                              status.ToString()));
    store.kernel().Reboot(cut.unsynced);
    store.Close();
    store.faulty().SetPlan(nullptr);
    EXPECT_THAT(store.kernel().Leaks(), IsEmpty());
    EXPECT_THAT(store.Open(), IsOk());
    if (!HasFailure()) CheckStore(store, status.ok());
    return is_reached;
  }

  void CheckStore(Store& store, bool done) {
    const auto check = store.driver().PoolCheck();
    ASSERT_THAT(check, IsOk());
    EXPECT_TRUE(check->clean()) << check->DebugString();
    if (GetParam().has_store && store.Layers().count("web") != 0) {
      const std::string text = store.Read("web");
      EXPECT_TRUE(absl::StartsWith(text, "of web")) << text;
    }
    GetParam().check(store, done);
    // It goes on.
    EXPECT_THAT(store.driver().Create("next", {}), IsOk());
    EXPECT_THAT(store.Write("next", "of next"), IsOk());
    EXPECT_EQ(store.Read("next"), "of next");
    EXPECT_THAT(store.kernel().CheckThinMetadata(MetadataLoop(store)), IsEmpty());
    EXPECT_THAT(store.driver().Cleanup(), IsOk());
    store.Close();
    EXPECT_THAT(store.kernel().Leaks(), IsEmpty());
    EXPECT_THAT(store.kernel().Hangs(), IsEmpty());
  }

  static std::string MetadataLoop(Store& store) {
    for (const std::string& loop : store.kernel().BoundLoops()) {
      if (absl::StrContains(loop, "/pool/metadata ")) return loop.substr(0, loop.find(' '));
    }
    return "";
  }

  void Sweep(Unsynced unsynced, const model::Profile& profile) {
    uint64_t call = 1;
    while (CutAt({call, unsynced}, profile) && !HasFailure()) call += kStep;
    EXPECT_GT(call, 5u) << "the sweep has hardly begun";
    RecordProperty("calls", static_cast<int>(call));
  }
};

TEST_P(PowerLossTest, KeepsWhatWasReportedWhenUnsyncedWritesAreLost) {
  Sweep(Unsynced::kLost, model::Linux612());
}

TEST_P(PowerLossTest, KeepsWhatWasReportedWhenSomeUnsyncedWritesAreKept) {
  Sweep(Unsynced::kSomeKept, model::Linux612());
}

TEST_P(PowerLossTest, KeepsWhatWasReportedWhenUnsyncedWritesAreKept) {
  Sweep(Unsynced::kKept, model::Linux61());
}

// ---- The operations.

// `id` is there exactly when `is_made`, or perhaps when the operation was not reported.
void ExpectLayer(Store& store, const std::string& id, bool done, bool is_made) {
  const bool is_there = store.Layers().count(id) != 0;
  if (done) {
    EXPECT_EQ(is_there, is_made);
  }
}

constexpr uint64_t kMiB = uint64_t{1} << 20;

// The layer has its old size or 48 MiB, and its filesystem fills it.
void ExpectWholeSize(Store& store, const std::string& id, bool done) {
  const auto layer = store.driver().Inspect(id);
  ASSERT_THAT(layer, IsOk());
  const uint64_t size = layer->size_bytes();
  EXPECT_TRUE(size == 48 * kMiB || (!done && size == 32 * kMiB)) << size;
  EXPECT_GT(store.Space(id), size / 4 * 3);
  EXPECT_EQ(store.Read(id), "of web");
}

void AddGrowth(std::vector<Scene>& scenes) {
  scenes.push_back({"GrowOfAMountedLayer", true,
                    [](Store& store) {
                      const auto path = store.driver().Get("web");
                      if (!path.ok()) return path.status();
                      return store.driver().Grow("web", sys::Bytes{48 * kMiB});
                    },
                    [](Store& store, bool done) { ExpectWholeSize(store, "web", done); }});
  scenes.push_back({"CreateOfALargerLayer", true,
                    [](Store& store) {
                      driver::CreateOptions options;
                      options.parent = "web";
                      options.size = sys::Bytes{48 * kMiB};
                      return store.driver().Create("large", options);
                    },
                    [](Store& store, bool done) {
                      ExpectLayer(store, "large", done, true);
                      if (store.Layers().count("large") == 0) return;
                      ExpectWholeSize(store, "large", /*done=*/true);
                    }});
  scenes.push_back({"GrowOfThePool", true,
                    [](Store& store) {
                      store.AskForData(300);
                      return store.Open();
                    },
                    [](Store& store, bool) {
                      EXPECT_EQ(store.driver().PoolStatus()->total_data_bytes(), 300 * kMiB);
                    }});
}

// Whether the layer can be used; one that is marked as incomplete is removed.
bool IsComplete(Store& store, const std::string& id) {
  if (store.Layers().count(id) == 0) return false;
  if (store.driver().Inspect(id)->ready()) return true;
  EXPECT_THAT(store.driver().Get(id), sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(store.driver().Remove(id), IsOk());
  return false;
}

Scene CreateWithInit() {
  driver::CreateOptions options;
  options.parent = "web";
  options.init = true;
  return {"CreateWithInit", true,
          [=](Store& store) { return store.driver().Create("app", options); },
          [=](Store& store, bool done) {
            ExpectLayer(store, "app", done, true);
            if (store.Layers().count("app") == 0) {
              EXPECT_THAT(store.driver().Create("app", options), IsOk());
            }
            const auto path = store.driver().Get("app");
            ASSERT_THAT(path, IsOk());
            // The last ones that are made in their directories.
            for (const char* name : {"/.dockerenv", "/etc/resolv.conf", "/sys", "/dev/console"}) {
              EXPECT_THAT(store.kernel().host().root->StatLink(*path + name), IsOk()) << name;
            }
            EXPECT_THAT(store.driver().Put("app", false), IsOk());
            EXPECT_THAT(store.driver().Remove("app"), IsOk());
            EXPECT_EQ(store.Layers().count("app-init"), 0u);
          }};
}

Scene ApplyDiff() {
  return {"ApplyDiff", true,
          [](Store& store) {
            sys::StringSink archive;
            absl::Status status = store.driver().Diff("web", "", {}, archive);
            if (status.ok()) status = store.driver().Create("copy", {});
            if (!status.ok()) return status;
            sys::StringSource in(archive.data());
            return store.driver().ApplyDiff("copy", {}, in).status();
          },
          [](Store& store, bool done) {
            if (!IsComplete(store, "copy")) {
              EXPECT_FALSE(done);
              return;
            }
            const std::string text = store.Read("copy");
            EXPECT_TRUE(text == "of web" || (text.empty() && !done)) << text;
          }};
}

std::vector<Scene> Scenes() {
  std::vector<Scene> scenes;
  scenes.push_back(
      {"FirstStart", false, [](Store& store) { return store.Open(); }, [](Store&, bool) {}});
  scenes.push_back({"Create", true, [](Store& store) { return store.driver().Create("new", {}); },
                    [](Store& store, bool done) {
                      ExpectLayer(store, "new", done, true);
                      if (store.Layers().count("new") == 0) return;
                      EXPECT_EQ(store.Read("new"), "");
                      EXPECT_THAT(store.driver().Remove("new"), IsOk());
                    }});
  scenes.push_back({"CreateFromAMountedParent", true,
                    [](Store& store) {
                      const auto path = store.driver().Get("web");
                      if (!path.ok()) return path.status();
                      return store.driver().Create("copy", {"web"});
                    },
                    [](Store& store, bool done) {
                      ExpectLayer(store, "copy", done, true);
                      if (store.Layers().count("copy") == 0) return;
                      EXPECT_EQ(store.Read("copy"), "of web");
                    }});
  scenes.push_back({"Remove", true, [](Store& store) { return store.driver().Remove("web"); },
                    [](Store& store, bool done) { ExpectLayer(store, "web", done, false); }});
  scenes.push_back({"WriteBetweenGetAndPut", true,
                    [](Store& store) { return store.Write("web", "of web, new"); },
                    [](Store& store, bool done) {
                      ExpectLayer(store, "web", true, true);
                      if (done) {
                        EXPECT_EQ(store.Read("web"), "of web, new");
                      }
                    }});
  scenes.push_back({"CleanupAndStart", true,
                    [](Store& store) {
                      const absl::Status cleaned = store.driver().Cleanup();
                      return cleaned.ok() ? store.Open() : cleaned;
                    },
                    [](Store& store, bool) { ExpectLayer(store, "web", true, true); }});
  AddGrowth(scenes);
  scenes.push_back(CreateWithInit());
  scenes.push_back(ApplyDiff());
  return scenes;
}

INSTANTIATE_TEST_SUITE_P(Operations, PowerLossTest, ::testing::ValuesIn(Scenes()),
                         [](const ::testing::TestParamInfo<Scene>& scene) {
                           return scene.param.name;
                         });

}  // namespace
}  // namespace dmkit
