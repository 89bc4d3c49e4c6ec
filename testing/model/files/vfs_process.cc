// SPDX-License-Identifier: Apache-2.0
// Descriptors.

#include "testing/model/files/vfs_process.h"

#include <utility>

#include "testing/model/files/open_files.h"

namespace dmkit::model {
namespace {

constexpr int kFirst = 3;            // behind the standard streams
constexpr int kLimit = 1024 * 1024;  // fs.nr_open

}  // namespace

std::shared_ptr<OpenFile> VfsProcess::FileAt(int descriptor) const {
  const auto found = descriptors_.find(descriptor);
  return found == descriptors_.end() ? nullptr : found->second->file;
}

DescriptorPtr VfsProcess::Add(std::shared_ptr<OpenFile> file, Location location) {
  int number = kFirst;
  // Most often there is no gap.
  const int last = descriptors_.empty() ? kFirst - 1 : descriptors_.rbegin()->first;
  if (descriptors_.size() == static_cast<size_t>(last - kFirst + 1)) {
    number = last + 1;
  } else {
    while (descriptors_.count(number) != 0) ++number;
  }
  if (number >= kLimit) return nullptr;
  auto descriptor = std::make_shared<Descriptor>();
  descriptor->number = number;
  descriptor->file = std::move(file);
  descriptor->location = std::move(location);
  descriptors_.emplace(number, descriptor);
  return descriptor;
}

void VfsProcess::Close(const DescriptorPtr& descriptor) {
  if (descriptor->file == nullptr) return;
  descriptors_.erase(descriptor->number);
  const Location location = std::exchange(descriptor->location, Location());
  const std::shared_ptr<OpenFile> file = std::exchange(descriptor->file, nullptr);
  // Files of drivers know nothing of locks, and nobody keeps them open.
  if (dynamic_cast<PathFile*>(file.get()) == nullptr) ReleaseLock(*location.inode, file.get());
}

void VfsProcess::End() {
  while (!descriptors_.empty()) {
    const DescriptorPtr first = descriptors_.begin()->second;
    Close(first);
  }
}

}  // namespace dmkit::model
