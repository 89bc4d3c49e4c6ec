// SPDX-License-Identifier: Apache-2.0
// The typed client of /dev/mapper/control: one method, one ioctl. No policy, no retries but the
// growth of reply buffers, and that only for commands that are safe to repeat.

#ifndef DMKIT_DM_DEVICE_MAPPER_H_
#define DMKIT_DM_DEVICE_MAPPER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/requests.h"
#include "dm/types.h"
#include "dm/udev.h"
#include "sys/host.h"

namespace dmkit::dm {

struct CreateOptions {
  std::optional<DmUuid> uuid;
  std::optional<uint32_t> minor;  // a fixed minor number; ENXIO when it is taken
};

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
  bool no_flush = false;  // thin-pool: do not commit first
  bool inactive = false;  // of the inactive table
};

// Every method is one ioctl, in the words of dm/REFERENCE.md. A refusal by the kernel carries its
// errno, and its message names the command, the device and, where it is well known, what to do:
// ENXIO: no such device. EACCES: not root. ENOMEM: the kernel has no memory for the request. A
// request that is wrong in itself is INVALID_ARGUMENT, one that this kernel is too old for
// UNIMPLEMENTED, both without errno and without an ioctl; an unintelligible reply is DATA_LOSS.
// EINTR is never retried. Not thread-safe; several objects may be used side by side.
class DeviceMapper {
 public:
  // Opens the control node and compares versions. Where /dev/mapper/control is missing it is made
  // (from the misc number in /proc/misc, or 10:236, whose opening loads the module). Errors: ENODEV
  // or ENXIO where there is no device-mapper: the message names what is missing (module dm_mod,
  // CONFIG_BLK_DEV_DM), and a node made here is gone again; EACCES or EPERM: not root.
  static absl::StatusOr<DeviceMapper> Open(const sys::Host& host);

  DeviceMapper(DeviceMapper&&) noexcept;
  DeviceMapper& operator=(DeviceMapper&&) noexcept;
  ~DeviceMapper();

  // The kernel's interface version, from Open.
  const Version& version() const;

