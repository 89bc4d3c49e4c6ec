// SPDX-License-Identifier: Apache-2.0
// The model as a side: a new kernel for each history.

#include <unistd.h>

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "testing/differential/executor.h"
#include "testing/differential/side.h"
#include "testing/model/model_kernel.h"

namespace dmkit::differential {
namespace {

// Longer than any call that does not wait for a timer.
constexpr absl::Duration kMoment = absl::Milliseconds(500);

class ModelSideImpl : public Side {
 public:
  ModelSideImpl(const model::Profile& profile, uint32_t dm_major) : profile_(profile) {
    options_.dm_major = dm_major;
    options_.memory_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                            static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }

  absl::Status Begin(const Start& start) override {
    executor_.reset();
    kernel_ = std::make_unique<model::ModelKernel>(profile_, /*seed=*/1, options_);
    absl::Status status = Executor::Prepare(kernel_->host(), start);
    if (!status.ok()) return status;
    executor_ = std::make_unique<Executor>(kernel_->host());
    return executor_->OpenControls();
  }

  Outcome Run(const Operation& operation) override {
    const size_t hangs = kernel_->Hangs().size();
    const absl::Time begin = kernel_->Now();
    Outcome outcome = executor_->Run(operation);
    waited_ = Wait::kNone;
    if (kernel_->Hangs().size() != hangs) waited_ = Wait::kEndless;
    if (kernel_->Now() - begin > kMoment) waited_ = Wait::kLong;
    return outcome;
  }

  Wait waited() const override { return waited_; }

  // The model has done all its work when a call returns.
  bool Settle() override { return false; }

 private:
  const model::Profile& profile_;
  model::ModelOptions options_;
  std::unique_ptr<model::ModelKernel> kernel_;
  std::unique_ptr<Executor> executor_;
  Wait waited_ = Wait::kNone;
};

}  // namespace

std::unique_ptr<Side> ModelSide(const model::Profile& profile, uint32_t dm_major) {
  return std::make_unique<ModelSideImpl>(profile, dm_major);
}

}  // namespace dmkit::differential
