// SPDX-License-Identifier: Apache-2.0
// The options of a modelled program, as getopt takes them apart.

#ifndef DMKIT_TESTING_MODEL_PROGRAM_OPTIONS_H_
#define DMKIT_TESTING_MODEL_PROGRAM_OPTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::model {

struct ProgramOptions {
  std::map<char, std::string> values;  // the last one of each letter; "" without an argument
  std::vector<std::string> operands;
  std::string error;  // what getopt says of a wrong one, with its end of line

  bool Has(char letter) const { return values.count(letter) != 0; }
  std::string Value(char letter) const {
    const auto found = values.find(letter);
    return found == values.end() ? "" : found->second;
  }
};

// `letters` as for getopt: a colon follows those that take an argument.
ProgramOptions ParseProgramOptions(const std::vector<std::string>& argv, absl::string_view letters);

// What a program says of an error: "Device or resource busy".
std::string ErrorText(const absl::Status& status);
std::string ErrorText(int error);

// "what\n" and exit status 1.
sys::ProcessResult ProgramFails(absl::string_view what);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROGRAM_OPTIONS_H_
