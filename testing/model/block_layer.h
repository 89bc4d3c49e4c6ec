// SPDX-License-Identifier: Apache-2.0
// Block devices of the model: size, modes, who has one open, who claims it, its page cache and its
// uevents. dm, loop and the plain disk derive from BlockDevice and say only what io does. Results
// are 0 or a negative errno.
//
// Two ways lead to the bytes. Submit() is the driver's: what dm targets, loop devices and the
// metadata of a pool use, and direct io of files. BufferedRead() and BufferedWrite() go through the
// device's page cache: what nodes opened without O_DIRECT and mounted filesystems use. As in the
// kernel, the page cache knows nothing of what others submit below it: a page that was read once
// stays until the device is closed by everybody.

#ifndef DMKIT_TESTING_MODEL_BLOCK_LAYER_H_
#define DMKIT_TESTING_MODEL_BLOCK_LAYER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/device_number.h"
#include "testing/model/core.h"
#include "testing/model/process.h"
#include "testing/model/user_memory.h"

namespace dmkit::model {

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kPageBytes = 4096;

enum class IoKind { kRead, kWrite, kWriteZeroes, kDiscard, kFlush };

// One io, in bytes. Offset and length are multiples of 512 and lie inside the device; a flush has
// neither.
struct Io {
  IoKind kind = IoKind::kRead;
  uint64_t offset = 0;
  uint64_t length = 0;
  char* into = nullptr;        // kRead: length bytes
  const char* from = nullptr;  // kWrite: length bytes
  bool fua = false;            // kWrite: on stable storage before it returns
};

// Limits of a request queue, as far as the model has use for them.
struct QueueLimits {
  uint32_t logical_block_bytes = 512;
  uint32_t physical_block_bytes = 512;
  uint64_t discard_granularity_bytes = 0;
  uint64_t max_discard_sectors = 0;  // 0: no discards, -EOPNOTSUPP
  bool has_write_cache = true;       // else a flush is done before the driver sees it
};

class BlockDevice;

// What a device tells the filesystem that is mounted on it.
class MountedFilesystem {
 public:
  virtual ~MountedFilesystem() = default;
  // Writes everything back and lets nothing new through until Thaw(): suspend with lockfs.
  virtual int Freeze() = 0;
  virtual void Thaw() = 0;
};

// Who opens a device. `claim` is the exclusive holder: two opens with different claims exclude each
// other, opens without one exclude nobody.
struct Opener {
  std::string who;  // for listings: "file /dev/loop0", "table of web", "mount /mnt"
  bool write = false;
  const void* claim = nullptr;
  std::optional<sys::DeviceNumber> holder;  // the block device on top, for sysfs
};

// An open of a device. Releases it at the end.
class BlockHandle {
 public:
  BlockHandle() = default;
  ~BlockHandle() { Reset(); }
  BlockHandle(BlockHandle&& other) noexcept { *this = std::move(other); }
  BlockHandle& operator=(BlockHandle&& other) noexcept {
    if (this != &other) {
      Reset();
      device_ = std::exchange(other.device_, nullptr);
      id_ = other.id_;
    }
    return *this;
  }

  BlockDevice* get() const { return device_; }
  BlockDevice* operator->() const { return device_; }
  explicit operator bool() const { return device_ != nullptr; }
  void Reset();

 private:
  friend class BlockDevice;
  BlockHandle(BlockDevice* device, uint64_t id) : device_(device), id_(id) {}

  BlockDevice* device_ = nullptr;
  uint64_t id_ = 0;
};

class BlockDevice {
 public:
  BlockDevice(Core& core, sys::DeviceNumber number, std::string disk_name);
  // Nobody may have it open any more.
  virtual ~BlockDevice();
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  Core& core() const { return core_; }
  sys::DeviceNumber number() const { return number_; }
  const std::string& disk_name() const { return disk_name_; }  // "dm-0": also its node's name
  uint64_t sectors() const { return sectors_; }
  void SetSectors(uint64_t sectors) { sectors_ = sectors; }
  // By the driver or by an ioctl on the node.
  bool read_only() const { return is_disk_read_only_ || is_node_read_only_; }
  // set_disk_ro(): a "change" uevent with DISK_RO when the value changes and the disk was added.
  void SetReadOnly(bool read_only);
  // BLKROSET: the other of the two flags, without a uevent.
  void SetNodeReadOnly(bool read_only) { is_node_read_only_ = read_only; }
  const QueueLimits& limits() const { return limits_; }
  QueueLimits& mutable_limits() { return limits_; }
  uint64_t disk_sequence() const { return disk_sequence_; }
  // A new number of the DISKSEQ kind: the disk is made, or its medium changed.
  void BumpDiskSequence();

  // add_disk(): registers it, makes its node in a devtmpfs, sends "add". From here on it can be
  // opened.
  void AddDisk();
  // del_gendisk(): the opposite, with "remove". Opens that are left stay valid.
  void DeleteDisk();
  bool is_added() const { return is_added_; }

