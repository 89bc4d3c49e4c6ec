// SPDX-License-Identifier: Apache-2.0
// Both formats of results, errors and notes.

#include "driver/cli/output.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/cli/displayable.h"
#include "driver/cli/error.pb.h"
#include "driver/cli/json.h"
#include "sys/status.h"

namespace dmkit::driver::cli {

void Output::Print(absl::string_view text, const google::protobuf::Message& report) {
  if (format_ == OutputFormat::kJson) {
    outcome_.out += ToJson(report);
  } else {
    PrintPlain(text);
  }
}

void Output::PrintPlain(absl::string_view text) { outcome_.out.append(text.data(), text.size()); }

void Output::Fail(absl::string_view object, const absl::Status& status) {
  outcome_.exit_status = std::max(outcome_.exit_status, kExitFailed);
  outcome_.err += format_ == OutputFormat::kJson
                      ? ErrorJson(object, status)
                      : absl::StrCat(Heading(object), DisplayableMessage(status.message()), "\n");
}

void Output::Note(absl::string_view object, absl::string_view message) {
  if (format_ == OutputFormat::kText) {
    absl::StrAppend(&outcome_.err, Heading(object), DisplayableMessage(message), "\n");
    return;
  }
  proto::Remark remark;
  remark.mutable_note()->set_command(command_);
  remark.mutable_note()->set_object(std::string(object));
  remark.mutable_note()->set_message(std::string(message));
  outcome_.err += ToJson(remark);
}

void Output::FailUsage(const absl::Status& status, absl::string_view usage) {
  outcome_.exit_status = kExitUsage;
  outcome_.err += format_ == OutputFormat::kJson
                      ? ErrorJson("", status)
                      : absl::StrCat("dmkit: ", DisplayableMessage(status.message()), "\n", usage);
}

Outcome Output::Take() {
  if (format_ == OutputFormat::kJson && outcome_.exit_status == kExitDone && outcome_.out.empty() &&
      !out_is_used_) {
    outcome_.out = "{}\n";
  }
  return std::move(outcome_);
}

std::string Output::Heading(absl::string_view object) const {
  return absl::StrCat("dmkit: ", command_, object.empty() ? "" : " ", DisplayableLine(object),
                      ": ");
}

std::string Output::ErrorJson(absl::string_view object, const absl::Status& status) const {
  proto::Failure failure;
  proto::Error& error = *failure.mutable_error();
  error.set_command(command_);
  error.set_object(std::string(object));
  error.set_message(std::string(status.message()));
  error.set_code(absl::StatusCodeToString(status.code()));
  const int number = sys::GetErrno(status);
  if (number != 0) error.set_errno_name(sys::ErrnoName(number));
  return ToJson(failure);
}

}  // namespace dmkit::driver::cli
