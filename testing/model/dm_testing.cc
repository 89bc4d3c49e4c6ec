// SPDX-License-Identifier: Apache-2.0
// The machine for tests, and its requests.

#include "testing/model/dm_testing.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

constexpr size_t kSpecBytes = 40;

}  // namespace

DmBytes::DmBytes(size_t size) : bytes_(size, '\0') {
  Put32(kVersionAt, 4);
  Put32(kDataSizeAt, static_cast<uint32_t>(size));
  Put32(kDataStartAt, kStructBytes);
}

uint32_t DmBytes::U32(size_t at) const {
  uint32_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof(value));
  return value;
}

uint64_t DmBytes::U64(size_t at) const {
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof(value));
  return value;
}

void DmBytes::Put32(size_t at, uint32_t value) { std::memcpy(&bytes_[at], &value, sizeof(value)); }

void DmBytes::Put64(size_t at, uint64_t value) { std::memcpy(&bytes_[at], &value, sizeof(value)); }

DmBytes& DmBytes::Name(absl::string_view name) {
  bytes_.replace(kNameAt, name.size(), name.data(), name.size());
  return *this;
}

DmBytes& DmBytes::Uuid(absl::string_view uuid) {
  bytes_.replace(kUuidAt, uuid.size(), uuid.data(), uuid.size());
  return *this;
}

DmBytes& DmBytes::Flags(uint32_t flags) {
  Put32(kFlagsAt, U32(kFlagsAt) | flags);
  return *this;
}

DmBytes& DmBytes::Event(uint32_t event) {
  Put32(kEventAt, event);
  return *this;
}

DmBytes& DmBytes::Device(uint64_t device) {
  Put64(kDeviceAt, device);
  return *this;
}

DmBytes& DmBytes::Version(uint32_t major, uint32_t minor) {
  Put32(kVersionAt, major);
  Put32(kVersionAt + 4, minor);
  return *this;
}

DmBytes& DmBytes::DataStart(uint32_t start) {
  Put32(kDataStartAt, start);
  end_ = start;
  return *this;
}

DmBytes& DmBytes::Raw(absl::string_view bytes) {
  if (bytes_.size() < end_ + bytes.size()) {
    bytes_.resize(end_ + bytes.size(), '\0');
    Put32(kDataSizeAt, static_cast<uint32_t>(bytes_.size()));
  }
  bytes_.replace(end_, bytes.size(), bytes.data(), bytes.size());
  end_ += bytes.size();
  return *this;
}

DmBytes& DmBytes::Text(absl::string_view text) {
  std::string bytes(text);
  bytes.push_back('\0');
  return Raw(bytes);
}

DmBytes& DmBytes::Message(uint64_t sector, absl::string_view text) {
  std::string bytes(sizeof(sector), '\0');
  std::memcpy(&bytes[0], &sector, sizeof(sector));
  return Raw(bytes).Text(text);
}

DmBytes& DmBytes::Target(uint64_t start, uint64_t length, absl::string_view type,
                         absl::string_view params) {
  std::string spec(kSpecBytes, '\0');
  const auto next = static_cast<uint32_t>(Align8(kSpecBytes + params.size() + 1));
  std::memcpy(&spec[0], &start, sizeof(start));
  std::memcpy(&spec[8], &length, sizeof(length));
  std::memcpy(&spec[20], &next, sizeof(next));
  spec.replace(24, type.size(), type.data(), type.size());
  spec.append(params.data(), params.size());
  spec.resize(next, '\0');
  Put32(kTargetCountAt, U32(kTargetCountAt) + 1);
  return Raw(spec);
}

DmBytes& DmBytes::Poison() {
  std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.end(), kPoison);
  std::fill(bytes_.begin() + kDataAt, bytes_.begin() + kStructBytes, kPoison);
  return *this;
}

std::vector<std::string> DmBytes::Targets() const {
  std::vector<std::string> list;
  const size_t start = U32(kDataStartAt);
  size_t at = start;
  while (at + kSpecBytes < data_size()) {
    const std::string type(bytes_.data() + at + 24, strnlen(bytes_.data() + at + 24, 16));
    list.push_back(
        absl::StrCat(U64(at), " ", U64(at + 8), " ", type, " ", TextAt(at + kSpecBytes)));
    at = start + U32(at + 20);
  }
  if ((flags() & kBufferFullFlag) != 0) list.emplace_back("full");
  return list;
}

