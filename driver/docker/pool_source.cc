// SPDX-License-Identifier: Apache-2.0

#include "driver/docker/pool_source.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "loop/loop_device.h"
#include "sys/block.h"
#include "sys/device_number.h"
#include "sys/status.h"
#include "thinp/given_pool.h"
#include "thinp/metadata.h"
#include "thinp/pool.h"
#include "thinp/read_only_pool.h"

namespace dmkit::driver {
namespace {

using thinp::proto::Backing;
using thinp::proto::PoolState;

// Of a backing that FindDockerPool has found, whose paths are all absolute.
const std::string& PathOf(const Backing& half) {
  return half.device().empty() ? half.imported_file() : half.device();
}

absl::StatusOr<PoolState> DescribeGivenPool(dm::DeviceMapper& dm, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(
      const thinp::Pool pool,
      thinp::FindGivenPool(dm, std::string(absl::StripPrefix(name, "/dev/mapper/"))));
  PoolState state;
  state.set_given_pool(pool.name().text());
  state.set_given_pool_uuid(pool.uuid());
  return state;
}

absl::Status NoPoolFiles(const DockerStore& store, const std::string& docker_root) {
  if (!store.direct_lvm_device.empty()) {
    return sys::ErrnoStatus(
        ENOENT, absl::StrCat("the pool of ", docker_root, " was made with lvm2 on ",
                             store.direct_lvm_device,
                             ": activate it (vgchange -ay docker) and name it, docker-thinpool, or "
                             "storage-thinpool where containers/storage made it"));
  }
  return sys::ErrnoStatus(
      ENOENT, absl::StrCat("the pool's files ", docker_root, "/", kDockerDataFile, " and ",
                           kDockerMetadataFile,
                           " are not both there; where Docker was given a pool or devices "
                           "(dm.thinpooldev, dm.datadev, dm.metadatadev), name them"));
}

// `device` when it is given, else `file`; either may be a block device.
absl::StatusOr<Backing> FindHalf(const sys::Host& host, const std::string& device,
                                 const std::string& file) {
  const std::string& path = device.empty() ? file : device;
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  Backing half;
  if (stat.type == sys::FileType::kBlockDevice) {
    half.set_device(path);
  } else if (stat.type == sys::FileType::kRegular && device.empty()) {
    half.set_imported_file(path);
  } else {
    return absl::FailedPreconditionError(absl::StrCat(
        path, device.empty() ? " is neither a file nor a block device" : " is not a block device"));
  }
  return half;
}

// The device numbers that a table could have this half under.
absl::StatusOr<std::vector<sys::DeviceNumber>> NumbersOf(const sys::Host& host,
                                                         const Backing& half) {
  std::vector<sys::DeviceNumber> numbers;
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(PathOf(half)));
  if (stat.type == sys::FileType::kBlockDevice) numbers.push_back(stat.rdevice);
  DMKIT_ASSIGN_OR_RETURN(const std::vector<loop::LoopInfo> loops, loop::List(host));
  for (const loop::LoopInfo& loop : loops) {
    const bool same = stat.type == sys::FileType::kBlockDevice
                          ? loop.backing_rdevice == stat.rdevice
                          : loop.backing_device == stat.device && loop.backing_inode == stat.inode;
    if (same) numbers.push_back(loop.device);
  }
  return numbers;
}

bool IsSameCommit(const thinp::MetadataSuperblock& a, const thinp::MetadataSuperblock& b) {
  return a.transaction_id == b.transaction_id && a.time == b.time &&
         a.data_mapping_root == b.data_mapping_root &&
         a.device_details_root == b.device_details_root;
}

absl::StatusOr<PoolRecord> ReadRecord(sys::File& metadata) {
  PoolRecord record;
  DMKIT_ASSIGN_OR_RETURN(record.superblock, thinp::ReadSuperblock(metadata, 0));
  DMKIT_ASSIGN_OR_RETURN(record.devices, thinp::ReadDevices(metadata, record.superblock));
  return record;
}

}  // namespace

