// SPDX-License-Identifier: Apache-2.0
// What all targets have.

#include "testing/model/dm_target.h"

#include "absl/strings/str_cat.h"

namespace dmkit::model {
namespace {

// In sectors. Behind it bytes cannot be counted any more.
constexpr uint64_t kStartMax = uint64_t{1} << 54;

}  // namespace

int TableDevice::SubmitAt(uint64_t start, const Io& io) const {
  if (io.kind == IoKind::kFlush) return device().Submit(io);
  if (start > kStartMax) return -EIO;
  Io moved = io;
  moved.offset += start * kSectorBytes;
  return device().Submit(moved);
}

std::string Target::ImaPrefix() const {
  const Version& version = type_.version();
  return absl::StrCat("target_name=", type_.name(), ",target_version=", version[0], ".", version[1],
                      ".", version[2]);
}

}  // namespace dmkit::model
