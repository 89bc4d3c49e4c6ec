// SPDX-License-Identifier: Apache-2.0
// The target flakey: a device that fails or loses what it is given for some of the time. Its
// corruption of bytes is not modelled.

#ifndef DMKIT_TESTING_MODEL_FLAKEY_H_
#define DMKIT_TESTING_MODEL_FLAKEY_H_

#include "testing/model/dm_core.h"

namespace dmkit::model {

// flakey <device> <offset> <up seconds> <down seconds> [<words> <feature>...], with the features
// drop_writes, error_writes and, where the profile has it, error_reads. -EINVAL for
// corrupt_bio_byte and the random ones, which the kernels know. Registers the module dm-flakey.
void RegisterFlakey(DmCore& dm);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FLAKEY_H_
