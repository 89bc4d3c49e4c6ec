// SPDX-License-Identifier: Apache-2.0
// Devices of tests, and their removal.

#include "dm/vm_fixture.h"

#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/nodes.h"
#include "dm/targets/linear.h"
#include "dm/targets/zero.h"
#include "sys/durable.h"
#include "sys/status.h"

namespace dmkit::dm::testing {

VmTest::VmTest()
    : kernel_(cases::StartKernel()),
      host_(kernel_->host()),
      dm_(DeviceMapper::Open(host_).value()) {
  kernel_->AddRamDisks();
}

VmTest::~VmTest() {
  // The ones on top first: what another device is built on is busy until that one is gone.
  for (int round = 0; round < 5; ++round) {
    const auto list = dm_.List();
    if (!list.ok()) return;
    for (const ListedDevice& device : *list) {
      if (!absl::StartsWith(device.name, kPrefix)) continue;
      dm_.Remove(device.device, RemoveOptions()).IgnoreError();
      RemoveMapperNode(host_, DmName::Create(device.name).value()).IgnoreError();
    }
  }
}

DmName VmTest::TestName(absl::string_view name) {
  return DmName::Create(absl::StrCat(kPrefix, name)).value();
}
DmUuid VmTest::TestUuid(absl::string_view name) {
  return DmUuid::Create(absl::StrCat("DMKIT-vmtest-", name)).value();
}
TableLine VmTest::ZeroLine(uint64_t start, uint64_t length) {
  return ZeroTarget().Line(sys::Sectors(start), sys::Sectors(length));
}
TableLine VmTest::LinearLine(uint64_t start, uint64_t length, uint64_t offset) {
  return LinearTarget(kRam, sys::Sectors(offset)).Line(sys::Sectors(start), sys::Sectors(length));
}

DmName VmTest::MakeBare(absl::string_view name) {
  EXPECT_TRUE(dm_.Create(TestName(name), CreateOptions()).ok());
  return TestName(name);
}

DmName VmTest::MakeActive(absl::string_view name, const std::vector<TableLine>& table) {
  DmName made = MakeBare(name);
  EXPECT_TRUE(dm_.Load(made, table, LoadOptions()).ok());
  EXPECT_TRUE(dm_.Resume(made, SuspendOptions(), UdevCookie()).ok());
  return made;
}

absl::StatusOr<std::unique_ptr<sys::File>> VmTest::OpenNode(sys::DeviceNumber device,
                                                            sys::Access access) {
  sys::OpenOptions options;
  options.access = access;
  return OpenDevice(host_, device, options);
}

std::string VmTest::ReadText(absl::string_view path) {
  return sys::ReadFile(*host_.root, path, 65536).value_or("");
}

bool VmTest::IsKernel61() {
  return absl::StartsWith(ReadText("/proc/sys/kernel/osrelease"), "6.1.");
}

std::string VmTest::OutputOf(const std::vector<std::string>& argv) {
  const auto result = host_.processes->Run(argv, absl::Seconds(30));
  return result.ok() && result->exit_status == 0 ? result->output : "";
}

bool VmTest::IsGoneInTime(const DmName& name) {
  for (int i = 0; i < 1000; ++i) {
    if (sys::GetErrno(dm_.Info(name).status()) == ENXIO) return true;
    host_.clock->Sleep(absl::Milliseconds(10));
  }
  return false;
}

}  // namespace dmkit::dm::testing
