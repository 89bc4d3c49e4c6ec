// SPDX-License-Identifier: Apache-2.0
// Memory between guard pages.

#include "testing/conformance/guarded_ioctl.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstring>

#include "absl/types/span.h"
#include "sys/status.h"

namespace dmkit::conformance {
namespace {

constexpr size_t kPageBytes = 4096;

}  // namespace

int GuardedIoctl(sys::File& file, unsigned long request, std::string& bytes) {
  const size_t room = (bytes.size() + kPageBytes - 1) / kPageBytes * kPageBytes;
  void* const pages =
      mmap(nullptr, room + kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  DMKIT_CHECK(pages != MAP_FAILED);
  char* const guard = static_cast<char*>(pages) + room;
  DMKIT_CHECK(mprotect(guard, kPageBytes, PROT_NONE) == 0);
  char* const memory = guard - bytes.size();
  std::memcpy(memory, bytes.data(), bytes.size());
  const auto result = file.Ioctl(request, absl::MakeSpan(memory, bytes.size()));
  std::memcpy(&bytes[0], memory, bytes.size());
  DMKIT_CHECK(munmap(pages, room + kPageBytes) == 0);
  if (result.ok()) return *result;
  const int error = sys::GetErrno(result.status());
  DMKIT_CHECK(error != 0);
  return -error;
}

}  // namespace dmkit::conformance
