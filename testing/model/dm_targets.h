// SPDX-License-Identifier: Apache-2.0
// The targets linear, striped, error and zero.

#ifndef DMKIT_TESTING_MODEL_DM_TARGETS_H_
#define DMKIT_TESTING_MODEL_DM_TARGETS_H_

#include <memory>

#include "testing/model/dm_target.h"
#include "testing/model/profile.h"

namespace dmkit::model {

// linear <device> <offset>
std::shared_ptr<const TargetType> MakeLinearType(const Profile& profile);
// striped <stripes> <chunk sectors> (<device> <offset>)...
std::shared_ptr<const TargetType> MakeStripedType(const Profile& profile);
// error; where the profile says so, also error <device> <offset>, for the limits of that device.
std::shared_ptr<const TargetType> MakeErrorType(const Profile& profile);
// zero
std::shared_ptr<const TargetType> MakeZeroType(const Profile& profile);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_TARGETS_H_
