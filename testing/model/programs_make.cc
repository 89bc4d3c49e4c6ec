// SPDX-License-Identifier: Apache-2.0
// mkfs.ext4 and mkfs.xfs. What they say where something is wrong is what e2fsprogs 1.47.0 and
// xfsprogs 6.1.0 say.

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sys/status.h"
#include "testing/model/files/disk_format.h"
#include "testing/model/files/uuid.h"
#include "testing/model/program_options.h"
#include "testing/model/programs.h"
#include "testing/model/scheduler.h"

namespace dmkit::model {
namespace {

constexpr unsigned long kGetSize64 = _IOR(0x12, 114, size_t);
constexpr uint64_t kXfsBytesMin = uint64_t{300} << 20;
constexpr char kExt4Letters[] = "b:ce:g:i:jl:m:no:qr:s:t:d:vC:DE:FG:I:J:KL:M:N:O:R:ST:U:Vz:";
constexpr char kXfsLetters[] = "b:c:d:i:l:L:m:n:KNp:qr:s:CfV";

constexpr absl::string_view kExtendedWords[] = {
    "assume_storage_prezeroed",
    "discard",
    "encoding",
    "encoding_flags",
    "hash_seed",
    "lazy_itable_init",
    "lazy_journal_init",
    "mmp_update_interval",
    "no_copy_xattrs",
    "nodiscard",
    "num_backup_sb",
    "offset",
    "orphan_file_size",
    "packed_meta_blocks",
    "quotatype",
    "resize",
    "revision",
    "root_owner",
    "stride",
    "stripe-width",
    "stripe_width",
    "test_fs",
};

// Whether the path is the source of a mount.
bool IsMounted(const sys::Host& host, absl::string_view path) {
  const absl::StatusOr<std::unique_ptr<sys::File>> mounts =
      host.root->OpenFile("/proc/mounts", sys::OpenOptions{});
  if (!mounts.ok()) return false;
  std::string text(1 << 16, '\0');
  const absl::StatusOr<size_t> size = (*mounts)->ReadAt(0, absl::MakeSpan(&text[0], text.size()));
  if (!size.ok()) return false;
  text.resize(*size);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::string_view(line).substr(0, line.find(' ')) == path) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenAlone(const sys::Host& host,
                                                     absl::string_view path) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.exclusive = true;
  return host.root->OpenFile(path, options);
}

absl::StatusOr<uint64_t> SizeOf(sys::File& file) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, file.Stat());
  if (stat.type != sys::FileType::kBlockDevice) return stat.size_bytes;
  uint64_t size = 0;
  char bytes[sizeof(size)];
  DMKIT_RETURN_IF_ERROR(file.Ioctl(kGetSize64, absl::MakeSpan(bytes)).status());
  std::memcpy(&size, bytes, sizeof(size));
  return size;
}

absl::Status WriteBlocks(sys::File& file,
                         const std::vector<std::pair<uint64_t, std::string>>& blocks) {
  for (const auto& [offset, bytes] : blocks) {
    DMKIT_RETURN_IF_ERROR(file.WriteAt(offset, bytes));
  }
  return file.Sync();
}

// What only the kernel's state can give, taken in a call of its own.
FormatRequest StartRequest(Core& core, const sys::Host& host, const char* kind) {
  const Scheduler::Call call(core.scheduler, host.processes->ProcessId());
  FormatRequest request;
  request.kind = kind;
  request.uuid = RandomUuid(core.random);
  request.now = core.scheduler.Now();
  return request;
}

// The first word of -E that mke2fs does not know.
std::optional<std::string> UnknownExtendedWord(const std::string& words) {
  for (const absl::string_view word : absl::StrSplit(words, ',', absl::SkipEmpty())) {
    const absl::string_view name = word.substr(0, word.find('='));
    const auto* const end = std::end(kExtendedWords);
    if (std::find(std::begin(kExtendedWords), end, name) == end) return std::string(name);
  }
  return std::nullopt;
}

sys::ProcessResult RefuseExt4Busy(const sys::Host& host, const std::string& path) {
  if (IsMounted(host, path)) {
    return ProgramFails(absl::StrCat(path, " is mounted; will not make a filesystem here!"));
  }
  return ProgramFails(
      absl::StrCat(path, " is apparently in use by the system; will not make a filesystem here!"));
}

// A UUID of -U: "random" and "time" are made up, "clear" would be none, which nobody wants here.
bool TakeUuid(const std::string& text, FormatRequest* request) {
  if (text.empty() || text == "random" || text == "time") return true;
  request->uuid = text;
  return !ParseUuid(text).empty();
}

