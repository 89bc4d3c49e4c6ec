// SPDX-License-Identifier: Apache-2.0
// The driver's answers about itself: layers, status rows, the pool and its check.

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/driver_impl.h"
#include "sys/block.h"
#include "sys/status.h"
#include "thinp/thin_target.h"

namespace dmkit::driver {
namespace {

using thinp::PoolMode;
using thinp::proto::DeviceState;

// Of the base device, while that cannot be used.
constexpr char kUnknown[] = "unknown";

uint64_t MetadataBytes(uint64_t blocks) { return blocks * thinp::kMetadataBlockBytes; }

absl::string_view DiscardName(thinp::DiscardMode mode) {
  switch (mode) {
    case thinp::DiscardMode::kIgnore:
      return "ignore_discard";
    case thinp::DiscardMode::kPassdown:
      return "discard_passdown";
    case thinp::DiscardMode::kNoPassdown:
      return "no_discard_passdown";
  }
  return "";
}

void FillFromState(const DeviceState& device, report::Layer& layer) {
  layer.set_id(device.name());
  layer.set_size_bytes(device.size_bytes());
  layer.set_filesystem(device.labels().filesystem());
  layer.set_thin_id(device.thin_id());
  layer.set_created_unix_seconds(device.labels().created_unix_seconds());
  layer.set_ready(device.labels().ready());
}

report::Problem ToProblem(const thinp::Quarantined& file) {
  report::Problem problem;
  problem.set_object(file.file);
  problem.set_problem(std::string(file.problem.message()));
  problem.set_advice(
      "restore the file from a backup; or move it away and, when `dmkit pool check` "
      "then lists a thin id without an owner, delete that with `dmkit dm message`");
  return problem;
}

void AddProblem(report::PoolCheck& check, const std::string& object, const std::string& problem,
                const std::string& advice) {
  report::Problem& added = *check.add_problems();
  added.set_object(object);
  added.set_problem(problem);
  added.set_advice(advice);
}

// Whether changes can be made, and if not, why.
void AddChangeProblems(const thinp::Pool& pool, const thinp::CheckReport& found,
                       report::PoolCheck& check) {
  const std::string& name = pool.name().text();
  const std::string why(found.changes_problem.message());
  const absl::Status writable = thinp::CheckWritable(pool, found.pool);
  if (!writable.ok()) {
    AddProblem(check, name, std::string(writable.message()), "as the problem says");
  }
  if (found.transaction_open) {
    AddProblem(check, name, absl::StrCat("an interrupted transaction could not be repaired: ", why),
               "mend what the problem says; the next change repairs it");
  } else if (writable.ok() && !found.changes_problem.ok()) {
    AddProblem(check, name, why,
               "as the problem says; until then layers can be used, but none made or removed");
  }
}

std::string AdviceWithoutThin(const std::string& name) {
  if (name != kBaseLayer) {
    return absl::StrCat("its data is gone; `dmkit rm ", name, "` removes what is left");
  }
  return "move its file devices/base away; the next `dmkit create` makes a new base, and the "
         "layers "
         "do not need the old one";
}

std::string Backing(const std::string& loop_path, const thinp::proto::Backing& backing) {
  return loop_path.empty() ? backing.device() : loop_path;
}

// The pool can only store what the filesystem below its sparse file can.
absl::StatusOr<uint64_t> AvailableBytes(const sys::Host& host, const std::string& loop_path,
                                        uint64_t pool_free_bytes) {
  if (loop_path.empty()) return pool_free_bytes;
  const std::string directory = loop_path.substr(0, loop_path.rfind('/'));
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, host.root->OpenDir(directory));
  DMKIT_ASSIGN_OR_RETURN(const sys::SpaceInfo space, dir->Space());
  return std::min(pool_free_bytes, space.available_bytes);
}

class Rows {
 public:
  void Add(absl::string_view name, absl::string_view value) {
    report::StatusRow& row = *status_.add_rows();
    row.set_name(std::string(name));
    row.set_value(std::string(value));
  }
  void AddSize(absl::string_view name, uint64_t bytes) { Add(name, HumanSize(sys::Bytes{bytes})); }
  void AddUnlessEmpty(absl::string_view name, absl::string_view value) {
    if (!value.empty()) Add(name, value);
  }
  report::DriverStatus Take() { return std::move(status_); }

 private:
  report::DriverStatus status_;
};

// What the report about one layer needs beside its state file.
absl::Status FillLive(const Driver::Impl& impl, const DeviceState& device, report::Layer& layer) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId id, LayerId::Create(device.name()));
  DMKIT_ASSIGN_OR_RETURN(const Driver::Impl::Users users, impl.UsersOf(id));
  layer.set_mount_count(users.gets + static_cast<uint32_t>(users.readers.size()));
  if (layer.mount_count() != 0) layer.set_mount_path(impl.mounts.RootfsPath(device.name()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DmName name, impl.set->DeviceName(device.name()));
  layer.set_device_name(name.text());
  DMKIT_ASSIGN_OR_RETURN(const auto active, impl.set->ActiveInfo(device.name()));
  if (active.has_value()) layer.set_device_number(sys::FormatDeviceNumber(active->device));
  const LayerParent parent = impl.ParentOf(device);
  layer.set_parent(parent.id);
  layer.set_parent_removed(parent.removed);
  return absl::OkStatus();
}

