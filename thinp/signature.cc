// SPDX-License-Identifier: Apache-2.0
// Magic numbers and where they lie. Nothing here is checked beyond what tells one kind from
// another: a damaged filesystem is still somebody's filesystem.

#include "thinp/signature.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

// btrfs lies furthest in, at 64 KiB; its first 4 KiB are enough.
constexpr size_t kProbeBytes = size_t{68} * 1024;
constexpr size_t kUuidBytes = 16;

// Aligned for O_DIRECT.
struct alignas(4096) ProbeBuffer {
  std::array<char, kProbeBytes> bytes;
};

// The `length` bytes at `offset`; empty where the device is too short.
absl::string_view At(absl::string_view data, size_t offset, size_t length) {
  if (offset > data.size() || data.size() - offset < length) return {};
  return data.substr(offset, length);
}

bool HasMagic(absl::string_view data, size_t offset, absl::string_view magic) {
  return At(data, offset, magic.size()) == magic;
}

struct Magic {
  SignatureKind kind;
  size_t offset;
  absl::string_view bytes;
  size_t uuid_offset;  // 0: none is read
};

// In order of precedence.
constexpr Magic kMagics[] = {
    // Versions 1 and 2 of cryptsetup's on-disk formats.
    {SignatureKind::kLuks, 0, {"LUKS\xba\xbe\x00\x01", 8}, 0},
    {SignatureKind::kLuks, 0, {"LUKS\xba\xbe\x00\x02", 8}, 0},
    // THIN_SUPERBLOCK_MAGIC in drivers/md/dm-thin-metadata.c: 27022010, little-endian.
    {SignatureKind::kThinPool, 32, {"\xba\x52\x9c\x01\x00\x00\x00\x00", 8}, 0},
    {SignatureKind::kXfs, 0, {"XFSB", 4}, 32},
    // s_magic and s_uuid of the superblock at 1024.
    {SignatureKind::kExt, 1024 + 0x38, {"\x53\xef", 2}, 1024 + 0x68},
    // magic and fsid of the first superblock.
    {SignatureKind::kBtrfs, 0x10000 + 0x40, {"_BHRfS_M", 8}, 0x10000 + 0x20},
};

// The filesystems whose boot sector ends with the 55 AA of an MBR, by the names in it.
constexpr Magic kBootSectors[] = {
    {SignatureKind::kNtfs, 3, {"NTFS    ", 8}, 0}, {SignatureKind::kExfat, 3, {"EXFAT   ", 8}, 0},
    {SignatureKind::kFat, 54, {"FAT12   ", 8}, 0}, {SignatureKind::kFat, 54, {"FAT16   ", 8}, 0},
    {SignatureKind::kFat, 54, {"FAT     ", 8}, 0}, {SignatureKind::kFat, 82, {"FAT32   ", 8}, 0},
};

// The second header of LUKS2 lies behind the first one, whose size has a choice; what is left when
// the first one is damaged.
constexpr size_t kSecondLuksOffsets[] = {0x4000, 0x8000, 0x10000};
constexpr absl::string_view kSecondLuksMagic = {"SKUL\xba\xbe\x00\x02", 8};

std::string UuidAt(absl::string_view data, size_t offset) {
  const absl::string_view bytes = At(data, offset, kUuidBytes);
  if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; })) return "";
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

// A label may lie in any of the first four sectors; pvcreate chooses the second.
bool IsLvm(absl::string_view data) {
  for (const size_t sector : {0u, 1u, 2u, 3u}) {
    if (HasMagic(data, sector * 512, "LABELONE") && HasMagic(data, sector * 512 + 24, "LVM2 001")) {
      return true;
    }
  }
  return false;
}

// The primary header is in LBA 1, of sectors of 512 or of 4096 bytes.
bool IsGpt(absl::string_view data) {
  return HasMagic(data, 512, "EFI PART") || HasMagic(data, 4096, "EFI PART");
}

// The signature fills the last ten bytes of the first page, whose size is the maker's. Hibernation
// puts one of its own in the place of swap's (HIBERNATE_SIG in kernel/power/swap.c).
bool IsSwap(absl::string_view data) {
  for (const size_t page : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    for (const absl::string_view magic :
         {absl::string_view("SWAPSPACE2"), absl::string_view("SWAP-SPACE"),
          absl::string_view("S1SUSPEND\0", 10), absl::string_view("S2SUSPEND\0", 10),
          absl::string_view("ULSUSPEND\0", 10)}) {
      if (HasMagic(data, page - magic.size(), magic)) return true;
    }
  }
  return false;
}

bool IsSecondLuksHeader(absl::string_view data) {
  return std::any_of(std::begin(kSecondLuksOffsets), std::end(kSecondLuksOffsets),
                     [data](size_t at) { return HasMagic(data, at, kSecondLuksMagic); });
}

// A table without partitions counts too: it is a disk that somebody has begun to set up. 55 AA also
// ends boot code that is no table, so each of the four entries must be active or not, as
// block/partitions/msdos.c asks.
bool IsMbr(absl::string_view data) {
  if (!HasMagic(data, 510, "\x55\xaa")) return false;
  for (size_t offset = 446; offset < 510; offset += 16) {
    const auto active = static_cast<unsigned char>(data[offset]);
    if (active != 0 && active != 0x80) return false;
  }
  return true;
}

std::optional<SignatureKind> FilesystemOfBootSector(absl::string_view data) {
  for (const Magic& magic : kBootSectors) {
    if (HasMagic(data, magic.offset, magic.bytes)) return magic.kind;
  }
  return std::nullopt;
}

std::optional<Signature> Recognise(absl::string_view data) {
  for (const Magic& magic : kMagics) {
    if (!HasMagic(data, magic.offset, magic.bytes)) continue;
    return Signature{magic.kind, magic.uuid_offset == 0 ? "" : UuidAt(data, magic.uuid_offset)};
  }
  if (IsLvm(data)) return Signature{SignatureKind::kLvm, ""};
  if (IsGpt(data)) return Signature{SignatureKind::kGpt, ""};
  if (IsSwap(data)) return Signature{SignatureKind::kSwap, ""};
  if (IsSecondLuksHeader(data)) return Signature{SignatureKind::kLuks, ""};
  if (const auto kind = FilesystemOfBootSector(data)) return Signature{*kind, ""};
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
    case SignatureKind::kFat:
      return "a FAT filesystem";
    case SignatureKind::kExfat:
      return "an exFAT filesystem";
    case SignatureKind::kNtfs:
      return "an NTFS filesystem";
  }
  return "";
}

std::string ClearCommand(SignatureKind kind, absl::string_view path) {
  if (kind != SignatureKind::kThinPool) return absl::StrCat("wipefs -a ", path);
  return absl::StrCat("dd if=/dev/zero of=", path, " bs=4096 count=1");
}

absl::StatusOr<std::optional<Signature>> ProbeSignature(sys::File& device) {
  const auto buffer = std::make_unique<ProbeBuffer>();
  DMKIT_ASSIGN_OR_RETURN(const size_t length, device.ReadAt(0, absl::MakeSpan(buffer->bytes)));
  return Recognise(absl::string_view(buffer->bytes.data(), length));
}

}  // namespace dmkit::thinp
