// SPDX-License-Identifier: Apache-2.0
// Runs the programs that make and grow filesystems, and mounts. The programs' arguments are stated
// here and nowhere else.

#include "driver/filesystem.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/program.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"
#include "sys/units.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

struct Facts {
  FilesystemType type;
  absl::string_view name;
  sys::Bytes minimum_size;
  absl::string_view make_program;
  absl::string_view grow_program;
  absl::string_view package;
  absl::string_view kernel_option;
  thinp::SignatureKind signature;
};

constexpr Facts kFilesystems[] = {
    {FilesystemType::kExt4, "ext4", sys::Bytes(uint64_t{1} << 20), "mkfs.ext4", "resize2fs",
     "e2fsprogs", "CONFIG_EXT4_FS", thinp::SignatureKind::kExt},
    {FilesystemType::kXfs, "xfs", sys::Bytes(uint64_t{300} << 20), "mkfs.xfs", "xfs_growfs",
     "xfsprogs", "CONFIG_XFS_FS", thinp::SignatureKind::kXfs},
};

const Facts& FactsOf(FilesystemType type) {
  for (const Facts& facts : kFilesystems) {
    if (facts.type == type) return facts;
  }
  DMKIT_CHECK(false);
}

absl::StatusOr<std::optional<thinp::Signature>> Probe(const sys::Host& host,
                                                      absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> device,
                         host.root->OpenFile(path, sys::OpenOptions{}));
  return thinp::ProbeSignature(*device);
}

absl::StatusOr<std::string> ReadUuid(const sys::Host& host, const Facts& facts,
                                     absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<thinp::Signature> signature, Probe(host, path));
  if (!signature.has_value() || signature->kind != facts.signature || signature->uuid.empty()) {
    return absl::DataLossError(absl::StrCat(
        "read ", facts.name, " UUID of ", path, ": ", facts.make_program,
        " succeeded, but the device holds ",
        signature.has_value() ? thinp::SignatureName(signature->kind) : "nothing known",
        "; look at the arguments given for it"));
  }
  return signature->uuid;
}

// The arguments of mkfs.ext4. No tune2fs has to turn off periodic checks afterwards as Docker did:
// mke2fs writes them off (maximum mount count -1, interval 0) unless mke2fs.conf sets
// enable_periodic_fsck, and then the kernel only warns at mount.
//
// mke2fs keeps the last -E only (misc/mke2fs.c, PRS()), so ours goes in front of the user's own.
std::vector<std::string> Ext4Arguments(absl::string_view path, const std::vector<std::string>& args,
                                       absl::string_view extended) {
  std::vector<std::string> argv = {"mkfs.ext4", "-q", "-E", std::string(extended)};
  bool is_extended = false;
  for (const std::string& arg : args) {
    if (is_extended) {
      argv.push_back(absl::StrCat(extended, ",", absl::StripLeadingAsciiWhitespace(arg)));
    } else if (absl::StartsWith(arg, "-E") && arg.size() > 2) {
      argv.push_back(
          absl::StrCat("-E", extended, ",",
                       absl::StripLeadingAsciiWhitespace(absl::string_view(arg).substr(2))));
    } else {
      argv.push_back(arg);
    }
    is_extended = !is_extended && arg == "-E";
  }
  argv.emplace_back(path);
  return argv;
}

// Whether mke2fs did nothing because it is too old for lazy_journal_init (before 1.42).
bool RefusedLazyJournal(const sys::ProcessResult& result) {
  if (result.exit_status == 0) return false;
  for (const absl::string_view line : absl::StrSplit(result.output, '\n')) {
    if (absl::StripAsciiWhitespace(line) == "Bad option(s) specified: lazy_journal_init") {
      return true;
    }
  }
  return false;
}

absl::Status MakeExt4(const sys::Host& host, absl::string_view path,
                      const std::vector<std::string>& args) {
  // Written now, once: the kernel would write them later into every layer.
  const std::vector<std::string> argv =
      Ext4Arguments(path, args, "nodiscard,lazy_itable_init=0,lazy_journal_init=0");
  DMKIT_ASSIGN_OR_RETURN(const sys::ProcessResult result, RunProgram(host, argv));
  if (RefusedLazyJournal(result)) {
    return RunToSuccess(host, Ext4Arguments(path, args, "nodiscard,lazy_itable_init=0")).status();
  }
  return CheckSuccess(argv, result);
}

absl::Status MakeXfs(const sys::Host& host, absl::string_view path,
                     const std::vector<std::string>& args) {
  std::vector<std::string> argv = {"mkfs.xfs", "-q", "-K"};
  argv.insert(argv.end(), args.begin(), args.end());
  argv.emplace_back(path);
  return RunToSuccess(host, argv).status();
}

// By the device's number: its node may be under any name.
absl::StatusOr<std::string> KernelName(const sys::Host& host, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  DMKIT_ASSIGN_OR_RETURN(const std::string link,
                         host.root->ReadLink(absl::StrCat("/sys/dev/block/", stat.rdevice.major,
                                                          ":", stat.rdevice.minor)));
  return link.substr(link.rfind('/') + 1);
}

