// SPDX-License-Identifier: Apache-2.0
// Cutting a line into words and reading single words. Nothing about any one target.

#include "dm/targets/target_words.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {

TargetWords::TargetWords(absl::string_view what, absl::string_view line, Shown shown)
    : what_(what), line_(line), shown_(shown) {
  const absl::string_view body = absl::StripSuffix(line, " ");
  if (!body.empty()) words_ = absl::StrSplit(body, ' ');
}

std::string TargetWords::Quoted() const {
  if (shown_ == Shown::kSecret) return absl::StrCat("parse ", what_);
  return absl::StrCat("parse ", what_, " \"", sys::Printable(line_), "\"");
}

absl::Status TargetWords::NotUnderstood(absl::string_view field, absl::string_view found) const {
  if (shown_ == Shown::kSecret) {
    return absl::DataLossError(absl::StrCat(Quoted(), ": ", field, " is not understood"));
  }
  return absl::DataLossError(
      absl::StrCat(Quoted(), ": ", field, " reads \"", sys::Printable(found), "\""));
}

bool TargetWords::TakeIf(absl::string_view word) {
  if (AtEnd() || words_[next_] != word) return false;
  ++next_;
  return true;
}

absl::StatusOr<absl::string_view> TargetWords::Word(absl::string_view field) {
  if (AtEnd()) {
    return absl::DataLossError(absl::StrCat(Quoted(), ": it ends before the ", field));
  }
  const absl::string_view word = words_[next_++];
  if (word.empty()) return NotUnderstood(field, word);
  return word;
}

absl::StatusOr<uint64_t> TargetWords::Number(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const std::optional<uint64_t> number = sys::ParseUnsigned(word);
  if (!number) return NotUnderstood(field, word);
  return *number;
}

absl::StatusOr<uint32_t> TargetWords::Number32(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const std::optional<uint32_t> number = sys::ParseUnsigned32(word);
  if (!number) return NotUnderstood(field, word);
  return *number;
}

absl::StatusOr<sys::Sectors> TargetWords::SectorCount(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const uint64_t number, Number(field));
  return sys::Sectors(number);
}

absl::StatusOr<std::optional<uint64_t>> TargetWords::NumberOrDash(absl::string_view field) {
  if (TakeIf("-")) return std::optional<uint64_t>();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t number, Number(field));
  return std::optional<uint64_t>(number);
}

absl::StatusOr<TargetWords::Usage> TargetWords::Ratio(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const size_t slash = word.find('/');
  if (slash == absl::string_view::npos) return NotUnderstood(field, word);
  const std::optional<uint64_t> used = sys::ParseUnsigned(word.substr(0, slash));
  const std::optional<uint64_t> total = sys::ParseUnsigned(word.substr(slash + 1));
  if (!used || !total) return NotUnderstood(field, word);
  return Usage{*used, *total};
}

absl::StatusOr<TargetWords::Usage> TargetWords::UsedOfTotal(absl::string_view field) {
  const absl::string_view word = Peek();
  DMKIT_ASSIGN_OR_RETURN(const Usage usage, Ratio(field));
  // Callers subtract the two to learn what is free.
  if (usage.used > usage.total) return NotUnderstood(field, word);
  return usage;
}

absl::StatusOr<sys::DeviceNumber> TargetWords::Device(absl::string_view field) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  const std::optional<sys::DeviceNumber> device = sys::ParseDeviceNumber(word);
  if (!device) return NotUnderstood(field, word);
  return *device;
}

absl::StatusOr<std::optional<sys::DeviceNumber>> TargetWords::DeviceOrDash(
    absl::string_view field) {
  if (TakeIf("-")) return std::optional<sys::DeviceNumber>();
  DMKIT_ASSIGN_OR_RETURN(const sys::DeviceNumber device, Device(field));
  return std::optional<sys::DeviceNumber>(device);
}

absl::StatusOr<bool> TargetWords::OneOfTwo(absl::string_view field, absl::string_view yes,
                                           absl::string_view no) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  if (word != yes && word != no) return NotUnderstood(field, word);
  return word == yes;
}

absl::StatusOr<absl::string_view> TargetWords::Letters(absl::string_view field,
                                                       absl::string_view letters, size_t count) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, Word(field));
  if (word.size() != count || word.find_first_not_of(letters) != absl::string_view::npos) {
    return NotUnderstood(field, word);
  }
  return word;
}

absl::StatusOr<std::string> TargetWords::Tail() {
  const size_t first = next_;
  while (!AtEnd()) DMKIT_RETURN_IF_ERROR(Word("unknown tail"));
  return absl::StrJoin(words_.begin() + static_cast<std::ptrdiff_t>(first), words_.end(), " ");
}

absl::Status TargetWords::ExpectCountOfRest(absl::string_view field) {
  const absl::string_view word = Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t count, Number(field));
  return count == left() ? absl::OkStatus() : NotUnderstood(field, word);
}

absl::Status TargetWords::ExpectEnd() const {
  if (AtEnd()) return absl::OkStatus();
  return NotUnderstood("what should be the end", Peek());
}

absl::Status TargetWords::ExpectOk(const absl::Status& checked) const {
  if (checked.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(Quoted(), ": ", checked.message()));
}

absl::Status RefusedArguments(absl::string_view type, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(type, " target: ", why));
}

bool IsPowerOfTwo(uint64_t number) { return number != 0 && (number & (number - 1)) == 0; }

}  // namespace dmkit::dm
