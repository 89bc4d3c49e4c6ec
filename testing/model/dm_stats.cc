// SPDX-License-Identifier: Apache-2.0
// Regions and their counters.

#include "testing/model/dm_stats.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

// More is refused with an errno of its own where the profile says so.
constexpr uint64_t kAreasMax = 8388608;
// About what a kernel with a gigabyte of memory gives.
constexpr uint64_t kAreasInMemory = 1048576;
// The largest id and its NUL: with less room nothing is made.
constexpr size_t kIdRoom = 11;

}  // namespace

int DmStats::ParseRange(const std::string& word, uint64_t sectors, Region* region) {
  if (word == "-") {
    region->start = 0;
    region->end = std::max<uint64_t>(sectors, 1);
    return 0;
  }
  absl::string_view text = word;
  const std::optional<uint64_t> start = ScanU64(&text);
  if (!start.has_value() || !absl::ConsumePrefix(&text, "+")) return -EINVAL;
  const std::optional<uint64_t> length = ScanWholeU64(text);
  if (!length.has_value()) return -EINVAL;
  region->start = *start;
  region->end = *start + *length;
  return region->start < region->end ? 0 : -EINVAL;
}

int DmStats::ParseStep(const std::string& word, Region* region) {
  const uint64_t length = region->end - region->start;
  absl::string_view text = word;
  if (absl::ConsumePrefix(&text, "/")) {
    const std::optional<uint32_t> divisor = ScanWholeU32(text);
    if (divisor.value_or(0) == 0) return -EINVAL;
    region->step = std::max<uint64_t>(length / *divisor + (length % *divisor != 0 ? 1 : 0), 1);
    return 0;
  }
  region->step = ScanWholeU64(word).value_or(0);
  return region->step != 0 ? 0 : -EINVAL;
}

int DmStats::ParseFeature(const std::string& word, Region* region) {
  if (SameWord(word, "precise_timestamps")) {
    region->is_precise = true;
    return 0;
  }
  absl::string_view text = word;
  if (!absl::StartsWithIgnoreCase(text, "histogram:") || !region->histogram.empty()) {
    return -EINVAL;
  }
  text.remove_prefix(absl::string_view("histogram:").size());
  for (const absl::string_view bound : absl::StrSplit(text, ',')) {
    const std::optional<uint64_t> value = ScanWholeU64(bound);
    const uint64_t last = region->histogram.empty() ? 0 : region->histogram.back();
    if (!value.has_value() || *value <= last) return -EINVAL;
    region->histogram.push_back(*value);
  }
  return 0;
}

// [<number of features> <feature>...] [<program> [<aux>]]
int DmStats::ParseOptions(const std::vector<std::string>& words, Region* region) {
  size_t next = 3;
  if (next < words.size()) {
    const std::optional<uint32_t> features = ScanWholeU32(words[next]);
    if (features.has_value()) {
      ++next;
      for (uint32_t i = 0; i < *features; ++i, ++next) {
        if (next >= words.size()) return -EINVAL;
        const int error = ParseFeature(words[next], region);
        if (error != 0) return error;
      }
    }
  }
  if (next < words.size()) region->program = words[next++];
  if (next < words.size()) region->aux = words[next++];
  return next == words.size() ? 0 : -EINVAL;
}

int DmStats::MakeAreas(Region* region) const {
  const uint64_t length = region->end - region->start;
  const uint64_t areas = length / region->step + (length % region->step != 0 ? 1 : 0);
  const uint64_t bins = region->histogram.size() + 1;
  if (areas > kAreasMax || bins * areas > kAreasMax) {
    return profile_.stats_limit_areas ? -EOVERFLOW : -ENOMEM;
  }
  if (bins * areas > kAreasInMemory) return -ENOMEM;
  region->areas.resize(areas);
  return 0;
}

int DmStats::Create(uint64_t sectors, const std::vector<std::string>& words, size_t room,
                    std::string* result) {
  if (words.size() < 3) return -EINVAL;
  Region region;
  int error = ParseRange(words[1], sectors, &region);
  if (error == 0) error = ParseStep(words[2], &region);
  if (error == 0) error = ParseOptions(words, &region);
  if (error != 0) return error;
  if (room <= kIdRoom) {
    *result = absl::StrCat(std::numeric_limits<int>::max());
    return 1;
  }
  error = MakeAreas(&region);
  if (error != 0) return error;
  int id = 0;
  for (auto known = regions_.begin(); known != regions_.end() && known->first == id; ++known) ++id;
  regions_.emplace(id, std::move(region));
  *result = absl::StrCat(id);
  return 1;
}

DmStats::Region* DmStats::FindRegion(const std::vector<std::string>& words, int* error) {
  const std::optional<int32_t> id = ScanWholeS32(words[1]);
  *error = -EINVAL;
  if (id.value_or(-1) < 0) return nullptr;
  *error = -ENOENT;
  const auto found = regions_.find(*id);
  if (found == regions_.end()) return nullptr;
  *error = 0;
  return &found->second;
}

