// SPDX-License-Identifier: Apache-2.0
// A layer archive as a test sees it: read by libarchive itself, not by our reader. For tests only.

#ifndef DMKIT_DRIVER_ARCHIVE_TEST_ARCHIVE_H_
#define DMKIT_DRIVER_ARCHIVE_TEST_ARCHIVE_H_

#include <archive.h>
#include <archive_entry.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace dmkit::driver {

struct TestEntry {
  std::string name;
  std::string hard_link;
  std::string symlink;
  uint32_t type = 0;  // AE_IF*
  uint32_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  std::string owner_names;  // user and group; an archive of ours has neither
  int64_t mtime = 0;
  int64_t mtime_ns = 0;
  bool has_atime = false;
  int64_t size = 0;
  int64_t major = 0;
  int64_t minor = 0;
  std::map<std::string, std::string> xattrs;
  std::string data;
};

struct TestArchive {
  std::vector<TestEntry> entries;
  // Of libarchive, "" when it reached a proper end.
  std::string error;

  // Null when there is none.
  const TestEntry* Find(const std::string& name) const {
    for (const TestEntry& entry : entries) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const TestEntry& entry : entries) names.push_back(entry.name);
    return names;
  }
};

inline std::string Text(const char* text) { return text == nullptr ? "" : text; }

inline TestEntry ReadTestEntry(struct archive_entry* from) {
  TestEntry entry;
  entry.name = Text(archive_entry_pathname(from));
  entry.hard_link = Text(archive_entry_hardlink(from));
  entry.symlink = Text(archive_entry_symlink(from));
  entry.type = archive_entry_filetype(from);
  entry.mode = archive_entry_perm(from);
  entry.uid = archive_entry_uid(from);
  entry.gid = archive_entry_gid(from);
  entry.owner_names = Text(archive_entry_uname(from)) + Text(archive_entry_gname(from));
  entry.mtime = archive_entry_mtime(from);
  entry.mtime_ns = archive_entry_mtime_nsec(from);
  entry.has_atime = archive_entry_atime_is_set(from) != 0;
  entry.size = archive_entry_size(from);
  entry.major = static_cast<int64_t>(archive_entry_rdevmajor(from));
  entry.minor = static_cast<int64_t>(archive_entry_rdevminor(from));
  archive_entry_xattr_reset(from);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
    entry.xattrs[name] = std::string(static_cast<const char*>(value), size);
  }
  return entry;
}

// With the data of each file when `with_data`, holes as zeros.
inline TestArchive ReadTestArchive(const std::string& bytes, bool with_data = true) {
  TestArchive result;
  const std::unique_ptr<struct archive, int (*)(struct archive*)> in(archive_read_new(),
                                                                     &archive_read_free);
  archive_read_support_format_tar(in.get());
  archive_read_set_format_option(in.get(), "tar", "hdrcharset", "BINARY");
  int got = archive_read_open_memory(in.get(), bytes.data(), bytes.size());
  struct archive_entry* entry = nullptr;
  while (got == ARCHIVE_OK && (got = archive_read_next_header(in.get(), &entry)) == ARCHIVE_OK) {
    result.entries.push_back(ReadTestEntry(entry));
    TestEntry& last = result.entries.back();
    if (!with_data || last.size == 0) continue;
    last.data.resize(static_cast<size_t>(last.size));
    const la_ssize_t read = archive_read_data(in.get(), &last.data[0], last.data.size());
    // Short where the file ends in a hole.
    if (read < 0) got = ARCHIVE_FATAL;
  }
  if (got != ARCHIVE_EOF)
    result.error = absl::StrCat("error ", got, " ", Text(archive_error_string(in.get())));
  return result;
}

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TEST_ARCHIVE_H_
