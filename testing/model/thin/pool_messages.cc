// SPDX-License-Identifier: Apache-2.0
// The messages of a pool. Mirrors pool_message() of drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include <array>
#include <cerrno>
#include <optional>

#include "absl/strings/string_view.h"
#include "testing/model/kernel_parse.h"
#include "testing/model/thin/device_id.h"
#include "testing/model/thin/pool_target.h"

namespace dmkit::model {
namespace {

using Words = std::vector<std::string>;

int CreateThin(Pool& pool, const Words& words) {
  const std::optional<uint32_t> id = ParseDeviceId(words[1]);
  return id.has_value() ? pool.metadata().CreateThin(*id) : -EINVAL;
}

int CreateSnap(Pool& pool, const Words& words) {
  const std::optional<uint32_t> id = ParseDeviceId(words[1]);
  const std::optional<uint32_t> origin = ParseDeviceId(words[2]);
  if (!id.has_value() || !origin.has_value()) return -EINVAL;
  return pool.metadata().CreateSnap(*id, *origin);
}

int Delete(Pool& pool, const Words& words) {
  const std::optional<uint32_t> id = ParseDeviceId(words[1]);
  return id.has_value() ? pool.metadata().DeleteThinDevice(*id) : -EINVAL;
}

int SetTransactionId(Pool& pool, const Words& words) {
  const std::optional<uint64_t> current = KstrtoU64(words[1]);
  const std::optional<uint64_t> next = KstrtoU64(words[2]);
  if (!current.has_value() || !next.has_value()) return -EINVAL;
  return pool.metadata().SetTransactionId(*current, *next);
}

int ReserveMetadataSnap(Pool& pool, const Words&) {
  pool.Commit();
  return pool.metadata().ReserveMetadataSnap();
}

int ReleaseMetadataSnap(Pool& pool, const Words&) { return pool.metadata().ReleaseMetadataSnap(); }

struct PoolMessage {
  absl::string_view name;
  size_t words;
  int (*function)(Pool& pool, const Words& words);
};

constexpr std::array<PoolMessage, 6> kMessages = {{
    {"create_thin", 2, CreateThin},
    {"create_snap", 3, CreateSnap},
    {"delete", 2, Delete},
    {"set_transaction_id", 3, SetTransactionId},
    {"reserve_metadata_snap", 1, ReserveMetadataSnap},
    {"release_metadata_snap", 1, ReleaseMetadataSnap},
}};

}  // namespace

int PoolTarget::Dispatch(const Words& words) {
  for (const PoolMessage& message : kMessages) {
    if (!SameWord(words[0], message.name)) continue;
    return words.size() == message.words ? message.function(*pool_, words) : -EINVAL;
  }
  return -EINVAL;
}

int PoolTarget::Message(const Words& words, std::string*) {
  if (pool_->mode() >= PoolMode::kOutOfMetadataSpace) return -EOPNOTSUPP;
  const int error = Dispatch(words);
  // Whether that goes well is not the message's answer.
  if (error == 0) pool_->Commit();
  return error;
}

}  // namespace dmkit::model
