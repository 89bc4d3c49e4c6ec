// SPDX-License-Identifier: Apache-2.0
// A kernel for tests: device-mapper, thin pools, loop devices, files and mounts behind the seam of
// sys/host.h, without root and without a real device. Answers with the bytes of Linux 6.1 or 6.12.
// The real kernels are the specification; where the model differs from them it is wrong.
//
//     model::ModelKernel kernel(model::Linux612(), /*seed=*/1);
//     sys::Host host = kernel.host();
//     auto dm = dm::DeviceMapper::Open(host);
//
// Fault model
//
// Two things can end a program.
//
// A crash of a process (CrashProcess): the process stops between two calls, its files close, its
// locks go. The kernel and what it has in memory live on: mapped devices, tables, suspended
// devices, loop devices, mounts, page caches, semaphores. Nothing that was written is lost. A loop
// device with autoclear or a mapped device marked for deferred removal goes if the process was its
// last user.
//
// A power loss (Reboot): all of the kernel is gone: mapped devices, pools in memory, loop devices,
// mounts, semaphores, /dev, /run, /tmp, page caches, every process. A disk keeps what was
// flushed to it; of the rest, what the chosen Unsynced says. A file keeps what was synced by
// File::Sync and by flushes of loop devices on it; a name is kept when its directory was synced
// (files/vfs.h has the rules). A pool comes back as its last commit left it, because its metadata
// is bytes on its metadata device; a filesystem in a thin device as its own last write-back left
// it. The boot id changes.
//
// What is not modelled: torn sectors (a page of 4096 bytes is old or new as a whole), disks that
// lie about a flush, bit rot, memory that runs out, and time that calls take. Io errors are made
// with Disk::SetFault, with dm's error target, or at the seam with sys::FaultyHost around host().
//
// Time is virtual: it moves by a microsecond per call, by Clock::Sleep and by waits. A call that
// would wait for ever fails instead and is listed by Hangs(), unless SetBlocking says otherwise. So
// does work in the background: a pool fails whose commit is due while its metadata device is
// suspended.

#ifndef DMKIT_TESTING_MODEL_MODEL_KERNEL_H_
#define DMKIT_TESTING_MODEL_MODEL_KERNEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "testing/model/profile.h"
#include "testing/model/scheduler.h"
#include "testing/model/sparse_bytes.h"
#include "testing/model/uevents.h"

namespace dmkit::model {

class Disk;
class DmCore;
class LoopDriver;
class Programs;
class ThinPools;
class Vfs;

struct ModelOptions {
  // A devtmpfs makes and removes the nodes of disks; without it /dev is an ordinary directory that
  // holds null, zero, loop-control and mapper/control.
  bool has_devtmpfs = true;
  bool has_sysfs = true;
  // A udevd that makes links in /dev/mapper for uevents of dm disks and counts the semaphore of
  // their cookies down, soon after the event. Its socket, and Debian's rules and program for
  // device-mapper, are where programs look for them.
  bool has_udevd = false;
  uint32_t loop_devices = 8;
  // Of mapped devices. 0: the highest dynamic one that is free.
  uint32_t dm_major = 0;
  // Of the machine; a request that is larger gives ENOMEM.
  uint64_t memory_bytes = uint64_t{960} << 20;
};

// Thread-safe: calls of several threads take turns.
class ModelKernel {
 public:
  // The same profile, seed, options and calls give the same bytes.
  ModelKernel(const Profile& profile, uint64_t seed, const ModelOptions& options = {});
  ~ModelKernel();
  ModelKernel(const ModelKernel&) = delete;
  ModelKernel& operator=(const ModelKernel&) = delete;

  // The seam of process 1, which is root's. Valid while this object lives; its files and
  // directories answer EBADF when their process has crashed or the power was lost.
  sys::Host host();
  // The seam of another process, from 1 to 999. It starts at the first call, and again after it has
  // crashed. `effective_user` counts then.
  sys::Host host(int process, uint32_t effective_user = 0);

  // Ends a process as SIGKILL would. Its seam can be used again, for the next process of that
  // number. Programs that it runs end with it.
  void CrashProcess(int process = 1);
  // The power goes and comes back. Every process ends.
  void Reboot(Unsynced unsynced = Unsynced::kLost);
  // Kills the udevd of has_udevd, or starts it again. Its socket stays. A boot starts it.
  void SetUdevdRunning(bool is_running);

  // Adds a disk of `bytes` (a multiple of 512) as /dev/<name>; stays over reboots.
  Disk& AddDisk(absl::string_view name, uint64_t bytes);
  // The same with a number of its own, which must be free: of a ram disk, say. The others are
  // 254:0, 254:16 and so on.
  Disk& AddDisk(absl::string_view name, uint64_t bytes, sys::DeviceNumber number);

  // ---- Time and blocking.
  absl::Time Now();
  void Advance(absl::Duration duration);
  void SetBlocking(Blocking blocking);
  // A signal for the calls of a process that wait.
  void Interrupt(int process = 1);
  // Calls that would have waited for ever, oldest first: "read of dm-3: suspended".
  std::vector<std::string> Hangs();

  // ---- What is there. Each entry is a line for people, in a stable order.
  std::vector<std::string> MappedDevices();  // "web (254:3) open 1 suspended"
  std::vector<std::string> BoundLoops();     // "loop0 /pool/data open 1"
  // "/mnt ext4 /dev/dm-3"; those that a lazy unmount left have "(detached)" for their directory.
  std::vector<std::string> MountPoints();
  std::vector<std::string> OpenHandles();  // "process 1 descriptor 4: /dev/loop0"
  // All of them, and semaphores: empty when nothing of a test is left in the kernel.
  std::vector<std::string> Leaks();
  std::vector<Uevent> TakeUevents();
  // What is wrong with the metadata of a thin pool on a block device ("loop1"), as the last commit
  // left it there; a line for each thing, none when all is well. See thin/thin_check.h.
  std::vector<std::string> CheckThinMetadata(absl::string_view disk_name);

  // ---- The parts, for tests of the model itself. Not to be kept over a reboot.
  DmCore& dm();
  LoopDriver& loops();
  ThinPools& thin_pools();
  Vfs& vfs();
  Programs& programs();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_MODEL_KERNEL_H_
