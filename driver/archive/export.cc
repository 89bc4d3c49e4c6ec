// SPDX-License-Identifier: Apache-2.0
// From changes to tar entries.

#include "driver/archive/export.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "driver/archive/data_ranges.h"
#include "driver/archive/link_groups.h"
#include "driver/archive/options.h"
#include "driver/archive/tar_writer.h"
#include "driver/archive/tree_walk.h"
#include "driver/archive/whiteout.h"
#include "driver/archive/xattrs.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

using sys::FileStat;
using sys::FileType;

constexpr size_t kReadBytes = 256 << 10;

// A name in an archive has no slash in front.
std::string ArchiveName(absl::string_view path) { return std::string(path.substr(1)); }

class Exporter : public TreeVisitor {
 public:
  Exporter(sys::Dir& root, const ArchiveOptions& options, TarWriter& tar)
      : root_(root), options_(options), tar_(tar), buffer_(kReadBytes) {}

  absl::Status OnChange(const TreeChange& change) override;
  void OnLeftOut(const std::string& path) override;
  absl::StatusOr<bool> IsRelinked(const std::string& path, const FileStat& newer,
                                  const FileStat& older) override;

 private:
  absl::Status Write(const TreeChange& change);
  absl::Status WriteWhiteout(const std::string& path, const std::string& name);
  absl::Status WriteSocket(const TreeChange& change);
  absl::Status WriteEntry(sys::Dir& dir, const std::string& name, const std::string& path,
                          const FileStat& stat);
  absl::Status WriteFile(sys::Dir& dir, const std::string& name, TarHead& entry);
  absl::Status CopyData(sys::File& file, uint64_t begin, uint64_t end);
  absl::Status WriteLink(const std::string& path, const std::string& target, const FileStat& stat);
  absl::Status WriteEarlierLinks(const std::vector<std::string>& paths, const std::string& target,
                                 const FileStat& stat);

  sys::Dir& root_;
  const ArchiveOptions& options_;
  TarWriter& tar_;
  LinkGroups links_;
  std::vector<char> buffer_;
};

absl::Status Exporter::OnChange(const TreeChange& change) {
  const absl::Status status = Write(change);
  if (status.ok()) return status;
  return sys::AddContext(status, absl::StrCat("export ", sys::Printable(change.change.path)));
}

absl::Status Exporter::Write(const TreeChange& change) {
  const std::string& path = change.change.path;
  if (absl::StartsWith(change.name, kWhiteoutPrefix)) {
    return sys::ErrnoStatus(
        EINVAL, "a layer archive cannot hold this name, it would remove a file; rename it");
  }
  if (change.newer == nullptr) return WriteWhiteout(path, change.name);
  const FileStat& stat = *change.newer;
  if (stat.type == FileType::kSocket) return WriteSocket(change);
  if (stat.type == FileType::kDirectory || stat.links < 2) {
    return WriteEntry(change.parent, change.name, path, stat);
  }
  const LinkGroups::Place place = links_.Write(path, stat);
  if (place.first != path) return WriteLink(path, place.first, stat);
  DMKIT_RETURN_IF_ERROR(WriteEntry(change.parent, change.name, path, stat));
  return WriteEarlierLinks(place.earlier, path, stat);
}

void Exporter::OnLeftOut(const std::string& path) {
  if (!options_.warn) return;
  options_.warn(absl::StrCat("left out ", sys::Printable(path),
                             ": the name is one of AUFS's own, and no part of a layer"));
}

// Asked about files of which this name did not change.
absl::StatusOr<bool> Exporter::IsRelinked(const std::string& path, const FileStat& newer,
                                          const FileStat& older) {
  // Another file with other names than before, which looks the same.
  if (newer.inode != older.inode && newer.links != older.links) return true;
  if (links_.Moved(newer, older)) return true;
  return newer.links > 1 && !links_.Pass(path, newer);
}

absl::Status Exporter::WriteWhiteout(const std::string& path, const std::string& name) {
  TarHead entry;
  const absl::string_view parent = absl::string_view(path).substr(1, path.size() - name.size() - 1);
  entry.name = absl::StrCat(parent, kWhiteoutPrefix, name);
  return tar_.Begin(entry);
}

absl::Status Exporter::WriteSocket(const TreeChange& change) {
  if (options_.warn) {
    options_.warn(
        absl::StrCat("left out the socket ", sys::Printable(change.change.path),
                     ": a tar archive cannot hold it, and it is of no use without its server"));
  }
  const bool replaces = change.older != nullptr && change.older->type != FileType::kSocket;
  return replaces ? WriteWhiteout(change.change.path, change.name) : absl::OkStatus();
}

