// SPDX-License-Identifier: Apache-2.0
// Short options only: the modelled programs have no others.

#include "testing/model/program_options.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

// One word that starts with a hyphen. True when it takes the next word as well.
bool ParseWord(const std::string& program, absl::string_view word, absl::string_view letters,
               const std::string* next, ProgramOptions* options) {
  for (size_t i = 1; i < word.size(); ++i) {
    const size_t at = letters.find(word[i]);
    if (at == absl::string_view::npos || word[i] == ':') {
      options->error = absl::StrCat(program, ": invalid option -- '", word.substr(i, 1), "'\n");
      return false;
    }
    if (letters.substr(at + 1, 1) != ":") {
      options->values[word[i]] = "";
      continue;
    }
    if (i + 1 < word.size()) {
      options->values[word[i]] = std::string(word.substr(i + 1));
      return false;
    }
    if (next != nullptr) {
      options->values[word[i]] = *next;
      return true;
    }
    options->error =
        absl::StrCat(program, ": option requires an argument -- '", word.substr(i, 1), "'\n");
    return false;
  }
  return false;
}

}  // namespace

ProgramOptions ParseProgramOptions(const std::vector<std::string>& argv,
                                   absl::string_view letters) {
  ProgramOptions options;
  bool has_ended = false;
  for (size_t i = 1; i < argv.size() && options.error.empty(); ++i) {
    if (has_ended || argv[i].size() < 2 || argv[i][0] != '-') {
      options.operands.push_back(argv[i]);
    } else if (argv[i] == "--") {
      has_ended = true;
    } else {
      const std::string* const next = i + 1 < argv.size() ? &argv[i + 1] : nullptr;
      if (ParseWord(argv[0], argv[i], letters, next, &options)) ++i;
    }
  }
  return options;
}

std::string ErrorText(int error) {
  const char* const text = strerrordesc_np(error);
  return text != nullptr ? text : absl::StrCat("Unknown error ", error);
}

std::string ErrorText(const absl::Status& status) { return ErrorText(sys::GetErrno(status)); }

sys::ProcessResult ProgramFails(absl::string_view what) { return {1, absl::StrCat(what, "\n")}; }

}  // namespace dmkit::model
