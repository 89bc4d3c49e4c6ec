// SPDX-License-Identifier: Apache-2.0
// libarchive's pax writer, and the guards around it.

#include "driver/archive/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/xattrs.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr int kBlockBytes = 64 << 10;
constexpr uint64_t kProgressBytes = 1 << 20;
constexpr size_t kZeroBytes = 1 << 20;
// Readers of tar refuse a larger extended header: libarchive and Go's archive/tar.
constexpr size_t kHeaderMax = 1 << 20;

struct WriteFree {
  void operator()(struct archive* a) const { archive_write_free(a); }
};
struct EntryFree {
  void operator()(struct archive_entry* e) const { archive_entry_free(e); }
};

mode_t FileTypeBits(sys::FileType type) {
  switch (type) {
    case sys::FileType::kRegular:
      return AE_IFREG;
    case sys::FileType::kDirectory:
      return AE_IFDIR;
    case sys::FileType::kSymlink:
      return AE_IFLNK;
    case sys::FileType::kBlockDevice:
      return AE_IFBLK;
    case sys::FileType::kCharDevice:
      return AE_IFCHR;
    case sys::FileType::kFifo:
      return AE_IFIFO;
    case sys::FileType::kSocket:
      return AE_IFSOCK;
  }
  return 0;
}

class PaxWriter : public TarWriter {
 public:
  PaxWriter(sys::ByteSink& out, std::function<void(uint64_t)> progress)
      : out_(out), progress_(std::move(progress)), zeros_(new char[kZeroBytes]()) {}
  // What is not finished by now is given up. Closing, which writes nothing then, frees what
  // archive_write_free leaves behind after an error.
  ~PaxWriter() override {
    abandoned_ = true;
    archive_write_close(archive_.get());
  }

  absl::Status Open();
  absl::Status Begin(const TarHead& entry) override;
  absl::Status Data(absl::string_view bytes) override;
  absl::Status Hole(uint64_t bytes) override;
  absl::Status Finish() override;

 private:
  static la_ssize_t OnWrite(struct archive* a, void* writer, const void* bytes, size_t length);
  absl::Status Fill(const TarHead& entry, struct archive_entry& head);
  absl::Status Complete();
  // The error behind a failed call: the sink's, or libarchive's own.
  absl::Status Failure(absl::string_view what);
  // Fails when an earlier call has: libarchive itself would go on.
  absl::Status CheckUsable() const;

  sys::ByteSink& out_;
  const std::function<void(uint64_t)> progress_;
  // Stands for holes: handed to libarchive, which does not look at it, so it takes no memory.
  const std::unique_ptr<char[]> zeros_;
  std::unique_ptr<struct archive, WriteFree> archive_;
  std::unique_ptr<struct archive_entry, EntryFree> entry_;
  absl::Status sink_status_;
  bool abandoned_ = false;
  std::string name_;        // of the open entry
  uint64_t remaining_ = 0;  // bytes that the open entry lacks
  uint64_t written_ = 0;
  uint64_t told_ = 0;
};

la_ssize_t PaxWriter::OnWrite(struct archive* a, void* writer, const void* bytes, size_t length) {
  PaxWriter& self = *static_cast<PaxWriter*>(writer);
  if (self.abandoned_) return -1;
  self.sink_status_ = self.out_.Write({static_cast<const char*>(bytes), length});
  if (!self.sink_status_.ok()) {
    archive_set_error(a, EIO, "the output failed");
    return -1;
  }
  self.written_ += length;
  if (self.progress_ && self.written_ - self.told_ >= kProgressBytes) {
    self.told_ = self.written_;
    self.progress_(self.written_);
  }
  return static_cast<la_ssize_t>(length);
}

absl::Status PaxWriter::CheckUsable() const {
  if (!abandoned_) return absl::OkStatus();
  return sys::ErrnoStatus(EINVAL, "the archive was given up after an error");
}

