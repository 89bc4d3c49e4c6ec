// SPDX-License-Identifier: Apache-2.0
// The plain disk.

#include "testing/model/disk.h"

#include <limits>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::model {

Disk::Disk(Core& core, sys::DeviceNumber number, std::string disk_name, uint64_t bytes)
    : BlockDevice(core, number, std::move(disk_name)) {
  contents_.Resize(bytes);
  contents_.Sync();
  SetSectors(bytes / kSectorBytes);
  mutable_limits().max_discard_sectors = std::numeric_limits<uint32_t>::max();
  mutable_limits().discard_granularity_bytes = kSectorBytes;
  BumpDiskSequence();
  AddDisk();
}

Disk::~Disk() { DeleteDisk(); }

void Disk::Resize(uint64_t bytes) {
  contents_.Resize(bytes);
  contents_.Sync();
  SetSectors(bytes / kSectorBytes);
  SendUevent("change", {"RESIZE=1"});
}

void Disk::LosePower(Unsynced unsynced) {
  LosePageCache();
  SetNodeReadOnly(false);
  BumpDiskSequence();
  contents_.LosePower(unsynced, core().random);
}

int Disk::DoIo(const Io& io) {
  if (fault_ != nullptr) {
    const int error = fault_(io);
    if (error != 0) return error;
  }
  switch (io.kind) {
    case IoKind::kRead:
      contents_.Read(io.offset, absl::MakeSpan(io.into, io.length));
      return 0;
    case IoKind::kWrite:
      contents_.Write(io.offset, absl::string_view(io.from, io.length));
      break;
    case IoKind::kWriteZeroes:
    case IoKind::kDiscard:
      contents_.Zero(io.offset, io.length);
      break;
    case IoKind::kFlush:
      break;
  }
  if (io.fua) contents_.SyncRange(io.offset, io.length);
  if (io.kind == IoKind::kFlush || !has_write_cache_) contents_.Sync();
  return 0;
}

}  // namespace dmkit::model
