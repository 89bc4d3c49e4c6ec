// SPDX-License-Identifier: Apache-2.0
// /dev/mapper/control: the ioctls of dm-ioctl.c, from the caller's bytes to the bytes of the reply.
// This is the model's own decoder and encoder; the product's codec must not come in.

#ifndef DMKIT_TESTING_MODEL_DM_CONTROL_H_
#define DMKIT_TESTING_MODEL_DM_CONTROL_H_

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "testing/model/char_devices.h"
#include "testing/model/dm_core.h"
#include "testing/model/dm_params.h"
#include "testing/model/open_file.h"

namespace dmkit::model {

inline constexpr uint32_t kDmControlMinor = 236;

// An open control node. Every command works however it was opened.
class DmControl : public OpenFile {
 public:
  DmControl(DmCore& dm, OpenMode mode, std::string path)
      : OpenFile(mode), dm_(dm), path_(std::move(path)), seen_event_(dm.global_event()) {}

  // ctl_ioctl().
  int Ioctl(Process& process, unsigned long request, UserMemory memory) override;
  // It has no position, so nothing can be read or written at one.
  int64_t ReadAt(uint64_t, absl::Span<char>) override { return -ESPIPE; }
  int WriteAt(uint64_t, absl::string_view) override { return -ESPIPE; }
  // Whether a global event came since the open, or since the last DM_DEV_ARM_POLL.
  bool IsReadable() const override {
    return static_cast<int32_t>(dm_.global_event() - seen_event_) > 0;
  }
  sys::FileStat Stat() const override;
  std::string Path() const override { return path_; }

 private:
  int Run(uint32_t number, int (*function)(DmCore&, DmParams&), bool is_event,
          const UserMemory& memory, std::string* buffer);

  DmCore& dm_;
  const std::string path_;
  uint32_t seen_event_;
  std::string buffer_;  // the kernel's copy of the parameters; kept to spare allocations
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_CONTROL_H_
