// SPDX-License-Identifier: Apache-2.0
// Makes random but plausible histories, swarm style: each history has a random part of all
// operations and of all kinds of arguments switched off, so that what is left goes deeper. Knows
// the interfaces and nothing of how a kernel answers.
//
// What a generator must not make:
//  * TABLE_CLEAR and a later DEV_RENAME in one history: with CONFIG_IMA, kernels free memory twice;
//  * tables of mapped devices on top of each other in a circle: io would never end;
//  * a table that opens the external origin of one of its thin targets for writing, too: its resume
//    takes kernels down. upgrade_mode() in dm-table.c frees the dm_dev that the thin target keeps,
//    and thin_preresume() reads it.

#ifndef DMKIT_TESTING_DIFFERENTIAL_GENERATOR_H_
#define DMKIT_TESTING_DIFFERENTIAL_GENERATOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "testing/differential/operation.h"
#include "testing/differential/side.h"

namespace dmkit::differential {

enum class Profile { kDm, kThin, kLoop };

std::optional<Profile> ParseProfile(absl::string_view name);  // "dm", "thin", "loop"
absl::string_view NameOf(Profile profile);

struct Setting {
  std::string scratch;    // of Start
  uint32_t dm_major = 0;  // of both kernels
};

class Generator {
 public:
  virtual ~Generator() = default;
  virtual Operation Next() = 0;
};

std::unique_ptr<Generator> DmGenerator(uint64_t seed, const Setting& setting);
std::unique_ptr<Generator> ThinGenerator(uint64_t seed, const Setting& setting);
std::unique_ptr<Generator> LoopGenerator(uint64_t seed, const Setting& setting);

// `length` operations; the same for the same arguments.
History MakeHistory(Profile profile, uint64_t seed, size_t length, const Setting& setting);
// How many loops a history of this profile finds attached.
size_t AttachedFor(Profile profile);

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_GENERATOR_H_
