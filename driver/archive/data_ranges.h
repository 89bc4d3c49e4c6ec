// SPDX-License-Identifier: Apache-2.0
// Where the data of a file with holes is. Bounded, however the file is cut up.

#ifndef DMKIT_DRIVER_ARCHIVE_DATA_RANGES_H_
#define DMKIT_DRIVER_ARCHIVE_DATA_RANGES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "sys/host.h"

namespace dmkit::driver {

// No answer has more ranges.
inline constexpr size_t kDataRangesMax = 8192;

// The parts of the first `size_bytes` bytes of `file` that hold data, in order, apart from each
// other. Of a file with more than kDataRangesMax of them, the smallest holes are taken for data.
// Errors: those of the seam's NextData.
absl::StatusOr<std::vector<sys::File::DataRange>> DataRanges(sys::File& file, uint64_t size_bytes);

// Whether the ranges leave nothing out of `size_bytes` bytes.
bool CoversAll(const std::vector<sys::File::DataRange>& ranges, uint64_t size_bytes);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_DATA_RANGES_H_
