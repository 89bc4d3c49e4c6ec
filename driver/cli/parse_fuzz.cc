// SPDX-License-Identifier: Apache-2.0
// Any words: the parser must come to an end, and refuse with a reason what it does not take. The
// words are the lines of the input.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/help.h"
#include "driver/cli/parse.h"
#include "sys/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> words = absl::StrSplit(text, '\n');
  const dmkit::driver::cli::Parsed parsed = dmkit::driver::cli::Parse(words);
  if (parsed.request.ok()) {
    DMKIT_CHECK(parsed.command != nullptr);
    return 0;
  }
  DMKIT_CHECK(parsed.request.status().code() == absl::StatusCode::kInvalidArgument);
  DMKIT_CHECK(!parsed.request.status().message().empty());
  DMKIT_CHECK(!dmkit::driver::cli::ShortUsage(parsed.command, parsed.section).empty());
  return 0;
}
