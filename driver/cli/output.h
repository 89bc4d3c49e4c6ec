// SPDX-License-Identifier: Apache-2.0
// What a command has to say, collected in the asked format. Writes to no stream.

#ifndef DMKIT_DRIVER_CLI_OUTPUT_H_
#define DMKIT_DRIVER_CLI_OUTPUT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "driver/cli/format.h"
#include "driver/cli/json.h"
#include "driver/cli/request.h"
#include "google/protobuf/message.h"

namespace dmkit::driver::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Outcome {
  int exit_status = kExitDone;
  std::string out;  // for standard output
  std::string err;  // for standard error
};

class Output {
 public:
  // `command` is the command's words.
  Output(OutputFormat format, absl::string_view command) : format_(format), command_(command) {}

  OutputFormat format() const { return format_; }

  // Prints the one result of the command.
  template <typename Report>
  void Print(const Report& report) {
    Print(FormatText(report), report);
  }
  // The same with a text that was formatted elsewhere.
  void Print(absl::string_view text, const google::protobuf::Message& report);

  // Prints text in either format.
  void PrintPlain(absl::string_view text);

  // Tells an error and makes the exit status at least 1. `object` is the layer, device or file that
  // it is about; empty for none. In text: `dmkit: <command> <object>: <message>`.
  void Fail(absl::string_view object, const absl::Status& status);
  // Tells something that is worth knowing and no error.
  void Note(absl::string_view object, absl::string_view message);
  // Tells wrong usage; `usage` stands below it in text.
  void FailUsage(const absl::Status& status, absl::string_view usage);

  // The command writes standard output itself.
  void set_out_is_used() { out_is_used_ = true; }
  void set_exit_status(int exit_status) { outcome_.exit_status = exit_status; }

  // All that was said. In JSON, a success with nothing to tell is an empty object.
  Outcome Take();

 private:
  std::string Heading(absl::string_view object) const;
  std::string ErrorJson(absl::string_view object, const absl::Status& status) const;

  OutputFormat format_;
  std::string command_;
  bool out_is_used_ = false;
  Outcome outcome_;
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_OUTPUT_H_
