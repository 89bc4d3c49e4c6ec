// SPDX-License-Identifier: Apache-2.0

#include "thinp/given_pool.h"

#include <cerrno>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/types.h"
#include "sys/status.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {
namespace {

constexpr absl::string_view kLvmUuidPrefix = "LVM-";
constexpr absl::string_view kLvmPoolSuffix = "-tpool";

bool IsOfLvm(const Pool& pool) { return absl::StartsWith(pool.uuid(), kLvmUuidPrefix); }

// The name under which lvm2 has the same pool at other times.
std::string OtherName(absl::string_view name) {
  if (absl::ConsumeSuffix(&name, kLvmPoolSuffix)) return std::string(name);
  return absl::StrCat(name, kLvmPoolSuffix);
}

bool IsSameUuid(absl::string_view uuid, absl::string_view known) {
  if (absl::StartsWith(known, kLvmUuidPrefix)) {
    absl::ConsumeSuffix(&uuid, kLvmPoolSuffix);
    absl::ConsumeSuffix(&known, kLvmPoolSuffix);
  }
  return uuid == known;
}

// The names of thin devices in another pool would be other people's devices.
absl::Status CheckSamePool(const Pool& pool, const proto::PoolState& state) {
  const std::string& known = state.given_pool_uuid();
  if (!known.empty() && !IsSameUuid(pool.uuid(), known)) {
    return absl::FailedPreconditionError(
        absl::StrCat("thin pool \"", state.given_pool(), "\" has the dm UUID \"", pool.uuid(),
                     "\", but this store was made in \"", known,
                     "\": it is another pool, and is not used. Give the right one this name"));
  }
  if (pool.params().block_size.count() != state.block_size_sectors()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "thin pool \"", state.given_pool(), "\" has blocks of ", pool.params().block_size.count(),
        " sectors, but this store was made in one of ", state.block_size_sectors(),
        ": it is another pool, and is not used. Give the right one this name"));
  }
  return absl::OkStatus();
}

absl::Status CheckEmpty(const Pool& pool, const ThinPoolStatus& status) {
  if (status.used_data.count() == 0 && status.transaction_id == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "thin pool \"", pool.name().text(), "\" is not taken over: it is not empty (",
      status.used_data.count(), " data blocks used, transaction id ", status.transaction_id,
      ") and unknown to this store",
      IsOfLvm(pool) && status.transaction_id != 0
          ? ". Another store is in it, or lvm2 has made volumes in it, counts the transaction id "
            "itself and would not activate the pool any more if another program counted it on: "
            "make a pool of its own (lvcreate --type thin-pool)"
          : ""));
}

}  // namespace

absl::StatusOr<Pool> FindGivenPool(dm::DeviceMapper& dm, const std::string& name) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DmName dm_name, dm::DmName::Create(name));
  auto pool = Pool::Adopt(dm, dm_name);
  if (pool.ok()) return pool;
  const bool missing = sys::GetErrno(pool.status()) == ENXIO;
  // Without an errno it is there, and no pool: it may be the linear device on top of one.
  if (missing || sys::GetErrno(pool.status()) == 0) {
    const auto other_name = dm::DmName::Create(OtherName(name));
    if (other_name.ok()) {
      auto other = Pool::Adopt(dm, *other_name);
      if (other.ok() && IsOfLvm(*other)) return other;
    }
  }
  if (!missing) return pool;
  return sys::AddContext(
      pool.status(),
      absl::StrCat("thin pool \"", name,
                   "\" does not exist (one of lvm2's is activated by vgchange -ay)"));
}

absl::StatusOr<proto::PoolState> PlanGivenPool(dm::DeviceMapper& dm, const std::string& name) {
  DMKIT_ASSIGN_OR_RETURN(const Pool pool, FindGivenPool(dm, name));
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus status, pool.Status());
  DMKIT_RETURN_IF_ERROR(CheckWritable(pool, status));
  DMKIT_RETURN_IF_ERROR(CheckEmpty(pool, status));
  proto::PoolState state;
  state.set_given_pool(name);
  state.set_given_pool_uuid(pool.uuid());
  state.set_block_size_sectors(static_cast<uint32_t>(pool.params().block_size.count()));
  return state;
}

absl::StatusOr<Pool> AdoptGivenPool(dm::DeviceMapper& dm, const proto::PoolState& state) {
  DMKIT_ASSIGN_OR_RETURN(Pool pool, FindGivenPool(dm, state.given_pool()));
  DMKIT_RETURN_IF_ERROR(CheckSamePool(pool, state));
  return pool;
}

bool IsSameGivenPool(absl::string_view name, absl::string_view other) {
  return absl::StripSuffix(name, kLvmPoolSuffix) == absl::StripSuffix(other, kLvmPoolSuffix);
}

}  // namespace dmkit::thinp
