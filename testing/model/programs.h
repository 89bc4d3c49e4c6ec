// SPDX-License-Identifier: Apache-2.0
// The programs that the product runs: mkfs.ext4, mkfs.xfs, resize2fs and xfs_growfs, modelled as
// functions that work through the seam of a process of their own. Nothing of dm or loop.

#ifndef DMKIT_TESTING_MODEL_PROGRAMS_H_
#define DMKIT_TESTING_MODEL_PROGRAMS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/model/core.h"

namespace dmkit::model {

// Runs to its end with the seam of its own process. The output is what the real program would say
// where the product reads it; the exit status is the real one's.
using Program =
    std::function<sys::ProcessResult(const sys::Host& host, const std::vector<std::string>& argv)>;

class Programs {
 public:
  // With the four programs, in /usr/sbin.
  explicit Programs(Core& core);

  // Puts another one in its place, or a new one. `path` is absolute.
  void Install(std::string path, Program program);
  // Find and Run give ENOENT from then on.
  void Uninstall(absl::string_view name);

  // By name through /usr/sbin:/usr/bin:/sbin:/bin, or by absolute path; null when there is none.
  const Program* Find(absl::string_view name, std::string* path) const;

 private:
  std::map<std::string, Program> programs_;  // by path
};

// mkfs.ext4: takes the options of mke2fs; those that matter here are -q, -n (writes nothing), -U,
// -L and the words of -E (an unknown one is refused as mke2fs does). Makes a filesystem in a device
// or file of 1 MiB at least that nobody claims, whatever it holds.
Program MkfsExt4(Core& core);
// mkfs.xfs: takes the options of mkfs.xfs; those that matter here are -q, -N (writes nothing), -f,
// -L and -m uuid=. Refuses under 300 MiB, and without -f what holds a filesystem.
Program MkfsXfs(Core& core);
// resize2fs DEVICE: of a mounted device only, to its size.
Program Resize2fs(Core& core);
// xfs_growfs MOUNT-POINT.
Program XfsGrowfs(Core& core);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROGRAMS_H_
