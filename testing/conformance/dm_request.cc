// SPDX-License-Identifier: Apache-2.0
// Requests by offsets of struct dm_ioctl.

#include "testing/conformance/dm_request.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dmkit::conformance {
namespace {

constexpr size_t kNameAt = offsetof(dm_ioctl, name);
constexpr size_t kUuidAt = offsetof(dm_ioctl, uuid);

struct Field {
  const char* name;
  size_t begin;
  size_t end;
  bool by_bytes;
};

constexpr Field kFields[] = {
    {"version", 0, 12, false},
    {"data_size", 12, 16, false},
    {"data_start", 16, 20, false},
    {"target_count", 20, 24, false},
    {"open_count", 24, 28, false},
    {"flags", 28, 32, false},
    {"event_nr", 32, 36, false},
    {"padding", 36, 40, false},
    {"dev", 40, 48, false},
    {"name", kNameAt, kUuidAt, true},
    {"uuid", kUuidAt, kHeaderSize, true},
    {"data", kHeaderSize, kResultAt, true},
    {"payload", kResultAt, static_cast<size_t>(-1), true},
};

// The ranges of bytes of `field` that differ, as words.
std::string Ranges(const Field& field, absl::string_view before, absl::string_view after) {
  std::vector<std::string> ranges;
  const size_t end = std::min(field.end, after.size());
  for (size_t at = field.begin; at < end; ++at) {
    if (before[at] == after[at]) continue;
    const size_t first = at;
    while (at < end && before[at] != after[at]) ++at;
    ranges.push_back(
        absl::StrCat(field.name, "[", first - field.begin, "-", at - 1 - field.begin, "]"));
  }
  return absl::StrJoin(ranges, " ");
}

}  // namespace

uint64_t EncodeDevice(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (uint64_t{major} << 8) | (uint64_t{minor & ~0xffu} << 12);
}

sys::DeviceNumber DecodeDevice(uint64_t device) {
  return {static_cast<uint32_t>((device >> 8) & 0xfff),
          static_cast<uint32_t>((device & 0xff) | ((device >> 12) & 0xfff00))};
}

DmRequest::DmRequest(size_t size) : bytes_(size, '\0') {
  bytes_.resize(std::max(size, kResultAt), '\0');
  Version(4, 0, 0).DataSize(static_cast<uint32_t>(size));
  DataStart(static_cast<uint32_t>(kResultAt));
  bytes_.resize(size);
}

uint32_t DmRequest::U32(size_t at) const {
  uint32_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof(value));
  return value;
}

uint64_t DmRequest::U64(size_t at) const {
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof(value));
  return value;
}

DmRequest& DmRequest::Put32(size_t at, uint32_t value) {
  std::memcpy(&bytes_[at], &value, sizeof(value));
  return *this;
}

DmRequest& DmRequest::Put64(size_t at, uint64_t value) {
  std::memcpy(&bytes_[at], &value, sizeof(value));
  return *this;
}

std::string DmRequest::TextAt(size_t at) const { return std::string(bytes_.c_str() + at); }

DmRequest& DmRequest::Version(uint32_t major, uint32_t minor, uint32_t patch) {
  return Put32(0, major).Put32(4, minor).Put32(8, patch);
}

DmRequest& DmRequest::DataSize(uint32_t size) { return Put32(offsetof(dm_ioctl, data_size), size); }

DmRequest& DmRequest::DataStart(uint32_t start) {
  return Put32(offsetof(dm_ioctl, data_start), start);
}

DmRequest& DmRequest::TargetCount(uint32_t count) {
  return Put32(offsetof(dm_ioctl, target_count), count);
}

DmRequest& DmRequest::OpenCount(uint32_t count) {
  return Put32(offsetof(dm_ioctl, open_count), count);
}

DmRequest& DmRequest::Flags(uint32_t flags) { return Put32(offsetof(dm_ioctl, flags), flags); }

DmRequest& DmRequest::Event(uint32_t event) { return Put32(offsetof(dm_ioctl, event_nr), event); }

DmRequest& DmRequest::Device(uint64_t device) { return Put64(offsetof(dm_ioctl, dev), device); }

