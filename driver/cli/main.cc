// SPDX-License-Identifier: Apache-2.0
// The process: words in, streams out. No environment variable is read.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/cli/output.h"
#include "driver/cli/parse.h"
#include "driver/cli/run.h"
#include "driver/cli/streams.h"
#include "driver/cli/trace.h"
#include "driver/options.h"
#include "sys/linux_host.h"
#include "sys/linux_stop_signals.h"
#include "sys/linux_stream.h"
#include "sys/status.h"
#include "sys/stop_signals.h"
#include "sys/stream.h"

namespace {

using dmkit::driver::cli::kExitFailed;

bool IsOpen(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

// Writes all of `text`; returns the errno, or 0.
int WriteAll(std::FILE* stream, absl::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  if (written && std::fflush(stream) == 0) return 0;
  return errno == 0 ? EIO : errno;
}

}  // namespace

int main(int argc, char** argv) {
  // A device that is opened where a standard stream should be would get the text that is meant for
  // it.
  if (!IsOpen(STDOUT_FILENO) || !IsOpen(STDERR_FILENO)) {
    if (IsOpen(STDERR_FILENO)) std::fputs("dmkit: standard output is closed\n", stderr);
    return kExitFailed;
  }
  // Nor may a device be read as if it were standard input.
  if (!IsOpen(STDIN_FILENO) && std::freopen("/dev/null", "r", stdin) == nullptr) {
    std::fputs("dmkit: standard input is closed, and there is no /dev/null\n", stderr);
    return kExitFailed;
  }
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const dmkit::driver::cli::Parsed parsed = dmkit::driver::cli::Parse(words);
  const dmkit::sys::LinuxHost linux_host;
  std::optional<dmkit::driver::cli::StreamTrace> trace;
  // libdevmapper tells of every ioctl at this level, too.
  const bool debug = parsed.global.options.log_level == dmkit::driver::kLogDebug;
  if (parsed.global.trace || debug) trace.emplace(stderr);
  // A reader of the trace who goes away must not end us in the midst of a change.
  const auto at_broken_pipe = std::signal(SIGPIPE, SIG_IGN);
  const std::unique_ptr<dmkit::sys::ByteSource> in = dmkit::sys::MakeFdSource(STDIN_FILENO);
  const std::unique_ptr<dmkit::sys::ByteSink> out = dmkit::sys::MakeFdSink(STDOUT_FILENO);
  const std::unique_ptr<dmkit::sys::ByteSink> err = dmkit::sys::MakeFdSink(STDERR_FILENO);
  const std::unique_ptr<dmkit::sys::StopSignals> stop = dmkit::sys::MakeStopSignals();
  const dmkit::driver::cli::Streams streams{in.get(),
                                            out.get(),
                                            err.get(),
                                            isatty(STDIN_FILENO) == 1,
                                            isatty(STDOUT_FILENO) == 1,
                                            isatty(STDERR_FILENO) == 1,
                                            stop.get()};
  const dmkit::driver::cli::Outcome outcome = dmkit::driver::cli::Run(
      parsed, linux_host.host(trace.has_value() ? &*trace : nullptr), streams);
  std::signal(SIGPIPE, at_broken_pipe);
  const int error = WriteAll(stdout, outcome.out);
  WriteAll(stderr, outcome.err);
  if (error == 0) return outcome.exit_status;
  const absl::Status lost = dmkit::sys::ErrnoStatus(error, "write to standard output");
  WriteAll(stderr, absl::StrCat("dmkit: ", lost.message(), "\n"));
  return kExitFailed;
}