  // Sends a uevent of the disk. False, and nothing sent, when the disk was not added or its uevents
  // are suppressed.
  bool SendUevent(absl::string_view action, std::vector<std::string> extra);
  void SuppressUevents(bool suppressed) { uevents_suppressed_ = suppressed; }

  // -EBUSY: claimed by somebody else. Otherwise what OnOpen says. -ENXIO: the disk is not added.
  int Open(const Opener& opener, BlockHandle* handle);
  // -EBUSY when an O_EXCL open with `claim` would give that; for drivers that do something only
  // while nobody else claims the device.
  int CheckClaim(const void* claim) const;
  uint64_t open_count() const { return openers_.size(); }
  const void* claimed_by() const { return claim_; }
  std::vector<Opener> Openers() const;
  // The block devices on top, by number.
  std::vector<sys::DeviceNumber> Holders() const;

  // Does one io. -EIO past the end; -EINVAL when it is not aligned to 512 bytes. May block.
  int Submit(const Io& io);
  int Read(uint64_t offset, absl::Span<char> into);
  int Write(uint64_t offset, absl::string_view from, bool fua = false);
  int Discard(uint64_t offset, uint64_t length);
  int Flush();

  // Through the page cache; any offset and length inside the device. -EIO past the end.
  int BufferedRead(uint64_t offset, absl::Span<char> into);
  int BufferedWrite(uint64_t offset, absl::string_view from);
  // fsync of the node: writes dirty pages and flushes.
  int SyncBuffered();
  // For direct io beside the cache: writes dirty pages of the range, or forgets pages of it.
  int WriteBack(uint64_t offset, uint64_t length);
  void Forget(uint64_t offset, uint64_t length);

  // The filesystem mounted on it, or null; set by the mount.
  MountedFilesystem* filesystem() const { return filesystem_; }
  void SetFilesystem(MountedFilesystem* filesystem) { filesystem_ = filesystem; }
  // Freezes and thaws what is mounted; nested by count. 0 when nothing is.
  int Freeze();
  void Thaw();
  bool is_frozen() const { return freezes_ > 0; }

  // What a real device loses with the power: its page cache, which is not written.
  void LosePageCache() { pages_.clear(); }

  // ---- For drivers.

  // Before an open counts; a negative errno refuses it.
  virtual int OnOpen(const Opener&) { return 0; }
  // After a close was counted. The last close has written the page cache back before.
  virtual void OnRelease(const Opener&) {}
  // An ioctl on its node that the block layer does not know: -ENOTTY, or the driver's own answer.
  // `writable` says how the node is open, `file_claim` what claim that open has, if any.
  struct IoctlContext {
    Process& process;
    bool writable = false;
    const void* claim = nullptr;
  };
  virtual int DriverIoctl(const IoctlContext&, unsigned long, UserMemory) { return -ENOTTY; }
  // HDIO_GETGEO; -ENOTTY without a geometry.
  virtual int Geometry(uint16_t*, uint8_t*, uint8_t*, uint64_t*) { return -ENOTTY; }
  // Files below /sys/block/<name>/ that are the driver's: {"dm/name", "web\n"}.
  virtual std::vector<std::pair<std::string, std::string>> Attributes() const { return {}; }

 protected:
  // Does an io that is aligned and inside the device.
  virtual int DoIo(const Io& io) = 0;

 private:
  friend class BlockHandle;
  struct Page {
    std::string bytes;
    bool dirty = false;
  };

  void Release(uint64_t id);
  int LoadPage(uint64_t number, Page** page);
  int WritePage(uint64_t number, Page& page);

  Core& core_;
  const sys::DeviceNumber number_;
  const std::string disk_name_;
  uint64_t sectors_ = 0;
  bool is_disk_read_only_ = false;
  bool is_node_read_only_ = false;
  QueueLimits limits_;
  uint64_t disk_sequence_ = 0;
  bool is_added_ = false;
  bool uevents_suppressed_ = false;
  std::map<uint64_t, Opener> openers_;
  uint64_t next_opener_ = 1;
  const void* claim_ = nullptr;
  uint64_t claims_ = 0;
  std::map<uint64_t, Page> pages_;
  MountedFilesystem* filesystem_ = nullptr;
  int freezes_ = 0;
};

// The standard ioctls of a block device's node: BLKGETSIZE, BLKGETSIZE64, BLKROGET, BLKROSET,
// BLKSSZGET, BLKPBSZGET, BLKBSZGET, BLKDISCARD, BLKZEROOUT, BLKFLSBUF, HDIO_GETGEO; every other one
// is DriverIoctl's.
int BlockIoctl(BlockDevice& device, const BlockDevice::IoctlContext& context, unsigned long request,
               UserMemory argument);

// -ENXIO when there is no disk of this number, else as BlockDevice::Open.
int OpenBlockDevice(Core& core, sys::DeviceNumber number, const Opener& opener,
                    BlockHandle* handle);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_BLOCK_LAYER_H_
