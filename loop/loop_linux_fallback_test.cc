// SPDX-License-Identifier: Apache-2.0
// The other ways, on the running kernel: calls that older kernels lack are made to fail, nodes are
// taken away, and each call fails once.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/free_device.h"
#include "loop/linux_fixture.h"
#include "loop/loop_device.h"
#include "loop/moved_dev.h"
#include "loop/nodes.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class LoopLinuxFallbackTest : public LoopLinuxTest {
 protected:
  // Every call of `method` on one of `objects` fails with its errno.
  struct Refusal {
    std::string method;
    std::string object;
    int error;
  };
  void Refuse(const std::vector<Refusal>& refusals) {
    faulty_.SetPlan([refusals](const sys::SeamCall& call) {
      for (const Refusal& refusal : refusals) {
        if (call.method == refusal.method && absl::StrContains(call.object, refusal.object)) {
          return refusal.error;
        }
      }
      return 0;
    });
  }

  sys::FaultyHost faulty_{host_};
  const sys::Host refusing_ = faulty_.host();
};

TEST_F(LoopLinuxFallbackTest, KernelWithoutConfigureGivesTheSameDevice) {
  Refuse({{"Ioctl", "0x4c0a ", ENOTTY}});
  AttachOptions options;
  options.offset = sys::Bytes(4096);
  options.size_limit = sys::Bytes(65536);
  options.block_size = 1024;
  const std::string path = MakeFile("a", kMiB);
  const auto attached = Attach(refusing_, path, options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_THAT(trace_.lines, Contains(StartsWith("LOOP_SET_FD /dev/loop")));
  EXPECT_EQ(attached->info.offset, sys::Bytes(4096));
  EXPECT_EQ(attached->info.size, sys::Bytes(65536));
  EXPECT_EQ(attached->info.block_size, 1024u);
  EXPECT_EQ(attached->info.file_name, path.substr(0, 63));
  EXPECT_TRUE(attached->info.autoclear);
  EXPECT_FALSE(attached->info.read_only);
}

TEST_F(LoopLinuxFallbackTest, KernelWithoutConfigureCanAttachReadOnly) {
  Refuse({{"Ioctl", "0x4c0a ", EINVAL}});
  AttachOptions options;
  options.read_only = true;
  const auto attached = Attach(refusing_, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_TRUE(attached->info.read_only);
}

TEST_F(LoopLinuxFallbackTest, KernelWithoutConfigureCanDoDirectIo) {
  const std::string path = MakeFile("a", kMiB);
  sys::OpenOptions direct;
  direct.direct = true;
  if (!host_.root->OpenFile(path, direct).ok()) return;  // nor can the filesystem
  Refuse({{"Ioctl", "0x4c0a ", ENOSYS}});
  AttachOptions options;
  options.direct_io = true;
  const auto attached = Attach(refusing_, path, options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_TRUE(attached->info.direct_io);
}

TEST_F(LoopLinuxFallbackTest, WithoutGetFreeTheDevicesAreScanned) {
  for (const int error : {ENOSYS, ENOTTY, EINVAL, EACCES}) {
    Refuse({{"IoctlValue", "0x4c82 ", error}});
    EXPECT_THAT(Attach(refusing_, MakeFile("a", kMiB), {}, Soon()), IsOk()) << error;
  }
  Refuse({{"OpenFile", "/dev/loop-control", EACCES}});
  EXPECT_THAT(Attach(refusing_, MakeFile("a", kMiB), {}, Soon()), IsOk());
}

TEST_F(LoopLinuxFallbackTest, WithoutSysfsTheNodesAreScanned) {
  Refuse({{"List", "/sys/block", ENOENT},
          {"Stat", "/sys/block", ENOENT},
          {"OpenFile", "/sys/block", ENOENT},
          {"OpenFile", "/dev/loop-control", ENOENT},
          {"OpenFile", "/proc/misc", ENOENT}});
  const std::string path = MakeFile("a", kMiB);
  AttachOptions options;
  options.autoclear = false;
  auto attached = FindOrAttach(refusing_, path, options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.backing_file, "");
  auto again = FindOrAttach(refusing_, path, options, Soon());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->info.number, attached->info.number);
  attached->device.reset();
  again->device.reset();
  const auto detached = Detach(refusing_, attached->info.number, Soon());
  ASSERT_THAT(detached, IsOk());
  EXPECT_FALSE(detached->deferred);
}

TEST_F(LoopLinuxFallbackTest, DeviceHeldExclusivelyWhileUnboundIsPassedOver) {
  FreeDevices free(host_);
  const auto number = free.Find({});
  ASSERT_THAT(number, IsOk());
  sys::OpenOptions options;
  options.exclusive = true;
  const auto held = host_.root->OpenFile(absl::StrCat("/dev/loop", *number), options);
  ASSERT_THAT(held, IsOk());
  const auto attached = Attach(host_, MakeFile("a", kMiB), {}, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_NE(attached->info.number, *number);
}

TEST_F(LoopLinuxFallbackTest, MissingNodesAreMade) {
  ASSERT_THAT(host_.root->MakeDir(PathOf("dev"), 0700), IsOk());
  testing::MovedDev root(*host_.root, PathOf("dev"));
  sys::Host host = host_;
  host.root = &root;
  AttachOptions options;
  options.autoclear = false;
  auto attached = Attach(host, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  const std::string node = absl::StrCat("/dev/loop", attached->info.number);
  const auto control = root.Stat("/dev/loop-control");
  ASSERT_THAT(control, IsOk());
  EXPECT_EQ(control->type, sys::FileType::kCharDevice);
  EXPECT_EQ(control->rdevice, host_.root->Stat("/dev/loop-control")->rdevice);
  EXPECT_EQ(control->mode, 0600u);
  const auto made = root.Stat(node);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->rdevice, attached->info.device);
  EXPECT_EQ(made->mode, 0600u);

  attached->device.reset();
  ASSERT_THAT(root.Unlink(node), IsOk());
  const auto detached = Detach(host, attached->info.number, Soon());
  ASSERT_THAT(detached, IsOk());
  EXPECT_FALSE(detached->deferred);
}

TEST_F(LoopLinuxFallbackTest, EachFailingCallLeavesNothingBehind) {
  const std::string path = MakeFile("a", kMiB);
  AttachOptions options;
  options.autoclear = false;
  options.block_size = 4096;
  for (const int error : {EIO, EBUSY, EINVAL, ENXIO, EACCES}) {
    for (uint64_t n = 1;; ++n) {
      faulty_.SetPlan(sys::FaultyHost::FailCall(n, error));
      absl::Status status;
      {
        const auto attached = Attach(refusing_, path, options, Soon());
        status = attached.status();
      }
      SCOPED_TRACE(absl::StrJoin(faulty_.Log(), "\n"));
      const bool all_made = faulty_.calls() < n;
      faulty_.SetPlan(nullptr);
      EXPECT_EQ(faulty_.open_handles(), 0u);
      const auto devices = OurDevices();
      EXPECT_EQ(devices.size(), status.ok() ? 1u : 0u) << n << " " << status;
      for (const uint32_t number : devices) ExpectDetached(number);
      if (HasFailure()) return;
      if (all_made) break;
    }
  }
}

TEST_F(LoopLinuxFallbackTest, DetachWithAFailingCallCanBeRepeated) {
  const std::string path = MakeFile("a", kMiB);
  AttachOptions options;
  options.autoclear = false;
  for (uint64_t n = 1;; ++n) {
    auto attached = Attach(host_, path, options, Soon());
    ASSERT_THAT(attached, IsOk());
    attached->device.reset();
    faulty_.SetPlan(sys::FaultyHost::FailCall(n, EIO));
    const absl::Status status = Detach(refusing_, attached->info.number, Soon()).status();
    const bool all_made = faulty_.calls() < n;
    faulty_.SetPlan(nullptr);
    EXPECT_EQ(faulty_.open_handles(), 0u);
    ExpectDetached(attached->info.number);
    EXPECT_THAT(OurDevices(), IsEmpty());
    if (all_made) {
      EXPECT_THAT(status, IsOk());
      break;
    }
    EXPECT_THAT(status, FailsWithErrno(EIO)) << n;
  }
}

}  // namespace
}  // namespace dmkit::loop
