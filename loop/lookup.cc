// SPDX-License-Identifier: Apache-2.0
// Looks only: nothing is bound or changed here. Also the questions of loop_device.h that are
// answered by looking.

#include "loop/lookup.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "loop/info.h"
#include "loop/loop_device.h"
#include "loop/nodes.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

// The device, open, when it is bound and `wanted` says so of its status; nothing when it is
// unbound, on its way to be, or gone.
template <typename Wanted>
absl::StatusOr<std::optional<BoundDevice>> OpenIfBound(const sys::Host& host, uint32_t number,
                                                       Wanted wanted) {
  absl::StatusOr<OpenDevice> device = OpenExisting(host, number, sys::Access::kReadOnly);
  const int error = sys::GetErrno(device.status());
  if (error == ENXIO || error == ENODEV) return std::optional<BoundDevice>();
  DMKIT_RETURN_IF_ERROR(device);
  const absl::StatusOr<StatusReply> status = device->GetStatus();
  if (sys::GetErrno(status.status()) == ENXIO) return std::optional<BoundDevice>();
  DMKIT_RETURN_IF_ERROR(status);
  if (!wanted(*status)) return std::optional<BoundDevice>();
  DMKIT_ASSIGN_OR_RETURN(LoopInfo info, ReadInfo(host, *device));
  return std::optional<BoundDevice>(BoundDevice{*std::move(device), std::move(info)});
}

}  // namespace

absl::StatusOr<std::optional<BoundDevice>> FindBound(const sys::Host& host,
                                                     const BackingIdentity& identity,
                                                     sys::Bytes offset) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers, KnownNumbers(host));
  for (const uint32_t number : numbers) {
    absl::StatusOr<std::optional<BoundDevice>> bound =
        OpenIfBound(host, number, [&](const StatusReply& status) {
          return status.offset == offset && SameBackingFile(identity, status);
        });
    if (!bound.ok() || bound->has_value()) return bound;
  }
  return std::optional<BoundDevice>();
}

absl::StatusOr<std::optional<LoopInfo>> FindByBackingFile(const sys::Host& host,
                                                          absl::string_view path,
                                                          sys::Bytes offset) {
  DMKIT_RETURN_IF_ERROR(CheckBackingPath(path));
  const absl::StatusOr<BackingIdentity> identity = IdentifyBackingFile(host, path);
  const std::string context = absl::StrCat("find the loop device of ", path);
  if (!identity.ok()) return sys::AddContext(identity.status(), context);
  absl::StatusOr<std::optional<BoundDevice>> bound = FindBound(host, *identity, offset);
  if (!bound.ok()) return sys::AddContext(bound.status(), context);
  if (!bound->has_value()) return std::optional<LoopInfo>();
  return std::optional<LoopInfo>(std::move((*bound)->info));
}

absl::StatusOr<std::vector<LoopInfo>> List(const sys::Host& host) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers, KnownNumbers(host));
  std::vector<LoopInfo> infos;
  for (const uint32_t number : numbers) {
    absl::StatusOr<std::optional<BoundDevice>> bound =
        OpenIfBound(host, number, [](const StatusReply&) { return true; });
    if (!bound.ok()) return sys::AddContext(bound.status(), "list loop devices");
    if (bound->has_value()) infos.push_back(std::move((*bound)->info));
  }
  return infos;
}

absl::StatusOr<LoopInfo> Info(const sys::Host& host, uint32_t number) {
  DMKIT_ASSIGN_OR_RETURN(OpenDevice device, OpenExisting(host, number, sys::Access::kReadOnly));
  return ReadInfo(host, device);
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenLoop(const sys::Host& host, uint32_t number,
                                                    sys::Access access) {
  DMKIT_ASSIGN_OR_RETURN(OpenDevice device, OpenNode(host, number, access));
  return device.Release();
}

}  // namespace dmkit::loop
