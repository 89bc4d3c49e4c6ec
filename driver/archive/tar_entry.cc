// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/tar_entry.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/tar_reader.h"
#include "sys/device_number.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

// What a 32-bit dev_t of Linux holds (include/linux/kdev_t.h).
constexpr uint64_t kMajorMax = (1 << 12) - 1;
constexpr uint64_t kMinorMax = (1 << 20) - 1;
constexpr int64_t kNanosecondsPerSecond = 1000000000;

std::optional<TarType> TypeOf(struct archive_entry* entry, absl::string_view name) {
  if (archive_entry_hardlink(entry) != nullptr) return TarType::kHardLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      // How the oldest programs wrote a directory.
      return absl::EndsWith(name, "/") ? TarType::kDirectory : TarType::kRegular;
    case AE_IFDIR:
      return TarType::kDirectory;
    case AE_IFLNK:
      return TarType::kSymlink;
    case AE_IFBLK:
      return TarType::kBlockDevice;
    case AE_IFCHR:
      return TarType::kCharDevice;
    case AE_IFIFO:
      return TarType::kFifo;
    default:
      return std::nullopt;
  }
}

absl::Time TimeOf(int64_t seconds, long nanoseconds) {
  if (seconds < 0 || seconds >= std::numeric_limits<int64_t>::max() / kNanosecondsPerSecond) {
    return absl::UnixEpoch();
  }
  return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanoseconds);
}

absl::StatusOr<uint32_t> IdOf(int64_t id, absl::string_view what) {
  // The last one means "do not change" to the kernel.
  if (id < 0 || id >= std::numeric_limits<uint32_t>::max()) {
    return absl::DataLossError(absl::StrCat(what, " ", id, " is none"));
  }
  return static_cast<uint32_t>(id);
}

absl::StatusOr<sys::DeviceNumber> DeviceOf(struct archive_entry* entry) {
  const uint64_t major_number = archive_entry_rdevmajor(entry);
  const uint64_t minor_number = archive_entry_rdevminor(entry);
  if (major_number > kMajorMax || minor_number > kMinorMax) {
    return absl::DataLossError(
        absl::StrCat("the device number ", major_number, ":", minor_number, " is none"));
  }
  return sys::DeviceNumber{static_cast<uint32_t>(major_number),
                           static_cast<uint32_t>(minor_number)};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// GNU tar writes "%25" and "%3D" for the two signs that a pax header has a use for, libarchive does
// so for all that is not printable. Neither does for any other, so "%41" is just that.
std::string XattrName(absl::string_view encoded) {
  std::string name;
  while (!encoded.empty()) {
    const int high = encoded.size() > 2 && encoded[0] == '%' ? HexDigit(encoded[1]) : -1;
    const int low = high >= 0 ? HexDigit(encoded[2]) : -1;
    const int byte = low >= 0 ? high * 16 + low : 'x';
    const bool decode = (byte > 0 && byte <= ' ') || byte > '~' || byte == '%' || byte == '=';
    name.push_back(decode ? static_cast<char>(byte) : encoded[0]);
    encoded.remove_prefix(decode ? 3 : 1);
  }
  return name;
}

std::vector<TarXattr> XattrsOf(struct archive_entry* entry) {
  std::vector<TarXattr> xattrs;
  absl::flat_hash_set<std::string> seen;
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  // The last of the archive comes first: of a name in both spellings that is SCHILY's.
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const std::string decoded = XattrName(name);
    if (!seen.insert(decoded).second) continue;
    xattrs.push_back({decoded, std::string(static_cast<const char*>(value), size)});
  }
  std::reverse(xattrs.begin(), xattrs.end());
  return xattrs;
}

}  // namespace

absl::StatusOr<TarEntry> ConvertEntry(struct archive_entry* raw) {
  TarEntry entry;
  const char* const name = archive_entry_pathname(raw);
  if (name == nullptr || *name == '\0') return absl::DataLossError("an entry without a name");
  entry.name = name;
  const std::optional<TarType> type = TypeOf(raw, entry.name);
  if (!type.has_value()) return absl::DataLossError("an entry of an unknown type");
  entry.type = *type;
  if (entry.type == TarType::kSymlink || entry.type == TarType::kHardLink) {
    const char* const link =
        entry.type == TarType::kHardLink ? archive_entry_hardlink(raw) : archive_entry_symlink(raw);
    if (link == nullptr || *link == '\0') return absl::DataLossError("a link without a target");
    entry.link = link;
  }
  if (entry.type == TarType::kRegular) {
    entry.size_bytes = static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(raw), 0));
  }
  if (entry.type == TarType::kBlockDevice || entry.type == TarType::kCharDevice) {
    DMKIT_ASSIGN_OR_RETURN(entry.device, DeviceOf(raw));
  }
  entry.mode = archive_entry_perm(raw) & 07777;
  DMKIT_ASSIGN_OR_RETURN(entry.uid, IdOf(archive_entry_uid(raw), "the owner"));
  DMKIT_ASSIGN_OR_RETURN(entry.gid, IdOf(archive_entry_gid(raw), "the group"));
  entry.modified = TimeOf(archive_entry_mtime(raw), archive_entry_mtime_nsec(raw));
  entry.accessed = entry.modified;
  if (archive_entry_atime_is_set(raw) != 0) {
    entry.accessed =
        std::max(entry.modified, TimeOf(archive_entry_atime(raw), archive_entry_atime_nsec(raw)));
  }
  entry.xattrs = XattrsOf(raw);
  return entry;
}

uint64_t DataBytes(struct archive_entry* raw) {
  if (archive_entry_sparse_reset(raw) == 0) {
    return static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(raw), 0));
  }
  uint64_t bytes = 0;
  la_int64_t offset = 0;
  la_int64_t length = 0;
  while (archive_entry_sparse_next(raw, &offset, &length) == ARCHIVE_OK) {
    bytes += static_cast<uint64_t>(length);
  }
  return bytes;
}

}  // namespace dmkit::driver
