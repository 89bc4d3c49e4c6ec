// SPDX-License-Identifier: Apache-2.0
// The words of one line that a target's kernel code prints, taken one after the other. Shared by
// the parsers of all targets; knows none of their lines.

#ifndef DMKIT_DM_TARGETS_TARGET_WORDS_H_
#define DMKIT_DM_TARGETS_TARGET_WORDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

// Words are separated by exactly one space, and one space may end the line, as the kernel prints
// it. Every failure is DATA_LOSS and quotes the line and the field. `line` is borrowed.
class TargetWords {
 public:
  // Of a secret line, which may hold a key, messages show nothing but the names of fields.
  enum class Shown { kPlain, kSecret };
  // `what` names the line in messages: "thin-pool status".
  TargetWords(absl::string_view what, absl::string_view line, Shown shown = Shown::kPlain);

  bool AtEnd() const { return next_ == words_.size(); }
  // How many words are left.
  size_t left() const { return words_.size() - next_; }
  // The next word, without taking it; empty at the end.
  absl::string_view Peek() const { return AtEnd() ? absl::string_view() : words_[next_]; }
  // Takes the next word when it is `word`.
  bool TakeIf(absl::string_view word);

  // Each of these takes one word. `field` is its name, for messages.
  absl::StatusOr<absl::string_view> Word(absl::string_view field);
  absl::StatusOr<uint64_t> Number(absl::string_view field);
  absl::StatusOr<uint32_t> Number32(absl::string_view field);
  absl::StatusOr<sys::Sectors> SectorCount(absl::string_view field);
  // Nothing for "-".
  absl::StatusOr<std::optional<uint64_t>> NumberOrDash(absl::string_view field);
  // "<used>/<total>". More used than there are in total is refused too.
  struct Usage {
    uint64_t used = 0;
    uint64_t total = 0;
  };
  absl::StatusOr<Usage> UsedOfTotal(absl::string_view field);
  // The same for a pair whose first number the kernel does not keep below the second.
  absl::StatusOr<Usage> Ratio(absl::string_view field);
  absl::StatusOr<sys::DeviceNumber> Device(absl::string_view field);
  // Nothing for "-".
  absl::StatusOr<std::optional<sys::DeviceNumber>> DeviceOrDash(absl::string_view field);
  // True for `yes`, false for `no`.
  absl::StatusOr<bool> OneOfTwo(absl::string_view field, absl::string_view yes,
                                absl::string_view no);
  // So many characters, each one of those in `letters`.
  absl::StatusOr<absl::string_view> Letters(absl::string_view field, absl::string_view letters,
                                            size_t count);

  // Takes the words that are left, as they stand in the line; empty at the end.
  absl::StatusOr<std::string> Tail();
  // Takes a number. An error when it is not that of the words behind it.
  absl::Status ExpectCountOfRest(absl::string_view field);
  // An error when words are left.
  absl::Status ExpectEnd() const;
  // An error when `checked`, which judges what the words say, is one.
  absl::Status ExpectOk(const absl::Status& checked) const;

  // The error for a `field` that reads `found`.
  absl::Status NotUnderstood(absl::string_view field, absl::string_view found) const;

 private:
  // The beginning of each message.
  std::string Quoted() const;

  absl::string_view what_;
  absl::string_view line_;
  Shown shown_;
  std::vector<absl::string_view> words_;
  size_t next_ = 0;
};

// INVALID_ARGUMENT: arguments that the constructor of a target of `type` would refuse, and why.
absl::Status RefusedArguments(absl::string_view type, absl::string_view why);

bool IsPowerOfTwo(uint64_t number);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_TARGET_WORDS_H_
