// SPDX-License-Identifier: Apache-2.0
// Commands of device-mapper, one ioctl each.

#include "testing/conformance/dm_fixture.h"

#include <sys/ioctl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sys/device_number.h"
#include "testing/conformance/guarded_ioctl.h"

namespace dmkit::conformance {
namespace {

constexpr int kRemoveRounds = 8;

}  // namespace

void DmTest::SetUp() {
  ASSERT_NO_FATAL_FAILURE(ConformanceTest::SetUp());
  control_ = Open(kControlPath, sys::Access::kReadWrite);
  ASSERT_NE(control_, nullptr);
  DmRequest list(1 << 16);
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, list), 0);
  ASSERT_EQ(list.Names(), Lines()) << "are there already";
  has_started_ = true;
}

void DmTest::TearDown() {
  Lines names;
  // The ones on top first: what another device is built on is busy until that one is gone.
  for (int round = 0; has_started_ && round < kRemoveRounds; ++round) {
    DmRequest list(1 << 16);
    EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, list), 0);
    names = list.Names();
    if (names.empty()) break;
    for (const std::string& name : names) Remove(name);
  }
  EXPECT_EQ(names, Lines()) << "could not be removed";
  // A deferred removal frees the minor last, some time after the name.
  const bool is_clean = !has_deferred_ || InTime([&] { return IsLowestMinorFree(); });
  EXPECT_TRUE(is_clean) << "a minor is still in use";
  control_ = nullptr;
  ConformanceTest::TearDown();
}

bool DmTest::IsLowestMinorFree() {
  DmRequest request(kResultAt);
  EXPECT_EQ(Call(DM_DEV_CREATE_CMD, request.Name("probe")), 0);
  EXPECT_EQ(Remove("probe"), 0);
  return DecodeDevice(request.device()).minor == 0;
}

int DmTest::CallOn(sys::File& control, uint32_t number, DmRequest& request) {
  // The kernel looks at neither size nor direction; the seam does.
  const bool is_whole = request.bytes().size() >= sizeof(dm_ioctl);
  const unsigned long code =
      is_whole ? _IOWR(DM_IOCTL, number, struct dm_ioctl) : _IOC(_IOC_NONE, DM_IOCTL, number, 0);
  EXPECT_FALSE(has_cleared_ && number == DM_DEV_RENAME_CMD) << "would corrupt the kernel's memory";
  if (has_cleared_ && number == DM_DEV_RENAME_CMD) return -ECANCELED;
  const bool is_deferring = (number == DM_DEV_REMOVE_CMD || number == DM_REMOVE_ALL_CMD) &&
                            is_whole && request.Has(DM_DEFERRED_REMOVE);
  request.Sent();
  const int result = GuardedIoctl(control, code, request.bytes());
  if (result == 0 && number == DM_TABLE_CLEAR_CMD) has_cleared_ = true;
  if (is_deferring) has_deferred_ = true;
  return result;
}

int DmTest::Create(absl::string_view name, absl::string_view uuid) {
  return Call(DM_DEV_CREATE_CMD, DmRequest(kResultAt).Name(name).Uuid(uuid));
}

int DmTest::Load(absl::string_view name, const std::vector<DmLine>& table, uint32_t flags) {
  DmRequest request(kResultAt);
  request.Name(name).Flags(flags);
  for (const DmLine& line : table) {
    request.Target(line.start, line.length, line.type, line.params);
  }
  return Call(DM_TABLE_LOAD_CMD, request);
}

int DmTest::Load(absl::string_view name, uint64_t length, absl::string_view type,
                 absl::string_view params, uint32_t flags) {
  return Load(name, {{0, length, std::string(type), std::string(params)}}, flags);
}

int DmTest::Suspend(absl::string_view name, uint32_t flags) {
  return Call(DM_DEV_SUSPEND_CMD, DmRequest(kResultAt).Name(name).Flags(DM_SUSPEND_FLAG | flags));
}

int DmTest::Resume(absl::string_view name, uint32_t cookie, uint32_t flags) {
  return Call(DM_DEV_SUSPEND_CMD, DmRequest(kResultAt).Name(name).Event(cookie).Flags(flags));
}

int DmTest::Remove(absl::string_view name, uint32_t flags, uint32_t cookie) {
  return Call(DM_DEV_REMOVE_CMD, DmRequest(kResultAt).Name(name).Event(cookie).Flags(flags));
}

int DmTest::Clear(absl::string_view name) {
  return Call(DM_TABLE_CLEAR_CMD, DmRequest(kResultAt).Name(name));
}

int DmTest::Rename(absl::string_view name, absl::string_view wanted, uint32_t flags,
                   uint32_t cookie) {
  return Call(DM_DEV_RENAME_CMD, DmRequest().Name(name).Event(cookie).Flags(flags).Text(wanted));
}

int DmTest::Message(absl::string_view name, absl::string_view text, uint64_t sector) {
  return Call(DM_TARGET_MSG_CMD, DmRequest(4096).Name(name).Message(sector, text));
}

void DmTest::Activate(absl::string_view name, const std::vector<DmLine>& table) {
  ASSERT_EQ(Create(name), 0) << name;
  ASSERT_EQ(Load(name, table), 0) << name;
  ASSERT_EQ(Resume(name), 0) << name;
}

void DmTest::Activate(absl::string_view name, uint64_t length, absl::string_view type,
                      absl::string_view params) {
  Activate(name, {{0, length, std::string(type), std::string(params)}});
}

DmRequest DmTest::Status(absl::string_view name, uint32_t flags) {
  DmRequest request(kResultAt);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request.Name(name).Flags(flags)), 0) << name;
  return request;
}

bool DmTest::Exists(absl::string_view name) {
  return Call(DM_DEV_STATUS_CMD, DmRequest(kResultAt).Name(name)) == 0;
}

Lines DmTest::Table(absl::string_view name, uint32_t flags) {
  DmRequest request(1 << 16);
  EXPECT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name(name).Flags(flags)), 0) << name;
  return request.Targets();
}

std::string DmTest::Answer(absl::string_view name, absl::string_view text) {
  DmRequest request(1 << 16);
  EXPECT_EQ(Call(DM_TARGET_MSG_CMD, request.Name(name).Message(0, text)), 0) << text;
  EXPECT_TRUE(request.Has(DM_DATA_OUT_FLAG)) << text;
  return request.TextAt(kResultAt);
}

std::string DmTest::Number(absl::string_view name) {
  return sys::FormatDeviceNumber(DecodeDevice(Status(name).device()));
}

std::string DmTest::Node(absl::string_view name) {
  return absl::StrCat("/dev/dm-", DecodeDevice(Status(name).device()).minor);
}

Lines DmTest::TakeUevents() {
  Lines lines;
  for (const std::string& line : machine().TakeUevents()) {
    if (absl::StrContains(line, " dm-")) lines.push_back(line);
  }
  return lines;
}

}  // namespace dmkit::conformance
