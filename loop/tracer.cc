// SPDX-License-Identifier: Apache-2.0
// A name, the request, and the reply of each ioctl. Asks the codec; knows no layout itself.

#include "loop/tracer.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "loop/codec.h"
#include "loop/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::loop {
namespace {

// Enough to see what a structure begins with.
constexpr size_t kHexBytesMax = 64;

std::string Undecodable(absl::string_view bytes) {
  return absl::StrCat("undecodable ", bytes.size(), " bytes ",
                      absl::BytesToHexString(bytes.substr(0, kHexBytesMax)),
                      bytes.size() > kHexBytesMax ? "..." : "");
}

template <typename T>
std::string Show(const absl::StatusOr<T>& decoded, absl::string_view bytes) {
  return decoded.ok() ? DebugString(*decoded) : Undecodable(bytes);
}

std::string ShowNumber(absl::string_view bytes) {
  const absl::StatusOr<int32_t> number = sys::ByteReader(bytes).At<int32_t>(0, "number");
  return number.ok() ? absl::StrCat(*number) : Undecodable(bytes);
}

std::string Request(const TracedCall& call) {
  switch (call.request) {
    case LOOP_CONFIGURE:
      return Show(DecodeConfigure(call.sent), call.sent);
    case LOOP_SET_STATUS64:
      return Show(DecodeSetStatus(call.sent), call.sent);
    case LOOP_SET_FD:
      return absl::StrCat("fd=", call.value);
    case LOOP_SET_DIRECT_IO:
    case LOOP_SET_BLOCK_SIZE:
    case LOOP_CTL_ADD:
      return absl::StrCat(call.value);
    case LOOP_CLR_FD:
    case LOOP_GET_STATUS64:
    case LOOP_SET_CAPACITY:
    case LOOP_CTL_GET_FREE:
    case BLKSSZGET:
      return "";
    default:
      return call.sent.empty() ? absl::StrCat(call.value) : Undecodable(call.sent);
  }
}

std::string Reply(const TracedCall& call, int result) {
  switch (call.request) {
    case LOOP_GET_STATUS64:
      return Show(DecodeStatus(call.received), call.received);
    case BLKSSZGET:
      return ShowNumber(call.received);
    case LOOP_CTL_GET_FREE:
    case LOOP_CTL_ADD:
      return absl::StrCat(result);
    default:
      return result == 0 ? "OK" : absl::StrCat(result);
  }
}

std::string Failure(const absl::Status& status) {
  const int error = sys::GetErrno(status);
  return error != 0 ? sys::ErrnoName(error) : sys::Printable(status.ToString());
}

}  // namespace

std::string IoctlName(unsigned long request) {
  switch (request) {
    case LOOP_SET_FD:
      return "LOOP_SET_FD";
    case LOOP_CLR_FD:
      return "LOOP_CLR_FD";
    case LOOP_SET_STATUS64:
      return "LOOP_SET_STATUS64";
    case LOOP_GET_STATUS64:
      return "LOOP_GET_STATUS64";
    case LOOP_SET_CAPACITY:
      return "LOOP_SET_CAPACITY";
    case LOOP_SET_DIRECT_IO:
      return "LOOP_SET_DIRECT_IO";
    case LOOP_SET_BLOCK_SIZE:
      return "LOOP_SET_BLOCK_SIZE";
    case LOOP_CONFIGURE:
      return "LOOP_CONFIGURE";
    case LOOP_CTL_ADD:
      return "LOOP_CTL_ADD";
    case LOOP_CTL_GET_FREE:
      return "LOOP_CTL_GET_FREE";
    case BLKSSZGET:
      return "BLKSSZGET";
    default:
      return absl::StrCat("ioctl 0x", absl::Hex(request));
  }
}

std::string FormatCall(const TracedCall& call, const absl::StatusOr<int>& result) {
  const std::string request = Request(call);
  return absl::StrCat(IoctlName(call.request), " ", sys::Printable(call.device),
                      request.empty() ? "" : " ", request, " -> ",
                      result.ok() ? Reply(call, *result) : Failure(result.status()));
}

}  // namespace dmkit::loop
