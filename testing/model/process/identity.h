// SPDX-License-Identifier: Apache-2.0
// Who makes a call, as far as it concerns what has nothing to do with files.

#ifndef DMKIT_TESTING_MODEL_PROCESS_IDENTITY_H_
#define DMKIT_TESTING_MODEL_PROCESS_IDENTITY_H_

#include <cstdint>

namespace dmkit::model {

struct Identity {
  int id = 0;
  uint32_t effective_user = 0;

  bool is_root() const { return effective_user == 0; }
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_IDENTITY_H_
