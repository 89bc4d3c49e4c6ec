// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/exec.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "sys/status.h"
#include "testing/bench/stats.h"
#include "testing/bench/stopwatch.h"

namespace dmkit::bench {
namespace {

constexpr int kCannotExec = 127;

[[noreturn]] void RunChild(const std::vector<char*>& words) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDOUT_FILENO);
  execvp(words[0], words.data());
  _exit(kCannotExec);
}

struct Samples {
  std::vector<double> wall_ms;
  long peak_kib = 0;
};

std::string Format(const Command& command, const Samples& samples, bool json) {
  const std::string words = absl::StrJoin(command, " ");
  const Summary wall = Summarize(samples.wall_ms);
  const size_t times = samples.wall_ms.size();
  if (json) {
    return absl::StrCat("{\"command\":\"", words, "\",\"times\":", times,
                        ",\"wall_ms\":{\"median\":", wall.median, ",\"min\":", wall.min,
                        ",\"max\":", wall.max, "},\"peak_kib\":", samples.peak_kib, "}\n");
  }
  return absl::StrFormat("%s: %.1f ms (%.1f to %.1f, %d times), peak %d KiB\n", words, wall.median,
                         wall.min, wall.max, times, samples.peak_kib);
}

}  // namespace

absl::StatusOr<Execution> Execute(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Stopwatch stopwatch;
  const pid_t child = fork();
  if (child < 0) return sys::ErrnoStatus(errno, "fork");
  if (child == 0) RunChild(words);
  int status = 0;
  rusage usage = {};
  if (wait4(child, &status, 0, &usage) < 0) return sys::ErrnoStatus(errno, "wait4");
  Execution execution;
  execution.wall_ms = stopwatch.Read().wall_ms;
  execution.peak_kib = usage.ru_maxrss;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return execution;
  return absl::UnknownError(
      absl::StrCat("exec ", absl::StrJoin(argv, " "), ": ",
                   WIFEXITED(status) ? absl::StrCat("exit status ", WEXITSTATUS(status))
                                     : absl::StrCat("killed by signal ", WTERMSIG(status))));
}

absl::StatusOr<std::string> ExecuteAndReport(const std::vector<Command>& commands, int repeat,
                                             bool json) {
  std::vector<Samples> samples(commands.size());
  for (int time = 1; time <= repeat; ++time) {
    for (size_t i = 0; i < commands.size(); ++i) {
      Command words;
      for (const std::string& word : commands[i]) {
        words.push_back(absl::StrReplaceAll(word, {{"{}", absl::StrCat(time)}}));
      }
      DMKIT_ASSIGN_OR_RETURN(const Execution execution, Execute(words));
      samples[i].wall_ms.push_back(execution.wall_ms);
      samples[i].peak_kib = std::max(samples[i].peak_kib, execution.peak_kib);
    }
  }
  std::string text;
  for (size_t i = 0; i < commands.size(); ++i) {
    absl::StrAppend(&text, Format(commands[i], samples[i], json));
  }
  return text;
}

}  // namespace dmkit::bench