absl::Status Exporter::WriteEntry(sys::Dir& dir, const std::string& name, const std::string& path,
                                  const FileStat& stat) {
  TarHead entry;
  entry.name = ArchiveName(path);
  entry.stat = stat;
  if (stat.type == FileType::kDirectory) entry.name += '/';
  if (stat.type == FileType::kSymlink) {
    DMKIT_ASSIGN_OR_RETURN(entry.symlink, dir.ReadLink(name));
  }
  DMKIT_ASSIGN_OR_RETURN(entry.xattrs, ReadXattrs(dir, name));
  if (stat.type == FileType::kRegular) return WriteFile(dir, name, entry);
  return tar_.Begin(entry);
}

absl::Status Exporter::WriteFile(sys::Dir& dir, const std::string& name, TarHead& entry) {
  sys::OpenOptions options;
  options.no_follow = true;
  // It may have become a FIFO, which nobody writes to.
  options.nonblock = true;
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file, dir.OpenFile(name, options));
  DMKIT_ASSIGN_OR_RETURN(const FileStat now, file->Stat());
  if (now.type != FileType::kRegular || now.inode != entry.stat.inode) {
    return sys::ErrnoStatus(EBUSY, "it became another file while the layer was read");
  }
  entry.stat = now;
  if (now.allocated_bytes < now.size_bytes) {
    DMKIT_ASSIGN_OR_RETURN(entry.data, DataRanges(*file, now.size_bytes));
    entry.sparse = !CoversAll(entry.data, now.size_bytes);
    if (!entry.sparse) entry.data.clear();
  }
  DMKIT_RETURN_IF_ERROR(tar_.Begin(entry));
  if (!entry.sparse) return CopyData(*file, 0, now.size_bytes);
  uint64_t done = 0;
  for (const sys::File::DataRange& range : entry.data) {
    DMKIT_RETURN_IF_ERROR(tar_.Hole(range.begin - done));
    DMKIT_RETURN_IF_ERROR(CopyData(*file, range.begin, range.end));
    done = range.end;
  }
  return tar_.Hole(now.size_bytes - done);
}

absl::Status Exporter::CopyData(sys::File& file, uint64_t begin, uint64_t end) {
  while (begin < end) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(end - begin, buffer_.size()));
    DMKIT_ASSIGN_OR_RETURN(const size_t got,
                           file.ReadAt(begin, absl::MakeSpan(buffer_.data(), want)));
    if (got != want) {
      return sys::ErrnoStatus(
          EBUSY, absl::StrCat("it shrank to ", begin + got,
                              " bytes while it was read; repeat when nobody writes to the layer"));
    }
    DMKIT_RETURN_IF_ERROR(tar_.Data({buffer_.data(), got}));
    begin += got;
  }
  return absl::OkStatus();
}

absl::Status Exporter::WriteLink(const std::string& path, const std::string& target,
                                 const FileStat& stat) {
  TarHead entry;
  entry.name = ArchiveName(path);
  entry.hard_link = ArchiveName(target);
  entry.stat = stat;
  return tar_.Begin(entry);
}

// Names that were passed as unchanged before `target` was written. Their directories are written
// with them, since making the links changes their times.
absl::Status Exporter::WriteEarlierLinks(const std::vector<std::string>& paths,
                                         const std::string& target, const FileStat& stat) {
  for (const std::string& path : paths) {
    const size_t slash = path.rfind('/');
    if (absl::StartsWith(absl::string_view(path).substr(slash + 1), kWhiteoutPrefix)) {
      return sys::ErrnoStatus(EINVAL, absl::StrCat("it has another name, ", sys::Printable(path),
                                                   ", that a layer archive cannot hold"));
    }
    if (slash != 0) {
      const std::string parent = path.substr(0, slash);
      DMKIT_ASSIGN_OR_RETURN(const FileStat directory, root_.StatLink(ArchiveName(parent)));
      DMKIT_RETURN_IF_ERROR(WriteEntry(root_, ArchiveName(parent), parent, directory));
    }
    DMKIT_RETURN_IF_ERROR(WriteLink(path, target, stat));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportChanges(sys::Dir& newer, sys::Dir* older, const ArchiveOptions& options,
                           sys::ByteSink& out) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<TarWriter> tar,
                         TarWriter::Create(out, options.progress));
  Exporter exporter(newer, options, *tar);
  DMKIT_RETURN_IF_ERROR(WalkTrees(newer, older, exporter));
  return tar->Finish();
}

}  // namespace dmkit::driver
