// SPDX-License-Identifier: Apache-2.0
// Making the state files of a set whose pool and devices another program made. Knows no program;
// activates nothing.

#ifndef DMKIT_THINP_IMPORTED_SET_H_
#define DMKIT_THINP_IMPORTED_SET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

struct ImportedSet {
  proto::PoolState pool;  // with `imported_from`
  std::vector<proto::DeviceState> devices;
  // Devices whose blocks the set is to free at its leisure; none of one that is only read.
  std::vector<proto::DeviceState> deleted;
  // Where the set goes on counting, unless it is only read.
  uint64_t transaction_id = 0;
  uint32_t next_thin_id = 0;
};

struct KnownSet {
  proto::PoolState pool;
  std::string pool_uuid;  // dm UUID that its pool has when it is active
};

// The set that the directory holds; nothing when there is none, nor a directory.
absl::StatusOr<std::optional<KnownSet>> FindSet(const sys::Host& host, absl::string_view root);

// Makes the directory and the state files of the set, or those of an earlier call anew: it keeps
// its UUID then. Devices that are not in `set` are forgotten. Takes the set's lock meanwhile, for
// which it waits for `patience`. Two fsyncs for each device. After an error RemoveImportedSet
// clears up. EEXIST: the root holds a set that did not come from there.
absl::Status WriteImportedSet(const sys::Host& host, absl::string_view root, const ImportedSet& set,
                              absl::Duration patience);

// Removes what WriteImportedSet wrote of a set from `imported_from`, also if it did not get to its
// end, but for the directories. Nothing of the pool is touched, and nothing of another set.
absl::Status RemoveImportedSet(const sys::Host& host, absl::string_view root,
                               absl::string_view imported_from, absl::Duration patience);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_IMPORTED_SET_H_
