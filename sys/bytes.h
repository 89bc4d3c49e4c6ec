// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading and writing of byte buffers. Checks are by subtraction, so no offset can
// wrap; values are copied, never cast in place.

#ifndef DMKIT_SYS_BYTES_H_
#define DMKIT_SYS_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"

namespace dmkit::sys {

// Reads from a borrowed buffer. Every failure is DATA_LOSS and names `what` and the offset.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view data) : data_(data) {}

  size_t size() const { return data_.size(); }

  // Copies a trivially copyable T from `offset`.
  template <typename T>
  absl::StatusOr<T> At(size_t offset, absl::string_view what) const {
    static_assert(std::is_trivially_copyable_v<T>, "T is copied as bytes");
    DMKIT_RETURN_IF_ERROR(Check(offset, sizeof(T), what));
    T value;
    std::memcpy(&value, data_.data() + offset, sizeof(T));
    return value;
  }

  // The `length` bytes at `offset`.
  absl::StatusOr<absl::string_view> Sub(size_t offset, size_t length, absl::string_view what) const;

  // The text at `offset` up to a NUL that must lie before `end` (and inside the buffer), without
  // the NUL.
  absl::StatusOr<absl::string_view> CString(size_t offset, size_t end,
                                            absl::string_view what) const;

 private:
  absl::Status Check(size_t offset, size_t length, absl::string_view what) const;

  absl::string_view data_;
};

// Grows a zero-filled buffer. Gaps and padding are always zero.
class ByteWriter {
 public:
  size_t size() const { return data_.size(); }
  const std::string& data() const { return data_; }
  std::string Take() { return std::move(data_); }

  // Makes room for `size` bytes in all: up to there the buffer stays where it is and leaves no
  // copies behind.
  void Reserve(size_t size) { data_.reserve(size); }

  // Makes the buffer at least `size` bytes long.
  void PadTo(size_t size) {
    if (data_.size() < size) data_.resize(size, '\0');
  }
  // Pads to a multiple of `alignment`, a power of two.
  void AlignTo(size_t alignment) { PadTo((data_.size() + alignment - 1) & ~(alignment - 1)); }

  template <typename T>
  void Append(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "T is copied as bytes");
    data_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void AppendBytes(absl::string_view bytes) { data_.append(bytes.data(), bytes.size()); }
  // `text` and a NUL. `text` must hold no NUL.
  void AppendCString(absl::string_view text) {
    DMKIT_CHECK(text.find('\0') == absl::string_view::npos);
    AppendBytes(text);
    data_.push_back('\0');
  }
  // Overwrites bytes that are there already.
  template <typename T>
  void PutAt(size_t offset, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "T is copied as bytes");
    DMKIT_CHECK(offset <= data_.size() && data_.size() - offset >= sizeof(T));
    std::memcpy(&data_[offset], &value, sizeof(T));
  }

 private:
  std::string data_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_BYTES_H_
