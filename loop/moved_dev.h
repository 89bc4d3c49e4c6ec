// SPDX-License-Identifier: Apache-2.0
// The real "/" with another directory in the place of /dev: for tests that take nodes away. What a
// loop device does not need of a directory is refused.

#ifndef DMKIT_LOOP_MOVED_DEV_H_
#define DMKIT_LOOP_MOVED_DEV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "loop/refusing_files.h"
#include "sys/host.h"

namespace dmkit::loop::testing {

class MovedDev : public RefusingDir {
 public:
  // `inner` is "/" and outlives this object; `dev` is an existing directory.
  MovedDev(sys::Dir& inner, std::string dev) : inner_(inner), dev_(std::move(dev)) {}

  absl::StatusOr<std::unique_ptr<sys::File>> OpenFile(absl::string_view path,
                                                      const sys::OpenOptions& options) override {
    return inner_.OpenFile(Moved(path), options);
  }
  absl::StatusOr<std::vector<sys::DirEntry>> List(absl::string_view path) override {
    return inner_.List(Moved(path));
  }
  absl::StatusOr<sys::FileStat> Stat(absl::string_view path) override {
    return inner_.Stat(Moved(path));
  }
  absl::StatusOr<sys::FileStat> StatLink(absl::string_view path) override {
    return inner_.StatLink(Moved(path));
  }
  absl::StatusOr<std::string> ReadLink(absl::string_view path) override {
    return inner_.ReadLink(Moved(path));
  }
  absl::Status Unlink(absl::string_view path) override { return inner_.Unlink(Moved(path)); }
  absl::Status MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                        uint32_t mode) override {
    return inner_.MakeNode(Moved(path), type, device, mode);
  }

 private:
  std::string Moved(absl::string_view path) const {
    const bool below = path == "/dev" || absl::StartsWith(path, "/dev/");
    return below ? absl::StrCat(dev_, path.substr(4)) : std::string(path);
  }

  sys::Dir& inner_;
  const std::string dev_;
};

}  // namespace dmkit::loop::testing

#endif  // DMKIT_LOOP_MOVED_DEV_H_
