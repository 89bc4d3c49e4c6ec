// SPDX-License-Identifier: Apache-2.0
// The snapshot target with a transient store: a device of its own kind over another one, whose
// changes go to a third and are forgotten with the table. Pure text, no system calls.
// Mirrors drivers/md/dm-snap.c: snapshot_ctr(), snapshot_status(); dm-snap-transient.c:
// transient_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_SNAPSHOT_H_
#define DMKIT_DM_TARGETS_SNAPSHOT_H_

#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

class TransientSnapshotTarget {
 public:
  static constexpr absl::string_view kType = "snapshot";

  // `origin` is only read, and must not be written by others; `store` is written from its start, as
  // much of it as there are changed chunks. The kernel takes a `chunk` that is a power of two of
  // sectors and holds whole blocks of both devices, else EINVAL.
  TransientSnapshotTarget(sys::DeviceNumber origin, sys::DeviceNumber store, sys::Sectors chunk)
      : origin_(origin), store_(store), chunk_(chunk) {}

  // The parameters in the string that the kernel prints: "ORIGIN STORE N CHUNK", devices as
  // MAJOR:MINOR. DATA_LOSS when it is not understood, as where the store is a persistent one.
  static absl::StatusOr<TransientSnapshotTarget> Parse(absl::string_view params);

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(origin_, store_, chunk_); }

 private:
  sys::DeviceNumber origin_;
  sys::DeviceNumber store_;
  sys::Sectors chunk_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_SNAPSHOT_H_
