// SPDX-License-Identifier: Apache-2.0
// A process as the file side has it: who it is and what it has open.

#ifndef DMKIT_TESTING_MODEL_FILES_VFS_PROCESS_H_
#define DMKIT_TESTING_MODEL_FILES_VFS_PROCESS_H_

#include <cstdint>
#include <map>
#include <memory>

#include "testing/model/files/namespace.h"
#include "testing/model/open_file.h"
#include "testing/model/process.h"

namespace dmkit::model {

// What a descriptor number leads to. The handle on it lives on when the process ends.
struct Descriptor {
  int number = -1;
  std::shared_ptr<OpenFile> file;  // null once it is closed
  // The node, for locks and as the start of paths.
  Location location;
};
using DescriptorPtr = std::shared_ptr<Descriptor>;

class VfsProcess : public Process {
 public:
  VfsProcess(int id, uint32_t effective_user) : id_(id), effective_user_(effective_user) {}

  int id() const override { return id_; }
  uint32_t effective_user() const override { return effective_user_; }
  std::shared_ptr<OpenFile> FileAt(int descriptor) const override;

  // Gives the file the lowest free number from 3. Null when there are too many (-EMFILE).
  DescriptorPtr Add(std::shared_ptr<OpenFile> file, Location location);
  // Does nothing for a closed one.
  void Close(const DescriptorPtr& descriptor);
  // Closes everything, in the order of the numbers.
  void End();
  const std::map<int, DescriptorPtr>& descriptors() const { return descriptors_; }

 private:
  const int id_;
  const uint32_t effective_user_;
  std::map<int, DescriptorPtr> descriptors_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_VFS_PROCESS_H_
