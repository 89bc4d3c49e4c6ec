// SPDX-License-Identifier: Apache-2.0
// The search, in the order of what costs least. No waiting and no binding.

#include "loop/free_device.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "loop/ioctl.h"
#include "loop/nodes.h"
#include "loop/open_device.h"
#include "loop/uapi.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

// An answer to GET_FREE after which the devices are scanned: kernels before 3.1, filters,
// permissions.
bool GetFreeIsOutOfReach(int error) {
  return error == ENOSYS || error == ENOTTY || error == EINVAL || error == EACCES || error == EPERM;
}

enum class State { kFree, kInUse };

// kInUse stands for anything that the caller cannot bind now but may find changed later.
absl::StatusOr<State> Look(const sys::Host& host, uint32_t number) {
  absl::StatusOr<OpenDevice> device = OpenNode(host, number, sys::Access::kReadOnly);
  const int error = sys::GetErrno(device.status());
  if (error == ENXIO || error == ENODEV) return State::kInUse;
  DMKIT_RETURN_IF_ERROR(device);
  const absl::StatusOr<StatusReply> status = device->GetStatus();
  if (sys::GetErrno(status.status()) == ENXIO) return State::kFree;
  DMKIT_RETURN_IF_ERROR(status);
  return State::kInUse;
}

// The lowest number in neither.
uint32_t LowestMissing(const std::vector<uint32_t>& known, const std::set<uint32_t>& avoid) {
  uint32_t number = 0;
  while (std::binary_search(known.begin(), known.end(), number) || avoid.count(number) != 0) {
    ++number;
  }
  return number;
}

}  // namespace

absl::StatusOr<uint32_t> FreeDevices::Find(const std::set<uint32_t>& avoid) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<uint32_t> free, AskControl());
  if (free && avoid.count(*free) == 0) return *free;
  return Scan(avoid);
}

absl::StatusOr<std::optional<uint32_t>> FreeDevices::AskControl() {
  if (!control_tried_) {
    DMKIT_ASSIGN_OR_RETURN(control_, OpenControl(host_));
    control_tried_ = true;
  }
  if (control_ == nullptr) return std::optional<uint32_t>();
  const absl::StatusOr<int> number =
      IoctlWithValue(*control_, kControlPath, host_.trace, LOOP_CTL_GET_FREE, 0);
  if (GetFreeIsOutOfReach(sys::GetErrno(number.status()))) {
    control_.reset();
    return std::optional<uint32_t>();
  }
  DMKIT_RETURN_IF_ERROR(number);
  return std::optional<uint32_t>(static_cast<uint32_t>(*number));
}

absl::StatusOr<uint32_t> FreeDevices::Scan(const std::set<uint32_t>& avoid) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<uint32_t> known, KnownNumbers(host_));
  absl::Status first_error;
  for (const uint32_t number : known) {
    if (avoid.count(number) != 0) continue;
    const absl::StatusOr<State> state = Look(host_, number);
    if (state.ok() && *state == State::kFree) return number;
    // One device that cannot be looked at does not hide a free one behind it.
    if (!state.ok() && first_error.ok()) first_error = state.status();
  }
  DMKIT_RETURN_IF_ERROR(first_error);
  return Add(LowestMissing(known, avoid));
}

absl::StatusOr<uint32_t> FreeDevices::Add(uint32_t number) {
  if (control_ != nullptr) {
    const absl::StatusOr<int> added =
        IoctlWithValue(*control_, kControlPath, host_.trace, LOOP_CTL_ADD, number);
    // EEXIST: somebody else added it in this moment; the caller will see whether it is free.
    if (sys::GetErrno(added.status()) != EEXIST) DMKIT_RETURN_IF_ERROR(added);
    return number;
  }
  // Opening a number adds it where the kernel has that habit.
  const absl::StatusOr<OpenDevice> opened = OpenNode(host_, number, sys::Access::kReadOnly);
  const int error = sys::GetErrno(opened.status());
  if (error == ENXIO || error == ENODEV) {
    return sys::ErrnoStatus(
        ENODEV, absl::StrCat("find a free loop device: none is free, and without ", kControlPath,
                             " no more can be added; is the loop driver there (module loop, "
                             "CONFIG_BLK_DEV_LOOP)?"));
  }
  DMKIT_RETURN_IF_ERROR(opened);
  return number;
}

}  // namespace dmkit::loop