sys::ProcessResult RunMkfsExt4(Core& core, const sys::Host& host,
                               const std::vector<std::string>& argv) {
  const ProgramOptions options = ParseProgramOptions(argv, kExt4Letters);
  if (!options.error.empty() || options.operands.empty()) {
    return ProgramFails(absl::StrCat(
        options.error, "Usage: mkfs.ext4 [-c|-l filename] [-b block-size] [-C cluster-size]"));
  }
  if (const std::optional<std::string> word = UnknownExtendedWord(options.Value('E'))) {
    return ProgramFails(absl::StrCat("\nBad option(s) specified: ", *word, "\n\nExtended options ",
                                     "are separated by commas, and may take an argument which\n",
                                     "\tis set off by an equals ('=') sign.\n"));
  }
  FormatRequest request = StartRequest(core, host, "ext4");
  request.label = options.Value('L').substr(0, 16);
  if (!TakeUuid(options.Value('U'), &request)) {
    return ProgramFails("mkfs.ext4: Invalid UUID specified");
  }
  const std::string& path = options.operands.front();
  const absl::StatusOr<std::unique_ptr<sys::File>> file = OpenAlone(host, path);
  if (sys::GetErrno(file.status()) == EBUSY) return RefuseExt4Busy(host, path);
  const absl::StatusOr<uint64_t> size = file.ok() ? SizeOf(**file) : file.status();
  if (!size.ok()) {
    return ProgramFails(absl::StrCat("mkfs.ext4: ", ErrorText(size.status()),
                                     " while trying to determine filesystem size"));
  }
  request.device_bytes = *size;
  std::vector<std::pair<uint64_t, std::string>> blocks;
  if (FormatFilesystem(request, &blocks) != 0) {
    return ProgramFails(
        "mkfs.ext4: Not enough space to build proposed filesystem while setting "
        "up superblock");
  }
  std::string said;
  if (!options.Has('q')) {
    said = absl::StrCat("Creating filesystem with ", *size / kBlockBytes, " 4k blocks\n",
                        "Filesystem UUID: ", request.uuid, "\n");
  }
  if (options.Has('n')) return {0, said};
  const absl::Status written = WriteBlocks(**file, blocks);
  if (!written.ok()) {
    return ProgramFails(absl::StrCat(said, "mkfs.ext4: ", ErrorText(written),
                                     " while writing out and closing file system"));
  }
  return {0, said};
}

// What mkfs.xfs would overwrite: "ext4", "xfs", or nothing.
std::string HeldBy(sys::File& file) {
  std::string block(kBlockBytes, '\0');
  const absl::StatusOr<size_t> size = file.ReadAt(0, absl::MakeSpan(&block[0], block.size()));
  if (!size.ok() || *size != block.size()) return "";
  for (const char* kind : {"ext4", "xfs"}) {
    Superblock superblock;
    if (DecodeSuperblock(block, kind, &superblock) != -EINVAL) return kind;
  }
  return "";
}

// The value of uuid= in -m.
std::string XfsUuid(const std::string& words) {
  for (const absl::string_view word : absl::StrSplit(words, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (parts.first == "uuid") return std::string(parts.second);
  }
  return "";
}

sys::ProcessResult RefuseXfsOpen(const sys::Host& host, const std::string& path,
                                 const absl::Status& status) {
  if (sys::GetErrno(status) == EBUSY && IsMounted(host, path)) {
    return ProgramFails(absl::StrCat("mkfs.xfs: ", path, " contains a mounted filesystem"));
  }
  return ProgramFails(absl::StrCat("mkfs.xfs: cannot open ", path, ": ", ErrorText(status)));
}

sys::ProcessResult RunMkfsXfs(Core& core, const sys::Host& host,
                              const std::vector<std::string>& argv) {
  const ProgramOptions options = ParseProgramOptions(argv, kXfsLetters);
  if (!options.error.empty() || options.operands.size() != 1) {
    return ProgramFails(absl::StrCat(
        options.error.empty() ? "no device name given in argument list\n" : options.error,
        "Usage: mkfs.xfs"));
  }
  FormatRequest request = StartRequest(core, host, "xfs");
  request.label = options.Value('L');
  if (!TakeUuid(XfsUuid(options.Value('m')), &request) || request.label.size() > 12) {
    return ProgramFails("mkfs.xfs: invalid argument\nUsage: mkfs.xfs");
  }
  const std::string& path = options.operands.front();
  const absl::StatusOr<std::unique_ptr<sys::File>> file = OpenAlone(host, path);
  if (!file.ok()) return RefuseXfsOpen(host, path, file.status());
  const std::string held = HeldBy(**file);
  if (!held.empty() && !options.Has('f')) {
    return ProgramFails(absl::StrCat("mkfs.xfs: ", path, " appears to contain an existing ",
                                     "filesystem (", held, ").\n",
                                     "mkfs.xfs: Use the -f option to force overwrite."));
  }
  const absl::StatusOr<uint64_t> size = SizeOf(**file);
  if (!size.ok()) return RefuseXfsOpen(host, path, size.status());
  if (*size < kXfsBytesMin) {
    return ProgramFails("Filesystem must be larger than 300MB.\nUsage: mkfs.xfs");
  }
  request.device_bytes = *size;
  std::vector<std::pair<uint64_t, std::string>> blocks;
  if (FormatFilesystem(request, &blocks) != 0) return ProgramFails("mkfs.xfs: invalid argument");
  std::string said;
  if (!options.Has('q')) {
    said = absl::StrCat("meta-data=", path, "\ndata     =                       bsize=4096   ",
                        "blocks=", *size / kBlockBytes, "\n");
  }
  if (options.Has('N')) return {0, said};
  const absl::Status written = WriteBlocks(**file, blocks);
  if (!written.ok()) {
    return ProgramFails(absl::StrCat(said, "mkfs.xfs: write failed: ", ErrorText(written)));
  }
  return {0, said};
}

}  // namespace

Program MkfsExt4(Core& core) {
  return [&core](const sys::Host& host, const std::vector<std::string>& argv) {
    return RunMkfsExt4(core, host, argv);
  };
}

Program MkfsXfs(Core& core) {
  return [&core](const sys::Host& host, const std::vector<std::string>& argv) {
    return RunMkfsXfs(core, host, argv);
  };
}

}  // namespace dmkit::model
