// SPDX-License-Identifier: Apache-2.0
// A list of changes in either format, written as it comes: it may be longer than memory.

#ifndef DMKIT_DRIVER_CLI_CHANGE_WRITER_H_
#define DMKIT_DRIVER_CLI_CHANGE_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "driver/archive/changes.h"
#include "driver/cli/request.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {

class ChangeWriter {
 public:
  // The changes of the layer `id` since `parent`. `out` must outlive the writer.
  ChangeWriter(OutputFormat format, sys::ByteSink& out, absl::string_view id,
               absl::string_view parent);

  // Text: "C /etc" in a line, control characters shown as \xNN. JSON: one more element of a
  // report::ChangeList, with the exact bytes where the path is not UTF-8. Kept back until there are
  // some KiB. Errors are those of `out`.
  absl::Status Add(const Change& change);
  // Ends the list and writes what was kept back. A list that was not finished is no JSON.
  absl::Status Finish();

 private:
  absl::Status Flush();

  const OutputFormat format_;
  sys::ByteSink& out_;
  std::string kept_;
  bool first_ = true;
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_CHANGE_WRITER_H_
