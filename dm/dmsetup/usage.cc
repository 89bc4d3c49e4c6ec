// SPDX-License-Identifier: Apache-2.0
// The usage, in dmsetup's words: scripts that look for an option in it must find it.
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/report_fields.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr absl::string_view kHead =
    "Usage:\n\n"
    "dmsetup\n"
    "        [--version] [-h|--help [-c|-C|--columns]]\n"
    "        [-v|--verbose [-v|--verbose ...]] [-f|--force]\n"
    "        [--checks] [--manglename {none|hex|auto}]\n"
    "        [-r|--readonly] [--noopencount] [--noflush] [--nolockfs] [--inactive]\n"
    "        [--udevcookie <cookie>] [--noudevrules] [--noudevsync] [--verifyudev]\n"
    "        [-y|--yes] [--readahead {[+]<sectors>|auto|none}] [--retry]\n"
    "        [-c|-C|--columns] [-o <fields>] [-O|--sort <sort_fields>]\n"
    "        [-S|--select <selection>] [--nameprefixes] [--noheadings]\n"
    "        [--separator <separator>]\n\n";

constexpr absl::string_view kTail =
    "\n<device> may be device name or (if only one) -u <uuid> or -j <major> -m <minor>\n"
    "<mangling_mode> is one of 'none', 'auto' and 'hex'.\n"
    "<fields> are comma-separated.  Use 'help -c' for list.\n"
    "<concise_device_specification> has single-device entries separated by semi-colons:\n"
    "    <name>,<uuid>,<minor>,<flags>,<table>\n"
    "        where <flags> is 'ro' or 'rw' (the default) and any of <uuid>, <minor>\n"
    "        and <flags> may be empty. Separate extra table lines with commas.\n"
    "    E.g.: dev1,,,,0 100 linear 253:1 0,100 100 error;dev2,,,ro,0 1 error\n"
    "Table_file contents may be supplied on stdin.\n"
    "Options are: devno, devname, blkdevname.\n"
    "Tree specific options are: ascii, utf, vt100; compact, inverted, notrunc;\n"
    "                           blkdevname, [no]device, active, open, rw and uuid.\n";

}  // namespace

bool Help(Context& context, const Command&, Arguments) {
  PrintUsage(context);
  // The last line feed is Error's.
  if (context.words.columns) context.Error(absl::StripSuffix(FieldHelp(), "\n"));
  return true;
}

void PrintUsage(Context& context) {
  if (context.findings != nullptr) return;
  std::string text(kHead);
  for (const Command& command : Commands()) {
    absl::StrAppend(&text, "\t", command.name, " ", command.usage, "\n");
  }
  // The last line feed is Error's.
  context.Error(absl::StrCat(text, kTail));
}

}  // namespace dmkit::dm::dmsetup
