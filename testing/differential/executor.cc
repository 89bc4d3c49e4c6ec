// SPDX-License-Identifier: Apache-2.0
// Operations as calls through the seam.

#include "testing/differential/executor.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "loop/uapi.h"
#include "sys/status.h"
#include "testing/conformance/dm_request.h"
#include "testing/conformance/guarded_ioctl.h"

namespace dmkit::differential {
namespace {

// What O_DIRECT asks of memory.
constexpr size_t kAlignment = 4096;

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<char, Free>;

AlignedMemory Allocate(size_t size) {
  const size_t room = (size + kAlignment) / kAlignment * kAlignment;
  return AlignedMemory(static_cast<char*>(std::aligned_alloc(kAlignment, room)));
}

int ResultOf(const absl::Status& status) { return status.ok() ? 0 : -sys::GetErrno(status); }

template <typename T>
int ResultOf(const absl::StatusOr<T>& result) {
  return result.ok() ? static_cast<int>(*result) : -sys::GetErrno(result.status());
}

sys::OpenOptions ReadWrite(bool create = false) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = create;
  return options;
}

absl::Status LoadModules(sys::File& control) {
  for (const absl::string_view type : {"zero", "thin-pool"}) {
    conformance::DmRequest request(4096);
    request.Name(type);
    const int result = conformance::GuardedIoctl(control, DM_GET_TARGET_VERSION, request.bytes());
    if (result < 0) {
      return sys::ErrnoStatus(-result, absl::StrCat("look up target type ", type));
    }
  }
  return absl::OkStatus();
}

absl::Status MakeFile(const sys::Host& host, const std::string& path, uint64_t bytes) {
  auto file = host.root->OpenFile(path, ReadWrite(/*create=*/true));
  if (!file.ok()) return file.status();
  // All that it held goes first.
  const absl::Status emptied = (*file)->Truncate(0);
  return emptied.ok() ? (*file)->Truncate(bytes) : emptied;
}

absl::Status Attach(const sys::Host& host, size_t number, const std::string& path) {
  auto backing = host.root->OpenFile(path, ReadWrite());
  if (!backing.ok()) return backing.status();
  auto device = host.root->OpenFile(absl::StrCat("/dev/loop", number), ReadWrite());
  if (!device.ok()) return device.status();
  loop_config config{};
  config.fd = static_cast<uint32_t>((*backing)->descriptor());
  std::string bytes(sizeof(config), '\0');
  std::memcpy(&bytes[0], &config, sizeof(config));
  const int result = conformance::GuardedIoctl(**device, LOOP_CONFIGURE, bytes);
  return result < 0 ? sys::ErrnoStatus(-result, absl::StrCat("attach ", path)) : absl::OkStatus();
}

// Each directory of `path`, from the top.
absl::Status MakeDirs(const sys::Host& host, const std::string& path) {
  for (size_t end = path.find('/', 1); true; end = path.find('/', end + 1)) {
    const absl::Status made = host.root->MakeDir(path.substr(0, end), 0755);
    if (!made.ok() && sys::GetErrno(made) != EEXIST) return made;
    if (end == std::string::npos) return absl::OkStatus();
  }
}

}  // namespace

