// SPDX-License-Identifier: Apache-2.0
// Pages that are shared until they change.

#include "testing/model/sparse_bytes.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kPage = 4096;

// Calls `part(page number, offset in the page, length, offset in the range)` for each page of a
// range.
template <typename Part>
void ForEachPage(uint64_t offset, uint64_t length, Part part) {
  for (uint64_t done = 0; done < length;) {
    const uint64_t at = offset + done;
    const uint64_t now = std::min(kPage - at % kPage, length - done);
    part(at / kPage, at % kPage, now, done);
    done += now;
  }
}

}  // namespace

uint64_t SparseBytes::allocated() const { return pages_.size() * kPage; }

const SparseBytes::Page& SparseBytes::At(uint64_t number) const {
  static const Page kZeros;
  const auto found = pages_.find(number);
  return found == pages_.end() ? kZeros : found->second;
}

void SparseBytes::Set(uint64_t number, Page page) {
  before_.emplace(number, At(number));
  if (page == nullptr) {
    pages_.erase(number);
  } else {
    pages_[number] = std::move(page);
  }
}

std::string& SparseBytes::Own(uint64_t number) {
  before_.emplace(number, At(number));
  Page& page = pages_[number];
  if (page == nullptr) {
    page = std::make_shared<std::string>(kPage, '\0');
  } else if (page.use_count() > 1) {
    page = std::make_shared<std::string>(*page);
  }
  return *page;
}

bool SparseBytes::NextData(uint64_t offset, uint64_t* begin, uint64_t* end) const {
  auto page = pages_.lower_bound(offset / kPage);
  if (offset >= size_ || page == pages_.end() || page->first * kPage >= size_) return false;
  *begin = std::max(offset, page->first * kPage);
  uint64_t next = page->first;
  while (page != pages_.end() && page->first == next) {
    ++page;
    ++next;
  }
  *end = std::min(next * kPage, size_);
  return true;
}

void SparseBytes::Read(uint64_t offset, absl::Span<char> into) const {
  ForEachPage(offset, into.size(),
              [this, &into](uint64_t number, uint64_t at, uint64_t length, uint64_t done) {
                const Page& page = At(number);
                if (page == nullptr) {
                  std::memset(into.data() + done, 0, length);
                } else {
                  std::memcpy(into.data() + done, page->data() + at, length);
                }
              });
}

void SparseBytes::Write(uint64_t offset, absl::string_view from) {
  if (from.empty()) return;
  size_ = std::max(size_, offset + from.size());
  ForEachPage(offset, from.size(),
              [this, from](uint64_t number, uint64_t at, uint64_t length, uint64_t done) {
                std::memcpy(&Own(number)[at], from.data() + done, length);
              });
}

void SparseBytes::Zero(uint64_t offset, uint64_t length) {
  if (offset >= size_) return;
  length = std::min(length, size_ - offset);
  // By the pages that are there: the range may be huge and sparse.
  auto page = pages_.lower_bound(offset / kPage);
  while (page != pages_.end() && page->first * kPage < offset + length) {
    const uint64_t number = (page++)->first;
    const uint64_t start = std::max(offset, number * kPage);
    const uint64_t end = std::min(offset + length, (number + 1) * kPage);
    // The last page has nothing behind the end that would have to be kept.
    if (start == number * kPage && (end == start + kPage || end == size_)) {
      Set(number, nullptr);
    } else {
      std::memset(&Own(number)[start % kPage], 0, end - start);
    }
  }
}

void SparseBytes::Resize(uint64_t size) {
  if (size < size_) Zero(size, size_ - size);
  size_ = size;
}

void SparseBytes::Sync() {
  before_.clear();
  synced_size_ = size_;
}

void SparseBytes::SyncRange(uint64_t offset, uint64_t length) {
  if (length == 0) return;
  before_.erase(before_.lower_bound(offset / kPage),
                before_.upper_bound((offset + length - 1) / kPage));
}

std::vector<uint64_t> SparseBytes::UnsyncedPages() const {
  std::vector<uint64_t> numbers;
  for (const auto& [number, page] : before_) numbers.push_back(number);
  return numbers;
}

void SparseBytes::LosePower(Unsynced unsynced, std::mt19937_64& random) {
  const auto keeps = [unsynced, &random] {
    return unsynced == Unsynced::kKept || (unsynced == Unsynced::kSomeKept && random() % 2 == 0);
  };
  if (!keeps()) size_ = synced_size_;
  for (auto& [number, page] : before_) {
    if (keeps()) continue;
    if (page == nullptr) {
      pages_.erase(number);
    } else {
      pages_[number] = page;
    }
  }
  Trim();
  Sync();
}

void SparseBytes::Trim() {
  while (!pages_.empty() && pages_.rbegin()->first * kPage >= size_) {
    pages_.erase(std::prev(pages_.end()));
  }
  if (pages_.empty() || size_ % kPage == 0 || pages_.rbegin()->first != size_ / kPage) return;
  std::string& last = Own(size_ / kPage);
  std::memset(&last[size_ % kPage], 0, kPage - size_ % kPage);
}

}  // namespace dmkit::model
