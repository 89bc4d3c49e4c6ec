// SPDX-License-Identifier: Apache-2.0
// Who reads a layer for a moment (changes, diff): kept apart from the count of Get and Put, since
// it ends with the process whatever becomes of that. Nothing here mounts.

#ifndef DMKIT_DRIVER_LAYER_READERS_H_
#define DMKIT_DRIVER_LAYER_READERS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/layer_id.h"
#include "sys/host.h"
#include "sys/lock_file.h"

namespace dmkit::driver {

// Each reader of a layer holds the lock on a file <run_dir>/readers/<layer>/<number>, which the
// kernel releases at its end. So no process id has to be believed: neither one that was used again
// nor one of another pid namespace. The caller holds the layer's lock around Add, Leave and
// RemoveDead.
class LayerReaders {
 public:
  // One reader, to be handed to Leave. Whoever goes without that is found dead.
  class Reader {
   private:
    friend class LayerReaders;
    Reader(std::string file, sys::HeldLock lock) : file_(std::move(file)), lock_(std::move(lock)) {}
    std::string file_;
    sys::HeldLock lock_;
  };

  // Uses <run_dir>/readers, making it (mode 0700) when missing.
  static absl::StatusOr<LayerReaders> Open(const sys::Host& host, absl::string_view run_dir);

  // `what` is what Alive tells of it. Errors are those of making files (EROFS, ENOSPC), and EUSERS:
  // a layer has room for 1000.
  absl::StatusOr<Reader> Add(const LayerId& layer, absl::string_view what);
  absl::Status Leave(const LayerId& layer, Reader reader);

  // The readers that have not ended, one line for people each: "process 12 (diff)". Two calls for
  // each, and one where there are none.
  absl::StatusOr<std::vector<std::string>> Alive(const LayerId& layer) const;

  // Removes what dead readers of the layer left; what the others have stays.
  void RemoveDead(const LayerId& layer);

 private:
  LayerReaders(const sys::Host& host, std::unique_ptr<sys::Dir> dir)
      : host_(host), dir_(std::move(dir)) {}
  sys::Host host_;
  std::unique_ptr<sys::Dir> dir_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_LAYER_READERS_H_
