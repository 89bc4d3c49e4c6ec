// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/measure.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "driver/driver.h"
#include "driver/filesystem.h"
#include "sys/faulty_host.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "sys/units.h"
#include "testing/bench/floor.h"

namespace dmkit::bench {
namespace {

// The layer that both sides make their first snapshot of.
constexpr char kSeed[] = "seed";
// dmkit counts its thin ids up from 1.
constexpr uint32_t kFirstFloorId = 8000000;
// Round 0 is not recorded: it loads what is loaded once.
constexpr uint32_t kWarmUpLayers = 2;

enum Step : size_t { kCreate, kGet, kPut, kRemove, kSteps };
constexpr const char* kStepNames[kSteps] = {"create", "get", "put", "rm"};

using Work = std::function<absl::Status()>;

absl::StatusOr<Sample> Time(const Work& work) {
  const Stopwatch stopwatch;
  const absl::Status done = work();
  const Sample sample = stopwatch.Read();
  if (!done.ok()) return done;
  return sample;
}

// dmkit's layers of one round.
class DmkitSide {
 public:
  DmkitSide(driver::Driver& driver, std::string prefix, bool chain)
      : driver_(driver), prefix_(std::move(prefix)), chain_(chain) {}

  absl::Status Do(Step step, uint32_t index) {
    const std::string name = Name(index);
    switch (step) {
      case kCreate:
        return driver_.Create(name, {index == 0 || !chain_ ? std::string(kSeed) : Name(index - 1)});
      case kGet:
        return driver_.Get(name).status();
      case kPut:
        return driver_.Put(name, /*all=*/false);
      default:
        return driver_.Remove(name);
    }
  }

 private:
  std::string Name(uint32_t index) const { return absl::StrCat(prefix_, index); }

  driver::Driver& driver_;
  const std::string prefix_;
  const bool chain_;
};

// The floor's layers of one round.
class FloorSide {
 public:
  FloorSide(Floor& floor, uint32_t seed, uint32_t first_id, bool chain)
      : floor_(floor), seed_(seed), first_id_(first_id), chain_(chain) {}

  // What comes before the timed part.
  absl::Status Prepare(Step step) {
    if (step != kCreate && step != kRemove) return absl::OkStatus();
    DMKIT_ASSIGN_OR_RETURN(transaction_id_, floor_.TransactionId());
    return absl::OkStatus();
  }

  absl::Status Do(Step step, uint32_t index) {
    const uint32_t id = first_id_ + index;
    switch (step) {
      case kCreate:
        return floor_.Create(id, index == 0 || !chain_ ? seed_ : id - 1, transaction_id_);
      case kGet:
        return floor_.Get(id);
      case kPut:
        return floor_.Put(id);
      default:
        return floor_.Remove(id, transaction_id_);
    }
  }

 private:
  Floor& floor_;
  const uint32_t seed_;
  const uint32_t first_id_;
  const bool chain_;
  uint64_t transaction_id_ = 0;
};

// Notes the calls of one operation, each with the time until the next. The first operation says
// what the calls are; the later ones make the same and add times.
class CallWatch {
 public:
  explicit CallWatch(std::vector<CallResult>& calls) : calls_(calls) {}

  // Shown to the host as a plan that lets everything through.
  int Next(const sys::SeamCall& call) {
    End();
    if (at_ == calls_.size()) {
      calls_.push_back({absl::StrCat(call.method, " ", call.object), {}});
    }
    since_last_.emplace();
    return 0;
  }

  // The last call ends with the operation.
  void End() {
    if (!since_last_.has_value()) return;
    calls_[at_++].samples.push_back(since_last_->Read());
    since_last_.reset();
  }

 private:
  std::vector<CallResult>& calls_;
  size_t at_ = 0;
  std::optional<Stopwatch> since_last_;
};

class Run {
 public:
  explicit Run(const Plan& plan) { results_.plan = plan; }

  absl::StatusOr<Results> Do();

 private:
  const Plan& plan() const { return results_.plan; }
  absl::StatusOr<std::unique_ptr<driver::Driver>> OpenDriver(dm::DeviceMapper& dm) const;
  absl::StatusOr<std::unique_ptr<Floor>> OpenFloor(driver::Driver& driver);
  absl::Status Round(DmkitSide dmkit, FloorSide floor, uint32_t layers, bool record);
  absl::Status Pair(DmkitSide& dmkit, FloorSide& floor, Step step, uint32_t index, bool record);
  absl::Status WatchDmkit();
  absl::Status CountFloor(Floor& floor, FloorSide side);

