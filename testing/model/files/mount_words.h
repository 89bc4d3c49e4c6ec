// SPDX-License-Identifier: Apache-2.0
// The words that ext4 and xfs take in the data of a mount. What they do is the filesystem's
// business; most do nothing here.

#ifndef DMKIT_TESTING_MODEL_FILES_MOUNT_WORDS_H_
#define DMKIT_TESTING_MODEL_FILES_MOUNT_WORDS_H_

#include <string>

#include "testing/model/files/block_filesystem.h"
#include "testing/model/files/filesystem.h"

namespace dmkit::model {

// False when a word is unknown to filesystems of this kind, lacks its value or has one too many.
bool ParseMountWords(const std::string& kind, const BlockMountOptions& options,
                     BlockFilesystem::Words* words);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_MOUNT_WORDS_H_
