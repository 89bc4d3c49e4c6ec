// SPDX-License-Identifier: Apache-2.0
// The typed client of /dev/mapper/control: one method, one ioctl. No policy, no retries but the growth
// of reply buffers, and that only for commands that are safe to repeat.

#ifndef DMKIT_DM_DEVICE_MAPPER_H_
#define DMKIT_DM_DEVICE_MAPPER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/host.h"

namespace dmkit::dm {

struct CreateOptions {
  std::optional<DmUuid> uuid;
  std::optional<uint32_t> minor;  // a fixed minor number; ENXIO when it is taken
};

// Flags and cookie that go to udev with the uevent of resume, rename and remove: the 32 bits that the
// kernel passes on as DM_COOKIE. 0: no variable at all.
struct UdevCookie {
  uint32_t value = 0;
};

// The cookie with no semaphore and only the flags that a layer device wants, so that udevd's rules do not probe it:
// DISABLE_SUBSYSTEM_RULES, DISABLE_DISK_RULES, DISABLE_OTHER_RULES, PRIMARY_SOURCE (libdm's bits, shifted by 16).
UdevCookie QuietCookie();

struct SuspendOptions {
  bool skip_lockfs = false;  // do not freeze the filesystem
  bool no_flush = false;     // do not wait for queued io (takes precedence over freezing)
};

struct RemoveOptions {
  bool deferred = false;  // when it is open: remove it after the last close
  UdevCookie cookie;
};

struct LoadOptions {
  bool read_only = false;
};

struct StatusOptions {
  bool no_flush = false;   // thin-pool: do not commit first
  bool inactive = false;   // of the inactive table
};

class DeviceMapper {
 public:
  // Opens the control node and compares versions. Where /dev/mapper/control is missing it is made (from
  // the misc number in /proc/misc, or 10:236, whose opening loads the module). Errors: ENODEV-like
  // absence gives a message that names what is missing (module dm_mod, CONFIG_BLK_DEV_DM); EACCES or
  // EPERM: not root.
  static absl::StatusOr<DeviceMapper> Open(const sys::Host& host);

  DeviceMapper(DeviceMapper&&) noexcept;
  DeviceMapper& operator=(DeviceMapper&&) noexcept;
  ~DeviceMapper();

  // The kernel's interface version, from Open.
  const Version& version() const;

  absl::Status RemoveAll(bool deferred);
  absl::StatusOr<std::vector<ListedDevice>> List();
  absl::StatusOr<DeviceInfo> Create(const DmName& name, const CreateOptions& options);
  absl::StatusOr<DeviceInfo> Remove(const DeviceKey& key, const RemoveOptions& options);
  absl::StatusOr<DeviceInfo> Rename(const DmName& name, const DmName& new_name, UdevCookie cookie);
  absl::StatusOr<DeviceInfo> SetUuid(const DmName& name, const DmUuid& uuid, UdevCookie cookie);
  absl::StatusOr<DeviceInfo> Suspend(const DeviceKey& key, const SuspendOptions& options);
  absl::StatusOr<DeviceInfo> Resume(const DeviceKey& key, const SuspendOptions& options,
                                    UdevCookie cookie);
  // ENXIO: no such device.
  absl::StatusOr<DeviceInfo> Info(const DeviceKey& key);
  absl::StatusOr<TableReply> Wait(const DeviceKey& key, uint32_t event_nr,
                                  const StatusOptions& options);
  absl::StatusOr<DeviceInfo> Load(const DeviceKey& key, const std::vector<TableLine>& table,
                                  const LoadOptions& options);
  absl::StatusOr<DeviceInfo> Clear(const DeviceKey& key);
  absl::StatusOr<std::vector<sys::DeviceNumber>> Dependencies(const DeviceKey& key, bool inactive);
  absl::StatusOr<TableReply> Status(const DeviceKey& key, const StatusOptions& options);
  absl::StatusOr<TableReply> Table(const DeviceKey& key, const StatusOptions& options);
  absl::StatusOr<std::vector<TargetVersion>> ListVersions();
  absl::StatusOr<Version> GetTargetVersion(const TargetType& type);
  absl::StatusOr<MessageReply> Message(const DeviceKey& key, sys::Sectors sector,
                                       absl::string_view message);
  absl::Status SetGeometry(const DeviceKey& key, uint32_t cylinders, uint32_t heads,
                           uint32_t sectors, uint64_t start);
  // Arms poll on this object's control descriptor for events from now on, and waits for one until
  // `deadline`: see the README for the order that misses none.
  absl::Status ArmPoll();
  absl::StatusOr<bool> WaitForEvent(absl::Time deadline);

  const sys::Host& host() const;

 private:
  struct Connection;
  explicit DeviceMapper(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_DEVICE_MAPPER_H_
