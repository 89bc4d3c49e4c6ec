// SPDX-License-Identifier: Apache-2.0
// The way of a target's arguments to the kernel's line and back, and what is refused on it, for the
// tests of all targets. No target's own rules.

#ifndef DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_
#define DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::testing {

// Arguments, and the line that the kernel prints of them.
template <typename Args>
struct Good {
  Args args;
  std::string params;
};

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

// Keys in these tests start with this: no message may show any.
inline constexpr char kKeyStart[] = "c0ffe";

// No target is made of any of `bads`.
template <typename Target, typename Args>
void ExpectRefused(const std::vector<Args>& bads) {
  for (size_t i = 0; i < bads.size(); ++i) {
    const absl::Status refused = Target::Create(bads[i]).status();
    EXPECT_THAT(refused, sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << i;
    EXPECT_THAT(std::string(refused.message()), ::testing::Not(::testing::HasSubstr(kKeyStart)))
        << i;
  }
}

// None of `texts` is a line that the kernel prints.
template <typename Target>
void ExpectNotUnderstood(const std::vector<absl::string_view>& texts) {
  for (const absl::string_view text : texts) {
    const absl::Status refused = Target::Parse(text).status();
    EXPECT_THAT(refused, sys::FailsWithCode(absl::StatusCode::kDataLoss)) << text;
    EXPECT_THAT(std::string(refused.message()), ::testing::Not(::testing::HasSubstr(kKeyStart)))
        << text;
  }
}

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_TARGETS_READ_BACK_FIXTURE_H_