absl::StatusOr<PoolState> FindDockerPool(dm::DeviceMapper& dm, const DockerStore& store,
                                         const ImportOptions& options) {
  if (!options.pool_device.empty()) return DescribeGivenPool(dm, options.pool_device);
  if ((options.data_device.empty() && !store.has_data_file) ||
      (options.metadata_device.empty() && !store.has_metadata_file)) {
    return NoPoolFiles(store, options.docker_root);
  }
  const sys::Host& host = dm.host();
  PoolState state;
  DMKIT_ASSIGN_OR_RETURN(
      *state.mutable_data(),
      FindHalf(host, options.data_device, absl::StrCat(options.docker_root, "/", kDockerDataFile)));
  DMKIT_ASSIGN_OR_RETURN(*state.mutable_metadata(),
                         FindHalf(host, options.metadata_device,
                                  absl::StrCat(options.docker_root, "/", kDockerMetadataFile)));
  return state;
}

absl::Status CheckDockerPoolIdle(dm::DeviceMapper& dm, const PoolState& pool,
                                 absl::string_view own_uuid) {
  if (!pool.given_pool().empty()) return absl::OkStatus();
  std::vector<sys::DeviceNumber> halves;
  for (const Backing* half : {&pool.metadata(), &pool.data()}) {
    DMKIT_ASSIGN_OR_RETURN(const std::vector<sys::DeviceNumber> numbers,
                           NumbersOf(dm.host(), *half));
    halves.insert(halves.end(), numbers.begin(), numbers.end());
  }
  if (halves.empty()) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const std::vector<dm::ListedDevice> devices, dm.List());
  for (const dm::ListedDevice& device : devices) {
    const auto uses = dm.Dependencies(device.device, /*inactive=*/false);
    if (sys::GetErrno(uses.status()) == ENXIO) continue;  // removed since it was listed
    DMKIT_RETURN_IF_ERROR(uses.status());
    if (std::find_first_of(uses->begin(), uses->end(), halves.begin(), halves.end()) ==
        uses->end()) {
      continue;
    }
    const auto info = dm.Info(device.device);
    if (info.ok() && !own_uuid.empty() && absl::string_view(info->uuid) == own_uuid) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "the pool of this store is active already, as dm device \"", device.name,
        "\": two pools on the same data would destroy it. Stop Docker, or clean up the other "
        "import, and remove that device (dmkit dm remove ",
        device.name, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PoolRecord> ReadDockerPool(dm::DeviceMapper& dm, const PoolState& pool) {
  const sys::Host& host = dm.host();
  if (pool.given_pool().empty()) {
    DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> metadata,
                           thinp::OpenMetadata(host, PathOf(pool.metadata())));
    auto record = ReadRecord(*metadata);
    if (record.ok()) return record;
    return sys::AddContext(record.status(),
                           absl::StrCat("reading the pool's metadata ", PathOf(pool.metadata())));
  }
  DMKIT_ASSIGN_OR_RETURN(const thinp::Pool given, thinp::FindGivenPool(dm, pool.given_pool()));
  sys::OpenOptions options;
  options.direct = true;  // the kernel's own writes bypass the page cache
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> metadata,
                         sys::OpenBlock(host, given.params().metadata, options));
  auto record = ReadRecord(*metadata);
  DMKIT_ASSIGN_OR_RETURN(const thinp::MetadataSuperblock after,
                         thinp::ReadSuperblock(*metadata, 0));
  if (record.ok() && IsSameCommit(record->superblock, after)) return record;
  if (!record.ok() && absl::IsDataLoss(record.status()) == false) return record.status();
  return sys::ErrnoStatus(
      EAGAIN, absl::StrCat("pool ", pool.given_pool(),
                           " is being changed by another program; stop that, and try again"));
}

}  // namespace dmkit::driver
