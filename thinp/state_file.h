// SPDX-License-Identifier: Apache-2.0
// State files: a text-format protobuf between a first line that says what it is and a last line
// with its checksum. STATE_FORMAT.md is the description. Both lines are checked before the text is
// parsed, since a text proto that was cut off often still parses, as something else. Knows no
// message type and no file name.

#ifndef DMKIT_THINP_STATE_FILE_H_
#define DMKIT_THINP_STATE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "sys/host.h"

namespace dmkit::thinp {

inline constexpr size_t kStateFileBytesMax = size_t{64} * 1024;

// "# dmkit <kind> v<version>\n<text proto># crc32c <8 hex digits>\n". `kind` is a word of
// lower-case letters, `version` is not 0. The result may be longer than kStateFileBytesMax;
// WriteState refuses that.
std::string EncodeState(absl::string_view kind, uint32_t version,
                        const google::protobuf::Message& state);

// The inverse; files of all versions up to `version` are read. DATA_LOSS says what is wrong: too
// long, no header, another kind, a cut-off or changed file (checksum), text that EncodeState does
// not write or that does not parse. FAILED_PRECONDITION: the file is of a newer version than
// `version` (whole, but not ours to read). `state` is replaced, or left alone on error.
absl::Status DecodeState(absl::string_view kind, uint32_t version, absl::string_view file,
                         google::protobuf::Message& state);

// Decode of the file `name` in `dir`. ENOENT when there is none; other errors are those of reading
// and, without an errno, those of DecodeState.
absl::Status ReadState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                       uint32_t version, google::protobuf::Message& state);

// Encode, then ReplaceFileDurably: two fsyncs, and what it says of errors and repeating.
// INVALID_ARGUMENT, with nothing written, when the file would be longer than kStateFileBytesMax.
absl::Status WriteState(sys::Dir& dir, absl::string_view name, absl::string_view kind,
                        uint32_t version, const google::protobuf::Message& state);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_STATE_FILE_H_
