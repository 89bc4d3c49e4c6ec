// SPDX-License-Identifier: Apache-2.0

#include "driver/docker/check.h"

#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/layer_id.h"
#include "sys/text.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

constexpr absl::string_view kLeftOut = "the layer is left out";

class Checker {
 public:
  Checker(const DockerStore& store, const PoolRecord& pool) : store_(store), pool_(pool) {
    for (const thinp::MetadataDevice& device : pool.devices) {
      in_pool_.emplace(device.id.value(), device);
    }
    for (const auto& [name, device] : store.devices) ++owners_[device.device_id];
  }

  CheckedStore Run() {
    result_.problems = store_.problems;
    CheckPool();
    for (const auto& [name, device] : store_.devices) CheckDevice(name, device);
    for (const auto& [id, device] : in_pool_) {
      if (owners_.count(id) != 0) continue;
      AddProblem(absl::StrCat("thin id ", id), "it is in the pool, but no record names it",
                 "its record may be one of those that cannot be read");
    }
    return std::move(result_);
  }

 private:
  void AddProblem(absl::string_view object, absl::string_view what, absl::string_view advice) {
    report::Problem& problem = result_.problems.emplace_back();
    problem.set_object(sys::Printable(object));
    problem.set_problem(std::string(what));
    problem.set_advice(std::string(advice));
  }

  uint64_t pool_transaction() const { return pool_.superblock.transaction_id; }

  bool IsOpen() const {
    return store_.transaction.has_value() && store_.transaction->id > pool_transaction();
  }

  std::string OpenDevice() const {
    return store_.transaction->hash.empty() ? std::string(kBaseLayer) : store_.transaction->hash;
  }

  void CheckPool() {
    if (pool_.superblock.needs_check) {
      AddProblem("pool", "its metadata is marked as damaged (needs_check)",
                 "it can be read; before it is adopted, run thin_check and thin_repair on it");
    }
    if (IsOpen()) {
      AddProblem(absl::StrCat("transaction ", store_.transaction->id),
                 absl::StrCat("it was not completed (the pool is at ", pool_transaction(),
                              "): layer \"", sys::Printable(OpenDevice()), "\", thin id ",
                              store_.transaction->device_id, ", was being made or removed"),
                 "Docker would have undone it; that layer is left out");
    } else if (store_.transaction.has_value() && store_.transaction->id < pool_transaction()) {
      AddProblem(absl::StrCat("transaction ", store_.transaction->id),
                 absl::StrCat("the pool is further on, at ", pool_transaction()),
                 "another program has changed the pool, or the store's files are older than it");
    }
  }

  // Why the device cannot be used; empty: it can.
  std::string Reason(const std::string& name, const DockerDevice& device) const {
    const auto found = in_pool_.find(device.device_id);
    if (found == in_pool_.end()) {
      return absl::StrCat("the pool has no thin device ", device.device_id);
    }
    if (owners_.at(device.device_id) > 1) {
      return absl::StrCat("another record names the same thin device ", device.device_id);
    }
    if (IsOpen() && OpenDevice() == name) return "it is part of the open transaction";
    if (device.transaction_id > pool_transaction()) {
      return absl::StrCat("it came with transaction ", device.transaction_id,
                          ", but the pool is at ", pool_transaction());
    }
    if (device.size_bytes == 0 || device.size_bytes % sys::kSectorBytes != 0) {
      return absl::StrCat("its size is ", device.size_bytes, " bytes, which no device can have");
    }
    if (name == kBaseLayer) return "";
    return std::string(LayerId::Create(name).status().message());
  }

  void CheckDevice(const std::string& name, const DockerDevice& device) {
    const std::string object = absl::StrCat("layer \"", name, "\"");
    const std::string reason = Reason(name, device);
    if (!reason.empty()) return AddProblem(object, reason, kLeftOut);
    if (device.deleted) {
      AddProblem(object, "Docker had removed it while it was in use",
                 "the layer is left out; where the store is adopted, its space is freed (gc)");
      result_.deleted.emplace(name, device);
      return;
    }
    if (name == kBaseLayer && !device.initialized) {
      return AddProblem(object, "the making of the base device was interrupted",
                        "the layers do not need it");
    }
    const uint64_t block_bytes = pool_.superblock.data_block_size.count() * sys::kSectorBytes;
    result_.usable.emplace(
        name, UsableDevice{device, in_pool_.at(device.device_id).mapped_blocks * block_bytes});
  }

  const DockerStore& store_;
  const PoolRecord& pool_;
  std::map<uint32_t, thinp::MetadataDevice> in_pool_;
  std::map<uint32_t, int> owners_;
  CheckedStore result_;
};

}  // namespace

CheckedStore CheckStore(const DockerStore& store, const PoolRecord& pool) {
  return Checker(store, pool).Run();
}

}  // namespace dmkit::driver
