// SPDX-License-Identifier: Apache-2.0
// The model as Linux 6.1.

#include "testing/cases/model_profile.h"

namespace dmkit::cases {

const model::Profile& ModelProfile() { return model::Linux61(); }

}  // namespace dmkit::cases