DmMachine::DmMachine(const Profile& profile) : core(profile, /*seed=*/1) {
  core.blocks.RegisterMajor(8, "sd");
  // As in the guests that the golden bytes come from, so that the major of dm is theirs too.
  core.blocks.RegisterMajor(254, "virtblk");
  disk = std::make_unique<Disk>(core, sys::DeviceNumber{8, 0}, "sda", 8192 * kSectorBytes);
  small_disk = std::make_unique<Disk>(core, sys::DeviceNumber{8, 16}, "sdb", 4096 * kSectorBytes);
  dm = std::make_unique<DmCore>(core);
  control = std::make_unique<DmControl>(*dm, OpenMode(), "/dev/mapper/control");
  core.uevents.Take();
}

DmMachine::~DmMachine() {
  control.reset();
  dm.reset();
}

int DmMachine::CallOn(DmControl& file, uint32_t number, absl::Span<char> memory) {
  const Scheduler::Call call(core.scheduler, root.id());
  return file.Ioctl(root, _IOC(_IOC_READ | _IOC_WRITE, 0xfd, number, kStructBytes),
                    UserMemory(memory));
}

int DmMachine::Call(uint32_t number, DmBytes& bytes) {
  return CallOn(*control, number, absl::MakeSpan(&bytes.bytes()[0], bytes.bytes().size()));
}

int DmMachine::Create(absl::string_view name) {
  DmBytes bytes(kStructBytes);
  return Call(kDevCreate, bytes.Name(name));
}

int DmMachine::Load(absl::string_view name, uint64_t length, absl::string_view type,
                    absl::string_view params, uint32_t flags) {
  DmBytes bytes(kStructBytes);
  return Call(kTableLoad, bytes.Name(name).Flags(flags).Target(0, length, type, params));
}

int DmMachine::Suspend(absl::string_view name, uint32_t flags) {
  DmBytes bytes(kStructBytes);
  return Call(kDevSuspend, bytes.Name(name).Flags(flags | kSuspendFlag));
}

int DmMachine::Resume(absl::string_view name, uint32_t cookie) {
  DmBytes bytes(kStructBytes);
  return Call(kDevSuspend, bytes.Name(name).Event(cookie));
}

int DmMachine::Remove(absl::string_view name, uint32_t flags) {
  DmBytes bytes(kStructBytes);
  return Call(kDevRemove, bytes.Name(name).Flags(flags));
}

int DmMachine::Clear(absl::string_view name) {
  DmBytes bytes(kStructBytes);
  return Call(kTableClear, bytes.Name(name));
}

void DmMachine::Activate(absl::string_view name, uint64_t length, absl::string_view type,
                         absl::string_view params) {
  DMKIT_CHECK(Create(name) == 0);
  DMKIT_CHECK(Load(name, length, type, params) == 0);
  DMKIT_CHECK(Resume(name) == 0);
}

DmBytes DmMachine::Status(absl::string_view name, uint32_t flags) {
  DmBytes bytes(kStructBytes);
  DMKIT_CHECK(Call(kDevStatus, bytes.Name(name).Flags(flags)) == 0);
  return bytes;
}

DmBytes DmMachine::Table(absl::string_view name, uint32_t flags) {
  DmBytes bytes;
  DMKIT_CHECK(Call(kTableStatus, bytes.Name(name).Flags(flags)) == 0);
  return bytes;
}

std::string DmMachine::Number(absl::string_view name) {
  return sys::FormatDeviceNumber(device(name).number());
}

int DmMachine::Open(absl::string_view name, BlockHandle* handle, const void* claim) {
  const Scheduler::Call call(core.scheduler, root.id());
  Opener opener;
  opener.who = "a test";
  opener.write = true;
  opener.claim = claim;
  return device(name).Open(opener, handle);
}

std::vector<std::string> DmMachine::TakeUevents() {
  std::vector<std::string> lines;
  for (const Uevent& event : core.uevents.Take()) lines.push_back(DebugString(event));
  return lines;
}

}  // namespace dmkit::model
