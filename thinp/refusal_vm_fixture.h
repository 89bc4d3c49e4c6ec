// SPDX-License-Identifier: Apache-2.0
// First starts that are refused.

#ifndef DMKIT_THINP_REFUSAL_VM_FIXTURE_H_
#define DMKIT_THINP_REFUSAL_VM_FIXTURE_H_

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"

namespace dmkit::thinp {

class RefusalFixture : public DeviceSetFixture {
 protected:
  // A refused first start leaves no store, no pool files and nothing in the kernel.
  void ExpectNothingMade() {
    EXPECT_THAT(SetExists(plain_host(), options().root), sys::IsOkAndHolds(false));
    EXPECT_FALSE(Exists(StatePath("pool/data")));
    EXPECT_FALSE(Exists(StatePath("pool/metadata")));
    for (const std::string& name : MappedDevices()) {
      EXPECT_EQ(name.substr(0, 6), "given-") << "of the test";
    }
  }
  std::string Refusal(absl::StatusCode code) {
    const absl::Status opened = TryOpen();
    EXPECT_THAT(opened, sys::FailsWithCode(code));
    ExpectNothingMade();
    return std::string(opened.message());
  }
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_REFUSAL_VM_FIXTURE_H_
