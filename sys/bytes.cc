// SPDX-License-Identifier: Apache-2.0
// The checks of ByteReader.

#include "sys/bytes.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmkit::sys {

absl::Status ByteReader::Check(size_t offset, size_t length, absl::string_view what) const {
  if (offset <= data_.size() && data_.size() - offset >= length) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(what, ": ", length, " bytes at offset ", offset,
                                          " do not lie in a buffer of ", data_.size()));
}

absl::StatusOr<absl::string_view> ByteReader::Sub(size_t offset, size_t length,
                                                  absl::string_view what) const {
  DMKIT_RETURN_IF_ERROR(Check(offset, length, what));
  return data_.substr(offset, length);
}

absl::StatusOr<absl::string_view> ByteReader::CString(size_t offset, size_t end,
                                                      absl::string_view what) const {
  const size_t limit = std::min(end, data_.size());
  const size_t nul = offset < limit ? data_.find('\0', offset) : absl::string_view::npos;
  if (nul >= limit) {
    return absl::DataLossError(
        absl::StrCat(what, ": the text at offset ", offset, " has no end before offset ", limit));
  }
  return data_.substr(offset, nul - offset);
}

}  // namespace dmkit::sys
