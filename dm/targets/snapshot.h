// SPDX-License-Identifier: Apache-2.0
// The targets of copy on write: snapshot, a device of its own kind over another one, whose changes
// go to a third; snapshot-merge, which brings these changes back to the origin; snapshot-origin,
// over which others may write to the origin. Pure text, no system calls.
// Mirrors drivers/md/dm-snap.c: snapshot_ctr(), parse_snapshot_features(), snapshot_status(),
// origin_ctr(), origin_status(); dm-exception-store.c: dm_exception_store_create(),
// set_chunk_size(); persistent_status(), transient_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_SNAPSHOT_H_
#define DMKIT_DM_TARGETS_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

enum class SnapshotStore {
  kTransient,           // N: forgotten with the table
  kPersistent,          // P: the store describes itself
  kPersistentOverflow,  // PO: and a full one is told as "Overflow", not as "Invalid"
};

struct SnapshotArguments {
  sys::DeviceNumber origin;
  // Where changed chunks go. For a persistent one its first sector must be zeroed before its first
  // use.
  sys::DeviceNumber store;
  SnapshotStore kind = SnapshotStore::kTransient;
  // 0 in what the kernel prints of a table that waits for another one's store. In arguments: what
  // the persistent store says, or 32 sectors.
  sys::Sectors chunk;
  bool discard_zeroes_cow = false;       // a discard of the whole chunk makes it a chunk of zeroes,
  bool discard_passdown_origin = false;  // and goes on to the origin
  auto Fields() const {
    return std::tie(origin, store, kind, chunk, discard_zeroes_cow, discard_passdown_origin);
  }
};

class SnapshotTarget {
 public:
  static constexpr absl::string_view kType = "snapshot";

  // The origin is only read, and may be written by others only over a snapshot-origin.
  // INVALID_ARGUMENT for what snapshot_ctr() would refuse: one device for both, a chunk that is not
  // a power of two below 4194304 sectors, a transient store without a chunk size, and
  // discard_passdown_origin alone. The kernel also wants whole blocks of both devices in a chunk.
  static absl::StatusOr<SnapshotTarget> Create(const SnapshotArguments& arguments);
  // The parameters in the string that the kernel prints: "ORIGIN STORE KIND CHUNK", devices as
  // MAJOR:MINOR, and where there are features their number and names. DATA_LOSS when it is not
  // understood.
  static absl::StatusOr<SnapshotTarget> Parse(absl::string_view params);

  const SnapshotArguments& arguments() const { return arguments_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(arguments_); }

 private:
  explicit SnapshotTarget(const SnapshotArguments& arguments) : arguments_(arguments) {}

  SnapshotArguments arguments_;
};

// Takes the place of a snapshot with the same arguments. Io goes to the merged device, which
// becomes the origin.
class SnapshotMergeTarget {
 public:
  static constexpr absl::string_view kType = "snapshot-merge";

  // As for a snapshot; a transient store is refused as well.
  static absl::StatusOr<SnapshotMergeTarget> Create(const SnapshotArguments& arguments);
  static absl::StatusOr<SnapshotMergeTarget> Parse(absl::string_view params);

  const SnapshotArguments& arguments() const { return arguments_; }

  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(arguments_); }

 private:
  explicit SnapshotMergeTarget(const SnapshotArguments& arguments) : arguments_(arguments) {}

  SnapshotArguments arguments_;
};

// Its status is empty (plain_status.h).
class SnapshotOriginTarget {
 public:
  static constexpr absl::string_view kType = "snapshot-origin";

  explicit SnapshotOriginTarget(sys::DeviceNumber origin) : origin_(origin) {}
  // The parameters in the string that the kernel prints: "MAJOR:MINOR". DATA_LOSS when it is not
  // understood.
  static absl::StatusOr<SnapshotOriginTarget> Parse(absl::string_view params);

  sys::DeviceNumber origin() const { return origin_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(origin_); }

 private:
  sys::DeviceNumber origin_;
};

// Of a snapshot and of a snapshot-merge.
struct SnapshotStatus {
  enum class State {
    kActive,
    kInvalid,      // the store was full or failed; the snapshot is lost
    kMergeFailed,  // io failed, or the store has contradicted itself
    kOverflow,     // the store is full: reads are well, until more is written to the origin
    kUnknown,      // the store does not tell
  };
  State state = State::kActive;
  // These mean something in state kActive only.
  sys::Sectors allocated;  // metadata included; a full store may show more than there is
  sys::Sectors total;
  sys::Sectors metadata;  // a merge has ended when nothing else is allocated
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(state, allocated, total, metadata, unknown_tail); }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<SnapshotStatus> ParseSnapshotStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_SNAPSHOT_H_