absl::Status Executor::Prepare(const sys::Host& host, const Start& start) {
  auto control = host.root->OpenFile("/dev/mapper/control", {});
  if (!control.ok()) return control.status();
  if (absl::Status status = LoadModules(**control); !status.ok()) return status;
  if (absl::Status status = MakeDirs(host, start.scratch); !status.ok()) return status;
  for (size_t i = 0; i < kFileBytes.size(); ++i) {
    const std::string path = absl::StrCat(start.scratch, "/f", i);
    if (absl::Status status = MakeFile(host, path, kFileBytes[i]); !status.ok()) return status;
    if (i >= start.attached) continue;
    if (absl::Status status = Attach(host, i, path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Executor::OpenControls() {
  for (const auto& [slot, path] : {std::pair(kControlSlot, "/dev/mapper/control"),
                                   std::pair(kLoopControlSlot, "/dev/loop-control")}) {
    auto file = host_.root->OpenFile(path, ReadWrite());
    if (!file.ok()) return file.status();
    slots_[slot] = *std::move(file);
  }
  return absl::OkStatus();
}

Outcome Executor::Run(const Operation& operation) {
  if (operation.kind == Kind::kOpen) return Open(operation);
  std::unique_ptr<sys::File>& file = slots_[operation.slot];
  if (file == nullptr) return {-EBADF, ""};
  switch (operation.kind) {
    case Kind::kIoctl:
      return Ioctl(*file, operation);
    case Kind::kIoctlValue:
      return IoctlValue(*file, operation);
    case Kind::kClose:
      file.reset();
      return {};
    case Kind::kRead:
      return Read(*file, operation);
    case Kind::kWrite:
      return Write(*file, operation);
    case Kind::kSync:
      return {ResultOf(file->Sync()), ""};
    case Kind::kTruncate:
      return {ResultOf(file->Truncate(operation.length)), ""};
    case Kind::kReadable:
      return {ResultOf(file->WaitReadable(absl::InfinitePast())), ""};
    case Kind::kOpen:
      break;
  }
  return {};
}

Outcome Executor::Ioctl(sys::File& file, const Operation& operation) {
  Outcome outcome{0, operation.bytes};
  const bool has_descriptor =
      operation.descriptor_slot.has_value() && outcome.bytes.size() >= sizeof(int);
  if (has_descriptor) {
    const int descriptor = DescriptorOf(*operation.descriptor_slot);
    std::memcpy(&outcome.bytes[0], &descriptor, sizeof(descriptor));
  }
  const size_t writable_bytes = operation.writable_bytes.value_or(outcome.bytes.size());
  outcome.result =
      writable_bytes < outcome.bytes.size()
          ? conformance::HalfReadOnlyIoctl(file, operation.request, writable_bytes, outcome.bytes)
          : conformance::GuardedIoctl(file, operation.request, outcome.bytes);
  // Numbers of descriptors are no concern of the drivers.
  if (has_descriptor) std::memset(&outcome.bytes[0], 0, sizeof(int));
  return outcome;
}

Outcome Executor::IoctlValue(sys::File& file, const Operation& operation) {
  uint64_t value = operation.value;
  if (operation.descriptor_slot.has_value()) {
    value = static_cast<uint64_t>(int64_t{DescriptorOf(*operation.descriptor_slot)});
  }
  return {ResultOf(file.IoctlValue(operation.request, value)), ""};
}

Outcome Executor::Read(sys::File& file, const Operation& operation) {
  const AlignedMemory memory = Allocate(operation.length);
  const auto got = file.ReadAt(operation.offset, absl::MakeSpan(memory.get(), operation.length));
  Outcome outcome{ResultOf(got), ""};
  if (got.ok()) outcome.bytes.assign(memory.get(), *got);
  return outcome;
}

Outcome Executor::Write(sys::File& file, const Operation& operation) {
  const AlignedMemory memory = Allocate(operation.bytes.size());
  std::memcpy(memory.get(), operation.bytes.data(), operation.bytes.size());
  const absl::string_view data(memory.get(), operation.bytes.size());
  return {ResultOf(file.WriteAt(operation.offset, data)), ""};
}

Outcome Executor::Open(const Operation& operation) {
  std::unique_ptr<sys::File>& file = slots_[operation.slot];
  file.reset();
  auto opened = host_.root->OpenFile(operation.path, operation.options);
  if (!opened.ok()) return {-sys::GetErrno(opened.status()), ""};
  file = *std::move(opened);
  return {};
}

int Executor::DescriptorOf(size_t slot) const {
  return slots_[slot] == nullptr ? -1 : slots_[slot]->descriptor();
}

}  // namespace dmkit::differential
