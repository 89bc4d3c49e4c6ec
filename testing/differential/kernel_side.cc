// SPDX-License-Identifier: Apache-2.0
// The running kernel as a side: swept empty before each history.

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "loop/uapi.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "testing/conformance/dm_request.h"
#include "testing/conformance/guarded_ioctl.h"
#include "testing/differential/executor.h"
#include "testing/differential/side.h"

namespace dmkit::differential {
namespace {

// As many as the kernels make at start.
constexpr uint32_t kLoops = 8;
constexpr absl::Duration kSettleTime = absl::Milliseconds(20);
constexpr int kSweepTimes = 500;

class KernelSideImpl : public Side {
 public:
  absl::Status Begin(const Start& start) override {
    executor_.reset();
    if (absl::Status status = RemoveMappedDevices(); !status.ok()) return status;
    if (absl::Status status = DetachLoops(); !status.ok()) return status;
    has_worn_loops_ = start.attached == 0;
    if (absl::Status status = Executor::Prepare(host_, start); !status.ok()) return status;
    executor_ = std::make_unique<Executor>(host_);
    return executor_->OpenControls();
  }

  Outcome Run(const Operation& operation) override { return executor_->Run(operation); }

  bool Settle() override {
    host_.clock->Sleep(kSettleTime);
    return true;
  }

 private:
  // Until `is_done`, with pauses.
  template <typename IsDone>
  absl::Status Repeat(absl::string_view what, IsDone is_done) {
    for (int i = 0; i < kSweepTimes; ++i) {
      absl::StatusOr<bool> done = is_done();
      if (!done.ok()) return done.status();
      if (*done) return absl::OkStatus();
      host_.clock->Sleep(kSettleTime);
    }
    return sys::ErrnoStatus(ETIMEDOUT, what);
  }

  absl::Status RemoveMappedDevices() {
    auto control = host_.root->OpenFile("/dev/mapper/control", {});
    if (!control.ok()) return control.status();
    return Repeat("remove the last history's mapped devices", [&]() -> absl::StatusOr<bool> {
      conformance::DmRequest remove(1024);
      conformance::GuardedIoctl(**control, DM_REMOVE_ALL, remove.bytes());
      conformance::DmRequest list(16384);
      conformance::GuardedIoctl(**control, DM_LIST_DEVICES, list.bytes());
      return list.data_size() == conformance::kResultAt;
    });
  }

  absl::Status DetachLoops() {
    auto loop_control = host_.root->OpenFile("/dev/loop-control", {});
    if (!loop_control.ok()) return loop_control.status();
    // Round by round: one may stand on another.
    const absl::Status status = Repeat("detach the last history's loop devices",
                                       [&] { return AreLoopsDetached(**loop_control); });
    if (!status.ok()) return status;
    for (uint32_t number = 0; has_worn_loops_ && number < kLoops; ++number) {
      // EEXIST is the usual answer.
      (void)(*loop_control)->IoctlValue(LOOP_CTL_ADD, number);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> AreLoopsDetached(sys::File& loop_control) {
    auto names = host_.root->List("/dev");
    if (!names.ok()) return names.status();
    bool are_detached = true;
    for (const sys::DirEntry& entry : *names) {
      absl::string_view digits = entry.name;
      uint32_t number = 0;
      if (!absl::ConsumePrefix(&digits, "loop") || !absl::SimpleAtoi(digits, &number)) continue;
      are_detached = DetachLoop(loop_control, number) && are_detached;
    }
    return are_detached;
  }

  // Whether nothing is left of it. After a history of loop devices each is made anew, since such a
  // one may leave a block size or a flag behind.
  bool DetachLoop(sys::File& loop_control, uint32_t number) {
    {
      auto device = host_.root->OpenFile(absl::StrCat("/dev/loop", number), {});
      if (!device.ok()) return sys::GetErrno(device.status()) == ENOENT;
      std::string writable(sizeof(int), '\0');
      conformance::GuardedIoctl(**device, BLKROSET, writable);
      const bool is_bound = (*device)->IoctlValue(LOOP_CLR_FD, 0).ok();
      if (!has_worn_loops_ && number < kLoops) return !is_bound;
    }
    return loop_control.IoctlValue(LOOP_CTL_REMOVE, number).ok();
  }

  sys::LinuxHost linux_;
  const sys::Host host_ = linux_.host();
  std::unique_ptr<Executor> executor_;
  bool has_worn_loops_ = true;  // before the first history, nobody knows
};

}  // namespace

std::unique_ptr<Side> KernelSide() { return std::make_unique<KernelSideImpl>(); }

}  // namespace dmkit::differential
