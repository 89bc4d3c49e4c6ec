// SPDX-License-Identifier: Apache-2.0
// Files that archives are read from and written to, through the seam.

#ifndef DMKIT_DRIVER_CLI_ARCHIVE_FILE_H_
#define DMKIT_DRIVER_CLI_ARCHIVE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {

// The bytes of the regular file `path`, which is absolute, from its start. EINVAL when it is
// something else: a pipe is read from standard input.
absl::StatusOr<std::unique_ptr<sys::ByteSource>> OpenArchive(const sys::Host& host,
                                                             absl::string_view path);

// A file that appears under its name when it is whole: it is written beside it, as
// "<path>.partial-<process id>".
class NewArchive : public sys::ByteSink {
 public:
  // EEXIST when `path`, which is absolute, is there and no regular file, or its partial file is
  // there.
  static absl::StatusOr<std::unique_ptr<NewArchive>> Make(const sys::Host& host,
                                                          absl::string_view path);
  // Removes what was not committed.
  ~NewArchive() override;

  absl::Status Write(absl::string_view data) override;
  // Puts the file on stable storage and gives it its name, in place of what was there. Blocks.
  absl::Status Commit();

 private:
  NewArchive(const sys::Host& host, absl::string_view path, std::string partial,
             std::unique_ptr<sys::File> file);

  const sys::Host& host_;
  const std::string path_;
  const std::string partial_;
  std::unique_ptr<sys::File> file_;  // null when committed
  uint64_t size_ = 0;
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_ARCHIVE_FILE_H_
