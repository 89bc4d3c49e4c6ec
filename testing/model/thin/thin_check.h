// SPDX-License-Identifier: Apache-2.0
// Checks the metadata of a pool as it lies on a device, from its bytes alone: a reader of its own,
// which shares no code with what wrote them.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_CHECK_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_CHECK_H_

#include <string>
#include <vector>

#include "testing/model/block_layer.h"

namespace dmkit::model {

// Whether the metadata on `metadata` (a device that no pool is using, or a disk after a power loss)
// is what a pool may leave: checksums, the two trees with the same ids, counts of mapped blocks,
// the reference counts of data blocks and metadata blocks equal to what leads to them, the metadata
// snapshot. One line per thing that is wrong. A blank device has nothing wrong.
std::vector<std::string> CheckThinMetadata(BlockDevice& metadata);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_CHECK_H_
