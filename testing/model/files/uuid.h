// SPDX-License-Identifier: Apache-2.0
// Random UUIDs from the model's own randomness.

#ifndef DMKIT_TESTING_MODEL_FILES_UUID_H_
#define DMKIT_TESTING_MODEL_FILES_UUID_H_

#include <random>
#include <string>

namespace dmkit::model {

// A UUID of version 4, in lower case with hyphens.
std::string RandomUuid(std::mt19937_64& random);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_UUID_H_