void SetMapped(const Driver::Impl& impl, const thinp::PoolContents& contents,
               report::Layer& layer) {
  const auto found = contents.find(layer.thin_id());
  if (found == contents.end()) return;
  const uint64_t block_bytes = impl.set->pool().params().block_size.count() * sys::kSectorBytes;
  layer.set_mapped_bytes(found->second.mapped_blocks * block_bytes);
}

absl::StatusOr<uint64_t> MappedBytesOf(const Driver::Impl& impl, const dm::DeviceInfo& active) {
  DMKIT_ASSIGN_OR_RETURN(const dm::TableReply reply, impl.dm.Status(active.device, {}));
  if (reply.targets.empty()) return absl::FailedPreconditionError("the device has no table");
  DMKIT_ASSIGN_OR_RETURN(const thinp::ThinStatus status,
                         thinp::ParseThinStatus(reply.targets[0].text));
  if (status.state != thinp::ThinState::kWorking) {
    return absl::FailedPreconditionError("the thin device has failed");
  }
  return status.mapped.count() * sys::kSectorBytes;
}

// What one layer maps, as its own mapped device tells it: the pool's metadata would have to be read
// as a whole. The device is made for the question when it is not active.
absl::StatusOr<uint64_t> MappedBytes(const Driver::Impl& impl, const DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const auto found, impl.set->ActiveInfo(device.name()));
  if (found.has_value()) return MappedBytesOf(impl, *found);
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl.locks.Acquire(device.name(), "inspect"));
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, impl.mounts.IsMounted(device.name()));
  if (mounted) return absl::FailedPreconditionError("it was mounted meanwhile");
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, impl.set->Activate(device));
  const auto mapped = MappedBytesOf(impl, active);
  DMKIT_RETURN_IF_ERROR(
      impl.set->Deactivate(device.name(), absl::ZeroDuration(), /*deferred=*/true));
  return mapped;
}

}  // namespace

absl::StatusOr<report::LayerList> Driver::List() {
  DMKIT_ASSIGN_OR_RETURN(const thinp::DeviceList devices, impl_->set->List());
  // A pool that cannot be asked (it is full of errors, or busy) still has a list of layers.
  const auto contents = impl_->set->Contents();
  report::LayerList list;
  for (const DeviceState& device : devices.devices) {
    if (device.name() == kBaseLayer) continue;
    report::Layer& layer = *list.add_layers();
    FillFromState(device, layer);
    DMKIT_RETURN_IF_ERROR(FillLive(*impl_, device, layer));
    if (contents.ok()) SetMapped(*impl_, *contents, layer);
  }
  for (const thinp::Quarantined& file : devices.quarantined) {
    *list.add_quarantined() = ToProblem(file);
  }
  return list;
}

absl::StatusOr<report::Layer> Driver::Inspect(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer_id, LayerId::Create(id));
  const auto device = impl_->set->Find(layer_id.text());
  if (sys::GetErrno(device.status()) == ENOENT) return impl_->NoSuchLayer(layer_id);
  if (!device.ok()) return device.status();
  report::Layer layer;
  FillFromState(*device, layer);
  DMKIT_RETURN_IF_ERROR(FillLive(*impl_, *device, layer));
  const auto mapped = MappedBytes(*impl_, *device);
  if (mapped.ok()) layer.set_mapped_bytes(*mapped);
  return layer;
}