absl::Status PaxWriter::Failure(absl::string_view what) {
  abandoned_ = true;
  if (!sink_status_.ok()) return sink_status_;
  const int error = archive_errno(archive_.get());
  const char* const text = archive_error_string(archive_.get());
  const std::string context =
      absl::StrCat(what, ": ", sys::Printable(text == nullptr ? "libarchive failed" : text));
  return sys::ErrnoStatus(error > 0 ? error : EINVAL, context);
}

absl::Status PaxWriter::Open() {
  archive_.reset(archive_write_new());
  entry_.reset(archive_entry_new());
  if (archive_ == nullptr || entry_ == nullptr) {
    return sys::ErrnoStatus(ENOMEM, "start an archive");
  }
  struct archive* const a = archive_.get();
  if (archive_write_set_format_pax(a) != ARCHIVE_OK ||
      archive_write_set_format_option(a, "pax", "hdrcharset", "BINARY") != ARCHIVE_OK ||
      archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY") != ARCHIVE_OK ||
      archive_write_set_bytes_per_block(a, kBlockBytes) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
      archive_write_open2(a, this, nullptr, &PaxWriter::OnWrite, nullptr, nullptr) != ARCHIVE_OK) {
    return Failure("start an archive");
  }
  return absl::OkStatus();
}

// About as many bytes as the extended header of an entry takes; rather more.
size_t HeaderBytes(const TarHead& entry) {
  constexpr size_t kFixed = 1024;
  constexpr size_t kPerXattr = 64;
  // libarchive writes a byte of an xattr's name as up to three.
  size_t bytes = kFixed + 2 * entry.name.size() + entry.hard_link.size() + entry.symlink.size();
  for (const Xattr& xattr : entry.xattrs) {
    bytes += kPerXattr + 3 * xattr.name.size() + xattr.value.size();
  }
  return bytes;
}

// libarchive cuts the name of a file with holes as the plain header does (GNU.sparse.name), so such
// a name has to fit there: 99 bytes, or ASCII that a slash parts into 155 and 100.
bool NameFitsWithHoles(absl::string_view name) {
  if (name.size() < 100) return true;
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 128; };
  if (!std::all_of(name.begin(), name.end(), is_ascii)) return false;
  const size_t slash = name.find('/', name.size() - std::min<size_t>(name.size(), 101));
  return slash != absl::string_view::npos && slash > 0 && slash <= 155 && slash + 1 < name.size();
}

void FillTime(absl::Time modified, struct archive_entry& head) {
  const int64_t seconds = absl::ToUnixSeconds(modified);
  const int64_t nanoseconds =
      seconds < 0 ? 0 : absl::ToInt64Nanoseconds(modified - absl::FromUnixSeconds(seconds));
  archive_entry_set_mtime(&head, seconds, nanoseconds);
}

void FillHoles(const TarHead& entry, struct archive_entry& head) {
  for (const sys::File::DataRange& range : entry.data) {
    archive_entry_sparse_add_entry(&head, static_cast<int64_t>(range.begin),
                                   static_cast<int64_t>(range.end - range.begin));
  }
  if (entry.data.empty()) archive_entry_sparse_add_entry(&head, 0, 0);
}

absl::Status PaxWriter::Fill(const TarHead& entry, struct archive_entry& head) {
  const sys::FileStat& stat = entry.stat;
  if (stat.type == sys::FileType::kSocket) {
    return sys::ErrnoStatus(EINVAL, "a socket cannot be in a tar archive");
  }
  if (stat.size_bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return sys::ErrnoStatus(EFBIG, "more bytes than a tar archive can say");
  }
  if (HeaderBytes(entry) > kHeaderMax) {
    return sys::ErrnoStatus(E2BIG, "more than a MiB of extended attributes, no reader takes that");
  }
  archive_entry_copy_pathname(&head, entry.name.c_str());
  archive_entry_set_mode(&head, FileTypeBits(stat.type) | (stat.mode & 07777));
  archive_entry_set_uid(&head, stat.uid);
  archive_entry_set_gid(&head, stat.gid);
  FillTime(stat.modified, head);
  archive_entry_set_size(&head, static_cast<int64_t>(remaining_));
  if (!entry.hard_link.empty()) {
    archive_entry_copy_hardlink(&head, entry.hard_link.c_str());
    return absl::OkStatus();
  }
  if (stat.type == sys::FileType::kSymlink) {
    archive_entry_copy_symlink(&head, entry.symlink.c_str());
  }
  if (stat.type == sys::FileType::kBlockDevice || stat.type == sys::FileType::kCharDevice) {
    archive_entry_set_rdevmajor(&head, stat.rdevice.major);
    archive_entry_set_rdevminor(&head, stat.rdevice.minor);
  }
  // libarchive writes them in the reverse order.
  for (auto xattr = entry.xattrs.rbegin(); xattr != entry.xattrs.rend(); ++xattr) {
    archive_entry_xattr_add_entry(&head, xattr->name.c_str(), xattr->value.data(),
                                  xattr->value.size());
  }
  if (entry.sparse && NameFitsWithHoles(entry.name)) FillHoles(entry, head);
  return absl::OkStatus();
}

