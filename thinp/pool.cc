// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "sys/status.h"
#include "thinp/suspend_guard.h"
#include "thinp/thin_target.h"

namespace dmkit::thinp {
namespace {

constexpr char kPoolTarget[] = "thin-pool";
constexpr char kThinTarget[] = "thin";
// udevd and blkid open a new device for a moment.
constexpr absl::Duration kProbePatience = absl::Seconds(5);

dm::TargetType Type(const char* name) { return *dm::TargetType::Create(name); }

absl::StatusOr<std::vector<dm::TableLine>> PoolTable(sys::Sectors length,
                                                     const ThinPoolParams& params) {
  DMKIT_ASSIGN_OR_RETURN(std::string text, FormatThinPoolParams(params));
  return std::vector<dm::TableLine>{{sys::Sectors{0}, length, Type(kPoolTarget), std::move(text)}};
}

absl::Status PoolContext(const absl::Status& status, const dm::DmName& name,
                         absl::string_view operation) {
  return sys::AddContext(status, absl::StrCat(operation, " of pool ", name.text()));
}

// The message of a load that failed says what the kernel's errno means for this target.
absl::Status ExplainLoad(const absl::Status& status) {
  switch (sys::GetErrno(status)) {
    case EILSEQ:
    case ENOTBLK:
      return sys::AddContext(status, "the metadata device holds no valid thin-pool superblock");
    case EINVAL:
      return sys::AddContext(status,
                             "the kernel refused the thin-pool table (its log says why; another "
                             "block size than the pool was made with is a frequent reason)");
    case ENOSPC:
      return sys::AddContext(status,
                             "the metadata device is too small (at least 64 KiB is needed)");
    default:
      return status;
  }
}

bool EffectsAreCommitted(const ThinPoolStatus& status) {
  return status.mode == PoolMode::kWrite || status.mode == PoolMode::kOutOfDataSpace;
}

absl::Status ModeError(const dm::DmName& name, const ThinPoolStatus& status) {
  const std::string pool = absl::StrCat("pool ", name.text());
  switch (status.mode) {
    case PoolMode::kOutOfDataSpace:
      return absl::FailedPreconditionError(
          absl::StrCat(pool, " is in mode out_of_data_space (", status.used_data.count(), " of ",
                       status.total_data.count(),
                       " blocks used): remove layers, or enlarge the pool's data device"));
    case PoolMode::kReadOnly:
      return absl::FailedPreconditionError(absl::StrCat(
          pool, " is in mode ro", status.needs_check ? " and needs_check" : "", " (",
          status.used_metadata_blocks, " of ", status.total_metadata_blocks,
          " metadata blocks used): take the pool down, then run thin_check on its metadata device "
          "and, when that finds damage, thin_repair"));
    case PoolMode::kFail:
      return absl::FailedPreconditionError(absl::StrCat(
          pool,
          " is in mode Fail: its metadata cannot be read or written; look at the "
          "kernel log and the metadata device, take the pool down (cleanup) and up again"));
    case PoolMode::kError:
      return absl::FailedPreconditionError(absl::StrCat(
          pool, " answers Error to a status: it is about to fail; look at the kernel log"));
    case PoolMode::kWrite:
      break;
  }
  return absl::FailedPreconditionError(
      absl::StrCat(pool,
                   " has needs_check set: take it down and run thin_check, then thin_repair, on "
                   "its metadata device"));
}

}  // namespace

Pool::Pool(dm::DeviceMapper& dm, dm::DmName name, dm::DeviceKey key)
    : dm_(&dm), name_(std::move(name)), key_(std::move(key)) {}

absl::StatusOr<Pool> Pool::Create(dm::DeviceMapper& dm, const dm::DmName& name,
                                  const dm::DmUuid& uuid, sys::Sectors length,
                                  const ThinPoolParams& params) {
  DMKIT_RETURN_IF_ERROR(ValidateThinPoolParams(params));
  DMKIT_ASSIGN_OR_RETURN(std::vector<dm::TableLine> table, PoolTable(length, params));
  const auto created = dm::CreateDevice(dm, {name, uuid, std::move(table), /*read_only=*/false});
  if (!created.ok()) return PoolContext(ExplainLoad(created.status()), name, "activation");
  Pool pool(dm, name, uuid);
  pool.uuid_ = uuid.text();
  pool.device_ = created->device;
  pool.length_ = length;
  pool.params_ = params;
  return pool;
}

absl::StatusOr<Pool> Pool::Adopt(dm::DeviceMapper& dm, const dm::DmName& name) {
  Pool pool(dm, name, name);
  DMKIT_RETURN_IF_ERROR(pool.Refresh());
  const auto uuid = dm::DmUuid::Create(pool.uuid_);
  if (uuid.ok()) pool.key_ = *uuid;
  return pool;
}

absl::Status Pool::Refresh() {
  const auto reply = dm_->Table(key_, dm::StatusOptions{});
  if (!reply.ok()) return PoolContext(reply.status(), name_, "look-up");
  if (reply->targets.size() != 1 || reply->targets[0].type != kPoolTarget) {
    const std::string found =
        reply->targets.empty() ? "no table" : absl::StrCat("a ", reply->targets[0].type, " target");
    return absl::FailedPreconditionError(
        absl::StrCat("dm device ", name_.text(), " is no thin pool: it has ", found));
  }
  const dm::TargetStatus& target = reply->targets[0];
  DMKIT_ASSIGN_OR_RETURN(params_, ParseThinPoolParams(target.text));
  uuid_ = reply->info.uuid;
  device_ = reply->info.device;
  length_ = target.length;
  found_suspended_ = reply->info.suspended;
  return absl::OkStatus();
}

absl::StatusOr<ThinPoolStatus> Pool::Locate() {
  const auto reply = AskStatus(/*commit=*/false);
  auto status = ParseStatus(reply);
  if (status.ok()) device_ = reply->info.device;
  return status;
}

absl::StatusOr<ThinPoolStatus> Pool::Status() const {
  return ParseStatus(AskStatus(/*commit=*/false));
}

absl::StatusOr<ThinPoolStatus> Pool::CommittedStatus() const {
  return ParseStatus(AskStatus(/*commit=*/true));
}

absl::StatusOr<dm::TableReply> Pool::AskStatus(bool commit) const {
  dm::StatusOptions options;
  options.no_flush = !commit;
  return dm_->Status(key_, options);
}

absl::StatusOr<ThinPoolStatus> Pool::ParseStatus(
    const absl::StatusOr<dm::TableReply>& reply) const {
  if (!reply.ok()) return PoolContext(reply.status(), name_, "status");
  if (reply->targets.size() != 1 || reply->targets[0].type != kPoolTarget) {
    return absl::FailedPreconditionError(
        absl::StrCat("pool ", name_.text(), " has no thin-pool table any more"));
  }
  const auto status = ParseThinPoolStatus(reply->targets[0].text);
  if (!status.ok()) return PoolContext(status.status(), name_, "status");
  return *status;
}

absl::Status Pool::SendMessage(const std::string& message) {
  const auto reply = dm_->Message(key_, sys::Sectors{0}, message);
  if (!reply.ok()) {
    return PoolContext(reply.status(), name_, absl::StrCat("message \"", message, "\""));
  }
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus status, Status());
  if (EffectsAreCommitted(status)) return absl::OkStatus();
  return sys::AddContext(ModeError(name_, status),
                         absl::StrCat("message \"", message, "\" was not committed"));
}

