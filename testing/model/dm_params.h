// SPDX-License-Identifier: Apache-2.0
// The kernel's copy of an ioctl's parameters: struct dm_ioctl by offsets, and the payload behind
// it. Bytes only; what a command makes of them is in dm_commands.h.

#ifndef DMKIT_TESTING_MODEL_DM_PARAMS_H_
#define DMKIT_TESTING_MODEL_DM_PARAMS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/strings/string_view.h"

namespace dmkit::model {

// Offsets in struct dm_ioctl.
inline constexpr size_t kVersionAt = 0;
inline constexpr size_t kDataSizeAt = 12;
inline constexpr size_t kDataStartAt = 16;
inline constexpr size_t kTargetCountAt = 20;
inline constexpr size_t kOpenCountAt = 24;
inline constexpr size_t kFlagsAt = 28;
inline constexpr size_t kEventAt = 32;
inline constexpr size_t kDeviceAt = 40;
inline constexpr size_t kNameAt = 48;
inline constexpr size_t kUuidAt = 176;
inline constexpr size_t kDataAt = 305;       // the end of what every command reads and writes
inline constexpr size_t kStructBytes = 312;  // where results start
inline constexpr size_t kVersionBytes = 12;
inline constexpr size_t kNameBytes = 128;
inline constexpr size_t kUuidBytes = 129;

enum DmFlag : uint32_t {
  kReadOnlyFlag = 1u << 0,
  kSuspendFlag = 1u << 1,
  kPersistentDevFlag = 1u << 3,
  kStatusTableFlag = 1u << 4,
  kActivePresentFlag = 1u << 5,
  kInactivePresentFlag = 1u << 6,
  kBufferFullFlag = 1u << 8,
  kSkipLockFsFlag = 1u << 10,
  kNoFlushFlag = 1u << 11,
  kQueryInactiveFlag = 1u << 12,
  kUeventGeneratedFlag = 1u << 13,
  kUuidFlag = 1u << 14,
  kSecureDataFlag = 1u << 15,
  kDataOutFlag = 1u << 16,
  kDeferredRemoveFlag = 1u << 17,
  kInternalSuspendFlag = 1u << 18,
  kImaMeasurementFlag = 1u << 19,
};

inline size_t Align8(size_t size) { return (size + 7) & ~size_t{7}; }

// A view of the copy. Does not own it.
class DmParams {
 public:
  // `size` bytes at `bytes`, at least kDataAt of them.
  DmParams(char* bytes, size_t size) : bytes_(bytes), size_(size) {}

  char* bytes() const { return bytes_; }
  // What the caller said that its buffer has; the data_size field is about the reply.
  size_t size() const { return size_; }

  uint32_t U32(size_t at) const {
    uint32_t value;
    std::memcpy(&value, bytes_ + at, sizeof(value));
    return value;
  }
  uint64_t U64(size_t at) const {
    uint64_t value;
    std::memcpy(&value, bytes_ + at, sizeof(value));
    return value;
  }
  void Put32(size_t at, uint32_t value) { std::memcpy(bytes_ + at, &value, sizeof(value)); }
  void Put64(size_t at, uint64_t value) { std::memcpy(bytes_ + at, &value, sizeof(value)); }

  bool Has(uint32_t flag) const { return (U32(kFlagsAt) & flag) != 0; }
  void Set(uint32_t flags) { Put32(kFlagsAt, U32(kFlagsAt) | flags); }
  void Clear(uint32_t flags) { Put32(kFlagsAt, U32(kFlagsAt) & ~flags); }
  void Assign(uint32_t flag, bool value) { value ? Set(flag) : Clear(flag); }

  uint32_t data_start() const { return U32(kDataStartAt); }
  void SetDataSize(size_t size) { Put32(kDataSizeAt, static_cast<uint32_t>(size)); }

  // The text of a field up to its NUL or the field's end.
  absl::string_view name() const { return Field(kNameAt, kNameBytes); }
  absl::string_view uuid() const { return Field(kUuidAt, kUuidBytes); }
  // Writes the text and a NUL; what stood behind that stays. `text` fits.
  void PutText(size_t at, absl::string_view text) {
    if (!text.empty()) std::memcpy(bytes_ + at, text.data(), text.size());
    bytes_[at + text.size()] = '\0';
  }

  // The text at `at`, if it starts inside the buffer and ends in it too.
  std::optional<absl::string_view> TextAt(size_t at) const {
    if (at >= size_) return std::nullopt;
    const void* const end = std::memchr(bytes_ + at, '\0', size_ - at);
    if (end == nullptr) return std::nullopt;
    return absl::string_view(bytes_ + at,
                             static_cast<size_t>(static_cast<const char*>(end) - bytes_) - at);
  }

  // get_result_buffer(): where results go and how much room is there. Writes data_start.
  size_t StartResult(size_t* room) {
    const size_t start = size_ > kStructBytes ? kStructBytes : size_;
    Put32(kDataStartAt, static_cast<uint32_t>(start));
    *room = size_ - start;
    return start;
  }

 private:
  absl::string_view Field(size_t at, size_t size) const {
    return absl::string_view(bytes_ + at, strnlen(bytes_ + at, size));
  }

  char* const bytes_;
  const size_t size_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_PARAMS_H_