absl::Status PaxWriter::Complete() {
  if (remaining_ == 0) return absl::OkStatus();
  // libarchive would fill it up with zeros.
  abandoned_ = true;
  return sys::ErrnoStatus(EINVAL, absl::StrCat("write tar entry ", sys::Printable(name_), ": ",
                                               remaining_, " bytes are missing"));
}

absl::Status PaxWriter::Begin(const TarHead& entry) {
  DMKIT_RETURN_IF_ERROR(CheckUsable());
  DMKIT_RETURN_IF_ERROR(Complete());
  name_ = entry.name;
  const bool has_data = entry.stat.type == sys::FileType::kRegular && entry.hard_link.empty();
  remaining_ = has_data ? entry.stat.size_bytes : 0;
  archive_entry_clear(entry_.get());
  const std::string what = absl::StrCat("write tar entry ", sys::Printable(name_));
  if (const absl::Status filled = Fill(entry, *entry_); !filled.ok()) {
    abandoned_ = true;
    return sys::AddContext(filled, what);
  }
  if (archive_write_header(archive_.get(), entry_.get()) != ARCHIVE_OK) return Failure(what);
  return absl::OkStatus();
}

absl::Status PaxWriter::Data(absl::string_view bytes) {
  DMKIT_RETURN_IF_ERROR(CheckUsable());
  const std::string what = absl::StrCat("write tar entry ", sys::Printable(name_));
  if (bytes.size() > remaining_) {
    abandoned_ = true;
    return sys::ErrnoStatus(EINVAL, absl::StrCat(what, ": more bytes than its size"));
  }
  const la_ssize_t put = archive_write_data(archive_.get(), bytes.data(), bytes.size());
  if (put < 0 || static_cast<size_t>(put) != bytes.size()) return Failure(what);
  remaining_ -= bytes.size();
  return absl::OkStatus();
}

absl::Status PaxWriter::Hole(uint64_t bytes) {
  // Of a hole at the end libarchive knows, and where it does not it fills the file up with zeros;
  // but the map of the file is written with the first byte that it gets.
  const bool to_the_end = bytes == remaining_;
  uint64_t left = to_the_end ? std::min<uint64_t>(bytes, 1) : bytes;
  while (left > 0) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(left, kZeroBytes));
    DMKIT_RETURN_IF_ERROR(Data({zeros_.get(), part}));
    left -= part;
  }
  if (to_the_end) remaining_ = 0;
  return absl::OkStatus();
}

absl::Status PaxWriter::Finish() {
  DMKIT_RETURN_IF_ERROR(CheckUsable());
  DMKIT_RETURN_IF_ERROR(Complete());
  if (archive_write_close(archive_.get()) != ARCHIVE_OK) return Failure("end the archive");
  if (progress_ && told_ != written_) progress_(written_);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TarWriter>> TarWriter::Create(
    sys::ByteSink& out, std::function<void(uint64_t bytes)> progress) {
  auto writer = std::make_unique<PaxWriter>(out, std::move(progress));
  DMKIT_RETURN_IF_ERROR(writer->Open());
  return writer;
}

}  // namespace dmkit::driver
