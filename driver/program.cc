// SPDX-License-Identifier: Apache-2.0

#include "driver/program.h"

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(10);

// How much of a program's output an error carries: what is wrong often stands first, with a page of
// usage behind it.
constexpr size_t kFirstWordsBytes = 300;
constexpr size_t kLastWordsBytes = 300;

// One printable line of what a program said.
std::string Words(absl::string_view output) {
  std::vector<absl::string_view> lines;
  for (const absl::string_view line : absl::StrSplit(output, absl::ByAnyChar("\n\r\b"))) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty()) lines.push_back(text);
  }
  std::string line = sys::Printable(absl::StrJoin(lines, " | "));
  if (line.empty()) return "it said nothing";
  if (line.size() <= kFirstWordsBytes + kLastWordsBytes) return line;
  return absl::StrCat(line.substr(0, kFirstWordsBytes), " ... ",
                      line.substr(line.size() - kLastWordsBytes));
}

}  // namespace

absl::Status CheckProgram(const sys::Host& host, absl::string_view program,
                          absl::string_view package) {
  absl::Status found = host.processes->Find(program).status();
  if (sys::GetErrno(found) != ENOENT) return found;
  return sys::ErrnoStatus(ENOENT, absl::StrCat("find program ", program,
                                               ": it is missing; install the package that has it (",
                                               package, " in Debian)"));
}

absl::StatusOr<sys::ProcessResult> RunProgram(const sys::Host& host,
                                              const std::vector<std::string>& argv) {
  return host.processes->Run(argv, kPatience);
}

absl::Status CheckSuccess(const std::vector<std::string>& argv, const sys::ProcessResult& result) {
  if (result.exit_status == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("run ", absl::StrJoin(argv, " "),
                                         ": failed with exit status ", result.exit_status, ": ",
                                         Words(result.output)));
}

absl::StatusOr<std::string> RunToSuccess(const sys::Host& host,
                                         const std::vector<std::string>& argv) {
  DMKIT_ASSIGN_OR_RETURN(sys::ProcessResult result, RunProgram(host, argv));
  DMKIT_RETURN_IF_ERROR(CheckSuccess(argv, result));
  return std::move(result.output);
}

}  // namespace dmkit::driver
