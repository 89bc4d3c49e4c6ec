// SPDX-License-Identifier: Apache-2.0
// The page cache of a block device.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "testing/model/block_layer.h"

namespace dmkit::model {

int BlockDevice::LoadPage(uint64_t number, Page** page) {
  auto found = pages_.find(number);
  if (found == pages_.end()) {
    const uint64_t size = sectors_ * kSectorBytes;
    std::string bytes(kPageBytes, '\0');
    const uint64_t length = std::min(kPageBytes, size - number * kPageBytes);
    const int error = Read(number * kPageBytes, absl::MakeSpan(&bytes[0], length));
    if (error != 0) return error;
    // The read may have waited, and somebody else may have been here meanwhile.
    found = pages_.emplace(number, Page{std::move(bytes), false}).first;
  }
  *page = &found->second;
  return 0;
}

int BlockDevice::WritePage(uint64_t number, Page& page) {
  const uint64_t size = sectors_ * kSectorBytes;
  // The device has shrunk below it.
  if (number * kPageBytes >= size) return -EIO;
  const uint64_t length = std::min(kPageBytes, size - number * kPageBytes);
  const std::string bytes = page.bytes;
  page.dirty = false;
  return Write(number * kPageBytes, absl::string_view(bytes.data(), length));
}

int BlockDevice::BufferedRead(uint64_t offset, absl::Span<char> into) {
  const uint64_t size = sectors_ * kSectorBytes;
  if (into.size() > size || offset > size - into.size()) return -EIO;
  for (uint64_t done = 0; done < into.size();) {
    const uint64_t at = (offset + done) % kPageBytes;
    const uint64_t now = std::min(kPageBytes - at, into.size() - done);
    Page* page = nullptr;
    const int error = LoadPage((offset + done) / kPageBytes, &page);
    if (error != 0) return error;
    std::memcpy(into.data() + done, page->bytes.data() + at, now);
    done += now;
  }
  return 0;
}

int BlockDevice::BufferedWrite(uint64_t offset, absl::string_view from) {
  const uint64_t size = sectors_ * kSectorBytes;
  if (from.size() > size || offset > size - from.size()) return -EIO;
  for (uint64_t done = 0; done < from.size();) {
    const uint64_t number = (offset + done) / kPageBytes;
    const uint64_t at = (offset + done) % kPageBytes;
    const uint64_t now = std::min(kPageBytes - at, from.size() - done);
    Page* page = nullptr;
    if (now == kPageBytes) {
      page = &pages_[number];
      page->bytes.resize(kPageBytes);
    } else {
      const int error = LoadPage(number, &page);
      if (error != 0) return error;
    }
    std::memcpy(&page->bytes[at], from.data() + done, now);
    page->dirty = true;
    done += now;
  }
  return 0;
}

int BlockDevice::SyncBuffered() {
  const int error = WriteBack(0, sectors_ * kSectorBytes);
  const int flushed = Flush();
  return error != 0 ? error : flushed;
}

int BlockDevice::WriteBack(uint64_t offset, uint64_t length) {
  int first_error = 0;
  // By number: a write may wait, and the cache may change meanwhile.
  for (uint64_t number = offset / kPageBytes;; ++number) {
    const auto page = pages_.lower_bound(number);
    if (page == pages_.end() || page->first * kPageBytes >= offset + length) return first_error;
    number = page->first;
    if (!page->second.dirty) continue;
    const int error = WritePage(number, page->second);
    if (first_error == 0) first_error = error;
  }
}

void BlockDevice::Forget(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  pages_.erase(pages_.lower_bound(offset / kPageBytes),
               pages_.upper_bound((offset + length - 1) / kPageBytes));
}

}  // namespace dmkit::model
