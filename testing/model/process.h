// SPDX-License-Identifier: Apache-2.0
// A process as the drivers see their caller. The files behind its descriptors are the file side's
// business.

#ifndef DMKIT_TESTING_MODEL_PROCESS_H_
#define DMKIT_TESTING_MODEL_PROCESS_H_

#include <cstdint>
#include <memory>

namespace dmkit::model {

class OpenFile;

class Process {
 public:
  virtual ~Process() = default;

  virtual int id() const = 0;
  virtual uint32_t effective_user() const = 0;
  // The open file behind a descriptor number that an ioctl carries; null when it is not open
  // (-EBADF).
  virtual std::shared_ptr<OpenFile> FileAt(int descriptor) const = 0;

  // CAP_SYS_ADMIN, CAP_MKNOD and the like: the model knows root and the others.
  bool is_root() const { return effective_user() == 0; }
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_H_
