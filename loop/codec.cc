// SPDX-License-Identifier: Apache-2.0
// The layout is the kernel header's; what is written here are the bounds.

#include "loop/codec.h"

#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "loop/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::loop {
namespace {

static_assert(kConfigureBytes == sizeof(loop_config));
static_assert(kStatusBytes == sizeof(loop_info64));
static_assert(kFlagReadOnly == LO_FLAGS_READ_ONLY);
static_assert(kFlagAutoclear == LO_FLAGS_AUTOCLEAR);
static_assert(kFlagPartScan == LO_FLAGS_PARTSCAN);
static_assert(kFlagDirectIo == LO_FLAGS_DIRECT_IO);

constexpr uint32_t kKnownFlags = kFlagReadOnly | kFlagAutoclear | kFlagPartScan | kFlagDirectIo;
// The kernel's loff_t is signed.
constexpr uint64_t kOffsetMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

// What is wrong with `request`; empty when nothing is.
std::string Fault(const SetStatusRequest& request) {
  if (request.offset.count() > kOffsetMax) {
    return absl::StrCat("offset ", request.offset.count(), " is above 2^63-1 bytes");
  }
  if (request.size_limit.count() > kOffsetMax) {
    return absl::StrCat("size limit ", request.size_limit.count(), " is above 2^63-1 bytes");
  }
  if ((request.flags & ~kKnownFlags) != 0) {
    return absl::StrCat("flags ", FormatFlags(request.flags), " are not all known");
  }
  if (request.file_name.size() > kFileNameMax) {
    return absl::StrCat("file name of ", request.file_name.size(), " bytes is over ", kFileNameMax);
  }
  if (request.file_name.find('\0') != std::string::npos) return "file name contains a NUL";
  return "";
}

std::string Fault(const ConfigureRequest& request) {
  if (request.fd < 0) return absl::StrCat("descriptor ", request.fd, " is negative");
  const uint32_t size = request.block_size;
  if (size != 0 && (size < 512 || size > 4096 || (size & (size - 1)) != 0)) {
    return absl::StrCat("block size ", size, " is not a power of two in 512..4096");
  }
  return Fault(request.status);
}

loop_info64 ToKernel(const SetStatusRequest& request) {
  loop_info64 info = {};
  info.lo_offset = request.offset.count();
  info.lo_sizelimit = request.size_limit.count();
  info.lo_flags = request.flags;
  std::memcpy(info.lo_file_name, request.file_name.data(), request.file_name.size());
  return info;
}

template <typename T>
std::string ToBytes(const T& value) {
  sys::ByteWriter writer;
  writer.Append(value);
  return writer.Take();
}

// The T that `bytes` consist of, and nothing else.
template <typename T>
absl::StatusOr<T> Whole(absl::string_view bytes, absl::string_view what) {
  if (bytes.size() != sizeof(T)) {
    return absl::DataLossError(
        absl::StrCat(what, ": ", bytes.size(), " bytes instead of ", sizeof(T)));
  }
  return sys::ByteReader(bytes).At<T>(0, what);
}

// lo_file_name of the loop_info64 that begins at `start`.
absl::StatusOr<std::string> FileName(absl::string_view bytes, size_t start,
                                     absl::string_view what) {
  const size_t begin = start + offsetof(loop_info64, lo_file_name);
  DMKIT_ASSIGN_OR_RETURN(absl::string_view name,
                         sys::ByteReader(bytes).CString(begin, begin + LO_NAME_SIZE,
                                                        absl::StrCat(what, " file name")));
  return std::string(name);
}

SetStatusRequest FromKernel(const loop_info64& info, std::string file_name) {
  SetStatusRequest request;
  request.offset = sys::Bytes(info.lo_offset);
  request.size_limit = sys::Bytes(info.lo_sizelimit);
  request.flags = info.lo_flags;
  request.file_name = std::move(file_name);
  return request;
}

// The kernel's huge_encode_dev(): 12 bits of major between the two parts of a 20-bit minor.
absl::StatusOr<sys::DeviceNumber> DecodeDevice(uint64_t value, absl::string_view what) {
  if (value > std::numeric_limits<uint32_t>::max()) {
    return absl::DataLossError(absl::StrCat("loop status: ", what, " ", value, " is over 32 bits"));
  }
  const uint32_t device = static_cast<uint32_t>(value);
  return sys::DeviceNumber{(device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)};
}

}  // namespace

absl::StatusOr<std::string> EncodeConfigure(const ConfigureRequest& request) {
  if (std::string fault = Fault(request); !fault.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("LOOP_CONFIGURE: ", fault));
  }
  loop_config config = {};
  config.fd = static_cast<uint32_t>(request.fd);
  config.block_size = request.block_size;
  config.info = ToKernel(request.status);
  return ToBytes(config);
}

