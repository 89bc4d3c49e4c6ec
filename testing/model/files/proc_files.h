// SPDX-License-Identifier: Apache-2.0
// What /proc holds: the files that the product and programs like it read. Mirrors fs/proc.

#ifndef DMKIT_TESTING_MODEL_FILES_PROC_FILES_H_
#define DMKIT_TESTING_MODEL_FILES_PROC_FILES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "testing/model/core.h"
#include "testing/model/files/made_up.h"
#include "testing/model/files/namespace.h"

namespace dmkit::model {

// Where /proc looks. Everything is asked when a file is opened.
struct ProcSource {
  Core& core;
  Namespace& names;
  std::function<std::string()> boot_id;
  std::function<std::vector<int>()> processes;
  // What the descriptors of a process lead to, by number.
  std::function<std::map<int, std::string>(int)> descriptors;
};

// misc, devices, filesystems, mounts, self, <pid>/{cwd,root,fd,mounts,mountinfo},
// sys/kernel/{osrelease,ostype,random/{boot_id,uuid}}.
MadeUpFile ProcRoot(const ProcSource& source);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_PROC_FILES_H_