absl::Status Pool::CreateThin(ThinId id) {
  return SendMessage(absl::StrCat("create_thin ", id.value()));
}

absl::Status Pool::CreateSnapshot(ThinId id, ThinId origin) {
  return SendMessage(absl::StrCat("create_snap ", id.value(), " ", origin.value()));
}

absl::Status Pool::Delete(ThinId id) { return SendMessage(absl::StrCat("delete ", id.value())); }

absl::Status Pool::SetTransactionId(uint64_t current, uint64_t next) {
  return SendMessage(absl::StrCat("set_transaction_id ", current, " ", next));
}

absl::Status Pool::ReserveMetadataSnapshot() { return SendMessage("reserve_metadata_snap"); }

absl::Status Pool::ReleaseMetadataSnapshot() { return SendMessage("release_metadata_snap"); }

absl::StatusOr<bool> Pool::HasThin(ThinId id, const dm::DmName& probe,
                                   const dm::DmUuid& probe_uuid) const {
  const auto remove = [&] {
    return dm::RemoveDevice(*dm_, {probe, probe_uuid}, kProbePatience, /*deferred=*/false);
  };
  dm::CreateOptions options;
  options.uuid = probe_uuid;
  auto created = dm_->Create(probe, options);
  if (sys::GetErrno(created.status()) == EBUSY) {
    DMKIT_RETURN_IF_ERROR(remove());
    created = dm_->Create(probe, options);
  }
  DMKIT_RETURN_IF_ERROR(created);
  // One sector is enough: the kernel looks the id up when the table is loaded.
  const auto loaded = dm_->Load(probe_uuid, ThinTable(id, sys::Sectors{1}), dm::LoadOptions{});
  DMKIT_RETURN_IF_ERROR(remove());
  if (loaded.ok()) return true;
  if (sys::GetErrno(loaded.status()) == ENODATA) return false;
  return loaded.status();
}

