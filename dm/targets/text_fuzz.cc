// SPDX-License-Identifier: Apache-2.0
// Any text, as the parameters of each target and as its status. What is accepted must survive the
// way back, and a status must keep words that come after it. A key that was read must not be shown.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "dm/keys.h"
#include "dm/targets/cache.h"
#include "dm/targets/crypt.h"
#include "dm/targets/delay.h"
#include "dm/targets/era.h"
#include "dm/targets/error.h"
#include "dm/targets/flakey.h"
#include "dm/targets/integrity.h"
#include "dm/targets/linear.h"
#include "dm/targets/mirror.h"
#include "dm/targets/mirror_status.h"
#include "dm/targets/multipath.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/raid.h"
#include "dm/targets/raid_arguments.h"
#include "dm/targets/raid_status.h"
#include "dm/targets/snapshot.h"
#include "dm/targets/striped.h"
#include "dm/targets/verity.h"
#include "dm/targets/writecache.h"
#include "dm/targets/zero.h"
#include "dm/types.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::dm {
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
  DMKIT_CHECK(again->Params() == target->Params());
}

// And nothing in it that the kernel would split or end early.
template <typename Target>
void TryWords(absl::string_view text) {
  TryParams<Target>(text);
  const auto target = Target::Parse(text);
  if (target.ok()) DMKIT_CHECK(Target::Create(target->args()).ok());
}

template <typename Target>
void TryKeys(absl::string_view text) {
  const auto target = Target::Parse(text);
  if (!target.ok()) return;
  const std::string shown = target->DebugString();
  DMKIT_CHECK(shown.size() == target->Params().size());
  // What is shown has no key left but zeros.
  DMKIT_CHECK(HideKeys(Target::kType, shown) == shown);
}

// Of max_write_behind the kernel prints half: what is parsed of our own line is twice of it.
void TryRaidParams(absl::string_view text) {
  const auto target = RaidTarget::Parse(text);
  if (!target.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(target.status()));
    return;
  }
  RaidArguments arguments = target->arguments();
  if (CheckRaidArguments(arguments).ok()) {
    DMKIT_CHECK(RaidTarget::Create(arguments).ok());
  }
  const auto line = target->Line(sys::Sectors(0), sys::Sectors(1 << 20));
  DMKIT_CHECK(line.ok() || absl::IsInvalidArgument(line.status()));
  const auto again = RaidTarget::Parse(target->Params());
  if (!arguments.max_write_behind.has_value()) {
    DMKIT_CHECK(again.ok() && again->arguments() == arguments);
    return;
  }
  const uint64_t sectors = arguments.max_write_behind->count();
  if (sectors > ~uint64_t{0} / 2) return;
  arguments.max_write_behind = sys::Sectors(2 * sectors);
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

// Behind the four columns of old kernels a fifth one is the first of ten.
void TryWritecacheStatus(absl::string_view text) {
  const auto status = ParseWritecacheStatus(text);
  if (!status.ok() || status->counters.has_value()) TryStatus(text, ParseWritecacheStatus);
}

void TryPlainStatus(absl::string_view text) {
  std::string joined;
  for (const std::string& word : ParsePlainStatus(text).unknown_words) {
    DMKIT_CHECK(!word.empty());
    joined += word + " ";
  }
  const auto again = ParsePlainStatus(joined);
  DMKIT_CHECK(again.Fields() == ParsePlainStatus(text).Fields());
}

void Run(absl::string_view text) {
  TryParams<DelayTarget>(text);
  TryParams<EraTarget>(text);
  TryParams<ErrorTarget>(text);
  TryParams<FlakeyTarget>(text);
  TryParams<LinearTarget>(text);
  TryParams<MirrorTarget>(text);
  TryParams<SnapshotMergeTarget>(text);
  TryParams<SnapshotOriginTarget>(text);
  TryParams<SnapshotTarget>(text);
  TryParams<StripedTarget>(text);
  TryParams<ZeroTarget>(text);
  TryRaidParams(text);
  TryWords<CacheTarget>(text);
  TryWords<CryptTarget>(text);
  TryWords<IntegrityTarget>(text);
  TryWords<MultipathTarget>(text);
  TryWords<VerityTarget>(text);
  TryWords<WritecacheTarget>(text);
  TryKeys<CryptTarget>(text);
  TryKeys<IntegrityTarget>(text);
  TryStatus(text, ParseCacheStatus);
  TryStatus(text, ParseDelayStatus);
  TryStatus(text, ParseEraStatus);
  TryStatus(text, ParseIntegrityStatus);
  TryStatus(text, ParseMirrorStatus);
  TryStatus(text, ParseMultipathStatus);
  TryStatus(text, ParseRaidStatus);
  TryStatus(text, ParseSnapshotStatus);
  TryStatus(text, ParseStripedStatus);
  TryStatus(text, ParseVerityStatus);
  TryWritecacheStatus(text);
  TryPlainStatus(text);
}

}  // namespace
}  // namespace dmkit::dm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::dm::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
