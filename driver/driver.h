// SPDX-License-Identifier: Apache-2.0
// The copy-on-write storage driver: layers that are thin snapshots of each other, mounted on
// demand. A full successor of Docker's devicemapper graph driver; the one header a host program
// needs.

#ifndef DMKIT_DRIVER_DRIVER_H_
#define DMKIT_DRIVER_DRIVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/archive/options.h"
#include "driver/options.h"
#include "driver/report.pb.h"
#include "sys/host.h"
#include "sys/stream.h"
#include "sys/units.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

struct DriverConfig {
  std::string root;    // absolute path, not "/"; made (mode 0700) when missing
  bool create = true;  // make the store when there is none; otherwise that is ENOENT
  std::string run_root = "/run/dmkit";  // for counts and layer locks
  Options options;
  absl::Duration lock_patience = absl::Seconds(60);
};

struct CreateOptions {
  std::string parent;  // a layer; empty: the base, so that the new layer is empty
  std::optional<sys::Bytes> size = std::nullopt;  // unset: the parent's
  // Make the layer "<id>-init" from the parent, with the files that a container runtime mounts
  // over, and the new layer from that one.
  bool init = false;
};

struct LayerParent {
  std::string id;  // empty: none but the base
  // It is gone since, which the layer does not depend on; a younger layer may have its id.
  bool removed = false;
};

// All methods may be called by several processes on one root at a time, and by several threads on
// several Driver objects. A lock that another process keeps for longer than `lock_patience` is an
// ETIMEDOUT error that names its holder.
class Driver {
 public:
  // Opens the store at the root, making it when there is none: state, pool, base device with its
  // filesystem. Activates the pool after a reboot and repairs what a crash left. A base that cannot
  // be used (its state file is damaged, or its growth was interrupted and fails again) is an error
  // of new empty layers only, unless options.base_size or filesystem ask something of it. Cost does
  // not grow with the number of layers. `dm` must outlive the driver. Blocks for as long as mkfs or
  // growing takes. INVALID_ARGUMENT a root that is not absolute or is /, or options that cannot be;
  // FAILED_PRECONDITION options that contradict the store, with both values, and devices or pools
  // that are not taken; ENOENT no store (without `create`), a missing program or a missing pool
  // file; ENXIO the given pool is not there; EROFS and ENOSPC from the root.
  static absl::StatusOr<std::unique_ptr<Driver>> Open(dm::DeviceMapper& dm,
                                                      const DriverConfig& config);
  ~Driver();

  // A new layer: a snapshot of its parent, which may be mounted and is suspended for the moment of
  // the snapshot. EEXIST there is such a layer; ENOENT unknown parent; FAILED_PRECONDITION the pool
  // is not in mode rw (the message names the mode and what to do); DATA_LOSS the parent's state
  // file cannot be read. Safe to repeat.
  // INVALID_ARGUMENT a size below the parent's, with both sizes. A larger one grows the filesystem
  // at once (ENOENT without its program), and blocks for as long as that takes.
  // With `init`, an init layer that an interrupted making left is made anew; EEXIST a layer of that
  // name which is none. It is incomplete until all that is in it is on stable storage.
  absl::Status Create(absl::string_view id, const CreateOptions& options);

  // Makes a layer and its filesystem `size` large, also one that is mounted. OK when it is. A
  // growth that is interrupted is taken up again by the next Grow or Get. INVALID_ARGUMENT a size
  // below the layer's, with both sizes; ENOENT no such layer, or the program that grows its
  // filesystem is missing; EROFS one that is mounted read-only, by options.mount_options for
  // instance, and stays as it was: it can grow when it is put; FAILED_PRECONDITION the pool is not
  // in mode rw. Blocks while the program runs.
  absl::Status Grow(absl::string_view id, sys::Bytes size);

  // Makes the pool as large as its loop files or devices are now. FAILED_PRECONDITION a pool given
  // by the admin, or one whose mode does not allow it. After an error it runs on as it was.
  absl::Status GrowPool();

  // What Open was asked for and left as it was, in sentences for people.
  const std::vector<std::string>& warnings() const;

  // Removes a layer, and its init layer with it. Layers made from it stay. One whose device is in
  // use though it is not mounted here (by a copy of its mount in another mount namespace) is
  // removed all the same, unless options.use_deferred_deletion is false: nothing finds it any more,
  // its space is freed by a later Remove or CollectGarbage, and Create of its name is EBUSY until
  // then. ENOENT when there is none (also when repeated); EBUSY while it is mounted or, without
  // deferral, in use: the message says where. FAILED_PRECONDITION when the pool takes no changes.
  // Blocks on handing its space back (options.blkdiscard). Begins to free the space of earlier ones
  // for a second at most: a discard that has begun then is not cut, and the store's lock may be
  // waited for after it.
  absl::Status Remove(absl::string_view id);

