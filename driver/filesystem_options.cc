// SPDX-License-Identifier: Apache-2.0
// Mount options in fstab style. A word that is no flag goes to the filesystem, which knows its own.

#include <sys/mount.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

// mount(2) takes one page of data with its NUL; "nouuid," may still be put in front.
constexpr size_t kDataBytesMax = 4096 - 1 - 7;
constexpr size_t kShownBytes = 60;

struct FlagWord {
  absl::string_view word;
  uint64_t set;
  uint64_t clear;
};

constexpr uint64_t Flag(int flag) { return static_cast<uint64_t>(flag); }

// The words that mount(8) turns into flags, for what makes sense on a block device.
constexpr FlagWord kFlagWords[] = {
    {"defaults", 0, 0},
    {"ro", Flag(MS_RDONLY), 0},
    {"rw", 0, Flag(MS_RDONLY)},
    {"nosuid", Flag(MS_NOSUID), 0},
    {"suid", 0, Flag(MS_NOSUID)},
    {"nodev", Flag(MS_NODEV), 0},
    {"dev", 0, Flag(MS_NODEV)},
    {"noexec", Flag(MS_NOEXEC), 0},
    {"exec", 0, Flag(MS_NOEXEC)},
    {"sync", Flag(MS_SYNCHRONOUS), 0},
    {"async", 0, Flag(MS_SYNCHRONOUS)},
    {"dirsync", Flag(MS_DIRSYNC), 0},
    {"mand", Flag(MS_MANDLOCK), 0},
    {"nomand", 0, Flag(MS_MANDLOCK)},
    {"noatime", Flag(MS_NOATIME), 0},
    {"atime", 0, Flag(MS_NOATIME)},
    {"nodiratime", Flag(MS_NODIRATIME), 0},
    {"diratime", 0, Flag(MS_NODIRATIME)},
    {"relatime", Flag(MS_RELATIME), 0},
    {"norelatime", 0, Flag(MS_RELATIME)},
    {"strictatime", Flag(MS_STRICTATIME), 0},
    {"nostrictatime", 0, Flag(MS_STRICTATIME)},
    {"lazytime", Flag(MS_LAZYTIME), 0},
    {"nolazytime", 0, Flag(MS_LAZYTIME)},
    {"iversion", Flag(MS_I_VERSION), 0},
    {"noiversion", 0, Flag(MS_I_VERSION)},
    {"silent", Flag(MS_SILENT), 0},
    {"loud", 0, Flag(MS_SILENT)},
    {"nosymfollow", Flag(MS_NOSYMFOLLOW), 0},
    {"symfollow", 0, Flag(MS_NOSYMFOLLOW)},
};

// What is no property of a filesystem on a device: the filesystem would refuse it with EINVAL, or
// the call would do something else than mount the device.
constexpr absl::string_view kRefused[] = {
    "bind",      "rbind",   "remount",  "move",       "shared",      "rshared", "slave",
    "rslave",    "private", "rprivate", "unbindable", "runbindable", "loop",    "offset",
    "sizelimit", "auto",    "noauto",   "user",       "nouser",      "users",   "owner",
    "group",     "nofail",  "_netdev",  "comment",    "helper",      "uhelper",
};

absl::Status CheckWord(absl::string_view word) {
  const std::string context =
      absl::StrCat("mount option \"", sys::Printable(word.substr(0, kShownBytes)), "\": ");
  if (word.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(context, "empty; options are separated by single commas"));
  }
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isspace(byte) || absl::ascii_iscntrl(byte)) {
      return absl::InvalidArgumentError(
          absl::StrCat(context, "holds a blank or a control character"));
    }
  }
  const absl::string_view name = word.substr(0, word.find('='));
  bool refused = absl::StartsWithIgnoreCase(name, "x-");
  for (const absl::string_view other : kRefused) refused = refused || name == other;
  if (!refused) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(context, "means nothing for the mount of a layer; leave it out"));
}

// Whether `word` is a flag; then `flags` is changed.
bool ApplyFlag(absl::string_view word, uint64_t& flags) {
  for (const FlagWord& known : kFlagWords) {
    if (word != known.word) continue;
    flags = (flags | known.set) & ~known.clear;
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<MountOptions> ParseMountOptions(absl::string_view text) {
  MountOptions options;
  if (text.empty()) return options;
  std::vector<absl::string_view> data;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    DMKIT_RETURN_IF_ERROR(CheckWord(word));
    if (!ApplyFlag(word, options.flags)) data.push_back(word);
  }
  options.data = absl::StrJoin(data, ",");
  if (options.data.size() > kDataBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("mount options: ", options.data.size(),
                                                   " bytes for the filesystem; the most is ",
                                                   kDataBytesMax));
  }
  return options;
}

}  // namespace dmkit::driver
