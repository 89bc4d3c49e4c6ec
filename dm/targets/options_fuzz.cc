// SPDX-License-Identifier: Apache-2.0
// Any text, as the parameters and as the status of each target that has a counted group of options.
// Parameters that are accepted must survive the way back, and a status must stay readable when a
// newer kernel appends a word. A key that was read must not be shown.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/keys.h"
#include "dm/targets/cache.h"
#include "dm/targets/crypt.h"
#include "dm/targets/integrity.h"
#include "dm/targets/multipath.h"
#include "dm/targets/verity.h"
#include "dm/targets/writecache.h"
#include "dm/types.h"
#include "sys/status.h"

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
  // Nothing that the kernel would split or end early.
  const auto made = Target::Create(target->args());
  DMKIT_CHECK(made.ok());
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

template <typename Parser>
void TryStatus(Parser parse, absl::string_view text) {
  const auto status = parse(text);
  if (!status.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(status.status()));
    return;
  }
  const auto longer = parse(absl::StrCat(text, absl::EndsWith(text, " ") ? "" : " ", "new"));
  // Of the writecache a fifth column is the first of ten.
  if (!longer.ok()) {
    const auto cache = ParseWritecacheStatus(text);
    DMKIT_CHECK(cache.ok() && !cache->counters);
    return;
  }
  DMKIT_CHECK(longer->unknown_tail ==
              absl::StrCat(status->unknown_tail, status->unknown_tail.empty() ? "" : " ", "new"));
}

void Run(absl::string_view text) {
  TryParams<CacheTarget>(text);
  TryParams<CryptTarget>(text);
  TryParams<IntegrityTarget>(text);
  TryParams<MultipathTarget>(text);
  TryParams<VerityTarget>(text);
  TryParams<WritecacheTarget>(text);
  TryKeys<CryptTarget>(text);
  TryKeys<IntegrityTarget>(text);
  TryStatus(ParseCacheStatus, text);
  TryStatus(ParseIntegrityStatus, text);
  TryStatus(ParseMultipathStatus, text);
  TryStatus(ParseVerityStatus, text);
  TryStatus(ParseWritecacheStatus, text);
}

}  // namespace
}  // namespace dmkit::dm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::dm::Run(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
