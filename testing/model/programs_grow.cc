// SPDX-License-Identifier: Apache-2.0
// resize2fs and xfs_growfs. They ask the mounted filesystem to grow, as the real ones do by ioctl.

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/model/files/block_filesystem.h"
#include "testing/model/files/disk_format.h"
#include "testing/model/files/tree.h"
#include "testing/model/program_options.h"
#include "testing/model/programs.h"
#include "testing/model/scheduler.h"

namespace dmkit::model {
namespace {

// 0, or a negative errno; -EINVAL when no filesystem of this kind is mounted from it.
int Grow(Core& core, const sys::Host& host, sys::DeviceNumber number, absl::string_view kind,
         GrownBlocks* blocks) {
  const Scheduler::Call call(core.scheduler, host.processes->ProcessId());
  BlockDevice* const device = core.blocks.Find(number);
  return device == nullptr ? -EINVAL : GrowMounted(*device, kind, blocks);
}

bool HoldsExt4(const sys::Host& host, absl::string_view path) {
  const absl::StatusOr<std::unique_ptr<sys::File>> file =
      host.root->OpenFile(path, sys::OpenOptions{});
  if (!file.ok()) return false;
  std::string block(kBlockBytes, '\0');
  const absl::StatusOr<size_t> size = (*file)->ReadAt(0, absl::MakeSpan(&block[0], block.size()));
  Superblock superblock;
  return size.ok() && *size == block.size() && DecodeSuperblock(block, "ext4", &superblock) == 0;
}

sys::ProcessResult RunResize2fs(Core& core, const sys::Host& host,
                                const std::vector<std::string>& argv) {
  const ProgramOptions options = ParseProgramOptions(argv, "d:fFhMPpS:bsz:");
  if (!options.error.empty() || options.operands.size() != 1) {
    return ProgramFails(absl::StrCat(options.error, "Usage: resize2fs [-d debug_flags] [-f] [-F] ",
                                     "[-M] [-P] [-p] device [-b|-s|new_size]"));
  }
  const std::string& path = options.operands.front();
  const std::string version = "resize2fs 1.47.0 (5-Feb-2023)\n";
  const absl::StatusOr<sys::FileStat> stat = host.root->Stat(path);
  if (!stat.ok()) {
    return ProgramFails(
        absl::StrCat(version, "open: ", ErrorText(stat.status()), " while opening ", path));
  }
  GrownBlocks blocks;
  const int error = Grow(core, host, stat->rdevice, "ext4", &blocks);
  if (error == -EINVAL && blocks.after == 0) {
    if (HoldsExt4(host, path)) {
      return ProgramFails(absl::StrCat(version, "Please run 'e2fsck -f ", path, "' first.\n"));
    }
    return ProgramFails(absl::StrCat(version, "resize2fs: Bad magic number in super-block while ",
                                     "trying to open ", path, "\n",
                                     "Couldn't find valid filesystem superblock."));
  }
  const std::string said =
      absl::StrCat(version, "Filesystem at ", path, " is mounted; ", "on-line resizing required\n");
  if (error == -EINVAL) {
    return ProgramFails(absl::StrCat(version, "resize2fs: On-line shrinking not supported"));
  }
  if (error != 0) {
    return ProgramFails(
        absl::StrCat(said, "resize2fs: ", ErrorText(-error), " While trying to add group"));
  }
  if (blocks.before == blocks.after) {
    return {0, absl::StrCat(version, "The filesystem is already ", blocks.after,
                            " (4k) blocks long.  Nothing to do!\n\n")};
  }
  return {0, absl::StrCat(said, "The filesystem on ", path, " is now ", blocks.after,
                          " (4k) blocks long.\n\n")};
}

sys::ProcessResult RunXfsGrowfs(Core& core, const sys::Host& host,
                                const std::vector<std::string>& argv) {
  const ProgramOptions options = ParseProgramOptions(argv, "dD:e:ilL:m:nrR:t:xV");
  if (!options.error.empty() || options.operands.size() != 1) {
    return {2, absl::StrCat(options.error, "Usage: xfs_growfs [options] mountpoint\n")};
  }
  const std::string& path = options.operands.front();
  const absl::StatusOr<sys::FileStat> stat = host.root->Stat(path);
  if (!stat.ok()) {
    return ProgramFails(absl::StrCat("xfs_growfs: ", path, ": ", ErrorText(stat.status())));
  }
  const bool is_root = stat->type == sys::FileType::kDirectory && stat->inode == Tree::kRootNumber;
  GrownBlocks blocks;
  const int error = is_root ? Grow(core, host, stat->device, "xfs", &blocks) : -EINVAL;
  if (error == -EINVAL && blocks.after == 0) {
    return ProgramFails(absl::StrCat("xfs_growfs: ", path, " is not a mounted XFS filesystem"));
  }
  const std::string said = absl::StrCat("meta-data=", path, "\ndata     =                       ",
                                        "bsize=4096   blocks=", blocks.before, "\n");
  if (error == -EINVAL) return {0, absl::StrCat(said, "data size unchanged, skipping\n")};
  if (error != 0) {
    return ProgramFails(
        absl::StrCat(said, "xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: ", ErrorText(-error)));
  }
  if (blocks.before == blocks.after) return {0, said};
  return {0, absl::StrCat(said, "data blocks changed from ", blocks.before, " to ", blocks.after,
                          "\n")};
}

}  // namespace

Program Resize2fs(Core& core) {
  return [&core](const sys::Host& host, const std::vector<std::string>& argv) {
    return RunResize2fs(core, host, argv);
  };
}

Program XfsGrowfs(Core& core) {
  return [&core](const sys::Host& host, const std::vector<std::string>& argv) {
    return RunXfsGrowfs(core, host, argv);
  };
}

}  // namespace dmkit::model
