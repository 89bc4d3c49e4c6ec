// SPDX-License-Identifier: Apache-2.0
// Waits for events of mapped devices that end at a deadline and miss nothing in between. What an
// event means to a target does not belong here.

#ifndef DMKIT_DM_EVENT_WATCHER_H_
#define DMKIT_DM_EVENT_WATCHER_H_

#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "sys/host.h"

namespace dmkit::dm {

// How often a kernel is asked that cannot tell of events: one before interface 4.37.
inline constexpr absl::Duration kSampleInterval = absl::Milliseconds(200);

// What has become of one device between two looks. Without `before` it has appeared, without
// `after` it is gone; with both its name, its uuid or its event number is another one. A device
// that was replaced by another one of the same number shows as changed; one that was replaced by
// its like, with as many events, does not show.
struct DeviceChange {
  std::optional<ListedDevice> before;
  std::optional<ListedDevice> after;
  auto Fields() const { return std::tie(before, after); }
};

// The wait for an event of any device, on a control device of its own, so that nobody else's
// ArmPoll takes events away. Deadlines are by Clock::Now(). Not thread-safe.
class EventPoll {
 public:
  // Errors are those of DeviceMapper::Open. Events count from here on.
  static absl::StatusOr<EventPoll> Open(const sys::Host& host);

  // Waits until something has happened to any mapped device of the host since Open or the last
  // call, and arms the next wait before it returns: whoever looks at a device afterwards sees what
  // this call tells of, and what comes later ends the next call. True also for nothing in
  // particular (a removal of all where there was nothing). False: `deadline` has passed. On a
  // kernel without DM_DEV_ARM_POLL it is true after kSampleInterval whatever has happened.
  absl::StatusOr<bool> Wait(absl::Time deadline);

  // Whether the kernel has DM_DEV_ARM_POLL.
  bool is_told() const { return is_told_; }
  // The client on that control device.
  DeviceMapper& dm() { return dm_; }

 private:
  explicit EventPoll(DeviceMapper dm);

  DeviceMapper dm_;
  bool is_told_;
};

// What happens to the mapped devices of the host, one look after the other.
class EventWatcher {
 public:
  // Errors are those of DeviceMapper::Open and List.
  static absl::StatusOr<EventWatcher> Open(const sys::Host& host);

  // Waits for an event and tells what the list of devices shows of it, by device number: nothing
  // when `deadline` has passed first, and an empty vector for what the list does not show, such as
  // the swap of a table. Cost grows with the number of devices; by an ioctl for each on a kernel
  // without DM_DEV_ARM_POLL, where it returns for what the list shows only.
  absl::StatusOr<std::optional<std::vector<DeviceChange>>> Next(absl::Time deadline);

  // The devices as Open or the last Next saw them, by device number. All have event numbers.
  const std::vector<ListedDevice>& devices() const { return devices_; }

 private:
  explicit EventWatcher(EventPoll poll) : poll_(std::move(poll)) {}
  absl::StatusOr<std::vector<ListedDevice>> Look();

  EventPoll poll_;
  std::vector<ListedDevice> devices_;
};

// Waits until the event number of the device is not `event_nr`, then answers as Status; nothing
// when `deadline` has passed first. As DeviceMapper::Wait in all else, but that it ends, and that
// it keeps nobody from removing the device. Uses a control device of its own. ENXIO: no such
// device, also when it is removed meanwhile. The look at the status commits a thin-pool unless
// no_flush.
absl::StatusOr<std::optional<TableReply>> WaitUntil(DeviceMapper& dm, const DeviceKey& key,
                                                    uint32_t event_nr, const StatusOptions& options,
                                                    absl::Time deadline);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_EVENT_WATCHER_H_
