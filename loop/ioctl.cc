// SPDX-License-Identifier: Apache-2.0
// Call, show, name the error.

#include "loop/ioctl.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loop/tracer.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

absl::StatusOr<int> Named(const TracedCall& call, absl::StatusOr<int> result) {
  if (result.ok()) return result;
  return sys::AddContext(result.status(), absl::StrCat(IoctlName(call.request), " ", call.device));
}

}  // namespace

absl::StatusOr<int> IoctlWithValue(sys::File& file, absl::string_view path, sys::TraceSink* trace,
                                   unsigned long request, uint64_t value) {
  TracedCall call;
  call.device = path;
  call.request = request;
  call.value = value;
  absl::StatusOr<int> result = file.IoctlValue(request, value);
  if (trace != nullptr) trace->Line(FormatCall(call, result));
  return Named(call, std::move(result));
}

absl::StatusOr<int> IoctlWithBuffer(sys::File& file, absl::string_view path, sys::TraceSink* trace,
                                    unsigned long request, absl::Span<char> buffer) {
  const std::string sent(buffer.data(), buffer.size());
  TracedCall call;
  call.device = path;
  call.request = request;
  call.sent = sent;
  absl::StatusOr<int> result = file.Ioctl(request, buffer);
  call.received = absl::string_view(buffer.data(), buffer.size());
  if (trace != nullptr) trace->Line(FormatCall(call, result));
  return Named(call, std::move(result));
}

}  // namespace dmkit::loop