// Without a limit xfs repeats for ever when the pool is out of space, and cannot be unmounted.
absl::Status SetXfsRetries(const sys::Host& host, absl::string_view path, uint64_t retries) {
  const absl::StatusOr<std::string> name = KernelName(host, path);
  absl::Status set = name.status();
  if (set.ok()) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    const auto file = host.root->OpenFile(
        absl::StrCat("/sys/fs/xfs/", *name, "/error/metadata/ENOSPC/max_retries"), options);
    set = file.ok() ? (*file)->WriteAt(0, absl::StrCat(retries, "\n")) : file.status();
  }
  return sys::AddContext(set,
                         absl::StrCat("set dm.xfs_nospace_max_retries of ", path, " to ", retries,
                                      " (it needs /sys and Linux 4.7; leave the "
                                      "option out otherwise)"));
}

absl::string_view MountHint(int error) {
  switch (error) {
    case ENODEV:
      return "the kernel does not know this filesystem: load its module or set ";
    case EBUSY:
      return "the device is mounted elsewhere or in use";
    default:
      return "the kernel log, dmesg, says more";
  }
}

}  // namespace

absl::string_view FilesystemName(FilesystemType type) { return FactsOf(type).name; }

absl::StatusOr<FilesystemType> ParseFilesystem(absl::string_view name) {
  for (const Facts& facts : kFilesystems) {
    if (name == facts.name) return facts.type;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "filesystem \"", sys::Printable(name.substr(0, 40)), "\" is not one of ext4, xfs"));
}

sys::Bytes MinimumSize(FilesystemType type) { return FactsOf(type).minimum_size; }

absl::Status CheckMakeProgram(const sys::Host& host, FilesystemType type) {
  return CheckProgram(host, FactsOf(type).make_program, FactsOf(type).package);
}

absl::Status CheckGrowProgram(const sys::Host& host, FilesystemType type) {
  return CheckProgram(host, FactsOf(type).grow_program, FactsOf(type).package);
}

absl::StatusOr<std::string> MakeFilesystem(const sys::Host& host, FilesystemType type,
                                           absl::string_view path,
                                           const std::vector<std::string>& args) {
  const Facts& facts = FactsOf(type);
  const std::string context = absl::StrCat("make ", facts.name, " filesystem on ", path);
  absl::Status checked = CheckMakeProgram(host, type);
  if (!checked.ok()) return sys::AddContext(checked, context);
  // mke2fs overwrites without a word when it is not on a terminal.
  const absl::StatusOr<std::optional<thinp::Signature>> found = Probe(host, path);
  if (!found.ok()) return sys::AddContext(found.status(), context);
  if (found->has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(context, ": it holds ", thinp::SignatureName((*found)->kind),
                     ", which is not overwritten; use an empty device"));
  }
  const absl::Status made =
      type == FilesystemType::kExt4 ? MakeExt4(host, path, args) : MakeXfs(host, path, args);
  if (!made.ok()) return sys::AddContext(made, context);
  return ReadUuid(host, facts, path);
}

absl::Status GrowFilesystem(const sys::Host& host, FilesystemType type, absl::string_view path,
                            absl::string_view mount_point) {
  const absl::string_view object = type == FilesystemType::kExt4 ? path : mount_point;
  absl::Status grown = CheckGrowProgram(host, type);
  if (grown.ok()) {
    grown =
        RunToSuccess(host, {std::string(FactsOf(type).grow_program), std::string(object)}).status();
  }
  return sys::AddContext(grown, absl::StrCat("grow ", FilesystemName(type), " filesystem on ", path,
                                             " at ", mount_point));
}

absl::StatusOr<std::unique_ptr<sys::Dir>> MountFilesystem(const sys::Host& host,
                                                          FilesystemType type,
                                                          absl::string_view path,
                                                          absl::string_view target,
                                                          const MountOptions& options) {
  const Facts& facts = FactsOf(type);
  sys::MountRequest request;
  request.source = std::string(path);
  request.target = std::string(target);
  request.filesystem = std::string(facts.name);
  request.flags = options.flags;
  request.data = options.data;
  if (type == FilesystemType::kXfs &&
      !absl::c_linear_search(absl::StrSplit(options.data, ','), "nouuid")) {
    request.data = absl::StrCat("nouuid", options.data.empty() ? "" : ",", options.data);
  }
  const bool is_remount = (options.flags & uint64_t{MS_REMOUNT}) != 0;
  const bool sets_retries =
      type == FilesystemType::kXfs && options.xfs_nospace_max_retries.has_value();
  // Before it: nothing then has to be undone under those who use the mount.
  if (sets_retries && is_remount) {
    DMKIT_RETURN_IF_ERROR(SetXfsRetries(host, path, *options.xfs_nospace_max_retries));
  }
  absl::StatusOr<std::unique_ptr<sys::Dir>> mounted = host.mounts->Mount(request);
  if (!mounted.ok()) {
    const int error = sys::GetErrno(mounted.status());
    return sys::AddContext(
        mounted.status(),
        absl::StrCat("mount ", facts.name, " filesystem on ", path, " at ", target,
                     request.data.empty() ? "" : absl::StrCat(" with ", request.data), " (",
                     MountHint(error), error == ENODEV ? facts.kernel_option : "", ")"));
  }
  if (!sets_retries || is_remount) return mounted;
  const absl::Status set = SetXfsRetries(host, path, *options.xfs_nospace_max_retries);
  if (set.ok()) return mounted;
  mounted->reset();
  return sys::WithSecondError(set, "unmounting again",
                              host.mounts->Unmount(target, sys::UnmountMode::kDetach));
}

}  // namespace dmkit::driver
