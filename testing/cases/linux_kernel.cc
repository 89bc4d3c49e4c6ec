// SPDX-License-Identifier: Apache-2.0
// Cases on the kernel that runs this program.

#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "testing/cases/kernel.h"

namespace dmkit::cases {
namespace {

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
  void LetCallsSleep() override {}

 private:
  sys::LinuxHost host_;
  std::vector<std::unique_ptr<sys::LinuxHost>> others_;
};

}  // namespace

std::unique_ptr<Kernel> StartKernel() { return std::make_unique<LinuxKernel>(); }

}  // namespace dmkit::cases
