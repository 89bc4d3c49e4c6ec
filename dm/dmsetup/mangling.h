// SPDX-License-Identifier: Apache-2.0
// The way libdevmapper writes names and uuids into the kernel: bytes that udev's rules could not
// carry as \xNN. Pure: no ioctl and no output belong here.

#ifndef DMKIT_DM_DMSETUP_MANGLING_H_
#define DMKIT_DM_DMSETUP_MANGLING_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::dm::dmsetup {

// Of what the kernel takes (dm-ioctl.h, DM_NAME_LEN and DM_UUID_LEN).
inline constexpr size_t kNameBytesMax = 127;
inline constexpr size_t kUuidBytesMax = 128;

enum class Mangling {
  kNone,  // as they are
  kAuto,  // what is mangled already stays; a mix of both is an error
  kHex,   // every such byte, also a backslash of \xNN
};

// "none", "auto", "hex", in any case; nothing for any other word.
std::optional<Mangling> ParseMangling(absl::string_view word);

// A backslash of \xNN is itself mangled, which kAuto refuses everywhere.
bool IsMangledTwice(absl::string_view text, Mangling mode);

// `text` as the kernel gets it. `what` ("name", "UUID", "new name") stands in the message of an
// INVALID_ARGUMENT error, which is one line as libdevmapper prints it; what it prints behind that
// line is the caller's. kNone changes nothing. The result has at most `bytes_max` bytes.
absl::StatusOr<std::string> Mangle(absl::string_view text, absl::string_view what, Mangling mode,
                                   size_t bytes_max);

// What the kernel has, as people read it: each \xNN becomes its byte. In the modes kAuto and kHex
// a name with bytes that should have been mangled is INVALID_ARGUMENT, as is a name that is
// mangled twice in kAuto; kNone takes both as they come. As in libdevmapper, text from a \x on that
// no digit follows is cut off when it ends there or comes behind a \xNN, and spoils nothing else.
absl::StatusOr<std::string> Unmangle(absl::string_view text, absl::string_view what, Mangling mode);

// What a report shows of a name that the kernel has: Unmangle, but with kNone it stays as it is.
absl::StatusOr<std::string> Shown(absl::string_view text, absl::string_view what, Mangling mode);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_MANGLING_H_
