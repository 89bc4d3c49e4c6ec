// SPDX-License-Identifier: Apache-2.0
// Layout of the manual page. What it says stands in the table.

#include "driver/cli/manual.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "driver/cli/help.h"

namespace dmkit::driver::cli {
namespace {

constexpr absl::string_view kDescription =
    R"(dmkit keeps layers: filesystems that start as copy\-on\-write snapshots of each other, on a
device\-mapper thin pool. It does what Docker's devicemapper storage driver did, with the same
options, and drives device\-mapper, loop devices and thin pools by their ioctls alone.
.PP
The store of the layers is made by the first
.BR create ,
on sparse files below the root, or on devices or a pool of yours; see STORAGE OPTIONS.
)";

constexpr absl::string_view kTrailer = R"(.SH FILES
.TP
.I /var/lib/dmkit
The store, unless \-\-root names another one.
.TP
.I /run/dmkit
Who has which layer mounted, until the next boot.
.SH ENVIRONMENT
Only the commands of
.B dm
and a program called dmsetup read environment variables:
.B DM_DEV_DIR
(where the nodes are, /dev),
.B DM_UDEV_COOKIE
(as \-\-udevcookie),
.B DM_DEFAULT_NAME_MANGLING_MODE
(as \-\-manglename),
.B DM_DISABLE_UDEV
(udevd is to leave the nodes alone),
.BR LC_ALL ", " LC_CTYPE " and " LANG
(whether trees are drawn in UTF\-8), and
.B TZ
(the times of cookies).
.SH SEE ALSO
.BR dmsetup (8),
.BR losetup (8),
.BR mount (8)
)";

// `text` as running text: nothing in it is a request, and a dash is what can be typed.
std::string Escaped(absl::string_view text) {
  std::string escaped = absl::StrReplaceAll(
      text, {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}, {"`", "\\(ga"}, {"\"", "\\(dq"}});
  if (!escaped.empty() && escaped[0] == '.') escaped.insert(0, "\\&");
  return escaped;
}

// Paragraphs; an empty line in `text` starts one.
std::string Paragraphs(absl::string_view text, absl::string_view start) {
  std::string page;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&page, line.empty() ? std::string(start) : Escaped(line), "\n");
  }
  return page;
}

std::string TaggedParagraph(absl::string_view tag, absl::string_view text) {
  return absl::StrCat(".TP\n.B ", Escaped(tag), "\n", Paragraphs(text, ".IP"));
}

std::string OptionParagraph(const OptionSpec& option) {
  std::string tag = OptionUsage(option);
  if (option.letter != 0) absl::StrAppend(&tag, ", -", absl::string_view(&option.letter, 1));
  return TaggedParagraph(tag, option.help);
}

// Lines as they are, for examples.
std::string Literal(absl::string_view text) {
  std::string page = ".PP\n.RS\n.nf\n";
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&page, Escaped(line), "\n");
  }
  return absl::StrCat(page, ".fi\n.RE\n");
}

std::string ExitStatuses(const ExitTexts& exits) {
  const ExitTexts texts = FullExitTexts(exits);
  return absl::StrCat(TaggedParagraph("0", texts.done), TaggedParagraph("1", texts.failed),
                      TaggedParagraph("2", texts.usage));
}

bool IsUsual(const ExitTexts& exits) {
  return exits.done.empty() && exits.failed.empty() && exits.usage.empty();
}

std::string Command(const CommandSpec& command) {
  std::string page = absl::StrCat(".SS dmkit ", Escaped(CommandWords(command)), "\n");
  absl::StrAppend(&page, Escaped(command.summary), ".\n.PP\n.B dmkit ", Escaped(Synopsis(command)),
                  "\n.PP\n", Paragraphs(command.description, ".PP"));
  for (const OptionSpec& option : command.options) absl::StrAppend(&page, OptionParagraph(option));
  const std::string json = JsonSentence(command);
  if (!json.empty()) absl::StrAppend(&page, ".PP\n", Escaped(json), "\n");
  if (command.needs_root) absl::StrAppend(&page, ".PP\nNeeds root.\n");
  if (!IsUsual(command.exits)) {
    absl::StrAppend(&page, ".PP\nExit status:\n", ExitStatuses(command.exits));
  }
  return absl::StrCat(page, Literal(command.example));
}

}  // namespace

std::string ManualPage(absl::string_view version) {
  std::string page = absl::StrCat(
      ".\\\" Written by `dmkit man`. SPDX-License-Identifier: Apache-2.0\n.TH DMKIT 8 \"\" "
      "\"dmkit ",
      Escaped(version),
      "\" \"System Administration\"\n.SH NAME\ndmkit \\- copy\\-on\\-write layers on "
      "device\\-mapper thin pools\n.SH SYNOPSIS\n.B dmkit\n[\\fIOPTION\\fR]...\n\\fICOMMAND\\fR "
      "[\\fIWORD\\fR]...\n.SH DESCRIPTION\n",
      kDescription, ".SH OPTIONS\nBefore or after the command, as ",
      Escaped("--NAME VALUE or --NAME=VALUE.\n"));
  for (const OptionSpec& option : GlobalOptions()) {
    absl::StrAppend(&page, OptionParagraph(option));
  }
  for (const SectionSpec& section : AllSections()) {
    absl::StrAppend(&page, ".SH COMMANDS: ", Escaped(section.title), "\n");
    for (const CommandSpec& command : AllCommands()) {
      if (command.section == section.id) absl::StrAppend(&page, Command(command));
    }
  }
  absl::StrAppend(&page, ".SH STORAGE OPTIONS\nEach is given as ", Escaped("--opt NAME=VALUE.\n"));
  for (const DriverOptionSpec& option : DriverOptions()) {
    absl::StrAppend(&page,
                    TaggedParagraph(absl::StrCat(option.name, "=", option.value), option.help));
  }
  return absl::StrCat(page, ".SH EXIT STATUS\nUnless a command says otherwise:\n", ExitStatuses({}),
                      kTrailer);
}

}  // namespace dmkit::driver::cli
