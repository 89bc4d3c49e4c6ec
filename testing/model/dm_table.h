// SPDX-License-Identifier: Apache-2.0
// A table of targets: the checks of dm-table.c. Taking it into use is the device's business.

#ifndef DMKIT_TESTING_MODEL_DM_TABLE_H_
#define DMKIT_TESTING_MODEL_DM_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/block_layer.h"
#include "testing/model/dm_target.h"

namespace dmkit::model {

class DmDevice;

class DmTable {
 public:
  DmTable(DmDevice& device, bool writable) : device_(device), writable_(writable) {}
  // Destroys its targets in order, then closes its devices.
  ~DmTable();
  DmTable(const DmTable&) = delete;
  DmTable& operator=(const DmTable&) = delete;

  DmDevice& device() const { return device_; }
  bool writable() const { return writable_; }
  uint64_t sectors() const { return end_; }
  const std::vector<std::unique_ptr<Target>>& targets() const { return targets_; }
  // The target at `sector`; null past the end.
  Target* Find(uint64_t sector) const;

  // dm_table_add_target(). `params` is split in place, as in the kernel: its words lose their
  // quotes in the caller's buffer.
  int AddTarget(absl::string_view type, uint64_t start, uint64_t length, char* params);

  // dm_get_device(), for constructors: opens the device that `path` names, or "major:minor", in the
  // mode that `write` says, or takes the table's own open of it. -EOVERFLOW, -ENXIO (no such
  // device), -EBUSY (claimed by somebody else), errnos of the path as the profile has it, -EINVAL
  // (its own device, where the profile refuses that).
  int GetDevice(absl::string_view path, bool write, std::shared_ptr<TableDevice>* device);
  // Its devices, the most recently added first.
  std::vector<const TableDevice*> Devices() const;

  // dm_calculate_queue_limits(): -EINVAL when an area does not fit its device or is not aligned.
  int CalculateLimits(QueueLimits* limits) const;
  // dm_table_has_no_data_devices(): all of its targets could have devices and none has.
  bool KeepsLimits() const;

  const TargetType* immutable_type() const { return immutable_type_; }
  bool has_wildcard() const;

  // dm_table_event(): an event of the mapped device, when this is its live table; nothing
  // otherwise.
  void Event();
  // While it is the live table.
  void SetBound(bool bound) { is_bound_ = bound; }

  void Presuspend();
  void PresuspendUndo();
  void Postsuspend();
  // Stops at the first target that fails.
  int Preresume();
  void Resume();

 private:
  int CheckNewTarget(const TargetType& type, uint64_t start);
  int CheckAlignment(const QueueLimits& limits) const;
  QueueLimits LimitsOf(const Target& target) const;

  DmDevice& device_;
  const bool writable_;
  bool is_bound_ = false;
  bool has_singleton_ = false;
  const TargetType* immutable_type_ = nullptr;
  uint64_t end_ = 0;
  // Destroyed after the targets.
  std::vector<std::shared_ptr<TableDevice>> devices_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<uint64_t> ends_;  // of each target, for Find
};

// dm_split_args(): splits at spaces, tabs, newlines and bytes 0xa0; a backslash takes the next byte
// literally. Writes into `text`, a NUL-terminated string: words end in NULs and lose their quotes.
std::vector<std::string> SplitWords(char* text);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_TABLE_H_
