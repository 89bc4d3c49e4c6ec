// SPDX-License-Identifier: Apache-2.0
// Which kernel the model is; each of the libraries :model_* says its own.

#ifndef DMKIT_TESTING_CASES_MODEL_PROFILE_H_
#define DMKIT_TESTING_CASES_MODEL_PROFILE_H_

#include "testing/model/profile.h"

namespace dmkit::cases {

const model::Profile& ModelProfile();

}  // namespace dmkit::cases

#endif  // DMKIT_TESTING_CASES_MODEL_PROFILE_H_
