// SPDX-License-Identifier: Apache-2.0
// Fuzzes the file of a mount count: what is taken for a count of this boot means that number, and a
// number that is printed is taken.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "driver/mount_count.h"
#include "sys/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dmkit::driver::MountCount;
  using dmkit::driver::ParseMountCount;
  using dmkit::driver::PrintMountCount;
  constexpr absl::string_view kThisBoot = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";
  constexpr absl::string_view kOtherBoot = "ffffffff-4f50-4617-8293-a4b5c6d7e8f9";
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<MountCount> count = ParseMountCount(text, kThisBoot);
  if (!count.has_value()) return 0;
  DMKIT_CHECK(absl::StartsWith(text, kThisBoot));
  DMKIT_CHECK(!ParseMountCount(text, kOtherBoot).has_value());
  const std::string printed = PrintMountCount(*count, kThisBoot);
  DMKIT_CHECK(ParseMountCount(printed, kThisBoot) == count);
  // But for zeros in front it is the same text.
  DMKIT_CHECK(printed.size() <= text.size());
  DMKIT_CHECK(absl::EndsWith(text, absl::string_view(printed).substr(kThisBoot.size() + 1)));
  return 0;
}
