// SPDX-License-Identifier: Apache-2.0

#include "thinp/signature.h"

#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

// btrfs keeps its superblock furthest in, at 64 KiB; 4 KiB of it are enough.
constexpr size_t kProbeBytes = 68 * 1024;
constexpr size_t kUuidBytes = 16;
constexpr uint64_t kThinPoolMagic = 27022010;  // THIN_SUPERBLOCK_MAGIC, dm-thin-metadata.c

// The bytes at `offset`; empty where the device is too short.
absl::string_view At(absl::string_view data, size_t offset, size_t length) {
  if (offset > data.size() || data.size() - offset < length) return {};
  return data.substr(offset, length);
}

bool HasMagic(absl::string_view data, size_t offset, absl::string_view magic) {
  return At(data, offset, magic.size()) == magic;
}

std::string UuidAt(absl::string_view data, size_t offset) {
  const absl::string_view bytes = At(data, offset, kUuidBytes);
  if (bytes.empty()) return "";
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

bool IsThinPool(absl::string_view data) {
  const absl::string_view bytes = At(data, 32, sizeof(uint64_t));
  uint64_t magic = 0;
  if (bytes.empty()) return false;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  return magic == kThinPoolMagic;
}

// The signature fills the last ten bytes of the first page, whose size is the maker's.
bool IsSwap(absl::string_view data) {
  for (const size_t page : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    for (const absl::string_view magic : {"SWAPSPACE2", "SWAP-SPACE"}) {
      if (HasMagic(data, page - magic.size(), magic)) return true;
    }
  }
  return false;
}

bool IsLvm(absl::string_view data) {
  for (size_t sector = 0; sector < 4; ++sector) {
    if (HasMagic(data, sector * 512, "LABELONE") && HasMagic(data, sector * 512 + 24, "LVM2 001")) {
      return true;
    }
  }
  return false;
}

bool IsGpt(absl::string_view data) {
  return HasMagic(data, 512, "EFI PART") || HasMagic(data, 4096, "EFI PART");
}

// 55 AA also ends boot sectors of filesystems, so a partition entry must make sense: a type, a status
// that is 0 or 80, a start and a length.
bool IsMbr(absl::string_view data) {
  if (!HasMagic(data, 510, "\x55\xaa")) return false;
  for (size_t entry = 446; entry < 510; entry += 16) {
    const absl::string_view bytes = At(data, entry, 16);
    const auto status = static_cast<uint8_t>(bytes[0]);
    const bool empty = bytes[4] == 0;
    uint32_t start = 0;
    uint32_t length = 0;
    std::memcpy(&start, bytes.data() + 8, sizeof(start));
    std::memcpy(&length, bytes.data() + 12, sizeof(length));
    if (!empty && (status == 0 || status == 0x80) && start != 0 && length != 0) return true;
  }
  return false;
}

std::optional<Signature> Recognize(absl::string_view data) {
  if (HasMagic(data, 0x438, "\x53\xef")) return Signature{SignatureKind::kExt, UuidAt(data, 0x468)};
  if (HasMagic(data, 0, "XFSB")) return Signature{SignatureKind::kXfs, UuidAt(data, 32)};
  if (HasMagic(data, 0x10040, "_BHRfS_M")) {
    return Signature{SignatureKind::kBtrfs, UuidAt(data, 0x10020)};
  }
  if (HasMagic(data, 0, absl::string_view("LUKS\xba\xbe", 6))) return Signature{SignatureKind::kLuks, ""};
  if (IsThinPool(data)) return Signature{SignatureKind::kThinPool, ""};
  if (IsLvm(data)) return Signature{SignatureKind::kLvm, ""};
  if (IsSwap(data)) return Signature{SignatureKind::kSwap, ""};
  if (IsGpt(data)) return Signature{SignatureKind::kGpt, ""};
  if (IsMbr(data)) return Signature{SignatureKind::kMbr, ""};
  return std::nullopt;
}

}  // namespace

absl::string_view SignatureName(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::kExt:
      return "an ext2/3/4 filesystem";
    case SignatureKind::kXfs:
      return "an xfs filesystem";
    case SignatureKind::kBtrfs:
      return "a btrfs filesystem";
    case SignatureKind::kSwap:
      return "swap space";
    case SignatureKind::kLuks:
      return "a LUKS volume";
    case SignatureKind::kLvm:
      return "an LVM physical volume";
    case SignatureKind::kGpt:
      return "a GPT partition table";
    case SignatureKind::kMbr:
      return "an MBR partition table";
    case SignatureKind::kThinPool:
      return "thin-pool metadata";
  }
  return "";
}

absl::StatusOr<std::optional<Signature>> ProbeSignature(sys::File& device) {
  std::string data(kProbeBytes, '\0');
  DMKIT_ASSIGN_OR_RETURN(const size_t length, device.ReadAt(0, absl::MakeSpan(data)));
  data.resize(length);
  return Recognize(data);
}

}  // namespace dmkit::thinp
