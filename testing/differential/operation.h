// SPDX-License-Identifier: Apache-2.0
// One step of a history: what a program asks of a kernel, as plain data, so that it can be made,
// done on two kernels, left out, and shown. Knows nothing of who made it or what is expected.

#ifndef DMKIT_TESTING_DIFFERENTIAL_OPERATION_H_
#define DMKIT_TESTING_DIFFERENTIAL_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/host.h"

namespace dmkit::differential {

enum class Kind : uint8_t {
  kIoctl,       // with a pointer to `bytes`
  kIoctlValue,  // with `value`
  kOpen,        // `path` into `slot`, which is closed before
  kClose,
  kRead,      // `length` bytes at `offset`
  kWrite,     // `bytes` at `offset`
  kSync,      // fsync
  kTruncate,  // to `length` bytes
  kReadable,  // poll, without waiting
};

// Open files have places of their own. The first two are open from the start and stay so.
inline constexpr size_t kControlSlot = 0;      // /dev/mapper/control
inline constexpr size_t kLoopControlSlot = 1;  // /dev/loop-control
inline constexpr size_t kFirstSlot = 2;
inline constexpr size_t kSlots = 10;

struct Operation {
  Kind kind = Kind::kIoctl;
  size_t slot = kControlSlot;
  unsigned long request = 0;
  std::string bytes;
  uint64_t value = 0;
  // The descriptor number of this slot is the value, or the first four bytes: of ioctls only.
  std::optional<size_t> descriptor_slot;
  // How much of the memory of an ioctl can be written, when that is not all of it.
  std::optional<size_t> writable_bytes;
  std::string path;
  sys::OpenOptions options;
  uint64_t offset = 0;
  uint64_t length = 0;
};

using History = std::vector<Operation>;

// What came of it. `bytes` are the ioctl's memory or what was read.
struct Outcome {
  int result = 0;  // or a negative errno
  std::string bytes;
};

// What coverage counts it as: "DM_TABLE_LOAD", "LOOP_CLR_FD", "BLKDISCARD", "open /dev/dm-N".
std::string NameOf(const Operation& operation);
// One line for people, without the outcome.
std::string Show(const Operation& operation);
// The outcome in one line: decoded where the product's tracer can, else the result and the bytes in
// hexadecimal with runs of equal bytes folded.
std::string Show(const Operation& operation, const Outcome& outcome);

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_OPERATION_H_
