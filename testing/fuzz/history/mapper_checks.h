// SPDX-License-Identifier: Apache-2.0
// What is known of mapped devices, and what must be true of answers of device-mapper, whatever the
// history was.

#ifndef DMKIT_TESTING_FUZZ_HISTORY_MAPPER_CHECKS_H_
#define DMKIT_TESTING_FUZZ_HISTORY_MAPPER_CHECKS_H_

#include <vector>

#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "testing/fuzz/history/world.h"

namespace dmkit::history {

// What is known of a device.
struct Mapped {
  bool exists = false;
  std::vector<dm::TableLine> active;
  std::vector<dm::TableLine> inactive;
  bool suspended = false;
  int deferred = 0;  // its removal is due, or may be
};

bool AnySuspended(absl::Span<const Mapped> devices);
// Whether a zero target is in use somewhere, so that what is written may be lost.
bool AnyZeros(absl::Span<const Mapped> devices);

// A listed device is found by its name, its number and its uuid, and is the same one each time.
void ExpectFound(World& world, dm::DeviceMapper& dm, const dm::DmName& name,
                 const dm::ListedDevice& listed);

// A table comes back as it was loaded; its words may name devices otherwise.
void ExpectTable(World& world, const std::vector<dm::TargetStatus>& lines,
                 const std::vector<dm::TableLine>& loaded);

}  // namespace dmkit::history

#endif  // DMKIT_TESTING_FUZZ_HISTORY_MAPPER_CHECKS_H_
