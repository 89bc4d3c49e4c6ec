// SPDX-License-Identifier: Apache-2.0
// From the device argument of a table line to a device number.

#ifndef DMKIT_TESTING_MODEL_DM_PATH_H_
#define DMKIT_TESTING_MODEL_DM_PATH_H_

#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "testing/model/core.h"

namespace dmkit::model {

// "major:minor", a path, and what else the profile takes. -EOVERFLOW: a number that no device can
// have; otherwise as Profile::reports_path_errno says. Whether the device exists is not looked at.
int ParseDevicePath(Core& core, absl::string_view path, sys::DeviceNumber* number);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_PATH_H_
