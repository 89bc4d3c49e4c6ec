// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON.md, what `--format json` prints, from the table of commands and from the descriptors
// of driver/report.proto and driver/cli/error.proto, which protoc writes with their comments: a
// FileDescriptorSet on standard input, the text on standard output. A tool of the build, no part of
// dmkit.

#include <unistd.h>

#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"

namespace dmkit::driver::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::SourceLocation;

constexpr absl::string_view kIntroduction = R"(# What `--format json` prints

Written from the table of commands, `driver/report.proto` and `error.proto`, and held to them by a
test (`bazel build //driver/cli:json_md` writes it anew). Fields and objects are added; none is
renamed, removed or given another meaning.

- The result is one object in one line on standard output. A command that has nothing to tell prints
  `{}`; one that fails prints nothing there, but what it had to say before. `changes` writes its
  object while it looks: after an error it breaks off. `diff` prints no object where the archive is.
  `pool watch` prints an object for each event, in a line of its own, when it happens.
- Every field is always there, unless it is marked as one that may be absent. A 64-bit number is a
  string of digits, as in protobuf's JSON; unknown fields are to be skipped.
- Strings are UTF-8. In a name that is not, each byte that does not fit is written as `\xNN`.
- On standard error each line is one object with one field, which says what it is: `error`, `note`
  or `progress`. Only with `--trace` are there other lines, which start with `trace: `.
- A command of `dm` takes dmsetup's words in either format and ends with dmsetup's exit status. Its
  object is what dmsetup's text is made of; keys are hidden as they are there. Options that say how
  a text looks (--noheadings, `table --concise` and the like) change nothing, nor does -v. What is
  text alone is refused before the kernel is asked: --exec, --tree, -o help, -c but for `info` and
  `splitname`, and the question of `udevcomplete_all`, which --yes answers. Two things that fail
  there are no failure here: a device that goes away while all are asked about is left out, and a
  name that dmsetup has no form to show it in is told as the kernel has it. But the rows of
  `info -c` have dmsetup's names, and fail when their fields on what uses a device or what it uses
  can no longer be asked. An error of which nothing is known but dmsetup's line has the code
  UNKNOWN.

## Commands

| command | object |
| --- | --- |
)";

constexpr absl::string_view kLines = R"(
## Lines on standard error

)";

void Complain(absl::string_view text) {
  std::fprintf(stderr, "json_schema: %s\n", std::string(text).c_str());
}

// The comment above it, in one line, fit for a cell of a table.
template <typename T>
std::string Comment(const T& described) {
  SourceLocation location;
  if (!described.GetSourceLocation(&location)) return "";
  std::vector<absl::string_view> words =
      absl::StrSplit(location.leading_comments, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return absl::StrReplaceAll(absl::StrJoin(words, " "), {{"|", "\\|"}});
}

std::string Link(absl::string_view message) {
  return absl::StrCat("[", message, "](#", absl::AsciiStrToLower(message), ")");
}

std::string ValueWords(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BYTES:
      return "string, base64";
    case FieldDescriptor::TYPE_MESSAGE:
      return absl::StrCat("object ", Link(field.message_type()->name()));
    case FieldDescriptor::TYPE_BOOL:
      return "true or false";
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_UINT64:
      return "string of digits";
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_DOUBLE:
      return "number";
    case FieldDescriptor::TYPE_STRING:
      return "string";
    default:
      return "";
  }
}

std::string FieldRow(const FieldDescriptor& field) {
  const std::string words = ValueWords(field);
  if (words.empty()) Complain(absl::StrCat(field.full_name(), ": a type without words for it"));
  // Messages too are left out when they are not set.
  const bool may_be_absent =
      !field.is_repeated() &&
      (field.has_optional_keyword() || field.type() == FieldDescriptor::TYPE_MESSAGE);
  return absl::StrCat("| ", field.name(), " | ", field.is_repeated() ? "list: " : "", words,
                      may_be_absent ? "; may be absent" : "", " | ", Comment(field), " |\n");
}

// `message` and all that its fields hold, each once.
void AppendMessage(const Descriptor& message, std::set<std::string>& done, std::string& text) {
  if (!done.insert(message.full_name()).second) return;
  const std::string comment = Comment(message);
  absl::StrAppend(&text, "### ", message.name(), "\n\n", comment, comment.empty() ? "" : "\n\n",
                  "| field | value | |\n| --- | --- | --- |\n");
  for (int i = 0; i < message.field_count(); ++i) {
    absl::StrAppend(&text, FieldRow(*message.field(i)));
  }
  absl::StrAppend(&text, "\n");
  for (int i = 0; i < message.field_count(); ++i) {
    const Descriptor* inner = message.field(i)->message_type();
    if (inner != nullptr) AppendMessage(*inner, done, text);
  }
}

std::string CommandRow(const CommandSpec& command) {
  std::string object = Link(command.report);
  if (command.report == kEmptyReport) object = "`{}`";
  if (command.report == kNoReport) object = "none: text in either format";
  return absl::StrCat("| `", CommandWords(command), "` | ", object, " |\n");
}

// Empty after an error, which was told.
std::string Schema(const FileDescriptor& reports, const FileDescriptor& lines) {
  std::string text(kIntroduction);
  for (const CommandSpec& command : AllCommands()) absl::StrAppend(&text, CommandRow(command));
  absl::StrAppend(&text, "\n## Objects\n\n");
  std::set<std::string> done;
  for (const CommandSpec& command : AllCommands()) {
    if (command.report == kEmptyReport || command.report == kNoReport) continue;
    const Descriptor* message = reports.FindMessageTypeByName(std::string(command.report));
    if (message == nullptr) {
      Complain(absl::StrCat(CommandWords(command), ": no message ", command.report));
      return "";
    }
    AppendMessage(*message, done, text);
  }
  for (int i = 0; i < reports.message_type_count(); ++i) {
    if (done.count(reports.message_type(i)->full_name()) != 0) continue;
    Complain(absl::StrCat(reports.message_type(i)->full_name(), ": no command prints it"));
    return "";
  }
  text.pop_back();
  absl::StrAppend(&text, kLines);
  for (int i = 0; i < lines.message_type_count(); ++i) {
    AppendMessage(*lines.message_type(i), done, text);
  }
  text.pop_back();
  return text;
}

int Main() {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromFileDescriptor(STDIN_FILENO)) {
    Complain("no FileDescriptorSet on standard input");
    return 1;
  }
  google::protobuf::DescriptorPool pool;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) pool.BuildFile(file);
  const FileDescriptor* reports = pool.FindFileByName("driver/report.proto");
  const FileDescriptor* lines = pool.FindFileByName("driver/cli/error.proto");
  if (reports == nullptr || lines == nullptr) {
    Complain("report.proto or error.proto is missing");
    return 1;
  }
  const std::string text = Schema(*reports, *lines);
  if (text.empty()) return 1;
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}

}  // namespace
}  // namespace dmkit::driver::cli

int main() { return dmkit::driver::cli::Main(); }
