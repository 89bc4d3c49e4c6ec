// SPDX-License-Identifier: Apache-2.0
// Both formats of the list.

#include "driver/cli/change_writer.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "driver/archive/changes.h"
#include "driver/cli/displayable.h"
#include "driver/cli/json.h"
#include "driver/cli/request.h"
#include "driver/report.pb.h"
#include "sys/status.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {
namespace {

constexpr size_t kKeptBytesMax = size_t{64} << 10;
// How the printer ends a list without changes; they go in between.
constexpr absl::string_view kEmptyListEnd = "]}\n";

std::string Json(const Change& change) {
  report::Change report;
  report.set_kind(std::string(1, ChangeLetter(change.kind)));
  report.set_path(change.path);
  if (ValidUtf8(change.path) != change.path) report.set_path_bytes(change.path);
  return std::string(absl::StripSuffix(ToJson(report), "\n"));
}

}  // namespace

ChangeWriter::ChangeWriter(OutputFormat format, sys::ByteSink& out, absl::string_view id,
                           absl::string_view parent)
    : format_(format), out_(out) {
  if (format_ == OutputFormat::kText) return;
  report::ChangeList list;
  list.set_id(std::string(id));
  list.set_parent(std::string(parent));
  kept_ = std::string(absl::StripSuffix(ToJson(list), kEmptyListEnd));
}

absl::Status ChangeWriter::Add(const Change& change) {
  if (format_ == OutputFormat::kText) {
    absl::StrAppend(&kept_, std::string(1, ChangeLetter(change.kind)), " ",
                    DisplayableLine(change.path), "\n");
  } else {
    absl::StrAppend(&kept_, first_ ? "" : ",", Json(change));
  }
  first_ = false;
  return kept_.size() < kKeptBytesMax ? absl::OkStatus() : Flush();
}

absl::Status ChangeWriter::Finish() {
  if (format_ == OutputFormat::kJson) absl::StrAppend(&kept_, kEmptyListEnd);
  return Flush();
}

absl::Status ChangeWriter::Flush() {
  const absl::Status status = out_.Write(kept_);
  kept_.clear();
  return status;
}

}  // namespace dmkit::driver::cli
