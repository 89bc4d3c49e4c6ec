// SPDX-License-Identifier: Apache-2.0

#include "driver/direct_lvm.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "dm/udev_host.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

constexpr absl::Duration kProgramPatience = absl::Minutes(10);
constexpr char kPool[] = "thinpool";
constexpr char kPoolMetadata[] = "thinpoolmeta";
constexpr char kProfileDir[] = "/etc/lvm/profile";
constexpr size_t kLastWordsBytes = 400;

// What lvm2 itself offers for a host without udevd: it makes the nodes. Otherwise it would look for
// those of a new volume, and find none.
constexpr char kWithoutUdev[] = "activation { udev_sync=0 udev_rules=0 }";

// How pvs prints the group of a volume, so that no warning of lvm2's is taken for one.
constexpr char kGroupPrefix[] = "LVM2_VG_NAME='";

struct Program {
  const char* name;
  const char* package;
};

constexpr Program kPrograms[] = {
    {"pvcreate", "lvm2"}, {"vgcreate", "lvm2"},
    {"lvcreate", "lvm2"}, {"lvconvert", "lvm2"},
    {"lvchange", "lvm2"}, {"pvs", "lvm2"},
    {"vgs", "lvm2"},      {"pvremove", "lvm2"},
    {"vgremove", "lvm2"}, {"thin_check", "thin-provisioning-tools"},
};

absl::Status CheckPrograms(const sys::Host& host) {
  for (const Program& program : kPrograms) {
    const absl::Status found = host.processes->Find(program.name).status();
    if (found.ok()) continue;
    if (sys::GetErrno(found) != ENOENT) return found;
    return sys::ErrnoStatus(
        ENOENT, absl::StrCat("find program ", program.name, ", which dm.directlvm_device needs: ",
                             "it is missing; install the package that has it (", program.package,
                             " in Debian)"));
  }
  return absl::OkStatus();
}

bool IsPartitionTable(thinp::SignatureKind kind) {
  return kind == thinp::SignatureKind::kMbr || kind == thinp::SignatureKind::kGpt;
}

// Held exclusively, so that a mounted device and one below a mapped device are seen.
absl::Status CheckFree(const sys::Host& host, const std::string& path, bool force) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.exclusive = true;
  auto device = host.root->OpenFile(path, options);
  if (sys::GetErrno(device.status()) == EBUSY) {
    return sys::AddContext(device.status(),
                           "it is in use (mounted, swapped to, or below a mapped device or an "
                           "array), and is not taken, forced or not");
  }
  DMKIT_RETURN_IF_ERROR(device.status());
  DMKIT_ASSIGN_OR_RETURN(const std::optional<thinp::Signature> found,
                         thinp::ProbeSignature(**device));
  if (!found.has_value()) return absl::OkStatus();
  // lvm2 does not overwrite that, whatever it is told.
  const bool may_force = !IsPartitionTable(found->kind);
  if (force && may_force) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("it holds ", thinp::SignatureName(found->kind),
                   ", which is not overwritten: give an empty device, or clear it (wipefs -a ",
                   path, may_force ? "), or say dm.directlvm_device_force=true" : ")"));
}

// The volume group in what pvs printed; empty when the volume has none.
std::string GroupOf(absl::string_view output) {
  const std::vector<absl::string_view> parts = absl::StrSplit(output, kGroupPrefix);
  if (parts.size() < 2) return "";
  return std::string(parts.back().substr(0, parts.back().find('\'')));
}

std::string LastWords(absl::string_view output) {
  if (output.size() > kLastWordsBytes) output = output.substr(output.size() - kLastWordsBytes);
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(output, '\n', absl::SkipWhitespace())) {
    lines.push_back(sys::Printable(absl::StripAsciiWhitespace(line)));
  }
  return absl::StrJoin(lines, "; ");
}

absl::Status RunToSuccess(const sys::Host& host, const std::vector<std::string>& argv) {
  DMKIT_ASSIGN_OR_RETURN(const sys::ProcessResult result,
                         host.processes->Run(argv, kProgramPatience));
  if (result.exit_status == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("run ", absl::StrJoin(argv, " "),
                                         ": failed with exit status ", result.exit_status, ": ",
                                         LastWords(result.output)));
}

std::string ProfileName(absl::string_view group) { return absl::StrCat(group, "-", kPool); }

std::string ProfilePath(absl::string_view group) {
  return absl::StrCat(kProfileDir, "/", ProfileName(group), ".profile");
}

std::string Extents(uint32_t percent) { return absl::StrCat(percent, "%VG"); }

}  // namespace

std::string DirectLvmGroup(absl::string_view set_uuid) {
  return absl::StrCat("dmkit_", set_uuid.substr(0, 8));
}

