// SPDX-License-Identifier: Apache-2.0
// The tables of words. Mirrors ext4_param_specs of fs/ext4/super.c and xfs_fs_parameters of
// fs/xfs/xfs_super.c.

#include "testing/model/files/mount_words.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace dmkit::model {
namespace {

constexpr absl::string_view kExt4Flags[] = {
    "acl",
    "auto_da_alloc",
    "barrier",
    "block_validity",
    "bsddf",
    "bsdgroups",
    "debug",
    "delalloc",
    "discard",
    "dioread_lock",
    "dioread_nolock",
    "grpid",
    "grpquota",
    "i_version",
    "init_itable",
    "journal_async_commit",
    "lazytime",
    "minixdf",
    "journal_checksum",
    "mblk_io_submit",
    "noacl",
    "noauto_da_alloc",
    "nobarrier",
    "noblock_validity",
    "nodelalloc",
    "nodiscard",
    "nogrpid",
    "noinit_itable",
    "nolazytime",
    "noload",
    "nojournal_checksum",
    "nombcache",
    "norecovery",
    "noquota",
    "nouser_xattr",
    "oldalloc",
    "orlov",
    "prjquota",
    "quota",
    "sysvgroups",
    "user_xattr",
    "usrquota",
    "warn_on_error",
    "nowarn_on_error",
    "nomblk_io_submit",
};
constexpr absl::string_view kExt4Numbers[] = {
    "auto_da_alloc",
    "barrier",
    "commit",
    "init_itable",
    "inode_readahead_blks",
    "journal_ioprio",
    "max_batch_time",
    "max_dir_size_kb",
    "min_batch_time",
    "resgid",
    "resuid",
    "sb",
    "stripe",
};
struct Choice {
  absl::string_view word;
  absl::string_view values[3];
};
constexpr Choice kExt4Choices[] = {
    {"data", {"journal", "ordered", "writeback"}},
    {"data_err", {"abort", "ignore", "ignore"}},
    {"errors", {"continue", "panic", "remount-ro"}},
};

constexpr absl::string_view kXfsFlags[] = {
    "attr2",      "discard",   "filestreams", "gqnoenforce", "gquota",    "grpid",
    "grpquota",   "ikeep",     "inode32",     "inode64",     "largeio",   "noalign",
    "noattr2",    "nodiscard", "nogrpid",     "noikeep",     "nolargeio", "noquota",
    "norecovery", "nouuid",    "pqnoenforce", "pquota",      "prjquota",  "qnoenforce",
    "quota",      "swalloc",   "uqnoenforce", "uquota",      "usrquota",  "wsync",
};
constexpr absl::string_view kXfsNumbers[] = {
    "allocsize", "logbsize", "logbufs", "sunit", "swidth",
};

template <typename List>
bool Contains(const List& list, absl::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// xfs takes "64k" as well.
bool IsNumber(absl::string_view text, bool may_have_suffix) {
  uint64_t value = 0;
  if (may_have_suffix && !text.empty() &&
      absl::string_view("kKmMgG").find(text.back()) != absl::string_view::npos) {
    text.remove_suffix(1);
  }
  return absl::SimpleAtoi(text, &value);
}

bool IsExt4Word(absl::string_view word, bool has_value, absl::string_view value) {
  if (!has_value) return Contains(kExt4Flags, word);
  for (const Choice& choice : kExt4Choices) {
    if (choice.word == word) return Contains(choice.values, value);
  }
  return Contains(kExt4Numbers, word) && IsNumber(value, false);
}

bool IsXfsWord(absl::string_view word, bool has_value, absl::string_view value) {
  if (!has_value) return Contains(kXfsFlags, word);
  return Contains(kXfsNumbers, word) && IsNumber(value, true);
}

}  // namespace

bool ParseMountWords(const std::string& kind, const BlockMountOptions& options,
                     BlockFilesystem::Words* words) {
  for (const absl::string_view text : absl::StrSplit(options.data, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    const bool has_value = text.find('=') != absl::string_view::npos;
    const bool is_known = kind == "ext4" ? IsExt4Word(parts.first, has_value, parts.second)
                                         : IsXfsWord(parts.first, has_value, parts.second);
    if (!is_known) return false;
    // A log that is not replayed must not be written.
    if (text == "norecovery" && kind == "xfs" && !options.read_only) return false;
    if (text == "nouuid") words->no_uuid = true;
    if (text == "discard") words->discard = true;
    if (text == "nodiscard") words->discard = false;
  }
  return true;
}

}  // namespace dmkit::model
