// SPDX-License-Identifier: Apache-2.0
// Cutting a line into words and reading single words. Nothing about any one target.

#include "thinp/thin_target_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::thinp {

TargetText::TargetText(absl::string_view what, absl::string_view line) : what_(what), line_(line) {
  const absl::string_view body = absl::StripSuffix(line, " ");
  if (!body.empty()) words_ = absl::StrSplit(body, ' ');
}

absl::Status TargetText::NotUnderstood(absl::string_view field, absl::string_view found) const {
  return absl::DataLossError(absl::StrCat("parse ", what_, " \"", sys::Printable(line_),
                                          "\": ", field, " reads \"", sys::Printable(found), "\""));
}

absl::StatusOr<absl::string_view> TargetText::Word(absl::string_view field) {
  if (AtEnd()) {
    return absl::DataLossError(absl::StrCat("parse ", what_, " \"", sys::Printable(line_),
                                            "\": it ends before the ", field));
  }
  const absl::string_view word = words_[next_++];
  if (word.empty()) return NotUnderstood(field, word);
  return word;
}

absl::StatusOr<uint64_t> TargetText::Number(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const std::optional<uint64_t> number = sys::ParseUnsigned(word);
  if (!number) return NotUnderstood(field, word);
  return *number;
}

absl::StatusOr<std::optional<uint64_t>> TargetText::NumberOrDash(absl::string_view field) {
  if (Peek() == "-") {
    ++next_;
    return std::optional<uint64_t>();
  }
  DMKIT_ASSIGN_OR_RETURN(const uint64_t number, Number(field));
  return std::optional<uint64_t>(number);
}

absl::StatusOr<TargetText::Usage> TargetText::UsedOfTotal(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const size_t slash = word.find('/');
  if (slash == absl::string_view::npos) return NotUnderstood(field, word);
  const std::optional<uint64_t> used = sys::ParseUnsigned(word.substr(0, slash));
  const std::optional<uint64_t> total = sys::ParseUnsigned(word.substr(slash + 1));
  // Callers subtract the two to learn what is free.
  if (!used || !total || *used > *total) return NotUnderstood(field, word);
  return Usage{*used, *total};
}

absl::StatusOr<sys::DeviceNumber> TargetText::Device(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const std::optional<sys::DeviceNumber> device = sys::ParseDeviceNumber(word);
  if (!device) return NotUnderstood(field, word);
  return *device;
}

absl::StatusOr<bool> TargetText::OneOfTwo(absl::string_view field, absl::string_view yes,
                                          absl::string_view no) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  if (word != yes && word != no) return NotUnderstood(field, word);
  return word == yes;
}

absl::StatusOr<std::string> TargetText::Tail() {
  const size_t first = next_;
  while (!AtEnd()) DMKIT_RETURN_IF_ERROR(Word("unknown tail"));
  return absl::StrJoin(words_.begin() + static_cast<std::ptrdiff_t>(first), words_.end(), " ");
}

absl::Status TargetText::ExpectEnd() const {
  if (AtEnd()) return absl::OkStatus();
  return NotUnderstood("what should be the end", Peek());
}

}  // namespace dmkit::thinp
