// SPDX-License-Identifier: Apache-2.0
// Recognising what a block device or image holds by its magic numbers, so that nothing of somebody
// else's is overwritten and a filesystem can be mounted by its type.

#ifndef DMKIT_THINP_SIGNATURE_H_
#define DMKIT_THINP_SIGNATURE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::thinp {

enum class SignatureKind {
  kExt, kXfs, kBtrfs, kSwap, kLuks, kLvm, kGpt, kMbr, kThinPool,
};

struct Signature {
  SignatureKind kind = SignatureKind::kExt;
  std::string uuid;  // of a filesystem (8-4-4-4-12 hex digits); empty where there is none or it is not read
};

// "ext2/3/4 filesystem", "thin-pool metadata", ...: for messages.
absl::string_view SignatureName(SignatureKind kind);

// The signature at the start of `device` (the first 68 KiB are looked at), if any is known. A device
// shorter than an offset simply has no signature there. Errors are those of reading.
absl::StatusOr<std::optional<Signature>> ProbeSignature(sys::File& device);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_SIGNATURE_H_
