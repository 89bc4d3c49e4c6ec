// SPDX-License-Identifier: Apache-2.0
// The model as Linux 6.12.

#include "testing/cases/model_profile.h"

namespace dmkit::cases {

const model::Profile& ModelProfile() { return model::Linux612(); }

}  // namespace dmkit::cases
