// SPDX-License-Identifier: Apache-2.0
// The frame of a state file: header, text, footer. No knowledge of what the text says.

#include "thinp/state_file.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "sys/crc32c.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::thinp {
namespace {

constexpr absl::string_view kHeaderStart = "# dmkit ";
constexpr absl::string_view kFooterStart = "# crc32c ";
constexpr size_t kFooterBytes = kFooterStart.size() + 8 + 1;
// Messages inside messages; ours have three levels.
constexpr int kNestingMax = 16;

// Parse errors become part of a status instead of lines on standard error.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!text_.empty()) return;
    // The parser counts from 0 and has not seen the header.
    text_ = absl::StrCat("line ", line + 2, " column ", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

bool IsWord(absl::string_view kind) {
  return !kind.empty() &&
         std::all_of(kind.begin(), kind.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string Header(absl::string_view kind, uint32_t version) {
  return absl::StrCat(kHeaderStart, kind, " v", version, "\n");
}

std::string Footer(absl::string_view before) {
  return absl::StrCat(kFooterStart, absl::Hex(sys::Crc32c(before), absl::kZeroPad8), "\n");
}

// What stands before the last line, whose checksum is over just that.
absl::StatusOr<absl::string_view> CheckFooter(absl::string_view file) {
  if (file.empty()) return absl::DataLossError("the file is empty");
  if (file.size() > kStateFileBytesMax) {
    return absl::DataLossError(
        absl::StrCat(file.size(), " bytes: a state file has at most ", kStateFileBytesMax));
  }
  if (file.size() < kFooterBytes) return absl::DataLossError("the file is cut off");
  const absl::string_view before = file.substr(0, file.size() - kFooterBytes);
  const absl::string_view footer = file.substr(before.size());
  if (!absl::StartsWith(footer, kFooterStart) || !absl::EndsWith(before, "\n")) {
    return absl::DataLossError("the last line is no checksum: the file is cut off or was added to");
  }
  if (footer != absl::string_view(Footer(before))) {
    return absl::DataLossError("the checksum does not match: the file was changed or damaged");
  }
  return before;
}

// Takes the first line off `text`, and says which version it names.
absl::StatusOr<uint32_t> TakeHeader(absl::string_view kind, absl::string_view& text) {
  const absl::string_view line = text.substr(0, text.find('\n'));
  const std::optional<uint32_t> version =
      sys::ParseUnsigned32(absl::StripPrefix(line, absl::StrCat(kHeaderStart, kind, " v")));
  if (!version.has_value() || *version == 0 ||
      !absl::ConsumePrefix(&text, Header(kind, *version))) {
    return absl::DataLossError(absl::StrCat("the first line is \"", sys::Printable(line),
                                            "\", not that of a ", kind, " file"));
  }
  return *version;
}

// EncodeState escapes everything else, and writes no comments: whatever has them was not written by
// it, for instance two files behind each other.
absl::Status CheckText(absl::string_view text) {
  size_t line = 2;
  bool line_starts = true;
  for (const char c : text) {
    if (c != '\n' && (c < ' ' || c > '~')) {
      return absl::DataLossError(absl::StrCat("line ", line, ": byte ",
                                              sys::Printable(absl::string_view(&c, 1)),
                                              " cannot be in a state file"));
    }
    if (line_starts && c == '#') {
      return absl::DataLossError(
          absl::StrCat("line ", line, ": a second header or footer, or a comment"));
    }
    line_starts = c == '\n';
    line += line_starts ? 1 : 0;
  }
  return absl::OkStatus();
}

absl::Status ParseText(absl::string_view text, google::protobuf::Message& state) {
  const std::unique_ptr<google::protobuf::Message> parsed(state.New());
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(kNestingMax);
  if (!parser.ParseFromString(std::string(text), parsed.get())) {
    return absl::DataLossError(
        absl::StrCat("the text does not parse: ", sys::Printable(error.text())));
  }
  state.CopyFrom(*parsed);
  return absl::OkStatus();
}

}  // namespace

std::string EncodeState(absl::string_view kind, uint32_t version,
                        const google::protobuf::Message& state) {
  DMKIT_CHECK(IsWord(kind));
  DMKIT_CHECK(version > 0);
  std::string text;
  DMKIT_CHECK(google::protobuf::TextFormat::PrintToString(state, &text));
  const std::string before = Header(kind, version) + text;
  return before + Footer(before);
}

absl::Status DecodeState(absl::string_view kind, uint32_t version, absl::string_view file,
                         google::protobuf::Message& state) {
  DMKIT_ASSIGN_OR_RETURN(absl::string_view text, CheckFooter(file));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t found, TakeHeader(kind, text));
  if (found > version) {
    return absl::FailedPreconditionError(absl::StrCat("the file is of version ", found,
                                                      ", written by a newer dmkit; this one reads ",
                                                      "up to ", version));
  }
  DMKIT_RETURN_IF_ERROR(CheckText(text));
  return ParseText(text, state);
}

absl::Status ReadState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                       uint32_t version, google::protobuf::Message& state) {
  const absl::StatusOr<std::string> file = sys::ReadFile(dir, name, kStateFileBytesMax);
  // Too long to be a state file is damage, and no failure of reading.
  if (sys::GetErrno(file.status()) == EFBIG) return absl::DataLossError(file.status().message());
  DMKIT_RETURN_IF_ERROR(file);
  return sys::AddContext(DecodeState(kind, version, *file, state), name);
}

absl::Status WriteState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                        uint32_t version, const google::protobuf::Message& state) {
  const std::string file = EncodeState(kind, version, state);
  if (file.size() > kStateFileBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("write ", name, ": ", file.size(),
                                                   " bytes: a state file has at most ",
                                                   kStateFileBytesMax));
  }
  return sys::ReplaceFileDurably(dir, name, file);
}

}  // namespace dmkit::thinp
