// SPDX-License-Identifier: Apache-2.0
// The status lines of a pool. Mirrors pool_status() of drivers/md/dm-thin.c; read in v6.1 and
// v6.12.

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/thin/pool_target.h"

namespace dmkit::model {
namespace {

struct Counts {
  uint64_t transaction_id = 0;
  uint64_t free_metadata = 0;
  uint64_t all_metadata = 0;
  uint64_t free_data = 0;
  uint64_t all_data = 0;
  uint64_t held_root = 0;
};

// In the kernel's order; stops at the first error.
int Count(const PoolMetadata& metadata, Counts* counts) {
  int error = metadata.GetTransactionId(&counts->transaction_id);
  if (error == 0) error = metadata.FreeMetadataBlockCount(&counts->free_metadata);
  if (error == 0) error = metadata.MetadataDevSize(&counts->all_metadata);
  if (error == 0) error = metadata.FreeBlockCount(&counts->free_data);
  if (error == 0) error = metadata.DataDevSize(&counts->all_data);
  if (error == 0) error = metadata.GetMetadataSnap(&counts->held_root);
  return error;
}

absl::string_view ModeWord(const Pool& pool) {
  if (pool.mode() == PoolMode::kOutOfDataSpace) return "out_of_data_space ";
  return pool.is_read_only() ? "ro " : "rw ";
}

absl::string_view DiscardWord(const PoolFeatures& features) {
  if (!features.discard_enabled) return "ignore_discard ";
  return features.discard_passdown ? "discard_passdown " : "no_discard_passdown ";
}

}  // namespace

int PoolTarget::InfoStatus(bool no_flush, std::string* out) {
  if (!no_flush && !table().device().is_suspended()) pool_->Commit();
  Counts counts;
  const int error = Count(pool_->metadata(), &counts);
  if (error != 0) return error;
  absl::StrAppend(out, counts.transaction_id, " ", counts.all_metadata - counts.free_metadata, "/",
                  counts.all_metadata, " ", counts.all_data - counts.free_data, "/");
  absl::StrAppend(out, counts.all_data, " ");
  if (counts.held_root != 0) {
    absl::StrAppend(out, counts.held_root, " ");
  } else {
    absl::StrAppend(out, "- ");
  }
  const PoolFeatures& features = pool_->features();
  absl::StrAppend(out, ModeWord(*pool_), DiscardWord(features),
                  features.error_if_no_space ? "error_if_no_space " : "queue_if_no_space ",
                  pool_->metadata().needs_check() ? "needs_check " : "- ");
  absl::StrAppend(out, MetadataThreshold(metadata_->device()), " ");
  return 0;
}

void PoolTarget::TableStatus(std::string* out) const {
  const PoolFeatures& features = binding_.requested;
  const std::array<std::pair<bool, absl::string_view>, 5> words = {{
      {!features.zero_new_blocks, "skip_block_zeroing "},
      {!features.discard_enabled, "ignore_discard "},
      {!features.discard_passdown, "no_discard_passdown "},
      {features.mode == PoolMode::kReadOnly, "read_only "},
      {features.error_if_no_space, "error_if_no_space "},
  }};
  int count = 0;
  for (const auto& [is_set, word] : words) count += is_set ? 1 : 0;
  absl::StrAppend(out, metadata_->name, " ", data_->name, " ", pool_->block_sectors(), " ",
                  binding_.low_water_blocks, " ");
  absl::StrAppend(out, count, " ");
  for (const auto& [is_set, word] : words) {
    if (is_set) absl::StrAppend(out, word);
  }
}

void PoolTarget::Status(StatusKind kind, bool no_flush, std::string* out) {
  if (kind == StatusKind::kTable) {
    TableStatus(out);
  } else if (kind == StatusKind::kInfo) {
    if (pool_->mode() == PoolMode::kFail) {
      absl::StrAppend(out, "Fail");
    } else if (InfoStatus(no_flush, out) != 0) {
      absl::StrAppend(out, "Error");
    }
  }
}

}  // namespace dmkit::model
