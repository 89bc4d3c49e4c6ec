// SPDX-License-Identifier: Apache-2.0
// Writes and reads numbers and texts of the model's filesystems. Only for disk_format.

#ifndef DMKIT_TESTING_MODEL_FILES_DISK_BYTES_H_
#define DMKIT_TESTING_MODEL_FILES_DISK_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace dmkit::model {

class DiskWriter {
 public:
  void Number(uint64_t value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Text(absl::string_view text) {
    Number(text.size());
    Raw(text);
  }
  void Raw(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// What is not there reads as 0 and "", and makes it bad.
class DiskReader {
 public:
  explicit DiskReader(absl::string_view bytes) : bytes_(bytes) {}

  uint64_t Number() {
    uint64_t value = 0;
    const absl::string_view raw = Raw(sizeof(value));
    if (!raw.empty()) std::memcpy(&value, raw.data(), sizeof(value));
    return value;
  }
  std::string Text() {
    const uint64_t size = Number();
    return std::string(Raw(size));
  }
  bool is_good() const { return is_good_; }
  bool is_at_end() const { return bytes_.empty(); }

 private:
  absl::string_view Raw(uint64_t size) {
    if (!is_good_ || size > bytes_.size()) {
      is_good_ = false;
      return {};
    }
    const absl::string_view raw = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return raw;
  }

  absl::string_view bytes_;
  bool is_good_ = true;
};

// FNV-1a.
inline uint64_t DiskChecksum(absl::string_view bytes) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return sum;
}

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_DISK_BYTES_H_
