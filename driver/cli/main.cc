// SPDX-License-Identifier: Apache-2.0
// The process: words in, streams out. Environment variables are read for dmsetup's words alone, and
// only here.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/dmsetup/run.h"
#include "driver/cli/dm_words.h"
#include "driver/cli/output.h"
#include "driver/cli/parse.h"
#include "driver/cli/request.h"
#include "driver/cli/run.h"
#include "driver/cli/streams.h"
#include "driver/cli/trace.h"
#include "driver/options.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_stop_signals.h"
#include "sys/linux_stream.h"
#include "sys/status.h"
#include "sys/stop_signals.h"
#include "sys/stream.h"

namespace {

using dmkit::driver::cli::kExitFailed;
using dmkit::driver::cli::Parsed;

bool IsOpen(int descriptor) { return fcntl(descriptor, F_GETFD) >= 0; }

// Writes all of `text`; returns the errno, or 0.
int WriteAll(std::FILE* stream, absl::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  if (written && std::fflush(stream) == 0) return 0;
  return errno == 0 ? EIO : errno;
}

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

// Whether the first of the variables for characters that is set names UTF-8.
bool HasUtf8Locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string locale = Variable(name).value_or("");
    if (locale.empty()) continue;
    const std::string coding = locale.substr(std::min(locale.find('.'), locale.size()));
    return absl::StartsWithIgnoreCase(coding, ".utf-8") ||
           absl::StartsWithIgnoreCase(coding, ".utf8");
  }
  return false;
}

// The variables that libdevmapper reads, and those of libc that dmsetup's text depends on.
dmkit::dm::dmsetup::Environment ReadEnvironment() {
  dmkit::dm::dmsetup::Environment environment;
  environment.dev_dir = Variable("DM_DEV_DIR");
  environment.udev_cookie = Variable("DM_UDEV_COOKIE");
  environment.mangling_mode = Variable("DM_DEFAULT_NAME_MANGLING_MODE");
  environment.disable_udev = Variable("DM_DISABLE_UDEV").has_value();
  environment.utf8 = HasUtf8Locale();
  environment.time_zone = absl::LocalTimeZone();
  char* directory = getcwd(nullptr, 0);
  if (directory != nullptr) environment.working_dir = directory;
  std::free(directory);
  return environment;
}

// dmsetup's words, if any; else `parsed` has what is asked for. What dmkit's own options among the
// words say is in `parsed` either way.
std::optional<std::vector<std::string>> TakeDmsetupWords(absl::string_view program,
                                                         const std::vector<std::string>& words,
                                                         Parsed& parsed) {
  if (dmkit::driver::cli::IsDmsetup(program)) return words;
  std::optional<dmkit::driver::cli::DmWords> dm = dmkit::driver::cli::FindDmWords(words);
  parsed =
      dm.has_value() ? dmkit::driver::cli::ParseOwnOptions(*dm) : dmkit::driver::cli::Parse(words);
  if (!dm.has_value() || !parsed.request.ok()) return std::nullopt;
  return std::move(dm->dmsetup);
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
  const std::string program = argc > 0 ? argv[0] : "dmkit";
  Parsed parsed;
  const std::optional<std::vector<std::string>> dmsetup_words =
      TakeDmsetupWords(program, words, parsed);
  const dmkit::sys::LinuxHost linux_host;
  std::optional<dmkit::driver::cli::StreamTrace> trace;
  // libdevmapper tells of every ioctl at this level, too.
  const bool debug = parsed.global.options.log_level == dmkit::driver::kLogDebug;
  if (parsed.global.trace || debug) trace.emplace(stderr);
  // A reader of the trace who goes away must not end us in the midst of a change. One of dmsetup's
  // output ends it, as scripts have it from dmsetup ("dmsetup ls | head -1").
  const bool json = parsed.global.format == dmkit::driver::cli::OutputFormat::kJson;
  const bool survives = trace.has_value() || json || !dmsetup_words.has_value();
  const auto at_broken_pipe = survives ? std::signal(SIGPIPE, SIG_IGN) : SIG_DFL;
  const std::unique_ptr<dmkit::sys::ByteSource> in = dmkit::sys::MakeFdSource(STDIN_FILENO);
  const std::unique_ptr<dmkit::sys::ByteSink> out = dmkit::sys::MakeFdSink(STDOUT_FILENO);
  const std::unique_ptr<dmkit::sys::ByteSink> err = dmkit::sys::MakeFdSink(STDERR_FILENO);
  const std::unique_ptr<dmkit::sys::StopSignals> stop = dmkit::sys::MakeStopSignals();
  const dmkit::sys::Host host = linux_host.host(trace.has_value() ? &*trace : nullptr);
  const dmkit::dm::dmsetup::Streams dm_streams{in.get(), out.get(), err.get(), stop.get()};
  if (dmsetup_words.has_value() && !json) {
    const bool is_dmsetup = dmkit::driver::cli::IsDmsetup(program);
    return dmkit::dm::dmsetup::Run(is_dmsetup ? program : "dmkit dm", *dmsetup_words,
                                   ReadEnvironment(), host, dm_streams);
  }
  const dmkit::driver::cli::Streams streams{in.get(),
                                            out.get(),
                                            err.get(),
                                            isatty(STDIN_FILENO) == 1,
                                            isatty(STDOUT_FILENO) == 1,
                                            isatty(STDERR_FILENO) == 1,
                                            stop.get()};
  const dmkit::driver::cli::Outcome outcome =
      dmsetup_words.has_value()
          ? dmkit::driver::cli::RunDmAsJson(*dmsetup_words, ReadEnvironment(), host, dm_streams)
          : dmkit::driver::cli::Run(parsed, host, streams);
  std::signal(SIGPIPE, at_broken_pipe);
  const int error = WriteAll(stdout, outcome.out);
  WriteAll(stderr, outcome.err);
  if (error == 0) return outcome.exit_status;
  const absl::Status lost = dmkit::sys::ErrnoStatus(error, "write to standard output");
  WriteAll(stderr, absl::StrCat("dmkit: ", lost.message(), "\n"));
  return kExitFailed;
}