int DmStats::List(const std::vector<std::string>& words, std::string* result) const {
  if (words.size() > 2) return -EINVAL;
  for (const auto& [id, region] : regions_) {
    if (words.size() == 2 && words[1] != region.program) continue;
    absl::StrAppend(result, id, ": ", region.start, "+", region.end - region.start, " ",
                    region.step, " ", region.program, " ", region.aux);
    if (region.is_precise) absl::StrAppend(result, " precise_timestamps");
    if (!region.histogram.empty()) {
      absl::StrAppend(result, " histogram:", absl::StrJoin(region.histogram, ","));
    }
    absl::StrAppend(result, "\n");
  }
  return 1;
}

int DmStats::Print(const std::vector<std::string>& words, bool clear, size_t room,
                   std::string* result) {
  if (words.size() != 2 && words.size() != 4) return -EINVAL;
  uint64_t first = 0;
  uint64_t count = std::numeric_limits<uint64_t>::max();
  const std::optional<int32_t> id = ScanWholeS32(words[1]);
  if (id.value_or(-1) < 0) return -EINVAL;
  for (size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "-") continue;
    const std::optional<uint64_t> number = ScanWholeU64(words[i]);
    if (!number.has_value()) return -EINVAL;
    (i == 2 ? first : count) = *number;
  }
  int error = 0;
  Region* const region = FindRegion(words, &error);
  if (region == nullptr) return error;
  const uint64_t areas = region->areas.size();
  const uint64_t end = first + count < first ? areas : std::min(first + count, areas);
  first = std::min(first, end);
  for (uint64_t i = first; i < end; ++i) {
    const Counters& area = region->areas[i];
    absl::StrAppend(result, region->start + region->step * i, "+", region->step, " ", area.ios[0],
                    " 0 ", area.sectors[0], " 0 ");
    absl::StrAppend(result, area.ios[1], " 0 ", area.sectors[1], " 0 0 0 0 0 0");
    for (size_t bin = 0; bin <= region->histogram.size() && !region->histogram.empty(); ++bin) {
      absl::StrAppend(result, bin == 0 ? " " : ":", bin == 0 ? area.ios[0] + area.ios[1] : 0);
    }
    absl::StrAppend(result, "\n");
    // What the caller could not see is not cleared.
    if (result->size() + 1 >= room) return 1;
  }
  if (clear)
    std::fill(region->areas.begin() + static_cast<std::ptrdiff_t>(first),
              region->areas.begin() + static_cast<std::ptrdiff_t>(end), Counters{});
  return 1;
}

int DmStats::Message(uint64_t sectors, const std::vector<std::string>& words, size_t room,
                     std::string* result) {
  const std::string& verb = words[0];
  if (SameWord(verb, "@stats_create")) return Create(sectors, words, room, result);
  if (SameWord(verb, "@stats_list")) return List(words, result);
  if (SameWord(verb, "@stats_print")) return Print(words, /*clear=*/false, room, result);
  if (SameWord(verb, "@stats_print_clear")) return Print(words, /*clear=*/true, room, result);
  const bool sets_aux = SameWord(verb, "@stats_set_aux");
  const bool deletes = SameWord(verb, "@stats_delete");
  if (!sets_aux && !deletes && !SameWord(verb, "@stats_clear")) return kNotMine;
  if (words.size() != (sets_aux ? 3 : 2)) return -EINVAL;
  int error = 0;
  Region* const region = FindRegion(words, &error);
  if (region == nullptr) return error;
  if (sets_aux) {
    region->aux = words[2];
    return 0;
  }
  if (deletes) {
    regions_.erase(*ScanWholeS32(words[1]));
    return 0;
  }
  std::fill(region->areas.begin(), region->areas.end(), Counters{});
  return 1;
}

void DmStats::Count(const Io& io) {
  if (io.kind == IoKind::kFlush) return;
  const int direction = io.kind == IoKind::kRead ? 0 : 1;
  const uint64_t start = io.offset / kSectorBytes;
  const uint64_t end = start + io.length / kSectorBytes;
  for (auto& [id, region] : regions_) {
    const uint64_t to = std::min(end, region.end);
    for (uint64_t at = std::max(start, region.start); at < to;) {
      const uint64_t area = (at - region.start) / region.step;
      // Not by the area's end: that may lie past the last of all numbers.
      const uint64_t rest = region.step - (at - region.start) % region.step;
      const uint64_t sectors = std::min(rest, to - at);
      ++region.areas[area].ios[direction];
      region.areas[area].sectors[direction] += sectors;
      at += sectors;
    }
  }
}

}  // namespace dmkit::model
