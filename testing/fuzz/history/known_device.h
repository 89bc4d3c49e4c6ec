// SPDX-License-Identifier: Apache-2.0
// What a history knows of a thin device: whether it must be there, and what is in its first blocks.
// Knows nothing of device sets.

#ifndef DMKIT_TESTING_FUZZ_HISTORY_KNOWN_DEVICE_H_
#define DMKIT_TESTING_FUZZ_HISTORY_KNOWN_DEVICE_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/fuzz/history/world.h"

namespace dmkit::history {

inline constexpr size_t kBlocks = 3;

struct KnownDevice {
  enum { kAbsent, kPresent, kUnknown } state = kAbsent;
  // The first byte of each block, as far as it is known.
  std::array<std::optional<char>, kBlocks> blocks;
  bool deferred = false;  // its removal may be due at the last close
};

// After a look for it: present or absent, and as it was known.
void NoteFound(World& world, absl::string_view name, const absl::Status& found, KnownDevice& known);

// After an attempt to make `known` with the contents of `made`; `expected`: nothing was in its way.
void NoteMade(World& world, const Outcome& outcome, bool expected, const KnownDevice& made,
              KnownDevice& known);

// Writes `byte` and syncs. `file` is the open device.
void WriteBlock(World& world, sys::File& file, size_t block, char byte, KnownDevice& known);

// Every block must be as it is known. What was not known is learnt.
void CompareBlocks(World& world, absl::string_view name, sys::File& file, KnownDevice& known);

}  // namespace dmkit::history

#endif  // DMKIT_TESTING_FUZZ_HISTORY_KNOWN_DEVICE_H_
