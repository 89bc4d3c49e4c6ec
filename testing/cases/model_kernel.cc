// SPDX-License-Identifier: Apache-2.0
// Cases on a model of their own.

#include "testing/model/model_kernel.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "testing/cases/kernel.h"
#include "testing/cases/model_profile.h"

namespace dmkit::cases {
namespace {

constexpr char kDir[] = "/cases/";

class ModelledKernel : public Kernel {
 public:
  ModelledKernel() : kernel_(ModelProfile(), /*seed=*/1) {
    EXPECT_THAT(kernel_.host().root->MakeDir(kDir, 0755), sys::IsOk());
  }
  ~ModelledKernel() override { EXPECT_THAT(kernel_.Leaks(), ::testing::IsEmpty()); }

  sys::Host host() override { return kernel_.host(); }
  sys::Host OtherHost() override { return kernel_.host(++processes_); }
  std::string Dir() override { return kDir; }
  void LetCallsSleep() override { kernel_.SetBlocking(model::Blocking::kSleep); }

 private:
  model::ModelKernel kernel_;
  int processes_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> StartKernel() { return std::make_unique<ModelledKernel>(); }

}  // namespace dmkit::cases
