// SPDX-License-Identifier: Apache-2.0
// The model kernel behind the interface that cases see.

#include "testing/conformance/model_machine.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "sys/device_number.h"
#include "testing/conformance/beside.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"
#include "testing/model/scheduler.h"
#include "testing/model/uevents.h"

namespace dmkit::conformance {
namespace {

constexpr int kNobodysProcess = 2;
constexpr uint32_t kNobody = 65534;
constexpr char kDirectory[] = "/conformance";

class ModelMachine : public Machine {
 public:
  explicit ModelMachine(const model::Profile& profile) : profile_(profile) {}

  const model::Profile& profile() const override { return profile_; }
  uint64_t MemoryBytes() const override { return model::ModelOptions().memory_bytes; }
  sys::Host host() override { return kernel_->host(); }

  absl::Status StartCase() override {
    disks_ = 0;
    kernel_ = std::make_unique<model::ModelKernel>(profile_, /*seed=*/1);
    return host().root->MakeDir(kDirectory, 0700);
  }
  std::string Directory() const override { return kDirectory; }

  std::vector<std::string> EndCase() override { return kernel_->Leaks(); }

  absl::StatusOr<ScratchDevice> AddDevice(uint64_t bytes, const ScratchOptions& options) override {
    const std::string name = absl::StrCat("scratch", disks_++);
    model::Disk& disk = kernel_->AddDisk(name, bytes);
    disk.mutable_limits().logical_block_bytes = options.block_bytes;
    disk.SetReadOnly(options.is_read_only);
    // A loop device refuses writes itself, also those that come past the check of a node.
    if (options.is_read_only) {
      disk.SetFault([](const model::Io& io) {
        const bool is_read = io.kind == model::IoKind::kRead || io.kind == model::IoKind::kFlush;
        return is_read ? 0 : -EIO;
      });
    }
    return ScratchDevice{disk.number(), sys::FormatDeviceNumber(disk.number()),
                         absl::StrCat("/dev/", name)};
  }

  void AsNobody(const std::function<void(const sys::Host& host)>& body) override {
    body(kernel_->host(kNobodysProcess, kNobody));
  }

  void Beside(const std::function<void()>& sleeper, const std::function<void()>& then) override {
    kernel_->SetBlocking(model::Blocking::kSleep);
    ++depth_;
    sleepers_.RunBeside(sleeper, then);
    if (--depth_ == 0) kernel_->SetBlocking(model::Blocking::kRefuse);
  }
  void Interrupt() override { kernel_->Interrupt(); }

  std::vector<std::string> TakeUevents() override {
    std::vector<std::string> lines;
    for (const model::Uevent& event : kernel_->TakeUevents()) {
      lines.push_back(model::DebugString(event));
    }
    return lines;
  }
  std::vector<std::vector<std::string>> TakeUeventVariables() override {
    std::vector<std::vector<std::string>> variables;
    for (const model::Uevent& event : kernel_->TakeUevents()) {
      variables.push_back(event.environment);
    }
    return variables;
  }

 private:
  const model::Profile& profile_;
  std::unique_ptr<model::ModelKernel> kernel_;
  Sleepers sleepers_;
  int depth_ = 0;
  int disks_ = 0;
};

}  // namespace

std::unique_ptr<Machine> MakeModelMachine(const model::Profile& profile) {
  return std::make_unique<ModelMachine>(profile);
}

}  // namespace dmkit::conformance
