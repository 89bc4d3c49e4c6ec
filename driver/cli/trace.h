// SPDX-License-Identifier: Apache-2.0
// Where --trace goes. Knows nothing of what the lines say.

#ifndef DMKIT_DRIVER_CLI_TRACE_H_
#define DMKIT_DRIVER_CLI_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::driver::cli {

// Writes each line to a stream at once, behind "trace: ". While it is held, lines are kept in
// memory that was allocated and touched beforehand: the stream may end on the device that is
// suspended. What does not fit is dropped, and Release says how many lines that were. Holds nest.
// For one thread.
class StreamTrace : public sys::TraceSink {
 public:
  static constexpr size_t kHeldBytesMax = size_t{64} << 10;

  // `stream` is not owned. Errors of writing are ignored: a trace must not change what a command
  // does.
  explicit StreamTrace(std::FILE* stream);

  void Line(absl::string_view line) override;
  void Hold() override;
  // Writes what was held when the last hold ends. A Release without a Hold does nothing.
  void Release() override;

 private:
  std::FILE* stream_;
  std::string held_;  // complete lines; its capacity never changes
  uint64_t dropped_ = 0;
  uint32_t holds_ = 0;
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_TRACE_H_
