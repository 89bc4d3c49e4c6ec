// SPDX-License-Identifier: Apache-2.0
// Random histories on the model and on the kernel that runs, side by side.
//
//     differential --seed=S --operations=N [--profile=dm|thin|loop] [--length=N] [--history=K]
//                  [--target=kernel|model-6.1|model-6.12] [--scratch=DIR] [--verbose]
//
// Prints what was done, how often each operation came to each end, and for a divergence the
// shortest history that shows it. Exit status 1: the kernels differ; 2: wrong usage, or a machine
// that is not for this. With a model as the target nothing can differ: that tests the generators.

#include <sys/utsname.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "sys/durable.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "testing/differential/generator.h"
#include "testing/differential/run.h"
#include "testing/differential/side.h"
#include "testing/model/profile.h"

namespace dmkit::differential {
namespace {

constexpr absl::string_view kUsage =
    "usage: differential --seed=S --operations=N [--profile=dm|thin|loop] [--length=N]\n"
    "                    [--history=K] [--target=kernel|model-6.1|model-6.12] [--scratch=DIR]\n"
    "                    [--verbose]\n";
constexpr int kShrinkTries = 300;
// What a model is given when there is no kernel to follow. Its disks have 254.
constexpr uint32_t kModelMajor = 253;

struct Options {
  uint64_t seed = 0;
  uint64_t operations = 0;
  uint64_t length = 300;  // of a history
  std::optional<Profile> profile;
  std::optional<uint64_t> history;
  std::string target = "kernel";
  std::string scratch = "/tmp/differential";
  bool is_verbose = false;
};

std::optional<Options> Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    bool is_good = true;
    if (absl::ConsumePrefix(&word, "--seed=")) {
      is_good = absl::SimpleAtoi(word, &options.seed);
    } else if (absl::ConsumePrefix(&word, "--operations=")) {
      is_good = absl::SimpleAtoi(word, &options.operations);
    } else if (absl::ConsumePrefix(&word, "--length=")) {
      is_good = absl::SimpleAtoi(word, &options.length) && options.length > 0;
    } else if (absl::ConsumePrefix(&word, "--history=")) {
      options.history.emplace();
      is_good = absl::SimpleAtoi(word, &*options.history);
    } else if (absl::ConsumePrefix(&word, "--profile=")) {
      options.profile = ParseProfile(word);
      is_good = options.profile.has_value();
    } else if (absl::ConsumePrefix(&word, "--target=")) {
      options.target = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--scratch=")) {
      options.scratch = std::string(word);
      is_good = absl::StartsWith(word, "/");
    } else {
      is_good = word == "--verbose";
      options.is_verbose = is_good;
    }
    if (!is_good) return std::nullopt;
  }
  if (options.operations == 0 && !options.history.has_value()) return std::nullopt;
  return options;
}

// Null for a kernel of which it is not known what differs.
const model::Profile* FindProfile(const std::string& target) {
  std::string release = target;
  if (target == "kernel") {
    utsname name{};
    if (uname(&name) == 0) release = absl::StrCat("model-", name.release);
  }
  // 6.1 is a beginning of 6.12.
  for (const model::Profile* profile : {&model::Linux612(), &model::Linux61()}) {
    const std::string wanted = absl::StrCat("model-", profile->name);
    if (release == wanted || absl::StartsWith(release, absl::StrCat(wanted, "."))) return profile;
  }
  return nullptr;
}

