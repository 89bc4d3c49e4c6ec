// SPDX-License-Identifier: Apache-2.0
// One boot in a row of boots of one disk, which power_cut_vm_test.sh makes: finds in order what the
// boot before left, and is cut off itself at the call that the script names. Environment:
//   REPORTED  what earlier boots have printed: NAME was made; ?NAME is being deleted; -NAME is
//   deleted CUT_AT    "<phase> <method> <part of the object> <count>": the power goes at that call
//   of the phase
//             (start: opening the store; work: after it is in order); "end": when all is reported;
//             empty: it stays on
// Prints "reported NAME" and so on as the store reports it.

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;

std::vector<std::string> Words(const char* variable) {
  const char* const value = getenv(variable);
  return absl::StrSplit(value == nullptr ? "" : value, ' ', absl::SkipEmpty());
}

class PowerCutVmTest : public DeviceSetFixture {
 protected:
  PowerCutVmTest() { options().root = "/scratch/store"; }

  // Words cannot be lost with the power: they are out before.
  [[noreturn]] void CutPower() {
    std::cout << std::flush;
    plain_host().clock->Sleep(absl::Milliseconds(300));
    Run({"sh", "-c", "echo hardstop > /dev/virtio-ports/control; echo b > /proc/sysrq-trigger"});
    std::abort();
  }

  void BeginPhase(const std::string& phase) {
    faulty().SetPlan(nullptr);
    const std::vector<std::string> at = Words("CUT_AT");
    if (at.empty() || at[0] != phase) return;
    ASSERT_EQ(at.size(), 4u);
    int count = 0;
    ASSERT_TRUE(absl::SimpleAtoi(at[3], &count));
    faulty().SetPlan([this, at, count](const sys::SeamCall& call) mutable {
      if (call.method == at[1] && absl::StrContains(call.object, at[2]) && --count == 0) CutPower();
      return 0;
    });
  }

  void Report(const std::string& what) { std::cout << "reported " << what << std::endl; }

  void Make(const std::string& name, const std::string& origin) {
    const auto made = origin.empty() ? set().AddThin(name, kDeviceSize, {})
                                     : set().AddSnapshot(name, origin, kDeviceSize, {});
    ASSERT_THAT(made, IsOk());
  }
  void Delete(const std::string& name) {
    Report("?" + name);
    ASSERT_THAT(set().Delete(name), IsOk());
    Report("-" + name);
  }
};

TEST_F(PowerCutVmTest, FindsTheStoreInOrderAndGoesOn) {
  BeginPhase("start");
  Open();
  faulty().SetPlan(nullptr);
  ExpectClean();
  std::map<std::string, char> reported;
  for (const std::string& word : Words("REPORTED")) {
    const bool made = word[0] != '?' && word[0] != '-';
    reported[made ? word : word.substr(1)] = made ? '+' : word[0];
  }
  for (const auto& [name, state] : reported) {
    const absl::Status found = set().Find(name).status();
    EXPECT_TRUE(found.ok() || state != '+') << name << " was reported: " << found;
    EXPECT_TRUE(!found.ok() || state != '-') << name << " was deleted";
  }
  // Reported or not, whole or not there.
  for (const std::string& name : Names()) {
    EXPECT_EQ(Read(Activate(name), 0, 65536), std::string(65536, 'o')) << name;
    if (name != "origin") Delete(name);
  }

  BeginPhase("work");
  if (!set().Find("origin").ok()) {
    Make("origin", "");
    ASSERT_THAT(Fill(Activate("origin"), 0, 65536, 'o'), IsOk());
    Report("origin");
  }
  const std::string boot = getenv("BOOT");
  Make("first-" + boot, "origin");
  Report("first-" + boot);
  Make("second-" + boot, "origin");
  Report("second-" + boot);
  Delete("first-" + boot);
  if (Words("CUT_AT") == std::vector<std::string>{"end"}) CutPower();
}

}  // namespace
}  // namespace dmkit::thinp
