// SPDX-License-Identifier: Apache-2.0
// Histories by profile.

#include "testing/differential/generator.h"

namespace dmkit::differential {

std::optional<Profile> ParseProfile(absl::string_view name) {
  for (const Profile profile : {Profile::kDm, Profile::kThin, Profile::kLoop}) {
    if (name == NameOf(profile)) return profile;
  }
  return std::nullopt;
}

absl::string_view NameOf(Profile profile) {
  switch (profile) {
    case Profile::kDm:
      return "dm";
    case Profile::kThin:
      return "thin";
    case Profile::kLoop:
      return "loop";
  }
  return "";
}

size_t AttachedFor(Profile profile) { return profile == Profile::kLoop ? 0 : 4; }

History MakeHistory(Profile profile, uint64_t seed, size_t length, const Setting& setting) {
  std::unique_ptr<Generator> generator;
  switch (profile) {
    case Profile::kDm:
      generator = DmGenerator(seed, setting);
      break;
    case Profile::kThin:
      generator = ThinGenerator(seed, setting);
      break;
    case Profile::kLoop:
      generator = LoopGenerator(seed, setting);
      break;
  }
  History history;
  history.reserve(length);
  while (history.size() < length) history.push_back(generator->Next());
  return history;
}

}  // namespace dmkit::differential