// Of /proc/devices; 0 when device-mapper is not there.
uint32_t KernelMajor() {
  sys::LinuxHost linux;
  const auto majors = sys::ReadFile(*linux.host().root, "/proc/devices", 65536);
  if (!majors.ok()) return 0;
  for (const absl::string_view line : absl::StrSplit(*majors, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint32_t major = 0;
    if (words.size() == 2 && words[1] == "device-mapper" && absl::SimpleAtoi(words[0], &major)) {
      return major;
    }
  }
  return 0;
}

class Campaign {
 public:
  Campaign(const Options& options, const model::Profile& profile, uint32_t dm_major)
      : options_(options),
        dm_major_(dm_major),
        model_(ModelSide(profile, dm_major)),
        kernel_(options.target == "kernel" ? KernelSide() : ModelSide(profile, dm_major)) {}

  int Run() {
    const uint64_t first = options_.history.value_or(0);
    for (uint64_t k = first; compared_ < options_.operations || k == first; ++k) {
      if (const int status = RunOne(k); status != 0) return status;
      if (options_.history.has_value()) break;
    }
    PrintCoverage();
    std::cout << compared_ << " operations compared, 0 divergences\n";
    return 0;
  }

 private:
  // The profiles take turns.
  Profile ProfileOf(uint64_t k) const {
    static constexpr Profile kAll[] = {Profile::kDm, Profile::kThin, Profile::kLoop};
    return options_.profile.value_or(kAll[k % 3]);
  }

  int RunOne(uint64_t k) {
    const Profile profile = ProfileOf(k);
    const Start start{options_.scratch, AttachedFor(profile)};
    // Far apart, so that a history of one seed is none of the next one's.
    const uint64_t seed = options_.seed * 0x9e3779b97f4a7c15 + k;
    const History history =
        MakeHistory(profile, seed, options_.length, {options_.scratch, dm_major_});
    if (options_.is_verbose) {
      for (const Operation& operation : history) std::cout << Show(operation) << std::endl;
    }
    const auto result = RunHistory(*model_, *kernel_, start, history, &coverage_);
    if (!result.ok()) {
      std::cerr << "differential: " << result.status().message() << "\n";
      return 2;
    }
    compared_ += result->compared;
    if (!result->divergence.has_value()) return 0;
    PrintCoverage();
    PrintDivergence(k, start, history, *result->divergence);
    return 1;
  }

  std::optional<Divergence> Find(const Start& start, const History& history) {
    Coverage ignored;
    const auto result = RunHistory(*model_, *kernel_, start, history, &ignored);
    return result.ok() ? result->divergence : std::nullopt;
  }

  void PrintDivergence(uint64_t k, const Start& start, History history, Divergence divergence) {
    std::cout << "history " << k << " of seed " << options_.seed << " (profile "
              << NameOf(ProfileOf(k)) << ") differs at operation " << divergence.index << ":\n";
    history.resize(divergence.index + 1);
    const std::string name = NameOf(divergence.operation);
    const auto diverges = [&](const History& shorter) {
      const auto found = Find(start, shorter);
      // Another divergence is another finding.
      if (!found.has_value() || NameOf(found->operation) != name) return false;
      divergence = *found;
      return true;
    };
    if (!diverges(history)) {
      std::cout << "  a second time it did not differ: what follows is the first one, whole\n";
    } else {
      history = Shrink(std::move(history), diverges, kShrinkTries);
    }
    std::cout << Report(history, divergence);
    std::cout << compared_ << " operations compared, 1 divergence\n";
  }

  void PrintCoverage() const {
    for (const auto& [operation, ends] : coverage_) {
      std::cout << operation << ":";
      for (const auto& [end, count] : ends) std::cout << " " << end << " " << count;
      std::cout << "\n";
    }
  }

  const Options& options_;
  const uint32_t dm_major_;
  const std::unique_ptr<Side> model_;
  const std::unique_ptr<Side> kernel_;
  Coverage coverage_;
  uint64_t compared_ = 0;
};

int Main(int argc, char** argv) {
  const std::optional<Options> options = Parse(argc, argv);
  if (!options.has_value()) {
    std::cerr << kUsage;
    return 2;
  }
  const model::Profile* const profile = FindProfile(options->target);
  if (profile == nullptr) {
    std::cerr << "differential: neither Linux 6.1 nor 6.12: " << options->target << "\n";
    return 2;
  }
  const uint32_t dm_major = options->target == "kernel" ? KernelMajor() : kModelMajor;
  if (dm_major == 0) {
    std::cerr << "differential: this kernel has no device-mapper (modprobe dm_mod)\n";
    return 2;
  }
  std::cout << "seed " << options->seed << ", model " << profile->name << " beside "
            << options->target << "\n";
  return Campaign(*options, *profile, dm_major).Run();
}

}  // namespace
}  // namespace dmkit::differential

int main(int argc, char** argv) { return dmkit::differential::Main(argc, argv); }
