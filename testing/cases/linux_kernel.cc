// SPDX-License-Identifier: Apache-2.0
// Cases on the kernel that runs this program.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "testing/cases/kernel.h"

namespace dmkit::cases {
namespace {

// A shell's view of it: only a process can have a mount namespace.
class ProcessSitter : public Sitter {
 public:
  ProcessSitter(const sys::Host& host, const std::string& directory) : host_(host) {
    const std::string started = Run(
        absl::StrCat("unshare -m sh -c 'cd ", directory, " && exec sleep 1000' >/dev/null 2>&1 & ",
                     "until [ /proc/$!/cwd -ef ", directory, " ] && ",
                     "[ \"$(readlink /proc/$!/ns/mnt)\" != \"$(readlink /proc/self/ns/mnt)\" ]; ",
                     "do sleep 0.02; done; echo $!"));
    pid_ = std::string(absl::StripAsciiWhitespace(started));
  }
  // A process that has ended has no working directory, whether or not anybody waited for it.
  ~ProcessSitter() override {
    Run(absl::StrCat("kill ", pid_, "; while [ -e /proc/", pid_, "/cwd ]; do sleep 0.02; done"));
  }

 private:
  std::string Run(const std::string& script) {
    const auto run = host_.processes->Run({"sh", "-c", script}, absl::Seconds(30));
    EXPECT_TRUE(run.ok() && run->exit_status == 0) << run.status() << (run.ok() ? run->output : "");
    return run.ok() ? run->output : "";
  }

  const sys::Host host_;
  std::string pid_;
};

class LinuxKernel : public Kernel {
 public:
  sys::Host host() override { return host_.host(); }
  sys::Host OtherHost() override {
    others_.push_back(std::make_unique<sys::LinuxHost>());
    return others_.back()->host();
  }
  std::string Dir() override { return ::testing::TempDir(); }
  void AddRamDisks() override {
    const auto run = host_.host().processes->Run({"modprobe", "brd", "rd_nr=2", "rd_size=16384"},
                                                 absl::Seconds(30));
    EXPECT_TRUE(run.ok() && run->exit_status == 0) << run.status() << run->output;
  }
  std::unique_ptr<Sitter> SitElsewhere(const std::string& directory) override {
    return std::make_unique<ProcessSitter>(host_.host(), directory);
  }
  void LetCallsSleep() override {}
  uint64_t SweepStep() override { return 7; }

 private:
  sys::LinuxHost host_;
  std::vector<std::unique_ptr<sys::LinuxHost>> others_;
};

}  // namespace

std::unique_ptr<Kernel> StartKernel() { return std::make_unique<LinuxKernel>(); }

}  // namespace dmkit::cases
