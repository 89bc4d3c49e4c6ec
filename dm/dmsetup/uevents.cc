// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/uevents.h"

#include <cerrno>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dm/nodes.h"
#include "dm/types.h"
#include "dm/udev_host.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

UdevOptions OptionsOf(const Context& context) {
  const Words& words = context.words;
  UdevOptions options;
  if (context.environment.disable_udev) {
    options.use = UdevUse::kDisabled;
  } else if (words.no_udev_sync || words.no_table) {
    options.use = UdevUse::kNever;
  }
  options.shared_cookie = context.udev_cookie;
  options.stop = context.streams.stop;
  if (words.no_udev_rules) options.flags |= kUdevDisableDmRules | kUdevDisableSubsystemRules;
  const bool nodes_are_udevs = context.dev_dir == "/dev";
  if (nodes_are_udevs && (context.udev_cookie.has_value() || !words.verify_udev)) {
    options.flags |= kUdevDisableLibraryFallback;
  }
  return options;
}

// The kernel gives out the lowest number that is free: another process may have made a device of
// the name and the number of the one that was removed, and have found the node of that right.
void KeepSuccessorsNode(Context& context, const NodeChange& removal) {
  const absl::StatusOr<DmName> name = DmName::Create(removal.name);
  if (!name.ok()) return;
  const absl::StatusOr<DeviceInfo> info = context.Dm()->Info(*name);
  // One whose removal is deferred is the old one.
  if (!info.ok() || info->deferred_remove) return;
  const absl::Status made =
      MakeMapperNode(context.host, context.dev_dir, removal.name, info->device, removal.owner);
  if (!made.ok()) TellNodeError(context, removal.name, made);
}

// A line each.
void TellWarnings(Context& context, absl::string_view warnings) {
  if (!warnings.empty()) context.Error(warnings);
}

}  // namespace

std::string DescribeCookie(uint32_t cookie) { return absl::StrFormat("%u (0x%x)", cookie, cookie); }

void TellWrongCookie(Context& context, uint32_t cookie, const absl::Status& status) {
  const int error = sys::GetErrno(status);
  const std::string value = DescribeCookie(cookie);
  if (error == EINVAL) {
    context.Error(absl::StrCat(
        "Could not continue to access notification semaphore identified by cookie value ", value,
        ". Incorrect cookie prefix."));
  } else if (error == ENOENT) {
    context.Error(
        absl::StrCat("Could not find notification semaphore identified by cookie value ", value));
  } else if (error == EACCES) {
    context.Error(absl::StrCat(
        "No permission to access notificaton semaphore identified by cookie value ", value));
  } else {
    context.Error(
        absl::StrCat("Failed to access notification semaphore identified by cookie value ", value,
                     ": ", Reason(status)));
  }
}

void TellUdevDisabled(Context& context) {
  if (!context.environment.disable_udev || context.told_udev_disabled) return;
  if (!context.host.root->Stat(kUdevdSocket).ok()) return;
  context.told_udev_disabled = true;
  context.Error(
      "Udev is running and DM_DISABLE_UDEV environment variable is set. Bypassing udev, "
      "device-mapper library will manage device nodes in device directory.");
}

std::optional<UdevSync> OpenSync(Context& context) {
  const UdevOptions options = OptionsOf(context);
  TellUdevDisabled(context);
  UdevSync sync = UdevSync::Open(context.host, options);
  if (!sync.shared_cookie_status().ok()) {
    TellWrongCookie(context, *options.shared_cookie, sync.shared_cookie_status());
    return std::nullopt;
  }
  if (!sync.semaphore_status().ok() && !context.told_no_semaphore) {
    context.told_no_semaphore = true;
    TellNoSemaphore(context, sync.semaphore_status());
  }
  return sync;
}

void TellNoSemaphore(Context& context, const absl::Status& status) {
  const int error = sys::GetErrno(status);
  if (error == ENOSPC) {
    context.Error(
        "Limit for the maximum number of semaphores reached. You can check and set the limits in "
        "/proc/sys/kernel/sem.");
  } else if (error == ENOMEM) {
    context.Error("Not enough memory to create notification semaphore");
  } else {
    context.Error(absl::StrCat("Failed to create notification semaphore: ", Reason(status)));
  }
}

void Settle(Context& context, UdevSync& sync, const NodeChange& change) {
  const absl::StatusOr<std::string> warnings =
      SettleMapperNode(context.host, sync, context.dev_dir, change);
  if (!warnings.ok()) {
    const bool is_rename = change.kind == NodeChange::Kind::kRename;
    return TellNodeError(context, is_rename ? change.new_name : change.name, warnings.status());
  }
  TellWarnings(context, *warnings);
  if (change.kind != NodeChange::Kind::kRemove) return;
  const bool is_udevs = context.dev_dir == "/dev" && sync.UdevdMakesLinks();
  if (!is_udevs) KeepSuccessorsNode(context, change);
}

void AwaitUdevd(Context& context, UdevSync& sync) {
  sync.Wait();
  TellWarnings(context, sync.warning());
}

void TellNodeError(Context& context, const std::string& name, const absl::Status& status) {
  if (sys::GetErrno(status) != EEXIST) return context.Fail(status.message(), name, status);
  context.Error(absl::StrCat("A non-block device file at '", context.mapper_dir, "/", name,
                             "' is already present"));
}

NodeChange MadeNode(const Context& context, const std::string& name, sys::DeviceNumber device) {
  NodeChange change;
  change.kind = NodeChange::Kind::kMake;
  change.name = name;
  change.device = device;
  const Words& words = context.words;
  if (words.mode.has_value()) change.owner.mode = static_cast<uint32_t>(*words.mode);
  if (words.user.has_value()) change.owner.uid = static_cast<uint32_t>(*words.user);
  if (words.group.has_value()) change.owner.gid = static_cast<uint32_t>(*words.group);
  return change;
}

}  // namespace dmkit::dm::dmsetup
