// SPDX-License-Identifier: Apache-2.0

#include "thinp/state_file.h"

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "sys/crc32c.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::thinp {
namespace {

constexpr absl::string_view kFooterStart = "# crc32c ";

// Parse errors become part of our status instead of lines on standard error.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat("line ", line + 2, " column ", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string Footer(absl::string_view before) {
  return absl::StrCat(kFooterStart, absl::StrFormat("%08x", sys::Crc32c(before)), "\n");
}

// What stands before the last line, whose checksum is over just that.
absl::StatusOr<absl::string_view> Checked(absl::string_view file) {
  if (file.empty()) return absl::DataLossError("the file is empty");
  const std::string any_footer = Footer("");
  if (file.size() < any_footer.size()) return absl::DataLossError("the file is cut off");
  const absl::string_view before = file.substr(0, file.size() - any_footer.size());
  const absl::string_view footer = file.substr(before.size());
  if (!absl::StartsWith(footer, kFooterStart) || !absl::EndsWith(before, "\n")) {
    return absl::DataLossError("the last line is no checksum: the file is cut off or was added to");
  }
  if (footer != absl::string_view(Footer(before))) {
    return absl::DataLossError("the checksum does not match: the file was changed or damaged");
  }
  return before;
}

absl::Status ParseText(absl::string_view text, google::protobuf::Message& state) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(std::string(text), &state)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the text does not parse: ", error.text()));
}

}  // namespace

std::string EncodeState(absl::string_view kind, uint32_t version,
                        const google::protobuf::Message& state) {
  std::string text;
  DMKIT_CHECK(google::protobuf::TextFormat::PrintToString(state, &text));
  const std::string before = absl::StrCat("# dmkit ", kind, " v", version, "\n", text);
  return before + Footer(before);
}

absl::Status DecodeState(absl::string_view kind, uint32_t version, absl::string_view file,
                         google::protobuf::Message& state) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view before, Checked(file));
  const size_t end = before.find('\n');
  absl::string_view header = before.substr(0, end);
  if (!absl::ConsumePrefix(&header, absl::StrCat("# dmkit ", kind, " v"))) {
    return absl::DataLossError(absl::StrCat("the first line is not that of a ", kind, " file"));
  }
  const std::optional<uint32_t> found = sys::ParseUnsigned32(header);
  if (!found.has_value() || *found == 0) {
    return absl::DataLossError("the first line has no version");
  }
  if (*found > version) {
    return absl::FailedPreconditionError(
        absl::StrCat("the file is of version ", *found, ", written by a newer dmkit; this one reads up to ",
                     version));
  }
  return ParseText(before.substr(end + 1), state);
}

absl::Status ReadState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                       uint32_t version, google::protobuf::Message& state) {
  DMKIT_ASSIGN_OR_RETURN(const std::string file, sys::ReadFile(dir, name, kStateFileBytesMax));
  return sys::AddContext(DecodeState(kind, version, file, state), name);
}

absl::Status WriteState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                        uint32_t version, const google::protobuf::Message& state) {
  return sys::ReplaceFileDurably(dir, name, EncodeState(kind, version, state));
}

}  // namespace dmkit::thinp
