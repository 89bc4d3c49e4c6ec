// SPDX-License-Identifier: Apache-2.0
// Bytes of a disk or a file: sparse, and with the knowledge of which of them a power loss would
// keep. Who writes and when it is synced is for others to say.

#ifndef DMKIT_TESTING_MODEL_SPARSE_BYTES_H_
#define DMKIT_TESTING_MODEL_SPARSE_BYTES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::model {

// What becomes of writes that were never synced when the power goes. A real disk may do any of
// these; what was synced is kept by all of them.
enum class Unsynced {
  kLost,
  kSomeKept,  // a random choice, page by page, from the model's seed
  kKept,
};

class SparseBytes {
 public:
  uint64_t size() const { return size_; }
  // The bytes of pages that hold anything.
  uint64_t allocated() const;

  // The first run of pages that hold anything and end behind `offset`, cut off in front of it and
  // at the end of the file. False when there is none.
  bool NextData(uint64_t offset, uint64_t* begin, uint64_t* end) const;
  // What lies past the end reads as zeros.
  void Read(uint64_t offset, absl::Span<char> into) const;
  // Grows when it has to.
  void Write(uint64_t offset, absl::string_view from);
  // Makes the range zero, and frees whole pages of it. Never grows.
  void Zero(uint64_t offset, uint64_t length);
  // What is cut off is gone: it reads as zeros after growing again.
  void Resize(uint64_t size);

  // Everything written so far is on stable storage from now on.
  void Sync();
  // The same for the pages of a range only: a write with FUA.
  void SyncRange(uint64_t offset, uint64_t length);
  // Back to what was synced, and what `unsynced` adds to it.
  void LosePower(Unsynced unsynced, std::mt19937_64& random);
  bool is_synced() const { return before_.empty() && size_ == synced_size_; }

  // For those who keep their own account: the numbers of the pages (of 4096 bytes) that changed
  // since the last Sync, and whether a page holds anything.
  std::vector<uint64_t> UnsyncedPages() const;
  bool HasPage(uint64_t number) const { return pages_.count(number) != 0; }

 private:
  // Null is a page of zeros. One that somebody else refers to as well is never changed.
  using Page = std::shared_ptr<std::string>;

  const Page& At(uint64_t number) const;
  void Set(uint64_t number, Page page);
  // The page, to be written to.
  std::string& Own(uint64_t number);
  // Drops what lies past the end.
  void Trim();

  uint64_t size_ = 0;
  uint64_t synced_size_ = 0;
  std::map<uint64_t, Page> pages_;
  std::map<uint64_t, Page> before_;  // what changed since the last Sync, as it was then
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_SPARSE_BYTES_H_
