// SPDX-License-Identifier: Apache-2.0
// Names with which an archive takes something away, and AUFS's own names. Text in, a verdict out.

#ifndef DMKIT_DRIVER_ARCHIVE_WHITEOUT_H_
#define DMKIT_DRIVER_ARCHIVE_WHITEOUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/archive/layer_path.h"

namespace dmkit::driver {

// ".wh.X" removes X.
inline constexpr absl::string_view kWhiteoutPrefix = ".wh.";
// In the root of a layer, what begins like this is AUFS's own and no part of the layer.
inline constexpr absl::string_view kAufsPrefix = ".wh..wh.";
// Removes what the layers below have in its directory.
inline constexpr absl::string_view kOpaqueName = ".wh..wh..opq";
// AUFS's directory of files with several names, which hard links of the archive may refer to.
inline constexpr absl::string_view kAufsLinksName = ".wh..wh.plnk";

enum class WhiteoutKind {
  kNone,       // an ordinary entry
  kRemove,     // remove `target` of the same directory
  kOpaque,     // remove from its directory what the archive has not put there
  kAufsLink,   // a file of AUFS's links, `target`
  kAufsOther,  // to be skipped
};

struct Whiteout {
  WhiteoutKind kind = WhiteoutKind::kNone;
  std::string target;
};

// What an entry at `place` stands for. INVALID_ARGUMENT for a whiteout of no name, "." or "..".
absl::StatusOr<Whiteout> ClassifyWhiteout(const LayerPath& place);

// The name of the file among AUFS's links that the hard link's target `place` means, or "".
std::string AufsLinkName(const LayerPath& place);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_WHITEOUT_H_
