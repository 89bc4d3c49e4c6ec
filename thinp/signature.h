// SPDX-License-Identifier: Apache-2.0
// Recognising what a block device or image holds by its magic numbers, so that nothing of somebody
// else's is overwritten and a filesystem can be mounted by its type. Says what is there; whether
// that is in the way is for the caller to say.

#ifndef DMKIT_THINP_SIGNATURE_H_
#define DMKIT_THINP_SIGNATURE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::thinp {

enum class SignatureKind {
  kExt,
  kXfs,
  kBtrfs,
  kSwap,  // also one that holds a hibernated system
  kLuks,
  kLvm,
  kGpt,
  kMbr,
  kThinPool,
  kFat,
  kExfat,
  kNtfs,
};

struct Signature {
  SignatureKind kind = SignatureKind::kExt;
  // Of ext, xfs and btrfs, as 8-4-4-4-12 lower-case hex digits; empty for the others, and where it
  // is all zero.
  std::string uuid;
};

// "an ext2/3/4 filesystem", "thin-pool metadata", ...: for messages, to follow "it holds".
absl::string_view SignatureName(SignatureKind kind);

// The command that clears it off `path`, for messages. wipefs does not know thin-pool metadata; the
// kernel takes them for cleared when their first block is zero.
std::string ClearCommand(SignatureKind kind, absl::string_view path);

// The signature at the start of `device`, if any is known. The first 68 KiB are looked at, read at
// once into memory that suits O_DIRECT. Where several are found (the boot sector of an ext
// filesystem, the protective MBR before a GPT) the first of LUKS, thin-pool, xfs, ext, btrfs, LVM,
// GPT, swap, NTFS, exFAT, FAT and MBR is the answer. A device shorter than an offset simply has no
// signature there. Errors are those of reading.
absl::StatusOr<std::optional<Signature>> ProbeSignature(sys::File& device);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_SIGNATURE_H_
