// SPDX-License-Identifier: Apache-2.0
// Ioctls per second, beside as many devices as the argument says.

#include <benchmark/benchmark.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_testing.h"

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

}  // namespace
}  // namespace dmkit::model

BENCHMARK_MAIN();