absl::Status DirectLvmMaker::Check() {
  DMKIT_RETURN_IF_ERROR(CheckPrograms(host_));
  return sys::AddContext(CheckDevice(), absl::StrCat("dm.directlvm_device ", config_.device()));
}

absl::Status DirectLvmMaker::CheckDevice() {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host_.root->Stat(config_.device()));
  if (stat.type != sys::FileType::kBlockDevice) {
    return absl::InvalidArgumentError("it is not a block device");
  }
  DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> group, FindGroup());
  if (group.has_value() && !group->empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("it belongs to volume group \"", *group,
                     "\" and is not taken, forced or not: give another device, or remove the "
                     "group and all that it holds (vgremove ",
                     *group, ", then pvremove ", config_.device(), ")"));
  }
  return CheckFree(host_, config_.device(), force_);
}

absl::StatusOr<std::string> DirectLvmMaker::Make(absl::string_view set_uuid) {
  const std::string group = DirectLvmGroup(set_uuid);
  const std::string pool = absl::StrCat(group, "/", kPool);
  DMKIT_RETURN_IF_ERROR(RunAll({
      {"pvcreate", "-y", "-f", config_.device()},
      {"vgcreate", group, config_.device()},
      {"lvcreate", "-y", "--wipesignatures", "y", "-n", kPool, group, "--extents",
       Extents(config_.data_percent())},
      {"lvcreate", "-y", "--wipesignatures", "y", "-n", kPoolMetadata, group, "--extents",
       Extents(config_.metadata_percent())},
      {"lvconvert", "-y", "--zero", "n", "-c", "512K", "--thinpool", pool, "--poolmetadata",
       absl::StrCat(group, "/", kPoolMetadata)},
  }));
  DMKIT_RETURN_IF_ERROR(WriteProfile(group));
  DMKIT_RETURN_IF_ERROR(RunAll({{"lvchange", "--metadataprofile", ProfileName(group), pool}}));
  // lvm2 would double a '-' in a name of its own; there is none.
  return absl::StrCat(group, "-", kPool);
}

absl::Status DirectLvmMaker::Undo(absl::string_view set_uuid) {
  const std::string group = DirectLvmGroup(set_uuid);
  const auto undo = [&]() -> absl::Status {
    DMKIT_ASSIGN_OR_RETURN(const sys::ProcessResult found,
                           host_.processes->Run({"vgs", "--noheadings", group}, kProgramPatience));
    if (found.exit_status == 0) DMKIT_RETURN_IF_ERROR(RunAll({{"vgremove", "-y", "-f", group}}));
    DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> owner, FindGroup());
    if (owner.has_value() && owner->empty()) {
      DMKIT_RETURN_IF_ERROR(RunAll({{"pvremove", "-y", config_.device()}}));
    }
    const absl::Status removed = host_.root->Unlink(ProfilePath(group));
    return sys::GetErrno(removed) == ENOENT || sys::GetErrno(removed) == ENOTDIR ? absl::OkStatus()
                                                                                 : removed;
  };
  return sys::AddContext(
      undo(), absl::StrCat("taking away the pool on ", config_.device(), " (by hand: vgremove ",
                           group, ", then pvremove ", config_.device(), ")"));
}

absl::Status DirectLvmMaker::RunAll(const std::vector<std::vector<std::string>>& commands) {
  const bool has_udev = dm::UdevMakesLinks(host_);
  for (std::vector<std::string> argv : commands) {
    if (!has_udev) argv.insert(argv.begin() + 1, {"--config", kWithoutUdev});
    DMKIT_RETURN_IF_ERROR(RunToSuccess(host_, argv));
  }
  return absl::OkStatus();
}

// Whether pvs finds the device is told by its exit status alone.
absl::StatusOr<std::optional<std::string>> DirectLvmMaker::FindGroup() {
  DMKIT_ASSIGN_OR_RETURN(const sys::ProcessResult result,
                         host_.processes->Run({"pvs", "--noheadings", "--nameprefixes", "-o",
                                               "vg_name", config_.device()},
                                              kProgramPatience));
  if (result.exit_status != 0) return std::nullopt;
  return GroupOf(result.output);
}

absl::Status DirectLvmMaker::WriteProfile(absl::string_view group) {
  DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host_.root, kProfileDir, 0755));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> dir, host_.root->OpenDir(kProfileDir));
  return sys::ReplaceFileDurably(
      *dir, absl::StrCat(ProfileName(group), ".profile"),
      absl::StrCat(
          "activation {\n  thin_pool_autoextend_threshold=", config_.autoextend_threshold(),
          "\n  thin_pool_autoextend_percent=", config_.autoextend_percent(), "\n}\n"));
}

}  // namespace dmkit::driver
