// SPDX-License-Identifier: Apache-2.0
// A device-mapper request as bytes, and after the call the reply in its place. Built from the
// kernel's own header and not from dm/, whose codec must not be what proves itself.

#ifndef DMKIT_TESTING_CONFORMANCE_DM_REQUEST_H_
#define DMKIT_TESTING_CONFORMANCE_DM_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/uapi.h"
#include "sys/device_number.h"

namespace dmkit::conformance {

// Fills what a case wants to see written, or left alone. A byte that no reply is made of.
inline constexpr char kPoison = '\xa5';
inline constexpr uint32_t kPoison32 = 0xa5a5a5a5;
inline constexpr uint64_t kPoison64 = 0xa5a5a5a5a5a5a5a5;

// Where results start, when there is room for one.
inline constexpr size_t kResultAt = sizeof(dm_ioctl);
// What every command but VERSION reads and writes.
inline constexpr size_t kHeaderSize = offsetof(dm_ioctl, data);
inline constexpr size_t kSpecBytes = sizeof(dm_target_spec);

inline size_t Align8(size_t size) { return (size + 7) & ~size_t{7}; }
// huge_encode_dev() and its opposite.
uint64_t EncodeDevice(uint32_t major, uint32_t minor);
sys::DeviceNumber DecodeDevice(uint64_t device);

class DmRequest {
 public:
  // `size` bytes of memory, of which data_size tells. Zeros, but for the version and data_start.
  explicit DmRequest(size_t size = 1024);

  // ---- The header.
  DmRequest& Version(uint32_t major, uint32_t minor, uint32_t patch);
  DmRequest& DataSize(uint32_t size);
  DmRequest& DataStart(uint32_t start);
  DmRequest& TargetCount(uint32_t count);
  DmRequest& OpenCount(uint32_t count);
  DmRequest& Flags(uint32_t flags);
  DmRequest& Event(uint32_t event);  // also the cookie
  DmRequest& Device(uint64_t device);
  DmRequest& Name(absl::string_view name);
  DmRequest& Uuid(absl::string_view uuid);

  // ---- The payload. Each adds to what is there, and makes the memory larger when it has to.
  DmRequest& At(size_t offset);  // goes on there
  DmRequest& Raw(absl::string_view bytes);
  DmRequest& Text(absl::string_view text);  // with a NUL
  DmRequest& Message(uint64_t sector, absl::string_view text);
  // A target for TABLE_LOAD; `next` counts from its own start, to the next multiple of 8.
  DmRequest& Target(uint64_t start, uint64_t length, absl::string_view type,
                    absl::string_view params);

  // Poison into all that a reply could write and that says nothing in a request: the counts, the
  // padding, what is behind the NUL of name and uuid, the bytes behind the uuid and behind the
  // payload.
  DmRequest& Poison();

  // ---- Any bytes.
  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  uint32_t U32(size_t at) const;
  uint64_t U64(size_t at) const;
  DmRequest& Put32(size_t at, uint32_t value);
  DmRequest& Put64(size_t at, uint64_t value);
  std::string TextAt(size_t at) const;

  // ---- The reply.
  uint32_t version(size_t part) const { return U32(4 * part); }
  uint32_t data_size() const { return U32(offsetof(dm_ioctl, data_size)); }
  uint32_t data_start() const { return U32(offsetof(dm_ioctl, data_start)); }
  uint32_t target_count() const { return U32(offsetof(dm_ioctl, target_count)); }
  uint32_t open_count() const { return U32(offsetof(dm_ioctl, open_count)); }
  uint32_t flags() const { return U32(offsetof(dm_ioctl, flags)); }
  uint32_t event() const { return U32(offsetof(dm_ioctl, event_nr)); }
  uint64_t device() const { return U64(offsetof(dm_ioctl, dev)); }
  std::string name() const { return TextAt(offsetof(dm_ioctl, name)); }
  std::string uuid() const { return TextAt(offsetof(dm_ioctl, uuid)); }
  bool Has(uint32_t flags) const { return (this->flags() & flags) == flags; }
  bool is_full() const { return Has(DM_BUFFER_FULL_FLAG); }
  // The names of a list of devices.
  std::vector<std::string> Names() const;
  // "0 8 zero " for each target of a status or table.
  std::vector<std::string> Targets() const;

  // What the call has changed: the names of fields, of texts and of the bytes behind the header
  // with first and last byte: "version data_size flags uuid[0-3] payload[0-47]". A byte that was
  // written with what it had is not seen.
  std::string Written() const;

  // For DmControl: the bytes as they are now are those that were sent.
  void Sent() { sent_ = bytes_; }

 private:
  std::string bytes_;
  std::string sent_;
  size_t end_ = kResultAt;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_DM_REQUEST_H_