  // Removes every dm device of the host that is not open, also those of other programs. With
  // `deferred` the open ones go after their last close. The kernel tells nothing of what it
  // skipped.
  absl::Status RemoveAll(bool deferred);
  // All dm devices, with their uuids where the kernel tells them (about Linux 5.13 and later).
  absl::StatusOr<std::vector<ListedDevice>> List();
  // Makes a device without a table, not suspended. EBUSY: the name or the uuid is taken. ENXIO: the
  // minor is. There is no disk, no node and no uevent before the first table is loaded.
  absl::StatusOr<DeviceInfo> Create(const DmName& name, const CreateOptions& options);
  // EBUSY: it is open, and removal was not to be deferred. Of the result only name, uuid, `exists`,
  // deferred_remove and uevent_generated are told. Blocks until nobody waits for an event of the
  // device when it has no active table, and while a full pool holds its io.
  absl::StatusOr<DeviceInfo> Remove(const DeviceKey& key, const RemoveOptions& options);
  // Takes back a removal that was deferred. OK also when none was. Since interface 4.27. EBUSY: the
  // last close has come, and the device is being removed; it is gone a moment later. Repeatable.
  absl::Status CancelDeferredRemove(const DeviceKey& key);
  // EBUSY: the new name is taken, also by the device itself. The kernel does not tell the uuid, nor
  // whether there is an inactive table.
  absl::StatusOr<DeviceInfo> Rename(const DmName& name, const DmName& new_name, UdevCookie cookie);
  // Gives a uuid to a device that has none. EBUSY: the uuid is taken. EINVAL: it has one already.
  absl::StatusOr<DeviceInfo> SetUuid(const DmName& name, const DmUuid& uuid, UdevCookie cookie);
  // Holds new io back. Blocks until the io under way has ended and, unless skipped, a filesystem on
  // the device is frozen. EINTR: a signal came first; the device is not suspended. Repeatable.
  absl::StatusOr<DeviceInfo> Suspend(const DeviceKey& key, const SuspendOptions& options);
  // Makes the inactive table, if there is one, the active one, and lets io go on. A device that
  // runs is suspended first, with `options`. EINVAL: the new table does not fit its devices, and is
  // lost; the device is left suspended on the old one. EINVAL too: suspended, and no table at all.
  absl::StatusOr<DeviceInfo> Resume(const DeviceKey& key, const SuspendOptions& options,
                                    UdevCookie cookie);
  // ENXIO: no such device. With `inactive` the number of targets and whether it is read-only are
  // those of the inactive table.
  absl::StatusOr<DeviceInfo> Info(const DeviceKey& key, bool inactive = false);
  // Blocks without a limit until the device's event number is not `event_nr`, then answers as
  // Status. EINTR: a signal came first. WaitUntil of event_watcher.h has a deadline.
  absl::StatusOr<TableReply> Wait(const DeviceKey& key, uint32_t event_nr,
                                  const StatusOptions& options);
  // Puts `table` into the inactive slot; one that was there is dropped. The device goes on as it
  // is. INVALID_ARGUMENT without errno: see CheckTable and CheckOpenModes. EINVAL: a target refused
  // its line, or the first table of the device does not fit its devices. EBUSY: a device it uses is
  // held by somebody else. May load modules, and opens the devices. When the table holds a key
  // (keys.h) the kernel is asked to overwrite its copy of the request, and ours is overwritten:
  // `table` is not.
  absl::StatusOr<DeviceInfo> Load(const DeviceKey& key, const std::vector<TableLine>& table,
                                  const LoadOptions& options);
  // Drops the inactive table. OK when there is none.
  absl::StatusOr<DeviceInfo> Clear(const DeviceKey& key);
  // The devices that the table uses; none when there is no table.
  absl::StatusOr<std::vector<sys::DeviceNumber>> Dependencies(const DeviceKey& key, bool inactive);
  // The same, and the state of the device as Info tells it.
  absl::StatusOr<DependenciesReply> InfoAndDependencies(const DeviceKey& key, bool inactive);
  // The targets' status; no targets when there is no table. A thin-pool commits first unless
  // no_flush.
  absl::StatusOr<TableReply> Status(const DeviceKey& key, const StatusOptions& options);
  // The table as the kernel has it, with keys in full: see WipeTexts. No copy of them is left here.
  absl::StatusOr<TableReply> Table(const DeviceKey& key, const StatusOptions& options);
  // The target types that are loaded, the one loaded last first.
  absl::StatusOr<std::vector<TargetVersion>> ListVersions();
  // Loads the module dm-<type>. EINVAL: no such type. Before interface 4.41 no kernel can be asked
  // so: a type that ListVersions has is answered from there, any other is UNIMPLEMENTED, for its
  // module may just not be loaded.
  absl::StatusOr<Version> GetTargetVersion(const TargetType& type);
  // Sends `message` to the target at `sector`; one that starts with '@' goes to the dm core. What
  // it does and returns is the target's business. Never sent twice: when an answer does not fit 16
  // KiB the error is RESOURCE_EXHAUSTED without errno, and the message has been acted upon. Of one
  // that sets a key no copy is left, as of a table's.
  absl::StatusOr<MessageReply> Message(const DeviceKey& key, sys::Sectors sector,
                                       absl::string_view message);
  // Sets what HDIO_GETGEO tells. `start` in sectors. EINVAL: out of range.
  absl::Status SetGeometry(const DeviceKey& key, uint32_t cylinders, uint32_t heads,
                           uint32_t sectors, uint64_t start);
  // Arms poll on this object's control descriptor for events from now on, and waits for one until
  // `deadline`: see the README for the order that misses none. Events are those of all devices of
  // the host, and creations and removals. ArmPoll is since interface 4.37.
  absl::Status ArmPoll();
  // False: the deadline has passed. No ioctl.
  absl::StatusOr<bool> WaitForEvent(absl::Time deadline);

  const sys::Host& host() const;

 private:
  struct Connection;
  explicit DeviceMapper(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_DEVICE_MAPPER_H_