  // Frees the space of removed layers that were in use then: as many as can be in `patience`, where
  // one look at the store is all when there are none. An error is one of that look; what could not
  // be freed is told in the report. May go past `patience` by the time that one layer takes: a
  // discard that has begun is not cut, and the store's lock is waited for after it.
  absl::StatusOr<report::GarbageReport> CollectGarbage(absl::Duration patience);

  // Activates and mounts the layer (when it is not yet) and returns the path of its rootfs
  // directory. Every Get wants one Put. ENOENT no such layer; DATA_LOSS its state file cannot be
  // read; EIO its device has failed (put it); the errors of mount(2). Blocks on the device, which
  // may have a journal to replay, and while a growth that was interrupted is taken up; that it
  // fails again is no error here.
  absl::StatusOr<std::string> Get(absl::string_view id);

  // Gives one Get back; the last one unmounts and deactivates, unless somebody compares the layer
  // just now, who then does that. A layer that is not mounted is an error (EINVAL), ENOENT when
  // there is no such layer; EBUSY one that is mounted for a comparison only. With `all`, however
  // often it was handed out and whoever reads it. A layer mounted without a count has the count 1.
  // Blocks while the filesystem writes back.
  absl::Status Put(absl::string_view id, bool all);

  // Whether there is such a layer, also an incomplete or quarantined one; not one that was removed
  // while it was in use. Errors are those of reading its state file (EIO, EACCES).
  absl::StatusOr<bool> Exists(absl::string_view id);

  // The layer that `id` was made from; see LayerParent. ENOENT there is no layer `id`. No ioctl.
  absl::StatusOr<LayerParent> Parent(absl::string_view id);

  // What differs between a layer and its parent (or any other layer), as the four that follow see
  // it: see driver/archive/changes.h. With an empty `parent` everything in the layer is added. Each
  // of the two stays mounted while that takes, read-only if it was not mounted: nothing of them
  // changes but a journal that wants its replay. A process that is killed meanwhile, or cannot have
  // their locks at its end, leaves them up until their next Get, Put, Remove, comparison or
  // Cleanup. The walk sees a mounted layer as it happens to be. Errors are those of Get, of the
  // archive's functions and of `visit` or `out`. Their layers' locks are not held meanwhile.
  absl::Status Changes(absl::string_view id, absl::string_view parent,
                       absl::FunctionRef<absl::Status(const Change& change)> visit);
  absl::Status Diff(absl::string_view id, absl::string_view parent, const ArchiveOptions& options,
                    sys::ByteSink& out);
  absl::StatusOr<sys::Bytes> DiffSize(absl::string_view id, absl::string_view parent);
  // A sentence for people when neither layer descends from the other, which makes the difference
  // right and useless; otherwise nothing. Reads a small file for each of 128 ancestors of the two
  // at most; says nothing of what is further away, or is hidden by a layer that was removed or
  // whose state file cannot be read. Errors are those of the ids.
  absl::StatusOr<std::string> DiffWarning(absl::string_view id, absl::string_view parent);

  // Puts an archive into a layer, which nobody may have mounted meanwhile (EBUSY). The layer is
  // marked as incomplete first, and complete again when all is on stable storage; after an error it
  // stays so: Get refuses it, and Remove is what is left. Only an error of mounting it leaves it as
  // it was. EBUSY too: a copy of its mount in another mount namespace stayed in use, so that nobody
  // can tell what is on disk. FAILED_PRECONDITION, with the layer as it was: the pool's mode takes
  // no writes. Other errors are those of Get and of ApplyArchive.
  absl::StatusOr<ApplyResult> ApplyDiff(absl::string_view id, const ArchiveOptions& options,
                                        sys::ByteSource& in);

  // All layers, by id. Cost grows with their number.
  absl::StatusOr<report::LayerList> List();
  // One layer; ENOENT when there is none. Activates it for a moment when it is not active.
  absl::StatusOr<report::Layer> Inspect(absl::string_view id);
  // Docker's rows. They tell of a pool in any mode.
  absl::StatusOr<report::DriverStatus> Status();

  // Unmounts all layers, whatever their counts, deactivates all devices and, unless it was given by
  // the admin, the pool. What can be taken down is; the first error is returned. The next Open
  // brings everything back.
  absl::Status Cleanup();

  absl::StatusOr<report::PoolStatus> PoolStatus();
  absl::StatusOr<report::PoolCheck> PoolCheck();

  struct Impl;  // defined in driver_impl.h, for this room only

 private:
  explicit Driver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DRIVER_H_
