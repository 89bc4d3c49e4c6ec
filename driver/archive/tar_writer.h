// SPDX-License-Identifier: Apache-2.0
// Tar entries out, through libarchive: pax, names as bytes, numeric owners, xattrs as SCHILY.xattr.
// The same calls give the same bytes. Knows nothing of layers, trees and whiteouts.

#ifndef DMKIT_DRIVER_ARCHIVE_TAR_WRITER_H_
#define DMKIT_DRIVER_ARCHIVE_TAR_WRITER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/archive/xattrs.h"
#include "sys/host.h"
#include "sys/stream.h"

namespace dmkit::driver {

// The head of one entry.
struct TarHead {
  std::string name;       // without a leading slash; a directory gets its slash behind it
  std::string hard_link;  // of a further name of a file that is in the archive: that one's name
  std::string symlink;    // of a symbolic link: its target
  sys::FileStat stat;     // kind, mode, owner, device number, size and modification time
  std::vector<Xattr> xattrs;
  // Of a regular file with holes: where its data is, in order, without overlap, inside the size.
  // Bytes outside are zeros and not in the archive. Empty and `sparse`: nothing but a hole.
  std::vector<sys::File::DataRange> data;
  bool sparse = false;
};

// One archive. After an error, and when it goes away before Finish, nothing more is written: what
// has been written then lacks the end of an archive.
class TarWriter {
 public:
  // `out` is not owned. `progress`: see ArchiveOptions. ENOMEM is the only error.
  static absl::StatusOr<std::unique_ptr<TarWriter>> Create(
      sys::ByteSink& out, std::function<void(uint64_t bytes)> progress);
  virtual ~TarWriter() = default;

  // Writes the head of an entry. Its data, all of it, has to follow before the next one.
  // EINVAL: a socket, or a name that a tar cannot say. E2BIG: more than a MiB of extended
  // attributes and names, which readers refuse. Other errors: those of `out`. A modification time
  // before 1970 is cut to whole seconds, since readers disagree on what its fraction means.
  virtual absl::Status Begin(const TarHead& entry) = 0;
  // The next bytes of the entry, or its next hole. EINVAL: more than the size said.
  virtual absl::Status Data(absl::string_view bytes) = 0;
  virtual absl::Status Hole(uint64_t bytes) = 0;
  // Writes the end of the archive. EINVAL: the last entry lacks data.
  virtual absl::Status Finish() = 0;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TAR_WRITER_H_
