// SPDX-License-Identifier: Apache-2.0
// The command line of the benchmark: words to a plan, results to standard output. See README.md.

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "driver/options.h"
#include "sys/status.h"
#include "testing/bench/exec.h"
#include "testing/bench/measure.h"
#include "testing/bench/report.h"

namespace dmkit::bench {
namespace {

constexpr char kUsage[] =
    "usage: bench [option]...\n"
    "       bench exec [--repeat=N] [--json] -- COMMAND [ARGUMENT]... [-- COMMAND...]...\n"
    "  --layers=N    layers of each side and round (20)\n"
    "  --rounds=N    rounds that are recorded (5)\n"
    "  --root=DIR    store of dmkit (/scratch/bench); the floor has DIR-floor\n"
    "  --opt=dm.K=V  option of the store; repeatable (dm.basesize=1G)\n"
    "  --siblings    all layers are snapshots of the first, not each of the one before\n"
    "  --settle      write everything back before each operation\n"
    "  --calls       show every call of dmkit through the seam, with the time to the next\n"
    "  --json        JSON instead of tables\n";

struct CommandLine {
  Plan plan;
  bool calls = false;
  bool json = false;
  bool exec = false;
  int repeat = 1;
  std::vector<Command> commands;
};

bool Value(absl::string_view word, absl::string_view option, std::string& value) {
  if (!absl::ConsumePrefix(&word, option) || !absl::ConsumePrefix(&word, "=")) return false;
  value = std::string(word);
  return true;
}

// INVALID_ARGUMENT: `word` is not understood.
absl::Status ParseWord(const std::string& word, CommandLine& line,
                       std::vector<std::string>& store_options) {
  Plan& plan = line.plan;
  std::string value;
  bool understood = true;
  if (Value(word, "--layers", value)) {
    understood = absl::SimpleAtoi(value, &plan.layers) && plan.layers > 0;
  } else if (Value(word, "--rounds", value)) {
    understood = absl::SimpleAtoi(value, &plan.rounds) && plan.rounds > 0;
  } else if (Value(word, "--repeat", value)) {
    understood = absl::SimpleAtoi(value, &line.repeat) && line.repeat > 0;
  } else if (Value(word, "--root", value)) {
    plan.root = value;
  } else if (Value(word, "--opt", value)) {
    store_options.push_back(value);
  } else if (word == "--siblings") {
    plan.chain = false;
  } else if (word == "--settle") {
    plan.settle = true;
  } else if (word == "--calls") {
    line.calls = true;
  } else if (word == "--json") {
    line.json = true;
  } else {
    understood = false;
  }
  return understood
             ? absl::OkStatus()
             : absl::InvalidArgumentError(absl::StrCat("unknown option or bad value: ", word));
}

absl::StatusOr<CommandLine> Parse(std::vector<std::string> words) {
  CommandLine line;
  line.plan.root = "/scratch/bench";
  std::vector<std::string> store_options = {"dm.basesize=1G", "dm.blkdiscard=false"};
  size_t at = 0;
  if (!words.empty() && words[0] == "exec") {
    line.exec = true;
    ++at;
  }
  for (; at < words.size() && words[at] != "--"; ++at) {
    DMKIT_RETURN_IF_ERROR(ParseWord(words[at], line, store_options));
  }
  for (; at < words.size(); ++at) {
    if (words[at] == "--") {
      line.commands.emplace_back();
    } else {
      line.commands.back().push_back(words[at]);
    }
  }
  for (const Command& command : line.commands) {
    if (command.empty()) return absl::InvalidArgumentError("no command behind --");
  }
  if (line.exec == line.commands.empty()) {
    return absl::InvalidArgumentError("a command goes with exec, behind --");
  }
  line.plan.floor_directory = line.plan.root + "-floor";
  DMKIT_ASSIGN_OR_RETURN(line.plan.options, driver::ParseOptions(store_options));
  return line;
}

absl::StatusOr<std::string> Do(const CommandLine& line) {
  if (line.exec) return ExecuteAndReport(line.commands, line.repeat, line.json);
  DMKIT_ASSIGN_OR_RETURN(const Results results, Measure(line.plan));
  if (line.json) return FormatJson(results);
  return absl::StrCat(FormatText(results), line.calls ? FormatCalls(results) : "");
}

int Main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const auto line = Parse(words);
  if (!line.ok()) {
    std::fprintf(stderr, "bench: %s\n%s", std::string(line.status().message()).c_str(), kUsage);
    return 2;
  }
  const auto text = Do(*line);
  if (!text.ok()) {
    std::fprintf(stderr, "bench: %s\n", std::string(text.status().message()).c_str());
    return 1;
  }
  std::fputs(text->c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace dmkit::bench

int main(int argc, char** argv) { return dmkit::bench::Main(argc, argv); }
