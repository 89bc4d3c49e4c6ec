// SPDX-License-Identifier: Apache-2.0
// Text that must not stay in memory, such as a key. No cipher, no source of keys.

#ifndef DMKIT_SYS_SECRET_H_
#define DMKIT_SYS_SECRET_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::sys {

// Overwrites all that `text` has room for, and makes it empty. What it once held before it grew
// lies elsewhere and is not reached: text that is to be wiped gets its room in one piece.
void Wipe(std::string& text);

// Text that is overwritten when it is dropped. Nothing here prints it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(absl::string_view text) : text_(text) {}
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  bool empty() const { return text_.empty(); }
  // How many bytes it has.
  size_t size() const { return text_.size(); }
  // The text itself. Borrowed.
  absl::string_view Reveal() const { return text_; }

  // Takes as long for texts of one size that differ early as for those that differ late.
  friend bool operator==(const Secret& a, const Secret& b);
  friend bool operator!=(const Secret& a, const Secret& b) { return !(a == b); }

 private:
  std::string text_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_SECRET_H_
