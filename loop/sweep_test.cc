// SPDX-License-Identifier: Apache-2.0
// Each call fails once, with each errno that means something here: afterwards no device is attached
// that the caller does not know of, and nothing is left open.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "loop/scripted_host.h"
#include "loop/uapi.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kImage[] = "/images/web.img";

struct Case {
  const char* name;
  int error;
  bool old_kernel;       // no LOOP_CONFIGURE, no GET_FREE, no nodes
  bool clears_at_close;  // as 6.12
};

class SweepTest : public ::testing::TestWithParam<Case> {
 protected:
  void Prepare(testing::ScriptedHost& kernel) {
    kernel.clears_at_close = GetParam().clears_at_close;
    if (!GetParam().old_kernel) return;
    kernel.errors[LOOP_CONFIGURE] = EINVAL;
    kernel.errors[LOOP_CTL_GET_FREE] = ENOSYS;
    kernel.files.erase("/dev/loop-control");
    for (const char* node : {"/dev/loop0", "/dev/loop1", "/dev/loop2", "/dev/loop3"}) {
      kernel.files.erase(node);
    }
  }

  // Runs `work` on a fresh host with call n failing, for n = 1, 2, ... until none is left to fail.
  // `check` looks at the host afterwards.
  void Sweep(const std::function<absl::Status(const sys::Host&)>& work,
             const std::function<void(testing::ScriptedHost&, const absl::Status&)>& check,
             const std::function<void(testing::ScriptedHost&)>& before = nullptr) {
    for (uint64_t n = 1;; ++n) {
      testing::ScriptedHost kernel;
      Prepare(kernel);
      if (before) before(kernel);
      sys::FaultyHost faulty(kernel.host());
      faulty.SetPlan(sys::FaultyHost::FailCall(n, GetParam().error));
      const absl::Status status = work(faulty.host());
      SCOPED_TRACE(absl::StrJoin(faulty.Log(), "\n"));
      SCOPED_TRACE(n);
      EXPECT_EQ(faulty.open_handles(), 0u);
      for (const auto& [number, loop] : kernel.loops) EXPECT_EQ(loop.openers, 0) << number;
      check(kernel, status);
      if (HasFailure()) return;
      if (faulty.calls() < n) {
        EXPECT_THAT(status, IsOk());
        EXPECT_GT(n, 3u);
        return;
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    All, SweepTest,
    ::testing::Values(Case{"Eio", EIO, false, false}, Case{"EioOnOldKernel", EIO, true, false},
                      Case{"EioOnNewKernel", EIO, false, true}, Case{"Ebusy", EBUSY, false, false},
                      Case{"EbusyOnOldKernel", EBUSY, true, false},
                      Case{"Enxio", ENXIO, false, true},
                      Case{"EnxioOnOldKernel", ENXIO, true, false},
                      Case{"Einval", EINVAL, false, true}, Case{"Eagain", EAGAIN, true, false},
                      Case{"Eacces", EACCES, false, false}, Case{"Enoent", ENOENT, false, true},
                      Case{"EnoentOnOldKernel", ENOENT, true, false},
                      Case{"Eexist", EEXIST, true, false}, Case{"Emfile", EMFILE, false, false}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST_P(SweepTest, FailedAttachLeavesNothingAttached) {
  AttachOptions options;
  options.autoclear = false;
  options.offset = sys::Bytes(4096);
  options.block_size = 4096;
  options.direct_io = true;
  Sweep(
      [&](const sys::Host& host) {
        return Attach(host, kImage, options, absl::UnixEpoch() + absl::Seconds(5)).status();
      },
      [](testing::ScriptedHost& kernel, const absl::Status& status) {
        EXPECT_EQ(kernel.BoundNumbers().size(), status.ok() ? 1u : 0u) << status;
      });
}

TEST_P(SweepTest, AutoclearLeavesNothingInEitherCase) {
  Sweep(
      [&](const sys::Host& host) {
        return FindOrAttach(host, kImage, {}, absl::UnixEpoch() + absl::Seconds(5)).status();
      },
      [](testing::ScriptedHost& kernel, const absl::Status& status) {
        EXPECT_THAT(kernel.BoundNumbers(), IsEmpty()) << status;
      });
}

TEST_P(SweepTest, FindOrAttachNeverAttachesTwice) {
  // These are how a kernel says that a device is not bound, or not there, and are believed.
  if (GetParam().error == ENXIO || GetParam().error == ENOENT) return;
  AttachOptions options;
  options.autoclear = false;
  Sweep(
      [&](const sys::Host& host) {
        return FindOrAttach(host, kImage, options, absl::UnixEpoch() + absl::Seconds(5)).status();
      },
      [](testing::ScriptedHost& kernel, const absl::Status& status) {
        EXPECT_THAT(kernel.BoundNumbers(), ElementsAre(2)) << status;
      },
      [](testing::ScriptedHost& kernel) { kernel.BindByOther(2, kImage); });
}

TEST_P(SweepTest, DetachCanBeRepeated) {
  Sweep(
      [&](const sys::Host& host) {
        return Detach(host, 2, absl::UnixEpoch() + absl::Seconds(5)).status();
      },
      [](testing::ScriptedHost& kernel, const absl::Status&) {
        const auto again = Detach(kernel.host(), 2, kernel.clock.Now() + absl::Seconds(5));
        ASSERT_THAT(again, IsOk());
        EXPECT_FALSE(again->deferred);
        EXPECT_THAT(kernel.BoundNumbers(), IsEmpty());
      },
      [](testing::ScriptedHost& kernel) { kernel.BindByOther(2, kImage); });
}

TEST_P(SweepTest, ListChangesNothing) {
  Sweep([&](const sys::Host& host) { return List(host).status(); },
        [](testing::ScriptedHost& kernel, const absl::Status&) {
          EXPECT_THAT(kernel.BoundNumbers(), ElementsAre(2));
        },
        [](testing::ScriptedHost& kernel) { kernel.BindByOther(2, kImage); });
}

}  // namespace
}  // namespace dmkit::loop
