// SPDX-License-Identifier: Apache-2.0
// How far a long command is, told while it works. It looks at the clock when it is called, and
// never waits.

#ifndef DMKIT_DRIVER_CLI_PROGRESS_H_
#define DMKIT_DRIVER_CLI_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {

class Progress {
 public:
  enum class Style {
    kNone,
    kTerminal,  // one line that is written over, from the first second on
    kJson,      // a line a second, and one at the end
  };

  // Where and about what. `object` is the layer; `clock` and `err` must outlive the progress.
  // Errors of writing are ignored: they must not change what the command does.
  Progress(Style style, sys::Clock& clock, sys::ByteSink& err, absl::string_view command,
           absl::string_view object);
  // Leaves no half-written line on a terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // The work has come to `bytes`. Cheap when it is called often.
  void Report(uint64_t bytes);
  // The work has succeeded.
  void Done();

 private:
  void WriteJson(bool done);
  void Clear();

  const Style style_;
  sys::Clock& clock_;
  sys::ByteSink& err_;
  const std::string command_;
  const std::string object_;
  const absl::Time start_;
  absl::Time told_;
  absl::Time now_;
  uint64_t bytes_ = 0;
  bool shown_ = false;  // there is a line on the terminal
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_PROGRESS_H_
