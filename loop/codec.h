// SPDX-License-Identifier: Apache-2.0
// The bytes of the loop ioctls: struct loop_config and struct loop_info64, both ways. Pure: no
// descriptors, no calls, no clock.

#ifndef DMKIT_LOOP_CODEC_H_
#define DMKIT_LOOP_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::loop {

inline constexpr size_t kConfigureBytes = 304;
inline constexpr size_t kStatusBytes = 232;

// LO_FLAGS_*. The kernel may add more; what it sends is kept.
inline constexpr uint32_t kFlagReadOnly = 1;
inline constexpr uint32_t kFlagAutoclear = 4;
inline constexpr uint32_t kFlagPartScan = 8;
inline constexpr uint32_t kFlagDirectIo = 16;

// What user space decides about a loop device: the argument of LOOP_SET_STATUS64.
struct SetStatusRequest {
  sys::Bytes offset;
  sys::Bytes size_limit;  // 0: to the end of the file
  uint32_t flags = 0;     // LOOP_SET_STATUS64 heeds AUTOCLEAR and PARTSCAN only
  std::string file_name;  // lo_file_name, at most 63 bytes
};

// The argument of LOOP_CONFIGURE.
struct ConfigureRequest {
  int fd = -1;              // of the backing file
  uint32_t block_size = 0;  // 0: the kernel's default
  SetStatusRequest status;
};

// What the kernel wrote for LOOP_GET_STATUS64.
struct StatusReply {
  uint32_t number = 0;
  sys::DeviceNumber device;  // the filesystem of the backing file
  uint64_t inode = 0;
  sys::DeviceNumber rdevice;  // of a backing block device; 0:0 for a regular file
  sys::Bytes offset;
  sys::Bytes size_limit;
  uint32_t flags = 0;  // unknown bits included
  std::string file_name;
};

// INVALID_ARGUMENT, never a shortened request: offset or size limit above 2^63-1, a file name over
// 63 bytes or with a NUL, flags other than the four above, a negative fd, a block size that is
// neither 0 nor a power of two in 512..4096. What is not asked for is zero. Mirrors
// drivers/block/loop.c, loop_configure() and loop_set_status_from_info(), v6.12.
absl::StatusOr<std::string> EncodeConfigure(const ConfigureRequest& request);
absl::StatusOr<std::string> EncodeSetStatus(const SetStatusRequest& request);

// DATA_LOSS: not exactly 304 bytes, or values that EncodeConfigure refuses. For the trace and for
// tests.
absl::StatusOr<ConfigureRequest> DecodeConfigure(absl::string_view bytes);
absl::StatusOr<SetStatusRequest> DecodeSetStatus(absl::string_view bytes);

// DATA_LOSS: not exactly 232 bytes; a file name without its NUL; a device number above 32 bits; a
// loop number above 20 bits; an offset or size limit above 2^63-1. Bytes behind the name's NUL are
// the attacher's and are not looked at; neither are the encryption fields, which kernels since 5.15
// leave 0.
absl::StatusOr<StatusReply> DecodeStatus(absl::string_view bytes);

// The longest prefix of `path` that fits lo_file_name.
std::string CutFileName(absl::string_view path);

// "READ_ONLY|AUTOCLEAR", unknown bits in hex, "0" for none.
std::string FormatFlags(uint32_t flags);

// One line of key=value, for people; the name is printable and quoted.
std::string DebugString(const SetStatusRequest& request);
std::string DebugString(const ConfigureRequest& request);
std::string DebugString(const StatusReply& reply);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_CODEC_H_
