// SPDX-License-Identifier: Apache-2.0
// The suite as a program.
//
//     conformance [--target=model-6.1|model-6.12|kernel] [--scratch=DIR] [--list] [--gtest_...]
//
// Without a target it is the kernel that it runs on. Exit status 1: a case failed; 2: wrong usage,
// or a machine that is not for this.

#include <gtest/gtest.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "sys/status.h"
#include "testing/conformance/fixture.h"
#include "testing/conformance/kernel_machine.h"
#include "testing/conformance/model_machine.h"
#include "testing/model/profile.h"

namespace dmkit::conformance {
namespace {

constexpr absl::string_view kUsage =
    "usage: conformance [--target=model-6.1|model-6.12|kernel] [--scratch=DIR] [--list] "
    "[--gtest_...]\n";

struct Options {
  std::string target = "kernel";
  std::string scratch = ".";
  bool is_list = false;
};

void List() {
  const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const ::testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      std::cout << suite.name() << "." << suite.GetTestInfo(j)->name() << "\n";
    }
  }
}

absl::StatusOr<std::unique_ptr<Machine>> OpenMachine(const Options& options) {
  if (options.target == "model-6.1") return MakeModelMachine(model::Linux61());
  if (options.target == "model-6.12") return MakeModelMachine(model::Linux612());
  if (options.target != "kernel") {
    return absl::InvalidArgumentError(absl::StrCat("no such target: ", options.target));
  }
  // As the kernel shows it, since paths are looked up from the root and come back in sysfs.
  char path[PATH_MAX];
  if (realpath(options.scratch.c_str(), path) == nullptr) {
    return sys::ErrnoStatus(errno, absl::StrCat("find ", options.scratch));
  }
  return OpenKernelMachine(path);
}

int Run(const Options& options) {
  if (options.is_list) {
    List();
    return 0;
  }
  const auto machine = OpenMachine(options);
  if (!machine.ok()) {
    std::cerr << "conformance: " << machine.status().message() << "\n";
    return 2;
  }
  SetMachine(machine->get());
  return RUN_ALL_TESTS();
}

int Main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (word == "--list") {
      options.is_list = true;
    } else if (absl::ConsumePrefix(&word, "--target=")) {
      options.target = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--scratch=")) {
      options.scratch = std::string(word);
    } else {
      std::cerr << kUsage;
      return 2;
    }
  }
  return Run(options);
}

}  // namespace
}  // namespace dmkit::conformance

int main(int argc, char** argv) { return dmkit::conformance::Main(argc, argv); }