DmRequest& DmRequest::Name(absl::string_view name) {
  bytes_.replace(kNameAt, name.size(), name.data(), name.size());
  return *this;
}

DmRequest& DmRequest::Uuid(absl::string_view uuid) {
  bytes_.replace(kUuidAt, uuid.size(), uuid.data(), uuid.size());
  return *this;
}

DmRequest& DmRequest::At(size_t offset) {
  end_ = offset;
  return *this;
}

DmRequest& DmRequest::Raw(absl::string_view bytes) {
  if (bytes_.size() < end_ + bytes.size()) {
    bytes_.resize(end_ + bytes.size(), '\0');
    DataSize(static_cast<uint32_t>(bytes_.size()));
  }
  bytes_.replace(end_, bytes.size(), bytes.data(), bytes.size());
  end_ += bytes.size();
  return *this;
}

DmRequest& DmRequest::Text(absl::string_view text) {
  return Raw(absl::StrCat(text, absl::string_view("\0", 1)));
}

DmRequest& DmRequest::Message(uint64_t sector, absl::string_view text) {
  std::string bytes(sizeof(sector), '\0');
  std::memcpy(&bytes[0], &sector, sizeof(sector));
  return Raw(bytes).Text(text);
}

DmRequest& DmRequest::Target(uint64_t start, uint64_t length, absl::string_view type,
                             absl::string_view params) {
  dm_target_spec spec = {};
  spec.sector_start = start;
  spec.length = length;
  spec.next = static_cast<uint32_t>(Align8(kSpecBytes + params.size() + 1));
  std::memcpy(spec.target_type, type.data(), std::min(type.size(), sizeof(spec.target_type)));
  std::string bytes(spec.next, '\0');
  std::memcpy(&bytes[0], &spec, sizeof(spec));
  bytes.replace(kSpecBytes, params.size(), params.data(), params.size());
  return Raw(bytes).TargetCount(target_count() + 1);
}

DmRequest& DmRequest::Poison() {
  if (end_ == kResultAt) TargetCount(kPoison32);
  OpenCount(kPoison32).Put32(offsetof(dm_ioctl, padding), kPoison32);
  const auto fill = [this](size_t begin, size_t end) {
    if (begin < end) bytes_.replace(begin, end - begin, end - begin, kPoison);
  };
  fill(kNameAt + name().size() + 1, kUuidAt);
  fill(kUuidAt + uuid().size() + 1, kHeaderSize);
  fill(kHeaderSize, std::min(kResultAt, bytes_.size()));
  fill(std::max(end_, kResultAt), bytes_.size());
  return *this;
}

std::vector<std::string> DmRequest::Names() const {
  std::vector<std::string> names;
  if (data_size() <= kResultAt) return names;
  for (size_t at = kResultAt;;) {
    names.push_back(TextAt(at + offsetof(dm_name_list, name)));
    const uint32_t next = U32(at + offsetof(dm_name_list, next));
    if (next == 0) return names;
    at += next;
  }
}

std::vector<std::string> DmRequest::Targets() const {
  std::vector<std::string> lines;
  if (data_size() <= kResultAt) return lines;
  size_t at = kResultAt;
  for (uint32_t i = 0; i < target_count(); ++i) {
    // Only whole ones, when the reply was cut.
    if (at + kSpecBytes >= data_size()) break;
    dm_target_spec spec;
    std::memcpy(&spec, bytes_.data() + at, sizeof(spec));
    const std::string type(spec.target_type, strnlen(spec.target_type, sizeof(spec.target_type)));
    lines.push_back(
        absl::StrCat(spec.sector_start, " ", spec.length, " ", type, " ", TextAt(at + kSpecBytes)));
    at = kResultAt + spec.next;
  }
  return lines;
}

std::string DmRequest::Written() const {
  std::vector<std::string> words;
  for (const Field& field : kFields) {
    const std::string ranges = Ranges(field, sent_, bytes_);
    if (ranges.empty()) continue;
    words.push_back(field.by_bytes ? ranges : field.name);
  }
  return absl::StrJoin(words, " ");
}

}  // namespace dmkit::conformance
