// SPDX-License-Identifier: Apache-2.0
// The processes of another host, for a caller who is somebody else. For tests only.

#ifndef DMKIT_DRIVER_CLI_OTHER_USER_H_
#define DMKIT_DRIVER_CLI_OTHER_USER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::driver::cli {

class OtherUser : public sys::Processes {
 public:
  // `inner` must outlive it.
  OtherUser(sys::Processes* inner, uint32_t user) : inner_(inner), user_(user) {}

  absl::StatusOr<sys::ProcessResult> Run(const std::vector<std::string>& argv,
                                         absl::Duration timeout) override {
    return inner_->Run(argv, timeout);
  }
  absl::StatusOr<std::string> Find(absl::string_view program) override {
    return inner_->Find(program);
  }
  int32_t ProcessId() override { return inner_->ProcessId(); }
  uint32_t EffectiveUserId() override { return user_; }
  absl::Status LockMemory() override { return inner_->LockMemory(); }
  absl::Status UnlockMemory() override { return inner_->UnlockMemory(); }

 private:
  sys::Processes* const inner_;
  const uint32_t user_;
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_OTHER_USER_H_
