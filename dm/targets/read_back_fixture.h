// SPDX-License-Identifier: Apache-2.0
// The way of a target's arguments to the kernel's line and back, for the tests of all targets. No
// target's own rules.

#ifndef DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_
#define DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_

#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace dmkit::dm::testing {

// What the target of `args` prints, when parsing that gives `args` back; else what is wrong.
template <typename Target, typename Args>
std::string ParamsOf(const Args& args) {
  const auto target = Target::Create(args);
  if (!target.ok()) return target.status().ToString();
  const std::string params = target->Params();
  const auto parsed = Target::Parse(params);
  if (!parsed.ok()) return parsed.status().ToString();
  // A target's one field is its arguments.
  if (std::get<0>(parsed->Fields()) != args) return absl::StrCat(params, " is read otherwise");
  return params;
}

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_
