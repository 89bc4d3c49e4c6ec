// SPDX-License-Identifier: Apache-2.0
// The calls that work on paths. Mirrors the do_*at() functions of fs/namei.c and fs/open.c: the
// order in which they refuse is theirs. Results are 0 or a negative errno.

#ifndef DMKIT_TESTING_MODEL_FILES_PATH_CALLS_H_
#define DMKIT_TESTING_MODEL_FILES_PATH_CALLS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/files/namespace.h"
#include "testing/model/open_file.h"
#include "testing/model/process.h"

namespace dmkit::model {

// The calls of one process that start at one directory. Made for a call, and not kept.
class PathCalls {
 public:
  PathCalls(Core& core, Namespace& names, Process& process, Location start)
      : core_(core), names_(names), process_(process), start_(std::move(start)) {}

  // `location` becomes the file's, or the device node's.
  int Open(absl::string_view path, const sys::OpenOptions& options, std::shared_ptr<OpenFile>* file,
           Location* location) const;
  enum class Resolving {
    kFollow,
    kNoFollow,  // a symbolic link at the end is none
    kInRoot,    // follows, and cannot leave the directory
  };
  int OpenDirectory(absl::string_view path, Resolving resolving, std::shared_ptr<OpenFile>* file,
                    Location* location) const;
  int MakeDir(absl::string_view path, uint32_t mode) const;
  int List(absl::string_view path, std::vector<sys::DirEntry>* entries) const;
  int Stat(absl::string_view path, bool follow, sys::FileStat* stat) const;
  int ReadLink(absl::string_view path, std::string* target) const;
  int Rename(absl::string_view from, absl::string_view to) const;
  int Unlink(absl::string_view path) const;
  int RemoveDir(absl::string_view path) const;
  int MakeSymlink(absl::string_view target, absl::string_view path) const;
  int MakeLink(absl::string_view from, absl::string_view to) const;
  int MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
               uint32_t mode) const;
  int SetMode(absl::string_view path, uint32_t mode) const;
  int SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) const;
  int SetModified(absl::string_view path, absl::Time modified) const;

  // xattr_calls.cc
  int ListXattrs(absl::string_view path, std::vector<std::string>* names) const;
  int GetXattr(absl::string_view path, const std::string& name, std::string* value) const;
  int SetXattr(absl::string_view path, const std::string& name, absl::string_view value) const;
  int RemoveXattr(absl::string_view path, const std::string& name) const;

 private:
  uint32_t user() const { return process_.effective_user(); }
  int WalkToNew(absl::string_view path, bool may_have_slash, Walk* walk) const;
  int Create(absl::string_view path, InodeAttributes attributes, bool may_have_slash) const;
  int LinkNew(const Location& directory, const std::string& name, InodeAttributes attributes) const;
  int MayRemove(const Location& directory, const Location& victim) const;
  int Touch(const Location& directory) const;
  void NoteChanged(const Location& file) const;
  int ChangeXattrs(absl::string_view path, const std::string& name, const std::string* value) const;
  int RenameInto(const Walk& from, const Walk& to) const;
  int OpenLast(Walk* walk, const sys::OpenOptions& options, Location* found,
               bool* is_missing) const;
  int OpenFound(const Location& found, const sys::OpenOptions& options, bool is_new,
                std::shared_ptr<OpenFile>* file) const;
  int MakeOpenFile(const Location& found, const OpenMode& mode, bool nonblock,
                   std::shared_ptr<OpenFile>* file) const;
  int OpenCharDevice(const Location& found, const OpenMode& mode,
                     std::shared_ptr<OpenFile>* file) const;

  // mnt_want_write(). Whether something made-up can be changed at all is asked later.
  static int WantWrite(const Location& location, bool makes_inode, uint64_t grows_bytes = 0);

  Core& core_;
  Namespace& names_;
  Process& process_;
  const Location start_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_PATH_CALLS_H_
