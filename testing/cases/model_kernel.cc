// SPDX-License-Identifier: Apache-2.0
// Cases on a model of their own.

#include "testing/model/model_kernel.h"

#include <sys/mount.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "testing/cases/kernel.h"
#include "testing/cases/model_profile.h"
#include "testing/model/programs.h"

namespace dmkit::cases {
namespace {

constexpr char kDir[] = "/cases/";

// As far as cases use it: whether the filesystem on the last argument can be read.
sys::ProcessResult E2fsck(const sys::Host& host, const std::vector<std::string>& argv) {
  const auto mounted = host.mounts->Mount({argv.back(), "/mnt", "ext4", MS_RDONLY, ""});
  if (!mounted.ok()) return {8, mounted.status().ToString()};
  host.mounts->Unmount("/mnt", sys::UnmountMode::kDetach).IgnoreError();
  return {};
}

class OpenSitter : public Sitter {
 public:
  explicit OpenSitter(std::unique_ptr<sys::Dir> directory) : directory_(std::move(directory)) {}

 private:
  const std::unique_ptr<sys::Dir> directory_;
};

class ModelledKernel : public Kernel {
 public:
  ModelledKernel() : kernel_(ModelProfile(), /*seed=*/1) {
    EXPECT_THAT(kernel_.host().root->MakeDir(kDir, 0755), sys::IsOk());
    kernel_.programs().Install("/usr/sbin/e2fsck", E2fsck);
  }
  ~ModelledKernel() override { EXPECT_THAT(kernel_.Leaks(), ::testing::IsEmpty()); }

  sys::Host host() override { return kernel_.host(); }
  sys::Host OtherHost() override { return kernel_.host(++processes_); }
  std::string Dir() override { return kDir; }
  void AddRamDisks() override {
    constexpr uint64_t kBytes = 16 << 20;
    kernel_.AddDisk("ram0", kBytes, sys::DeviceNumber{1, 0});
    kernel_.AddDisk("ram1", kBytes, sys::DeviceNumber{1, 1});
  }
  std::unique_ptr<Sitter> SitElsewhere(const std::string& directory) override {
    auto opened = OtherHost().root->OpenDir(directory);
    EXPECT_THAT(opened, sys::IsOk());
    return opened.ok() ? std::make_unique<OpenSitter>(*std::move(opened)) : nullptr;
  }
  void LetCallsSleep() override { kernel_.SetBlocking(model::Blocking::kSleep); }
  uint64_t SweepStep() override { return 1; }

 private:
  model::ModelKernel kernel_;
  int processes_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> StartKernel() { return std::make_unique<ModelledKernel>(); }

}  // namespace dmkit::cases
