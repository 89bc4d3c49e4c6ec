// SPDX-License-Identifier: Apache-2.0
// What a device-mapper target is to the core: the interface that linear, striped, thin-pool and the
// others implement. Mirrors struct target_type and struct dm_target of
// include/linux/device-mapper.h. Results are 0 or a negative errno.

#ifndef DMKIT_TESTING_MODEL_DM_TARGET_H_
#define DMKIT_TESTING_MODEL_DM_TARGET_H_

#include <cerrno>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "testing/model/block_layer.h"
#include "testing/model/profile.h"

namespace dmkit::model {

class DmTable;
class Target;
class TargetType;

// A device that tables of one mapped device have open, in one mode: all of them together count as
// one open of it.
struct TableDevice {
  BlockHandle handle;
  bool write = false;
  std::string name;  // "7:0", as status lines print it

  BlockDevice& device() const { return *handle.get(); }
  // Does `io` moved by `start` sectors, a flush as it is. -EIO when that leads behind everything:
  // an area was checked against a device that had no size when its table was taken into use.
  int SubmitAt(uint64_t start, const Io& io) const;
};

enum class StatusKind { kInfo, kTable, kIma };

// Whether discards reach Target::Map().
enum class Discards {
  kNever,         // and never for the whole table
  kAsItsDevices,  // when all of its devices take them
  kAlways,
};

// What Target::Map() returns for an io that it has not done and that the core shall try again when
// the device is not suspended (DM_ENDIO_REQUEUE): a pool gives back what waits when it is
// suspended.
inline constexpr int kRequeue = std::numeric_limits<int>::min();

// What a constructor gets.
struct TargetArguments {
  const TargetType& type;
  DmTable& table;
  uint64_t begin = 0;   // sectors
  uint64_t length = 0;  // sectors
  const std::vector<std::string>& words;
};

class Target {
 public:
  explicit Target(const TargetArguments& arguments)
      : type_(arguments.type),
        table_(arguments.table),
        begin_(arguments.begin),
        length_(arguments.length) {}
  // The destructor of the kernel's interface (dtr): releases what the constructor took. The devices
  // that it got from the table are the table's.
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  const TargetType& type() const { return type_; }
  DmTable& table() const { return table_; }
  uint64_t begin() const { return begin_; }    // sectors
  uint64_t length() const { return length_; }  // sectors
  // What the text of StatusKind::kIma starts with: "target_name=linear,target_version=1.4.0".
  std::string ImaPrefix() const;

  // Does an io whose offset is relative to the target and which lies inside it. Flushes come once
  // per target, without a range. May block (a full pool) through Scheduler::Wait.
  virtual int Map(const Io& io) = 0;

  // Appends the status text. `no_flush`: DM_NOFLUSH_FLAG was given, so commit nothing for it.
  virtual void Status(StatusKind, bool /*no_flush*/, std::string*) {}
  // 0, 1 when `result` has text for the caller, or a negative errno. Only called where
  // TargetType::kMessages is set.
  virtual int Message(const std::vector<std::string>& /*words*/, std::string* /*result*/) {
    return -EINVAL;
  }

  // Hooks of suspend and resume, in the kernel's order. Presuspend comes before new io is held
  // back, Postsuspend when none is left. A negative Preresume stops the resume: the device stays
  // suspended.
  virtual void Presuspend() {}
  virtual void PresuspendUndo() {}
  virtual void Postsuspend() {}
  virtual int Preresume() { return 0; }
  virtual void Resume() {}

  // Calls back for each device area that the target uses, in sectors. The areas are checked against
  // the devices' sizes and limits when a table is taken into use.
  using DeviceVisitor =
      std::function<void(const TableDevice& device, uint64_t start, uint64_t length)>;
  virtual void VisitDevices(const DeviceVisitor&) const {}
  // io_hints(): changes the limits that its devices gave.
  virtual void AdjustLimits(QueueLimits*) const {}
  virtual Discards discards() const { return Discards::kNever; }
  // prepare_ioctl(): the device that ioctls which the block layer does not know are passed on to,
  // or null. Only root may when `is_whole` comes back false: the target is a part of that device.
  virtual BlockDevice* IoctlDevice(bool* /*is_whole*/) const { return nullptr; }

 private:
  const TargetType& type_;
  DmTable& table_;
  const uint64_t begin_;
  const uint64_t length_;
};

class TargetType {
 public:
  enum Feature : uint32_t {
    kSingleton = 1,        // must be the only target of its table
    kAlwaysWriteable = 2,  // refused in a read-only table
    kImmutable = 4,        // a live table of it is replaced only by its like, or by an error target
    kWildcard = 8,         // may replace an immutable target
    kMessages = 16,        // has Message()
    // Has VisitDevices(). A table of such targets only, none of which has a device, keeps the
    // limits that the live table has.
    kDevices = 32,
  };

  TargetType(std::string name, Version version, uint32_t features)
      : name_(std::move(name)), version_(version), features_(features) {}
  virtual ~TargetType() = default;

  const std::string& name() const { return name_; }
  const Version& version() const { return version_; }
  bool Has(Feature feature) const { return (features_ & feature) != 0; }

  // The constructor (ctr). Devices come from DmTable::GetDevice.
  virtual int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const = 0;

 private:
  const std::string name_;
  const Version version_;
  const uint32_t features_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_TARGET_H_