absl::StatusOr<report::DriverStatus> Driver::Status() {
  const thinp::DeviceSet& set = *impl_->set;
  const thinp::Pool& pool = set.pool();
  const sys::Host& host = impl_->host();
  DMKIT_ASSIGN_OR_RETURN(const thinp::ThinPoolStatus status, pool.Status());
  const uint64_t block_bytes = pool.params().block_size.count() * sys::kSectorBytes;
  const uint64_t data_used = status.used_data.count() * block_bytes;
  const uint64_t data_total = status.total_data.count() * block_bytes;
  const uint64_t metadata_used = MetadataBytes(status.used_metadata_blocks);
  const uint64_t metadata_total = MetadataBytes(status.total_metadata_blocks);
  DMKIT_ASSIGN_OR_RETURN(const uint64_t data_available,
                         AvailableBytes(host, set.data_loop_path(), data_total - data_used));
  DMKIT_ASSIGN_OR_RETURN(
      const uint64_t metadata_available,
      AvailableBytes(host, set.metadata_loop_path(), metadata_total - metadata_used));
  std::string data_file;
  std::string metadata_file;
  if (set.pool_state().given_pool().empty()) {
    DMKIT_ASSIGN_OR_RETURN(data_file, sys::BlockNode(host, pool.params().data));
    DMKIT_ASSIGN_OR_RETURN(metadata_file, sys::BlockNode(host, pool.params().metadata));
  }
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> deleted, set.DeletedDevices());
  const dm::Version& version = impl_->dm.version();
  Rows rows;
  rows.Add("Pool Name", pool.name().text());
  rows.AddSize("Pool Blocksize", block_bytes);
  const absl::StatusOr<DeviceState>& base = impl_->base;
  rows.Add("Base Device Size", base.ok() ? HumanSize(sys::Bytes{base->size_bytes()}) : kUnknown);
  rows.Add("Backing Filesystem", base.ok() ? base->labels().filesystem() : kUnknown);
  rows.Add("Udev Sync Supported", "false");
  rows.AddUnlessEmpty("Data file", data_file);
  rows.AddUnlessEmpty("Metadata file", metadata_file);
  rows.AddUnlessEmpty("Data loop file", set.data_loop_path());
  rows.AddUnlessEmpty("Metadata loop file", set.metadata_loop_path());
  rows.AddSize("Data Space Used", data_used);
  rows.AddSize("Data Space Total", data_total);
  rows.AddSize("Data Space Available", data_available);
  rows.AddSize("Metadata Space Used", metadata_used);
  rows.AddSize("Metadata Space Total", metadata_total);
  rows.AddSize("Metadata Space Available", metadata_available);
  rows.AddSize("Thin Pool Minimum Free Space", data_total * impl_->min_free_percent / 100);
  rows.Add("Deferred Removal Enabled", impl_->removal.deferred_removal ? "true" : "false");
  rows.Add("Deferred Deletion Enabled", impl_->removal.deferred_deletion ? "true" : "false");
  rows.Add("Deferred Deleted Device Count", absl::StrCat(deleted.size()));
  rows.Add("Library Version", absl::StrCat("none (kernel interface ", version.major, ".",
                                           version.minor, ".", version.patch, ")"));
  rows.Add("Pool Mode", absl::StrCat(thinp::PoolModeName(status.mode),
                                     status.needs_check ? " needs_check" : ""));
  return rows.Take();
}

absl::StatusOr<report::PoolStatus> Driver::PoolStatus() {
  const thinp::Pool& pool = impl_->set->pool();
  DMKIT_ASSIGN_OR_RETURN(const thinp::ThinPoolStatus status, pool.Status());
  const uint64_t block_bytes = pool.params().block_size.count() * sys::kSectorBytes;
  const thinp::proto::PoolState& state = impl_->set->pool_state();
  report::PoolStatus report;
  report.set_name(pool.name().text());
  report.set_uuid(pool.uuid());
  report.set_device_number(sys::FormatDeviceNumber(pool.device()));
  report.set_mode(std::string(thinp::PoolModeName(status.mode)));
  report.set_needs_check(status.needs_check);
  report.set_transaction_id(status.transaction_id);
  report.set_block_size_bytes(block_bytes);
  report.set_used_data_bytes(status.used_data.count() * block_bytes);
  report.set_total_data_bytes(status.total_data.count() * block_bytes);
  report.set_used_metadata_bytes(MetadataBytes(status.used_metadata_blocks));
  report.set_total_metadata_bytes(MetadataBytes(status.total_metadata_blocks));
  report.set_discard(std::string(DiscardName(status.discard)));
  report.set_error_if_no_space(status.error_if_no_space);
  report.set_data_backing(Backing(impl_->set->data_loop_path(), state.data()));
  report.set_metadata_backing(Backing(impl_->set->metadata_loop_path(), state.metadata()));
  return report;
}

absl::StatusOr<report::PoolCheck> Driver::PoolCheck() {
  DMKIT_ASSIGN_OR_RETURN(const thinp::CheckReport found, impl_->set->Check());
  report::PoolCheck check;
  DMKIT_ASSIGN_OR_RETURN(*check.mutable_pool(), PoolStatus());
  const std::string pool = impl_->set->pool().name().text();
  // A set that was imported to be read takes no changes, and has no need to.
  const bool takes_changes = !impl_->set->pool_state().read_only();
  if (takes_changes) AddChangeProblems(impl_->set->pool(), found, check);
  if (!found.contents_problem.ok()) {
    AddProblem(check, pool,
               absl::StrCat("thin ids could not be compared: ", found.contents_problem.message()),
               "mend the pool's mode first, then check again");
  }
  for (const uint32_t id : found.unowned_thin_ids) {
    AddProblem(check, absl::StrCat("thin id ", id), "it is in the pool, but no layer owns it",
               absl::StrCat("when no quarantined file below is its owner: `dmkit dm message ", pool,
                            " 0 delete ", id, "`"));
  }
  for (const std::string& name : found.devices_without_thin) {
    AddProblem(check, absl::StrCat("layer \"", name, "\""), "the pool has no thin device for it",
               AdviceWithoutThin(name));
  }
  for (const thinp::Quarantined& file : found.quarantined) *check.add_problems() = ToProblem(file);
  check.set_clean(check.problems().empty());
  return check;
}

}  // namespace dmkit::driver
