// SPDX-License-Identifier: Apache-2.0
// Tables and messages for a few mapped devices on three disks: /dev/vda and /dev/vdb for what is
// mapped, /dev/vdc for the metadata of a pool. Makes no calls.

#ifndef DMKIT_TESTING_FUZZ_HISTORY_MAPPER_WORDS_H_
#define DMKIT_TESTING_FUZZ_HISTORY_MAPPER_WORDS_H_

#include <cstdint>
#include <string>

#include "dm/types.h"
#include "testing/fuzz/history/world.h"

namespace dmkit::history {

inline constexpr const char* kMapperNames[] = {"a", "b", "c", "d"};
// The pool's data device is divided into blocks of this many sectors.
inline constexpr uint64_t kMapperBlock = 128;

// A line of a table from sector `start` on, of any target that the model has, on a disk or on a
// device of these names.
dm::TableLine ReadTableLine(uint64_t start, Input& input);

// A message that a pool or the core knows, or one that nobody does.
std::string ReadMessage(Input& input);

}  // namespace dmkit::history

#endif  // DMKIT_TESTING_FUZZ_HISTORY_MAPPER_WORDS_H_
