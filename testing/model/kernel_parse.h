// SPDX-License-Identifier: Apache-2.0
// Numbers in text as the kernel reads them: its sscanf, which wraps and ignores overflow, and its
// kstrto functions, which refuse it.

#ifndef DMKIT_TESTING_MODEL_KERNEL_PARSE_H_
#define DMKIT_TESTING_MODEL_KERNEL_PARSE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace dmkit::model {

// %llu of sscanf at the start of `text`, which loses what was read: spaces may stand in front, no
// sign may, and the value wraps modulo 2^64. Nothing, and `text` as it was, when there is no digit.
std::optional<uint64_t> ScanU64(absl::string_view* text);
// %u: the same, cut to 32 bits.
std::optional<uint32_t> ScanU32(absl::string_view* text);
// "%llu%c" that must match once, "%u%c" likewise: the whole of `text` is one number.
std::optional<uint64_t> ScanWholeU64(absl::string_view text);
std::optional<uint32_t> ScanWholeU32(absl::string_view text);
// "%d%c" likewise; a minus sign may stand in front.
std::optional<int32_t> ScanWholeS32(absl::string_view text);

// kstrtoull(text, 10): a plus sign may stand in front and one newline behind; nothing on overflow.
std::optional<uint64_t> KstrtoU64(absl::string_view text);
// kstrtouint(text, 10).
std::optional<uint32_t> KstrtoU32(absl::string_view text);

// isspace() of the kernel (lib/ctype.c), which counts Latin-1's no-break space.
bool IsKernelSpace(char c);

// strcasecmp() == 0, for ASCII.
bool SameWord(absl::string_view a, absl::string_view b);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_KERNEL_PARSE_H_
