// SPDX-License-Identifier: Apache-2.0
// A plain disk with a volatile write cache: what an admin gives as a data or metadata device, and
// what the other drivers are tested on.

#ifndef DMKIT_TESTING_MODEL_DISK_H_
#define DMKIT_TESTING_MODEL_DISK_H_

#include <functional>
#include <string>

#include "sys/device_number.h"
#include "testing/model/block_layer.h"
#include "testing/model/sparse_bytes.h"

namespace dmkit::model {

class Disk : public BlockDevice {
 public:
  // Adds the disk at once. `bytes` is a multiple of 512.
  Disk(Core& core, sys::DeviceNumber number, std::string disk_name, uint64_t bytes);
  ~Disk() override;

  // Decides on each io: 0 lets it through, a negative errno makes it fail, not done. Null: none
  // fails.
  void SetFault(std::function<int(const Io&)> fault) { fault_ = std::move(fault); }
  // A disk without a write cache loses nothing.
  void SetWriteCache(bool has_write_cache) { has_write_cache_ = has_write_cache; }
  // Grows or shrinks it, with the uevent that a real one sends.
  void Resize(uint64_t bytes);
  // Back to what was flushed. A disk that the kernel has not seen before: it takes a new number,
  // and what an ioctl has forbidden is allowed again.
  void LosePower(Unsynced unsynced);

  const SparseBytes& contents() const { return contents_; }

 private:
  int DoIo(const Io& io) override;

  SparseBytes contents_;
  std::function<int(const Io&)> fault_;
  bool has_write_cache_ = true;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DISK_H_
