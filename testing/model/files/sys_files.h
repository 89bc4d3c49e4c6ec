// SPDX-License-Identifier: Apache-2.0
// What /sys holds: block devices, as far as somebody reads it. Mirrors block/genhd.c and what
// drivers add.

#ifndef DMKIT_TESTING_MODEL_FILES_SYS_FILES_H_
#define DMKIT_TESTING_MODEL_FILES_SYS_FILES_H_

#include "testing/model/core.h"
#include "testing/model/files/made_up.h"

namespace dmkit::model {

// block/, class/block/ and dev/block/ with links; devices/virtual/block/<disk>/ with uevent, dev,
// size, ro, diskseq, holders/, slaves/, queue/, bdi and what its driver shows;
// devices/virtual/bdi/<number>/read_ahead_kb.
MadeUpFile SysRoot(Core& core);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_SYS_FILES_H_
