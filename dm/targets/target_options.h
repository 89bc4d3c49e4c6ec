// SPDX-License-Identifier: Apache-2.0
// Arguments of targets that have a counted group of optional words: what such words may hold, and
// how the group is written and read. Knows no target.

#ifndef DMKIT_DM_TARGETS_TARGET_OPTIONS_H_
#define DMKIT_DM_TARGETS_TARGET_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/targets/target_words.h"

namespace dmkit::dm {

// OK when the kernel would read `word` as the one word that it is: not empty, no white space, no
// backslash, no NUL (dm-table.c, dm_split_args(), v6.1). `type` is that of the target and `field`
// the word's name, for messages; the word itself is not shown.
absl::Status CheckWord(absl::string_view type, absl::string_view field, absl::string_view word);
absl::Status CheckWords(absl::string_view type, absl::string_view field,
                        const std::vector<std::string>& words);

// Whether `text` is an even number of hexadecimal digits, and not empty.
bool IsHex(absl::string_view text);

// " COUNT WORD WORD...", or, with nothing to say, nothing or " 0".
enum class WhenEmpty { kNothing, kZero };
std::string FormatGroup(const std::vector<std::string>& words, WhenEmpty when_empty);

// Adds " " and each word to `text`.
void AppendWords(const std::vector<std::string>& words, std::string& text);

// A number, and then so many words. Borrowed from the line.
absl::StatusOr<std::vector<absl::string_view>> TakeGroup(TargetWords& words,
                                                         absl::string_view field);
// The next `count` words.
absl::StatusOr<std::vector<std::string>> TakeSome(TargetWords& words, uint64_t count,
                                                  absl::string_view field);

// Names and values in turn, as the words of one group: "a 1 b 2".
using NamedValues = std::vector<std::pair<std::string, std::string>>;
absl::StatusOr<NamedValues> TakeNamedValues(TargetWords& words, absl::string_view field);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_TARGET_OPTIONS_H_
