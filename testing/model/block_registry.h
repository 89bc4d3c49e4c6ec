// SPDX-License-Identifier: Apache-2.0
// Which disk has which number and name. Knows nothing of what a disk does.

#ifndef DMKIT_TESTING_MODEL_BLOCK_REGISTRY_H_
#define DMKIT_TESTING_MODEL_BLOCK_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/device_number.h"

namespace dmkit::model {

class BlockDevice;

// Hears of disks that come and go: a devtmpfs.
class DiskListener {
 public:
  virtual ~DiskListener() = default;
  virtual void DiskAdded(const BlockDevice& device) = 0;
  virtual void DiskDeleted(const BlockDevice& device) = 0;
};

class BlockRegistry {
 public:
  // Gives `wanted`, or for 0 the highest free number below 255, to a driver.
  uint32_t RegisterMajor(uint32_t wanted, std::string name);
  void UnregisterMajor(uint32_t major);
  // As /proc/devices lists them.
  const std::map<uint32_t, std::string>& majors() const { return majors_; }
  // Called when a number of `major` is looked for that is not there, and may add it: legacy
  // autoload.
  void SetProbe(uint32_t major, std::function<void(uint32_t minor)> probe);

  // Null when no disk of this number was added, nor by its driver's probe.
  BlockDevice* Find(sys::DeviceNumber number);
  // The same without the probe.
  BlockDevice* FindAdded(sys::DeviceNumber number) const;
  // By the kernel's name, "loop0".
  BlockDevice* FindByName(absl::string_view disk_name) const;
  // In the order of their numbers.
  std::vector<BlockDevice*> List() const;

  // For BlockDevice::AddDisk and DeleteDisk.
  void Add(sys::DeviceNumber number, const std::string& disk_name, BlockDevice* device);
  void Delete(sys::DeviceNumber number, const std::string& disk_name);

  // At most one, null for none. It must hear of what was there before by itself.
  void SetListener(DiskListener* listener) { listener_ = listener; }
  // The next DISKSEQ.
  uint64_t NextDiskSequence() { return ++disk_sequence_; }
  // They start anew. Disks that stay take theirs again.
  void LosePower() { disk_sequence_ = 0; }

 private:
  std::map<uint32_t, std::string> majors_;
  std::map<uint32_t, std::function<void(uint32_t)>> probes_;
  std::map<std::pair<uint32_t, uint32_t>, BlockDevice*> devices_;
  std::map<std::string, BlockDevice*> names_;
  DiskListener* listener_ = nullptr;
  uint64_t disk_sequence_ = 0;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_BLOCK_REGISTRY_H_
