// SPDX-License-Identifier: Apache-2.0
// Overwriting memory in a way that no optimiser takes away.

#include "sys/secret.h"

#include <string.h>

namespace dmkit::sys {

void Wipe(std::string& text) {
  // The room behind the end may hold what was there before the text was shortened.
  text.resize(text.capacity());
  explicit_bzero(&text[0], text.size());
  text.clear();
}

Secret::Secret(Secret&& other) noexcept : text_(other.text_) {
  // A short text lies in the object itself and would stay behind.
  Wipe(other.text_);
}

Secret& Secret::operator=(Secret other) noexcept {
  Wipe(text_);
  text_.swap(other.text_);
  return *this;
}

Secret::~Secret() { Wipe(text_); }

bool operator==(const Secret& a, const Secret& b) {
  if (a.text_.size() != b.text_.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < a.text_.size(); ++i) difference |= a.text_[i] ^ b.text_[i];
  return difference == 0;
}

}  // namespace dmkit::sys
