// SPDX-License-Identifier: Apache-2.0
// Any text, as the parameters of each of these targets and as their status. What is accepted must
// survive the way back, and a status must keep words that come after it.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "dm/targets/delay.h"
#include "dm/targets/era.h"
#include "dm/targets/error.h"
#include "dm/targets/flakey.h"
#include "dm/targets/linear.h"
#include "dm/targets/mirror.h"
#include "dm/targets/mirror_status.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/raid.h"
#include "dm/targets/raid_arguments.h"
#include "dm/targets/raid_status.h"
#include "dm/targets/snapshot.h"
#include "dm/targets/striped.h"
#include "dm/targets/zero.h"
#include "dm/types.h"
#include "sys/status.h"
#include "sys/units.h"

namespace {

template <typename Target>
void TryParams(absl::string_view text) {
  const auto target = Target::Parse(text);
  if (!target.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(target.status()));
    return;
  }
  const auto again = Target::Parse(target->Params());
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(again->Fields() == target->Fields());
}

// Of max_write_behind the kernel prints half: what is parsed of our own line is twice of it.
void TryRaidParams(absl::string_view text) {
  const auto target = dmkit::dm::RaidTarget::Parse(text);
  if (!target.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(target.status()));
    return;
  }
  dmkit::dm::RaidArguments arguments = target->arguments();
  if (dmkit::dm::CheckRaidArguments(arguments).ok()) {
    DMKIT_CHECK(dmkit::dm::RaidTarget::Create(arguments).ok());
  }
  const auto line = target->Line(dmkit::sys::Sectors(0), dmkit::sys::Sectors(1 << 20));
  DMKIT_CHECK(line.ok() || absl::IsInvalidArgument(line.status()));
  const auto again = dmkit::dm::RaidTarget::Parse(target->Params());
  if (!arguments.max_write_behind.has_value()) {
    DMKIT_CHECK(again.ok() && again->arguments() == arguments);
    return;
  }
  const uint64_t sectors = arguments.max_write_behind->count();
  if (sectors > ~uint64_t{0} / 2) return;
  arguments.max_write_behind = dmkit::sys::Sectors(2 * sectors);
  DMKIT_CHECK(again.ok() && again->arguments() == arguments);
}

template <typename Parse>
void TryStatus(absl::string_view text, Parse parse) {
  const auto status = parse(text);
  if (!status.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(status.status()));
    return;
  }
  auto longer = parse(absl::StrCat(absl::StripSuffix(text, " "), " later"));
  DMKIT_CHECK(longer.ok());
  absl::string_view tail = longer->unknown_tail;
  DMKIT_CHECK(absl::ConsumeSuffix(&tail, "later"));
  longer->unknown_tail = std::string(absl::StripSuffix(tail, " "));
  DMKIT_CHECK(longer->Fields() == status->Fields());
}

void TryPlainStatus(absl::string_view text) {
  std::string joined;
  for (const std::string& word : dmkit::dm::ParsePlainStatus(text).unknown_words) {
    DMKIT_CHECK(!word.empty());
    joined += word + " ";
  }
  const auto again = dmkit::dm::ParsePlainStatus(joined);
  DMKIT_CHECK(again.Fields() == dmkit::dm::ParsePlainStatus(text).Fields());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  TryParams<dmkit::dm::DelayTarget>(text);
  TryParams<dmkit::dm::EraTarget>(text);
  TryParams<dmkit::dm::ErrorTarget>(text);
  TryParams<dmkit::dm::FlakeyTarget>(text);
  TryParams<dmkit::dm::LinearTarget>(text);
  TryParams<dmkit::dm::MirrorTarget>(text);
  TryParams<dmkit::dm::SnapshotMergeTarget>(text);
  TryParams<dmkit::dm::SnapshotOriginTarget>(text);
  TryParams<dmkit::dm::SnapshotTarget>(text);
  TryParams<dmkit::dm::StripedTarget>(text);
  TryParams<dmkit::dm::ZeroTarget>(text);
  TryRaidParams(text);
  TryStatus(text, dmkit::dm::ParseDelayStatus);
  TryStatus(text, dmkit::dm::ParseEraStatus);
  TryStatus(text, dmkit::dm::ParseMirrorStatus);
  TryStatus(text, dmkit::dm::ParseRaidStatus);
  TryStatus(text, dmkit::dm::ParseSnapshotStatus);
  TryStatus(text, dmkit::dm::ParseStripedStatus);
  TryPlainStatus(text);
  return 0;
}
