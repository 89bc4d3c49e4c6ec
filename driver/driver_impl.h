// SPDX-License-Identifier: Apache-2.0
// What the driver's methods share: the open store. Only driver*.cc include this.

#ifndef DMKIT_DRIVER_DRIVER_IMPL_H_
#define DMKIT_DRIVER_DRIVER_IMPL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/layer_id.h"
#include "driver/layer_lock.h"
#include "driver/layer_mount.h"
#include "driver/layer_readers.h"
#include "driver/mount_count.h"
#include "driver/removal_policy.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

// Of the name of a container's init layer.
inline constexpr absl::string_view kInitSuffix = "-init";

struct Driver::Impl {
  const sys::Host& host() const { return dm.host(); }

  // Who has a layer.
  struct Users {
    bool mounted = false;  // nobody has one that is not
    uint32_t gets = 0;     // that were not given back
    bool read_only = false;
    std::vector<std::string> readers;  // those that have not ended, in words

    // Mounted, and left behind by whoever was killed while comparing, filling or growing it.
    bool abandoned() const { return mounted && gets == 0 && readers.empty(); }
  };
  // Of a mounted layer. A mount without a count is one Get's.
  absl::StatusOr<MountCount> CountOf(const LayerId& layer) const;
  // A layer whose filesystem answers EIO counts as mounted, so that it can be put.
  absl::StatusOr<Users> UsersOf(const LayerId& layer) const;
  // Takes down a layer, whose lock is held, that nobody has any more; it has no count afterwards.
  // EBUSY, saying who has it and where.
  absl::Status RequireUnused(const LayerId& layer);

  // ENOENT, saying when it is one that was removed while it was in use.
  absl::Status NoSuchLayer(const LayerId& layer) const;
  // The layer, whose lock is held. ENOENT: none; FAILED_PRECONDITION: it is not complete.
  absl::StatusOr<thinp::proto::DeviceState> FindComplete(const LayerId& layer,
                                                         const sys::HeldLock& lock) const;
  // The layer that `device` was made from.
  LayerParent ParentOf(const thinp::proto::DeviceState& device) const;
  // The parent of a new layer, whose lock is held. ENOENT when there is none.
  absl::StatusOr<thinp::proto::DeviceState> FindParent(const std::string& origin,
                                                       const sys::HeldLock& lock) const;

  // All mounts of layers are made here: mounts one that is not mounted, whose lock is held, as
  // `how` does. It has the count `count` from before that on, whatever was left of an older one,
  // and so also when this process is killed meanwhile; after an error it has none.
  absl::Status MountCounted(LayerMounts& how, const LayerId& layer,
                            const thinp::proto::DeviceState& device, MountAccess access,
                            MountCount count);
  // Mounts a layer for what one call does in it, until EndWork: without the user's mount options,
  // and for nobody else. EndWork is OK when all that was written is on stable storage.
  absl::Status MountForWork(const LayerId& layer, const thinp::proto::DeviceState& device);
  absl::Status EndWork(const LayerId& layer);

  // Has a layer mounted, read-only if it was not, until EndReading or the end of this process.
  // `what` is what others are told that it is for.
  struct Reading {
    std::string path;
    LayerReaders::Reader reader;
  };
  absl::StatusOr<Reading> StartReading(const LayerId& layer, absl::string_view what);
  absl::Status EndReading(const LayerId& layer, LayerReaders::Reader reader);
  absl::Status MountForReading(const LayerId& layer, const sys::HeldLock& lock);

  // So that the filesystem of a layer, whose lock is held, can grow where it is mounted. EROFS: it
  // is mounted read-only because a user wants it so.
  absl::Status MakeWritable(const LayerId& layer, const thinp::proto::DeviceState& device);

  // Makes the filesystem of a layer, whose lock is held, fill its device, and takes the label
  // `growing` off; OK without that label. A layer that is mounted stays so and grows under its
  // users; another one is up for the moment. After an error it is as it was before, its label too,
  // and the call can be repeated. ENOENT: the program is missing; other errors as GrowFilesystem.
  // Blocks as that does, and on the suspend of an active device.
  absl::Status FinishGrowth(const LayerId& layer, const thinp::proto::DeviceState& device);
  absl::Status GrowUnmounted(const LayerId& layer, const thinp::proto::DeviceState& device);
  // The same with a growth of earlier, of a layer that may be mounted for anybody.
  absl::Status TakeUpGrowth(const LayerId& layer, const thinp::proto::DeviceState& device);

  // Changes a layer, whose lock is held: mounts it, has `work` done in its tree, takes it down. It
  // is marked as incomplete before, and as complete when all of that is on stable storage.
  absl::Status Fill(const LayerId& layer, const thinp::proto::DeviceState& device,
                    absl::FunctionRef<absl::Status(sys::Dir& rootfs)> work);

  enum class Kind { kPlain, kInit };
  // A new layer, from a parent whose lock is held. One of kInit is not complete yet. One that is
  // larger than its parent has the label `growing`.
  absl::StatusOr<thinp::proto::DeviceState> Snapshot(const LayerId& layer,
                                                     const std::string& origin,
                                                     std::optional<sys::Bytes> size,
                                                     const sys::HeldLock& parent_lock, Kind kind);
  absl::Status MakeLarger(const LayerId& layer, const std::string& origin, sys::Bytes size,
                          sys::HeldLock parent_lock);
  absl::Status MakeWithInit(const LayerId& layer, const std::string& origin,
                            std::optional<sys::Bytes> size);
  // ENOENT: there is none. EEXIST: a layer of its name is there, which is no init layer.
  absl::Status RemoveInit(const LayerId& init, const sys::HeldLock& lock);
  // Whether there was one.
  absl::StatusOr<bool> RemoveInitOf(const LayerId& layer);
  absl::Status RemoveLayer(const LayerId& layer, const sys::HeldLock& lock);
  bool IsGone(const LayerId& layer, const absl::Status& removed) const;

  // The layers, and the base, that may be mounted or active. Cost grows with their number.
  absl::StatusOr<std::vector<std::string>> FindUp() const;
  // Unmounts and deactivates a layer, whose lock is held, however often it was handed out.
  absl::Status TakeDown(const LayerId& layer);
  // The same with one that FindUp has found.
  absl::Status CleanUp(const std::string& name);

  dm::DeviceMapper& dm;
  std::unique_ptr<thinp::DeviceSet> set;
  LayerLocks locks;
  MountCounts counts;
  LayerReaders readers;
  LayerMounts mounts;
  RemovalPolicy removal;
  absl::StatusOr<thinp::proto::DeviceState> base;  // why there is none, in a store that has others
  std::vector<std::string> warnings;
  uint64_t min_free_percent;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DRIVER_IMPL_H_
