// SPDX-License-Identifier: Apache-2.0
// The entries of a tar archive (ustar, pax, GNU, old), read once from front to back by libarchive.
// What is done with them, and any file, must not come in.

#ifndef DMKIT_DRIVER_ARCHIVE_TAR_READER_H_
#define DMKIT_DRIVER_ARCHIVE_TAR_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/chunks.h"
#include "sys/device_number.h"

namespace dmkit::driver {

enum class TarType { kRegular, kDirectory, kSymlink, kHardLink, kBlockDevice, kCharDevice, kFifo };

struct TarXattr {
  std::string name;
  std::string value;
};

// One entry. Names and targets are bytes, as the archive has them.
struct TarEntry {
  TarType type = TarType::kRegular;
  std::string name;
  std::string link;         // of a symbolic or hard link
  uint64_t size_bytes = 0;  // with holes
  uint32_t mode = 0;        // permission bits with setuid, setgid and sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  sys::DeviceNumber device;
  // `accessed` is never before `modified`, and is `modified` where the archive has none. What lies
  // before 1970 or after 2262 is the beginning of 1970.
  absl::Time accessed;
  absl::Time modified;
  std::vector<TarXattr> xattrs;  // each name once
};

// Memory: fixed buffers, and at most 16 MiB of headers of one entry. Does not depend on the locale.
class TarReader {
 public:
  // `in` must outlive the reader.
  static std::unique_ptr<TarReader> Create(ChunkSource& in);
  virtual ~TarReader() = default;

  // The next entry, valid until the next call, or null at the end: what follows the end marker has
  // been read then. Whatever is left of the data of the entry before is skipped. pax global headers
  // and volume labels are passed over. Errors: those of the source; DATA_LOSS, with the position,
  // for what is no tar archive, is damaged, ends without an end marker, or has an entry of another
  // type.
  virtual absl::StatusOr<const TarEntry*> Next() = 0;
  // Calls `write` for each piece of the data of the current entry, in ascending order; what lies
  // between the pieces, and between the last one and size_bytes, reads as zeros. Its error ends
  // this. Errors: as of Next().
  virtual absl::Status ReadData(
      absl::FunctionRef<absl::Status(uint64_t offset, absl::string_view bytes)> write) = 0;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TAR_READER_H_
