// SPDX-License-Identifier: Apache-2.0
// The fixture of device-mapper's tests: each claim is tried as both kernels.

#ifndef DMKIT_TESTING_MODEL_DM_FIXTURE_H_
#define DMKIT_TESTING_MODEL_DM_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>

#include "testing/model/dm_testing.h"

namespace dmkit::model {

class DmTest : public ::testing::TestWithParam<const Profile*> {
 protected:
  DmTest() : machine_(*GetParam()) {}
  bool is_6_1() const { return GetParam() == &Linux61(); }

  DmMachine machine_;
};

inline std::string KernelName(const ::testing::TestParamInfo<const Profile*>& info) {
  return info.param == &Linux61() ? "Linux61" : "Linux612";
}

}  // namespace dmkit::model

// Once per suite that is derived from DmTest.
#define DMKIT_ON_BOTH_KERNELS(suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(                                                                       \
      Kernels, suite, ::testing::Values(&::dmkit::model::Linux61(), &::dmkit::model::Linux612()), \
      ::dmkit::model::KernelName)

#endif  // DMKIT_TESTING_MODEL_DM_FIXTURE_H_
