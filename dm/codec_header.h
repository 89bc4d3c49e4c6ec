// SPDX-License-Identifier: Apache-2.0
// The 312-byte header that starts every request and every reply, and what surrounds it: how a
// device is addressed, how a device number is packed, and which bytes of a buffer may be believed.
// Pure.

#ifndef DMKIT_DM_CODEC_HEADER_H_
#define DMKIT_DM_CODEC_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/commands.h"
#include "dm/types.h"
#include "sys/bytes.h"
#include "sys/device_number.h"

namespace dmkit::dm {

// The fields of struct dm_ioctl as they lie in the buffer.
struct HeaderFields {
  Version version;
  uint32_t data_size = 0;
  uint32_t data_start = 0;
  uint32_t target_count = 0;
  int32_t open_count = 0;
  uint32_t flags = 0;
  uint32_t event_nr = 0;
  uint64_t device = 0;  // packed, see PackDevice
  std::string name;     // without its terminator; at most 127 bytes
  std::string uuid;     // at most 128 bytes
};

// The 312 bytes; every one that no field fills is zero. The names must fit.
std::string EncodeHeader(const HeaderFields& fields);

// The first 305 bytes of `bytes`. DATA_LOSS when there are fewer or a name has no terminator.
absl::StatusOr<HeaderFields> DecodeHeader(absl::string_view bytes);

// A device number as the kernel packs it into 64 bits (kdev_t.h, huge_encode_dev(), v6.1).
// INVALID_ARGUMENT for a major over 4095 or a minor over 1048575, which the kernel does not have.
absl::StatusOr<uint64_t> PackDevice(sys::DeviceNumber device);
// The upper 32 bits mean nothing (huge_decode_dev(), v6.1).
sys::DeviceNumber UnpackDevice(uint64_t packed);

// Writes `key` into the one field that it needs: a command that is given two is refused or finds
// nothing (dm-ioctl.c, __find_device_hash_cell(), v6.1). INVALID_ARGUMENT for a device number that
// cannot be packed, and for 0:0, which means "not given".
absl::Status PutKey(const DeviceKey& key, HeaderFields& header);
// The one key in `header`. DATA_LOSS when there is none, or more than one.
absl::StatusOr<DeviceKey> TakeKey(const HeaderFields& header);

// A request as the kernel reads it: the header, and as many bytes as the command may look at.
class RawRequest {
 public:
  // DATA_LOSS when the buffer is shorter than the command's form needs or than data_size says.
  static absl::StatusOr<RawRequest> Parse(Command command, absl::string_view buffer);

  Command command() const { return command_; }
  // For VERSION only the version is read; the rest is zero.
  const HeaderFields& header() const { return header_; }
  // Exactly the bytes that the kernel reads. Offsets count from the start of the header.
  const sys::ByteReader& bytes() const { return bytes_; }

 private:
  RawRequest(Command command, HeaderFields header, absl::string_view bytes)
      : command_(command), header_(std::move(header)), bytes_(bytes) {}
  Command command_;
  HeaderFields header_;
  sys::ByteReader bytes_;
};

// A reply as the kernel wrote it. What lies behind data_size is the caller's own request and is not
// kept. Borrows the buffer.
class RawReply {
 public:
  // DATA_LOSS when the buffer is too short for the command's form, or data_size is not inside it.
  static absl::StatusOr<RawReply> Parse(Command command, absl::string_view buffer);

  Command command() const { return command_; }
  // For the commands that copy no header back only the version is set.
  const HeaderFields& header() const { return header_; }
  // Whether the kernel says that the result did not fit. Then there is no payload to decode.
  bool buffer_full() const;
  // Exactly the bytes that the kernel wrote. Offsets count from the start of the header.
  const sys::ByteReader& bytes() const { return bytes_; }
  // Whether the kernel wrote anything behind data_start: commands with nothing to tell do not.
  bool has_payload() const;

 private:
  RawReply(Command command, HeaderFields header, absl::string_view bytes)
      : command_(command), header_(std::move(header)), bytes_(bytes) {}
  Command command_;
  HeaderFields header_;
  sys::ByteReader bytes_;
};

// OK when `reply` has a payload that may be read, or is empty without being cut: RESOURCE_EXHAUSTED
// (no errno) when it did not fit, DATA_LOSS when its data_start lies inside the header.
absl::Status CheckPayload(const RawReply& reply);

// The state of the device in a reply header. What the command does not tell is left at its default:
// after REMOVE there are name, uuid, `exists` (false unless the removal was deferred), whether
// there was an inactive table, and the two flags of removal; after RENAME name and uuid are empty
// (the kernel would return the old ones) and has_inactive_table is false.
DeviceInfo DecodeDeviceInfo(const RawReply& reply);

// The other side, for tests: the reply header that says `info`. `request` is the header of the
// request: the kernel leaves in place what it has nothing to say about.
HeaderFields EncodeDeviceInfo(Command command, const DeviceInfo& info, const HeaderFields& request);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_HEADER_H_
