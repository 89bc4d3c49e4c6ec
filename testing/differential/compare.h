// SPDX-License-Identifier: Apache-2.0
// Whether two kernels gave the same answer. The same means every byte, but for what is listed here:
//  * in the status of a pool, the used metadata blocks and the block of the held root, since the
//    model takes metadata blocks in an order of its own; and what depends on how many digits they
//    have: data_size and the offset of the next record;
//  * device and inode number of a loop device's backing file;
//  * how much of a reply arrives in memory whose end cannot be written.

#ifndef DMKIT_TESTING_DIFFERENTIAL_COMPARE_H_
#define DMKIT_TESTING_DIFFERENTIAL_COMPARE_H_

#include <string>

#include "testing/differential/operation.h"

namespace dmkit::differential {

// The outcome with what may differ replaced by one value.
Outcome Normalised(const Operation& operation, const Outcome& outcome);

inline bool Same(const Operation& operation, const Outcome& one, const Outcome& other) {
  const Outcome a = Normalised(operation, one);
  const Outcome b = Normalised(operation, other);
  return a.result == b.result && a.bytes == b.bytes;
}

// Whether it only looks: then it can be done again after work in the background has had time.
bool IsRepeatable(const Operation& operation);

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_COMPARE_H_
