// SPDX-License-Identifier: Apache-2.0
// The import with every call through the seam failing once, and with the process ending at every
// call.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "driver/docker/import_vm_fixture.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using sys::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ImportSweepTest : public ImportVmTest {
 protected:
  void SetUp() override {
    MakeStore();
    // So that the filesystem has to be looked up.
    WriteRecord("deviceset-metadata", R"({"next_device_id":5})");
    options_ = Options();
    options_.lock_patience = absl::ZeroDuration();
    options_.run_root = dir() + "/run";
  }

  // Imports with call n failing as `plan` says, for n = 1, 2, ... until there are fewer calls;
  // `check` after each, with nothing failing.
  void Sweep(const std::function<sys::FaultyHost::Plan(uint64_t)>& plan,
             const std::function<void(const absl::Status&)>& check) {
    const auto before = Fingerprint(docker());
    for (uint64_t call = 1;; call += kernel().SweepStep()) {
      counted().SetPlan(plan(call));
      const absl::Status status = ImportDocker(dm(), options_).status();
      const bool reached = counted().calls() >= call;
      SCOPED_TRACE(absl::StrCat("call ", call, " ", reached ? counted().Log()[call - 1] : "", ": ",
                                status.ToString()));
      counted().SetPlan(nullptr);
      check(status);
      if (HasFailure()) return;
      if (reached) continue;
      EXPECT_THAT(status, IsOk());
      EXPECT_GT(call, 100u) << "the sweep has hardly begun";
      break;
    }
    EXPECT_EQ(Fingerprint(docker()), before);
  }

  // An import that nothing hinders works, and is taken away again.
  void ImportAndForget() {
    EXPECT_THAT(Ids(Import(options_)), ElementsAre("aaaa", "bbbb", "cccc-init"));
    if (HasFailure()) return;
    EXPECT_EQ(Open(options_.root).List()->layers(0).filesystem(), "ext4");
    Close();
    for (const char* name : {"set", "set.copy"}) {
      ASSERT_THAT(host().root->Unlink(absl::StrCat(options_.root, "/", name)), IsOk());
    }
  }

  ImportOptions options_;
};

TEST_F(ImportSweepTest, AnImportThatFailsAnywhereLeavesNothing) {
  Sweep([](uint64_t call) { return sys::FaultyHost::FailCall(call, EIO); },
        [&](const absl::Status& imported) {
          if (!imported.ok()) {
            EXPECT_THAT(DeviceNames(), IsEmpty());
            EXPECT_THAT(LoopFiles(), IsEmpty());
            EXPECT_FALSE(IsThere(options_.root + "/set"));
            EXPECT_FALSE(IsThere(options_.root + "/set.copy"));
          }
          ImportAndForget();
        });
}

TEST_F(ImportSweepTest, AnImportThatEndsAnywhereCanBeMadeAgain) {
  Sweep(sys::FaultyHost::StopAt, [&](const absl::Status&) { ImportAndForget(); });
}

}  // namespace
}  // namespace dmkit::driver
