// SPDX-License-Identifier: Apache-2.0
// The order that misses nothing: arm, look, wait. An event behind the arming makes the descriptor
// readable, whether or not the look has seen it.

#include "dm/event_watcher.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "dm/commands.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// Since 4.37, as the command table has it: before that poll() reports the control device as always
// readable.
bool CanPoll(const DeviceMapper& dm) {
  const Version& since = FactsOf(Command::kDevArmPoll).since;
  return dm.version().IsAtLeast(since.major, since.minor, since.patch);
}

bool ByNumber(const ListedDevice& a, const ListedDevice& b) {
  return std::tie(a.device.major, a.device.minor) < std::tie(b.device.major, b.device.minor);
}

// Both by number.
std::vector<DeviceChange> Compare(const std::vector<ListedDevice>& before,
                                  const std::vector<ListedDevice>& after) {
  std::vector<DeviceChange> changes;
  auto old_one = before.begin();
  auto new_one = after.begin();
  while (old_one != before.end() || new_one != after.end()) {
    const bool is_gone =
        new_one == after.end() || (old_one != before.end() && ByNumber(*old_one, *new_one));
    const bool is_new =
        old_one == before.end() || (new_one != after.end() && ByNumber(*new_one, *old_one));
    if (is_gone) {
      changes.push_back({*old_one++, std::nullopt});
    } else if (is_new) {
      changes.push_back({std::nullopt, *new_one++});
    } else {
      if (*old_one != *new_one) changes.push_back({*old_one, *new_one});
      ++old_one;
      ++new_one;
    }
  }
  return changes;
}

}  // namespace

EventPoll::EventPoll(DeviceMapper dm) : dm_(std::move(dm)), is_told_(CanPoll(dm_)) {}

absl::StatusOr<EventPoll> EventPoll::Open(const sys::Host& host) {
  // A new descriptor is armed.
  DMKIT_ASSIGN_OR_RETURN(DeviceMapper dm, DeviceMapper::Open(host));
  return EventPoll(std::move(dm));
}

absl::StatusOr<bool> EventPoll::Wait(absl::Time deadline) {
  if (is_told_) {
    DMKIT_ASSIGN_OR_RETURN(const bool happened, dm_.WaitForEvent(deadline));
    if (happened) DMKIT_RETURN_IF_ERROR(dm_.ArmPoll());
    return happened;
  }
  sys::Clock& clock = *dm_.host().clock;
  const absl::Duration left = deadline - clock.Now();
  if (left <= absl::ZeroDuration()) return false;
  clock.Sleep(std::min(left, kSampleInterval));
  return true;
}

absl::StatusOr<EventWatcher> EventWatcher::Open(const sys::Host& host) {
  DMKIT_ASSIGN_OR_RETURN(EventPoll poll, EventPoll::Open(host));
  EventWatcher watcher(std::move(poll));
  DMKIT_ASSIGN_OR_RETURN(watcher.devices_, watcher.Look());
  return watcher;
}

absl::StatusOr<std::optional<std::vector<DeviceChange>>> EventWatcher::Next(absl::Time deadline) {
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const bool happened, poll_.Wait(deadline));
    if (!happened) return std::nullopt;
    DMKIT_ASSIGN_OR_RETURN(std::vector<ListedDevice> now, Look());
    std::vector<DeviceChange> changes = Compare(devices_, now);
    devices_ = std::move(now);
    // Without poll nothing is known to have happened.
    if (poll_.is_told() || !changes.empty()) return changes;
  }
}

absl::StatusOr<std::vector<ListedDevice>> EventWatcher::Look() {
  DMKIT_ASSIGN_OR_RETURN(std::vector<ListedDevice> devices, poll_.dm().List());
  std::vector<ListedDevice> known;
  for (ListedDevice& device : devices) {
    if (!device.event_nr.has_value()) {
      const absl::StatusOr<DeviceInfo> info = poll_.dm().Info(device.device);
      // Removed since the list was made.
      if (sys::GetErrno(info.status()) == ENXIO) continue;
      DMKIT_RETURN_IF_ERROR(info.status());
      device.event_nr = info->event_nr;
    }
    known.push_back(std::move(device));
  }
  std::sort(known.begin(), known.end(), ByNumber);
  return known;
}

absl::StatusOr<std::optional<TableReply>> WaitUntil(DeviceMapper& dm, const DeviceKey& key,
                                                    uint32_t event_nr, const StatusOptions& options,
                                                    absl::Time deadline) {
  DMKIT_ASSIGN_OR_RETURN(EventPoll poll, EventPoll::Open(dm.host()));
  bool is_late = false;
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const DeviceInfo info, dm.Info(key));
    if (info.event_nr != event_nr) {
      DMKIT_ASSIGN_OR_RETURN(TableReply reply, dm.Status(key, options));
      return reply;
    }
    // Events of others must not keep this going.
    if (is_late || dm.host().clock->Now() >= deadline) return std::nullopt;
    DMKIT_ASSIGN_OR_RETURN(const bool happened, poll.Wait(deadline));
    is_late = !happened;
  }
}

}  // namespace dmkit::dm
