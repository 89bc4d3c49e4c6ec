// SPDX-License-Identifier: Apache-2.0
// Memory between guard pages.

#include "testing/conformance/guarded_ioctl.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstring>

#include "absl/types/span.h"
#include "sys/status.h"
#include "testing/model/read_only_memory.h"

namespace dmkit::conformance {
namespace {

constexpr size_t kPageBytes = 4096;

// Whole pages, of which the last ones are protected.
class Pages {
 public:
  Pages(size_t open_bytes, size_t protected_bytes, int protection)
      : open_bytes_(WholePages(open_bytes)), protected_bytes_(WholePages(protected_bytes)) {
    void* const pages = mmap(nullptr, open_bytes_ + protected_bytes_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DMKIT_CHECK(pages != MAP_FAILED);
    pages_ = static_cast<char*>(pages);
    Protect(protection);
  }
  ~Pages() { DMKIT_CHECK(munmap(pages_, open_bytes_ + protected_bytes_) == 0); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  void Protect(int protection) {
    DMKIT_CHECK(mprotect(border(), protected_bytes_, protection) == 0);
  }
  char* border() const { return pages_ + open_bytes_; }
  size_t protected_bytes() const { return protected_bytes_; }

 private:
  static size_t WholePages(size_t bytes) {
    return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  }

  const size_t open_bytes_;
  const size_t protected_bytes_;
  char* pages_ = nullptr;
};

int IoctlAt(sys::File& file, unsigned long request, char* memory, std::string& bytes) {
  const auto result = file.Ioctl(request, absl::MakeSpan(memory, bytes.size()));
  std::memcpy(&bytes[0], memory, bytes.size());
  if (result.ok()) return *result;
  const int error = sys::GetErrno(result.status());
  DMKIT_CHECK(error != 0);
  return -error;
}

}  // namespace

int GuardedIoctl(sys::File& file, unsigned long request, std::string& bytes) {
  const Pages pages(bytes.size(), kPageBytes, PROT_NONE);
  char* const memory = pages.border() - bytes.size();
  std::memcpy(memory, bytes.data(), bytes.size());
  return IoctlAt(file, request, memory, bytes);
}

int HalfReadOnlyIoctl(sys::File& file, unsigned long request, size_t writable_bytes,
                      std::string& bytes) {
  DMKIT_CHECK(writable_bytes < bytes.size());
  Pages pages(writable_bytes, bytes.size() - writable_bytes, PROT_READ | PROT_WRITE);
  char* const memory = pages.border() - writable_bytes;
  std::memcpy(memory, bytes.data(), bytes.size());
  pages.Protect(PROT_READ);
  const model::ReadOnlyMemory for_models(
      absl::MakeConstSpan(pages.border(), pages.protected_bytes()));
  return IoctlAt(file, request, memory, bytes);
}

}  // namespace dmkit::conformance