absl::StatusOr<std::string> EncodeSetStatus(const SetStatusRequest& request) {
  if (std::string fault = Fault(request); !fault.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("LOOP_SET_STATUS64: ", fault));
  }
  return ToBytes(ToKernel(request));
}

absl::StatusOr<ConfigureRequest> DecodeConfigure(absl::string_view bytes) {
  DMKIT_ASSIGN_OR_RETURN(loop_config config, Whole<loop_config>(bytes, "LOOP_CONFIGURE"));
  DMKIT_ASSIGN_OR_RETURN(std::string name,
                         FileName(bytes, offsetof(loop_config, info), "LOOP_CONFIGURE"));
  ConfigureRequest request;
  request.fd = static_cast<int>(config.fd);
  request.block_size = config.block_size;
  request.status = FromKernel(config.info, std::move(name));
  if (std::string fault = Fault(request); !fault.empty()) {
    return absl::DataLossError(absl::StrCat("LOOP_CONFIGURE: ", fault));
  }
  return request;
}

absl::StatusOr<SetStatusRequest> DecodeSetStatus(absl::string_view bytes) {
  DMKIT_ASSIGN_OR_RETURN(loop_info64 info, Whole<loop_info64>(bytes, "LOOP_SET_STATUS64"));
  DMKIT_ASSIGN_OR_RETURN(std::string name, FileName(bytes, 0, "LOOP_SET_STATUS64"));
  SetStatusRequest request = FromKernel(info, std::move(name));
  if (std::string fault = Fault(request); !fault.empty()) {
    return absl::DataLossError(absl::StrCat("LOOP_SET_STATUS64: ", fault));
  }
  return request;
}

absl::StatusOr<StatusReply> DecodeStatus(absl::string_view bytes) {
  DMKIT_ASSIGN_OR_RETURN(loop_info64 info, Whole<loop_info64>(bytes, "loop status"));
  StatusReply reply;
  DMKIT_ASSIGN_OR_RETURN(reply.file_name, FileName(bytes, 0, "loop status"));
  DMKIT_ASSIGN_OR_RETURN(reply.device, DecodeDevice(info.lo_device, "device"));
  DMKIT_ASSIGN_OR_RETURN(reply.rdevice, DecodeDevice(info.lo_rdevice, "rdevice"));
  if (info.lo_number > kNumberMax) {
    return absl::DataLossError(
        absl::StrCat("loop status: number ", info.lo_number, " is over 20 bits"));
  }
  if (info.lo_offset > kOffsetMax || info.lo_sizelimit > kOffsetMax) {
    return absl::DataLossError(absl::StrCat("loop status: offset ", info.lo_offset,
                                            " or size limit ", info.lo_sizelimit,
                                            " is above 2^63-1 bytes"));
  }
  reply.number = info.lo_number;
  reply.inode = info.lo_inode;
  reply.offset = sys::Bytes(info.lo_offset);
  reply.size_limit = sys::Bytes(info.lo_sizelimit);
  reply.flags = info.lo_flags;
  return reply;
}

std::string CutFileName(absl::string_view path) {
  return std::string(path.substr(0, kFileNameMax));
}

std::string FormatFlags(uint32_t flags) {
  std::vector<std::string> words;
  if ((flags & kFlagReadOnly) != 0) words.push_back("READ_ONLY");
  if ((flags & kFlagAutoclear) != 0) words.push_back("AUTOCLEAR");
  if ((flags & kFlagPartScan) != 0) words.push_back("PARTSCAN");
  if ((flags & kFlagDirectIo) != 0) words.push_back("DIRECT_IO");
  if ((flags & ~kKnownFlags) != 0) {
    words.push_back(absl::StrCat("0x", absl::Hex(flags & ~kKnownFlags)));
  }
  return words.empty() ? "0" : absl::StrJoin(words, "|");
}

std::string DebugString(const SetStatusRequest& request) {
  return absl::StrCat("offset=", request.offset.count(), " sizelimit=", request.size_limit.count(),
                      " flags=", FormatFlags(request.flags), " file=\"",
                      sys::Printable(request.file_name), "\"");
}

std::string DebugString(const ConfigureRequest& request) {
  return absl::StrCat("fd=", request.fd, " block_size=", request.block_size, " ",
                      DebugString(request.status));
}

std::string DebugString(const StatusReply& reply) {
  return absl::StrCat("number=", reply.number, " device=", sys::FormatDeviceNumber(reply.device),
                      " inode=", reply.inode, " rdevice=", sys::FormatDeviceNumber(reply.rdevice),
                      " offset=", reply.offset.count(), " sizelimit=", reply.size_limit.count(),
                      " flags=", FormatFlags(reply.flags), " file=\"",
                      sys::Printable(reply.file_name), "\"");
}

}  // namespace dmkit::loop
