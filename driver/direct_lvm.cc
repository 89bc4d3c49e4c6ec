// SPDX-License-Identifier: Apache-2.0

#include "driver/direct_lvm.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "dm/udev_host.h"
#include "driver/program.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "thinp/signature.h"

namespace dmkit::driver {
namespace {

constexpr char kPool[] = "thinpool";
constexpr char kPoolMetadata[] = "thinpoolmeta";
constexpr char kProfileDir[] = "/etc/lvm/profile";

// What lvm2 itself offers for a host without udevd: it makes the nodes. Otherwise it would look for
// those of a new volume, and find none.
constexpr char kWithoutUdev[] = "activation { udev_sync=0 udev_rules=0 }";

// A physical volume of any device.
struct Volume {
  std::string device;  // a path; something in brackets where the device is missing
  std::string group;   // empty: it is in none
  std::string uuid;
};

struct Program {
  const char* name;
  const char* package;
};

constexpr Program kPrograms[] = {
    {"pvcreate", "lvm2"},  {"vgcreate", "lvm2"}, {"lvcreate", "lvm2"},
    {"lvconvert", "lvm2"}, {"lvchange", "lvm2"}, {"pvs", "lvm2"},
    {"pvremove", "lvm2"},  {"vgremove", "lvm2"}, {"thin_check", "thin-provisioning-tools"},
};

absl::Status CheckPrograms(const sys::Host& host) {
  for (const Program& program : kPrograms) {
    DMKIT_RETURN_IF_ERROR(sys::AddContext(CheckProgram(host, program.name, program.package),
                                          "making a pool for dm.directlvm_device"));
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
  // The page cache of a device that somebody has open may be older than what is on it.
  options.direct = true;
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
                   ", which is not overwritten: give an empty device, or clear it (",
                   thinp::ClearCommand(found->kind, path),
                   may_force ? "), or say dm.directlvm_device_force=true" : ")"));
}

// The value of NAME='VALUE' in a line of pvs; nothing in a warning of lvm2's.
std::optional<std::string> FieldOf(absl::string_view line, absl::string_view name) {
  const std::string prefix = absl::StrCat(name, "='");
  const size_t at = line.find(prefix);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view value = line.substr(at + prefix.size());
  const size_t end = value.find('\'');
  if (end == absl::string_view::npos) return std::nullopt;
  return std::string(value.substr(0, end));
}

// All of them: of one device pvs does not tell a failure from a device that is no volume.
absl::StatusOr<std::vector<Volume>> ListVolumes(const sys::Host& host) {
  DMKIT_ASSIGN_OR_RETURN(const std::string output,
                         RunToSuccess(host, {"pvs", "--noheadings", "--nameprefixes", "-o",
                                             "pv_name,vg_name,pv_uuid"}));
  std::vector<Volume> volumes;
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    std::optional<std::string> device = FieldOf(line, "LVM2_PV_NAME");
    std::optional<std::string> group = FieldOf(line, "LVM2_VG_NAME");
    std::optional<std::string> uuid = FieldOf(line, "LVM2_PV_UUID");
    if (!device.has_value() || !group.has_value() || !uuid.has_value()) continue;
    volumes.push_back({*std::move(device), *std::move(group), *std::move(uuid)});
  }
  return volumes;
}

// The volume group of a device; empty where it is in none, or no volume.
absl::StatusOr<std::string> GroupOf(const sys::Host& host, const sys::FileStat& device) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<Volume> volumes, ListVolumes(host));
  for (const Volume& volume : volumes) {
    const absl::StatusOr<sys::FileStat> stat = host.root->Stat(volume.device);
    if (sys::GetErrno(stat.status()) == ENOENT) continue;
    DMKIT_RETURN_IF_ERROR(stat);
    if (stat->type == device.type && stat->rdevice == device.rdevice) return volume.group;
  }
  return "";
}

// The digits of the set's uuid, written as lvm2 writes one.
std::string VolumeUuid(absl::string_view set_uuid) {
  std::string uuid = absl::StrReplaceAll(set_uuid, {{"-", ""}});
  for (const size_t at : {6u, 11u, 16u, 21u, 26u, 31u}) uuid.insert(std::min(at, uuid.size()), "-");
  return uuid;
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
  DMKIT_ASSIGN_OR_RETURN(const std::string group, GroupOf(host_, stat));
  if (!group.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("it belongs to volume group \"", group,
                     "\" and is not taken, forced or not: give another device, or remove the "
                     "group and all that it holds (vgremove ",
                     group, ", then pvremove ", config_.device(), ")"));
  }
  return CheckFree(host_, config_.device(), force_);
}

absl::StatusOr<std::string> DirectLvmMaker::Make(absl::string_view set_uuid) {
  const std::string group = DirectLvmGroup(set_uuid);
  const std::string pool = absl::StrCat(group, "/", kPool);
  DMKIT_RETURN_IF_ERROR(RunAll({
      // Beside a uuid lvm2 would not clear the first sectors.
      {"pvcreate", "-y", "-f", "--uuid", VolumeUuid(set_uuid), "--norestorefile", "--zero", "y",
       config_.device()},
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
    DMKIT_ASSIGN_OR_RETURN(const std::vector<Volume> volumes, ListVolumes(host_));
    for (const Volume& volume : volumes) {
      if (volume.uuid != VolumeUuid(set_uuid)) continue;
      // Somebody has put it into a group of his own, and it is his.
      if (!volume.group.empty() && volume.group != group) continue;
      if (!volume.group.empty()) DMKIT_RETURN_IF_ERROR(RunAll({{"vgremove", "-y", "-f", group}}));
      DMKIT_RETURN_IF_ERROR(RunAll({{"pvremove", "-y", volume.device}}));
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