  Results results_;
  uint32_t seed_thin_id_ = 0;
  uint32_t next_floor_id_ = kFirstFloorId;
  bool floor_first_ = false;
};

absl::StatusOr<std::unique_ptr<driver::Driver>> Run::OpenDriver(dm::DeviceMapper& dm) const {
  driver::DriverConfig config;
  config.root = plan().root;
  config.options = plan().options;
  return driver::Driver::Open(dm, config);
}

absl::StatusOr<std::unique_ptr<Floor>> Run::OpenFloor(driver::Driver& driver) {
  DMKIT_ASSIGN_OR_RETURN(const driver::report::PoolStatus pool, driver.PoolStatus());
  DMKIT_ASSIGN_OR_RETURN(const driver::report::Layer seed, driver.Inspect(kSeed));
  DMKIT_ASSIGN_OR_RETURN(const driver::MountOptions mount,
                         driver::ParseMountOptions(plan().options.mount_options));
  seed_thin_id_ = seed.thin_id();
  FloorConfig config;
  config.pool_name = pool.name();
  config.pool_device = pool.device_number();
  config.directory = plan().floor_directory;
  config.length_sectors = seed.size_bytes() / sys::kSectorBytes;
  config.filesystem = seed.filesystem();
  config.mount_flags = static_cast<unsigned long>(mount.flags);
  config.mount_data = mount.data;
  // As the driver does: all snapshots carry one UUID.
  if (config.filesystem == "xfs") {
    absl::StrAppend(&config.mount_data, config.mount_data.empty() ? "" : ",", "nouuid");
  }
  return Floor::Open(config);
}

absl::Status Run::Pair(DmkitSide& dmkit, FloorSide& floor, Step step, uint32_t index, bool record) {
  Sample dmkit_sample;
  Sample floor_sample;
  for (const bool floors_turn : {floor_first_, !floor_first_}) {
    if (floors_turn) DMKIT_RETURN_IF_ERROR(floor.Prepare(step));
    if (plan().settle) sync();
    const auto sample =
        Time([&] { return floors_turn ? floor.Do(step, index) : dmkit.Do(step, index); });
    if (!sample.ok()) {
      return sys::AddContext(sample.status(), absl::StrCat(floors_turn ? "floor" : "dmkit", " ",
                                                           kStepNames[step], " ", index));
    }
    (floors_turn ? floor_sample : dmkit_sample) = *sample;
  }
  floor_first_ = !floor_first_;
  if (!record) return absl::OkStatus();
  results_.operations[step].dmkit.push_back(dmkit_sample);
  results_.operations[step].floor.push_back(floor_sample);
  return absl::OkStatus();
}

absl::Status Run::Round(DmkitSide dmkit, FloorSide floor, uint32_t layers, bool record) {
  for (const Step step : {kCreate, kGet, kPut, kRemove}) {
    for (uint32_t i = 0; i < layers; ++i) {
      DMKIT_RETURN_IF_ERROR(Pair(dmkit, floor, step, i, record));
    }
  }
  return absl::OkStatus();
}

absl::Status Run::WatchDmkit() {
  const sys::LinuxHost linux_host;
  sys::FaultyHost watched(linux_host.host());
  DMKIT_ASSIGN_OR_RETURN(dm::DeviceMapper dm, dm::DeviceMapper::Open(watched.host()));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<driver::Driver> driver, OpenDriver(dm));
  DmkitSide side(*driver, "watched-", plan().chain);
  for (const Step step : {kCreate, kGet, kPut, kRemove}) {
    OperationResult& result = results_.operations[step];
    for (uint32_t i = 0; i < plan().layers; ++i) {
      CallWatch watch(result.dmkit_calls);
      watched.SetPlan([&watch](const sys::SeamCall& call) { return watch.Next(call); });
      const absl::Status done = side.Do(step, i);
      watch.End();
      result.dmkit_counts.ioctls = watched.CountOf("Ioctl") + watched.CountOf("IoctlValue");
      result.dmkit_counts.fsyncs = watched.CountOf("Sync");
      watched.SetPlan(nullptr);
      DMKIT_RETURN_IF_ERROR(done);
    }
  }
  return absl::OkStatus();
}

absl::Status Run::CountFloor(Floor& floor, FloorSide side) {
  for (const Step step : {kCreate, kGet, kPut, kRemove}) {
    DMKIT_RETURN_IF_ERROR(side.Prepare(step));
    const Counts before = {floor.ioctls(), floor.fsyncs()};
    DMKIT_RETURN_IF_ERROR(side.Do(step, 0));
    results_.operations[step].floor_counts = {floor.ioctls() - before.ioctls,
                                              floor.fsyncs() - before.fsyncs};
  }
  return absl::OkStatus();
}

absl::StatusOr<Results> Run::Do() {
  utsname name = {};
  if (uname(&name) == 0) results_.kernel_release = name.release;
  for (const char* step : kStepNames) {
    results_.operations.emplace_back();
    results_.operations.back().name = step;
  }
  const sys::LinuxHost linux_host;
  DMKIT_ASSIGN_OR_RETURN(dm::DeviceMapper dm, dm::DeviceMapper::Open(linux_host.host()));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<driver::Driver> driver, OpenDriver(dm));
  DMKIT_RETURN_IF_ERROR(driver->Create(kSeed, {}));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<Floor> floor, OpenFloor(*driver));
  for (uint32_t round = 0; round <= plan().rounds; ++round) {
    const uint32_t layers = round == 0 ? kWarmUpLayers : plan().layers;
    DMKIT_RETURN_IF_ERROR(Round(DmkitSide(*driver, absl::StrCat("round", round, "-"), plan().chain),
                                FloorSide(*floor, seed_thin_id_, next_floor_id_, plan().chain),
                                layers, round != 0));
    next_floor_id_ += layers;
  }
  DMKIT_RETURN_IF_ERROR(WatchDmkit());
  DMKIT_RETURN_IF_ERROR(
      CountFloor(*floor, FloorSide(*floor, seed_thin_id_, next_floor_id_, plan().chain)));
  DMKIT_RETURN_IF_ERROR(driver->Remove(kSeed));
  DMKIT_RETURN_IF_ERROR(driver->Cleanup());
  return std::move(results_);
}

}  // namespace

absl::StatusOr<Results> Measure(const Plan& plan) { return Run(plan).Do(); }

}  // namespace dmkit::bench
