// SPDX-License-Identifier: Apache-2.0
// One of the two kernels that a history runs on, with the process that makes the calls. Does
// operations and tells what came of them; does not compare.

#ifndef DMKIT_TESTING_DIFFERENTIAL_SIDE_H_
#define DMKIT_TESTING_DIFFERENTIAL_SIDE_H_

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/differential/operation.h"
#include "testing/model/profile.h"

namespace dmkit::differential {

// What a history starts from. Backing files: `scratch`/f0, f1, ... of these sizes, all zeros; the
// first `attached` of them are attached to loop0, loop1, ... .
inline constexpr std::array<uint64_t, 5> kFileBytes = {4u << 20, 8u << 20, 4u << 20, 1u << 20, 0};

struct Start {
  std::string scratch;
  size_t attached = 4;
};

// What an operation would have waited for, had it been done on a real kernel.
enum class Wait {
  kNone,
  kEndless,  // nothing would end it
  kLong,     // a timer ended it after more than a moment
};

class Side {
 public:
  virtual ~Side() = default;

  // A kernel without mapped devices and attached loops, and the files of `start`; slots are empty
  // but for the two control nodes.
  virtual absl::Status Begin(const Start& start) = 0;
  virtual Outcome Run(const Operation& operation) = 0;
  // Of the last operation; known to the model only.
  virtual Wait waited() const { return Wait::kNone; }
  // Gives work that the kernel does in its own time a moment. False: it has no such work.
  virtual bool Settle() = 0;
};

// A new model kernel for each history, with the other side's major for mapped devices, so that
// numbers mean the same.
std::unique_ptr<Side> ModelSide(const model::Profile& profile, uint32_t dm_major);
// The kernel that runs, as root. It loses all its mapped devices and loop devices.
std::unique_ptr<Side> KernelSide();

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_SIDE_H_
