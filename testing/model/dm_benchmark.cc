// SPDX-License-Identifier: Apache-2.0
// Ioctls per second, beside as many devices as the argument says: of device-mapper alone, and by
// the seam of a whole model.

#include <benchmark/benchmark.h>
#include <sys/ioctl.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/host.h"
#include "sys/status.h"
#include "testing/model/dm_testing.h"
#include "testing/model/model_kernel.h"

namespace dmkit::model {
namespace {

void AddDevices(DmMachine& machine, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    machine.Activate(absl::StrCat("device-", i), 64, "linear", "8:0 0");
  }
}

void Status(benchmark::State& state) {
  DmMachine machine(Linux612());
  AddDevices(machine, state.range(0));
  const std::string name = absl::StrCat("device-", state.range(0) / 2);
  DmBytes request(kStructBytes);
  request.Name(name);
  for (auto _ : state) {
    DmBytes bytes = request;
    machine.Call(kDevStatus, bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(Status)->Arg(1)->Arg(10000);

void TableOf16KiB(benchmark::State& state) {
  DmMachine machine(Linux612());
  AddDevices(machine, state.range(0));
  DmBytes request(16384);
  request.Name("device-0").Flags(kStatusTableFlag);
  for (auto _ : state) {
    DmBytes bytes = request;
    machine.Call(kTableStatus, bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(TableOf16KiB)->Arg(1)->Arg(10000);

// Create, load, resume, suspend, resume, remove.
void Life(benchmark::State& state) {
  DmMachine machine(Linux612());
  AddDevices(machine, state.range(0));
  for (auto _ : state) {
    machine.Activate("passing", 64, "linear", "8:0 0");
    machine.Suspend("passing");
    machine.Resume("passing");
    machine.Remove("passing");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 6);
}
BENCHMARK(Life)->Arg(1)->Arg(10000);

void List(benchmark::State& state) {
  DmMachine machine(Linux612());
  AddDevices(machine, state.range(0));
  DmBytes request(1 << 20);
  for (auto _ : state) {
    DmBytes bytes = request;
    machine.Call(kListDevices, bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(List)->Arg(1)->Arg(10000);

class WholeModel {
 public:
  explicit WholeModel(int64_t devices) {
    kernel_.AddDisk("vda", 1 << 20);
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    control_ = *kernel_.host().root->OpenFile("/dev/mapper/control", options);
    for (int64_t i = 0; i < devices; ++i) Activate(absl::StrCat("device-", i));
  }

  void Activate(const std::string& name) {
    Call(kDevCreate, DmBytes(kStructBytes).Name(name));
    Call(kTableLoad, DmBytes(kStructBytes).Name(name).Target(0, 64, "linear", "254:0 0"));
    Call(kDevSuspend, DmBytes(kStructBytes).Name(name));
  }
  void Call(uint32_t number, DmBytes bytes) {
    std::string& memory = bytes.bytes();
    const auto result = control_->Ioctl(_IOC(_IOC_READ | _IOC_WRITE, 0xfd, number, kStructBytes),
                                        absl::MakeSpan(&memory[0], memory.size()));
    DMKIT_CHECK(result.ok());
  }

 private:
  ModelKernel kernel_{Linux612(), /*seed=*/1};
  std::unique_ptr<sys::File> control_;
};

void StatusBySeam(benchmark::State& state) {
  WholeModel model(state.range(0));
  for (auto _ : state) model.Call(kDevStatus, DmBytes(kStructBytes).Name("device-0"));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(StatusBySeam)->Arg(1)->Arg(10000);

// Create, load, resume, remove; nodes come and go.
void LifeBySeam(benchmark::State& state) {
  WholeModel model(state.range(0));
  for (auto _ : state) {
    model.Activate("passing");
    model.Call(kDevRemove, DmBytes(kStructBytes).Name("passing"));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 4);
}
BENCHMARK(LifeBySeam)->Arg(1)->Arg(10000);

}  // namespace
}  // namespace dmkit::model

BENCHMARK_MAIN();
