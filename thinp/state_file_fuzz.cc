// SPDX-License-Identifier: Apache-2.0
// Any file, as each kind of state; then the same bytes as the text of a file whose header and
// checksum are right, so that mutations get to the parser. What is accepted must survive the way
// back.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/util/message_differencer.h"
#include "sys/crc32c.h"
#include "sys/status.h"
#include "thinp/state.pb.h"
#include "thinp/state_file.h"

namespace {

using dmkit::thinp::DecodeState;
using dmkit::thinp::EncodeState;
using google::protobuf::util::MessageDifferencer;

constexpr uint32_t kVersion = 1;

template <typename State>
void TryFile(absl::string_view kind, absl::string_view file) {
  State state;
  const absl::Status decoded = DecodeState(kind, kVersion, file, state);
  if (!decoded.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(decoded) || absl::IsFailedPrecondition(decoded));
    DMKIT_CHECK(MessageDifferencer::Equals(state, State()));
    return;
  }
  const std::string written = EncodeState(kind, kVersion, state);
  // Shorter notations may have become longer than what is read.
  if (written.size() > dmkit::thinp::kStateFileBytesMax) return;
  State again;
  DMKIT_CHECK(DecodeState(kind, kVersion, written, again).ok());
  DMKIT_CHECK(MessageDifferencer::Equals(state, again));
}

template <typename State>
void Try(absl::string_view kind, absl::string_view bytes) {
  TryFile<State>(kind, bytes);
  const std::string before = absl::StrCat("# dmkit ", kind, " v", kVersion, "\n", bytes, "\n");
  TryFile<State>(kind, absl::StrCat(before, "# crc32c ",
                                    absl::Hex(dmkit::sys::Crc32c(before), absl::kZeroPad8), "\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  Try<dmkit::thinp::proto::SetState>("set", bytes);
  Try<dmkit::thinp::proto::TransactionState>("transaction", bytes);
  Try<dmkit::thinp::proto::DeviceState>("device", bytes);
  return 0;
}
