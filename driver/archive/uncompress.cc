// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/uncompress.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "driver/archive/chunks.h"
#include "driver/archive/gunzip.h"
#include "driver/archive/unpack_filter.h"
#include "sys/status.h"
#include "sys/stream.h"

namespace dmkit::driver {

absl::StatusOr<std::unique_ptr<ChunkSource>> Uncompress(
    sys::ByteSource& in, const std::function<void(uint64_t bytes)>& progress) {
  auto plain = std::make_unique<PlainChunks>(in, progress);
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view head, plain->Peek());
  if (absl::StartsWith(head, "\x1f\x8b")) return MakeGunzip(std::move(plain));
  if (absl::StartsWith(head, "\x28\xb5\x2f\xfd")) {
    return MakeUnpackFilter(UnpackKind::kZstd, std::move(plain));
  }
  if (absl::StartsWith(head, absl::string_view("\xfd"
                                               "7zXZ\0",
                                               6))) {
    return MakeUnpackFilter(UnpackKind::kXz, std::move(plain));
  }
  if (absl::StartsWith(head, "BZh")) {
    return MakeUnpackFilter(UnpackKind::kBzip2, std::move(plain));
  }
  return plain;
}

}  // namespace dmkit::driver
