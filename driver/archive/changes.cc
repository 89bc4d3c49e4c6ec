// SPDX-License-Identifier: Apache-2.0
// Changes as a list and as a size.

#include "driver/archive/changes.h"

#include <cstdint>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "driver/archive/tree_walk.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using Visit = absl::FunctionRef<absl::Status(const Change&, sys::Dir&, const std::string&,
                                             const sys::FileStat*)>;

class CallingVisitor : public TreeVisitor {
 public:
  explicit CallingVisitor(Visit visit) : visit_(visit) {}
  absl::Status OnChange(const TreeChange& change) override {
    return visit_(change.change, change.parent, change.name, change.newer);
  }

 private:
  Visit visit_;
};

class SizingVisitor : public TreeVisitor {
 public:
  absl::Status OnChange(const TreeChange& change) override {
    if (change.newer == nullptr || change.newer->type == sys::FileType::kDirectory) {
      return absl::OkStatus();
    }
    const sys::FileStat& stat = *change.newer;
    if (stat.links > 1 &&
        !counted_.emplace(stat.device.major, stat.device.minor, stat.inode).second) {
      return absl::OkStatus();
    }
    bytes_ += stat.size_bytes;
    return absl::OkStatus();
  }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_ = 0;
  // Files with several names that were counted already: device and inode number.
  absl::flat_hash_set<std::tuple<uint32_t, uint32_t, uint64_t>> counted_;
};

}  // namespace

char ChangeLetter(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kModify:
      return 'C';
    case ChangeKind::kAdd:
      return 'A';
    case ChangeKind::kDelete:
      return 'D';
  }
  return '?';
}

absl::Status WalkChanges(sys::Dir& newer, sys::Dir* older, Visit visit) {
  CallingVisitor visitor(visit);
  return WalkTrees(newer, older, visitor);
}

absl::StatusOr<uint64_t> ChangesSize(sys::Dir& newer, sys::Dir* older) {
  SizingVisitor visitor;
  DMKIT_RETURN_IF_ERROR(WalkTrees(newer, older, visitor));
  return visitor.bytes();
}

}  // namespace dmkit::driver