absl::Status Pool::Swap(sys::Sectors length, const ThinPoolParams& params) {
  DMKIT_RETURN_IF_ERROR(ValidateThinPoolParams(params));
  DMKIT_ASSIGN_OR_RETURN(std::vector<dm::TableLine> table, PoolTable(length, params));
  const auto reloaded = dm::ReloadDevice(*dm_, key_, table);
  if (!reloaded.ok()) return PoolContext(reloaded.status(), name_, "reload");
  length_ = length;
  params_ = params;
  return absl::OkStatus();
}

absl::Status Pool::GrowData(sys::Sectors length) {
  if (length < length_) {
    return absl::InvalidArgumentError(absl::StrCat("pool ", name_.text(), " has ", length_.count(),
                                                   " sectors and cannot shrink to ",
                                                   length.count()));
  }
  if (length == length_) return absl::OkStatus();
  return Swap(length, params_);
}

absl::Status Pool::GrowMetadata() {
  DMKIT_ASSIGN_OR_RETURN(SuspendGuard guard, SuspendGuard::Suspend(*dm_, key_));
  return guard.Resume();
}

absl::Status Pool::Reload(const ThinPoolParams& params) {
  if (params.metadata != params_.metadata || params.data != params_.data ||
      params.block_size != params_.block_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("pool ", name_.text(), ": devices and block size cannot change by a reload"));
  }
  return Swap(length_, params);
}

absl::Status Pool::Resume() {
  if (!found_suspended_) return absl::OkStatus();
  const auto resumed = dm_->Resume(key_, dm::SuspendOptions{}, dm::QuietCookie());
  if (!resumed.ok()) return PoolContext(resumed.status(), name_, "resume");
  found_suspended_ = false;
  return absl::OkStatus();
}

std::vector<dm::TableLine> Pool::ThinTable(ThinId id, sys::Sectors length) const {
  return {
      {sys::Sectors{0}, length, Type(kThinTarget), FormatThinParams({device_, id, std::nullopt})}};
}

absl::Status CheckWritable(const Pool& pool, const ThinPoolStatus& status) {
  if (status.mode == PoolMode::kWrite && !status.needs_check) return absl::OkStatus();
  return ModeError(pool.name(), status);
}

absl::Status CheckFreeSpace(const Pool& pool, const ThinPoolStatus& status, uint32_t percent) {
  if (percent == 0) return absl::OkStatus();
  struct Space {
    const char* what;
    uint64_t used;
    uint64_t total;
  };
  for (const Space& space :
       {Space{"data", status.used_data.count(), status.total_data.count()},
        Space{"metadata", status.used_metadata_blocks, status.total_metadata_blocks}}) {
    const uint64_t needed = std::max<uint64_t>(space.total * percent / 100, 1);
    const uint64_t free = space.total - space.used;
    if (free >= needed) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "pool ", pool.name().text(), " has ", free, " free ", space.what,
        " blocks, which is less than the ", needed, " (", percent,
        "%) that dm.min_free_space keeps free: remove layers, enlarge the pool, or lower that "
        "option"));
  }
  return absl::OkStatus();
}

absl::Status CheckTakesMessages(const Pool& pool, const ThinPoolStatus& status) {
  if (EffectsAreCommitted(status)) return absl::OkStatus();
  return ModeError(pool.name(), status);
}

}  // namespace dmkit::thinp
