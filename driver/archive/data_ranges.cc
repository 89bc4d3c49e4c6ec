// SPDX-License-Identifier: Apache-2.0
// Ranges of data, joined where there are too many.

#include "driver/archive/data_ranges.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using Ranges = std::vector<sys::File::DataRange>;

// Joins ranges with less than `hole_bytes` between them.
void Join(Ranges& ranges, uint64_t hole_bytes) {
  size_t last = 0;
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin - ranges[last].end < hole_bytes) {
      ranges[last].end = ranges[i].end;
    } else {
      ranges[++last] = ranges[i];
    }
  }
  ranges.resize(last + 1);
}

}  // namespace

absl::StatusOr<Ranges> DataRanges(sys::File& file, uint64_t size_bytes) {
  Ranges ranges;
  // Touching ranges are joined from the start; longer holes only as far as there are too many.
  uint64_t hole_bytes = 1;
  uint64_t offset = 0;
  while (offset < size_bytes) {
    DMKIT_ASSIGN_OR_RETURN(const std::optional<sys::File::DataRange> next, file.NextData(offset));
    if (!next.has_value() || next->begin >= size_bytes || next->end <= offset) break;
    const uint64_t end = std::min(next->end, size_bytes);
    if (!ranges.empty() && next->begin - ranges.back().end < hole_bytes) {
      ranges.back().end = end;
    } else {
      ranges.push_back({next->begin, end});
    }
    while (ranges.size() > kDataRangesMax) {
      hole_bytes *= 2;
      Join(ranges, hole_bytes);
    }
    offset = end;
  }
  return ranges;
}

bool CoversAll(const Ranges& ranges, uint64_t size_bytes) {
  return ranges.size() == 1 && ranges[0].begin == 0 && ranges[0].end == size_bytes;
}

}  // namespace dmkit::driver
