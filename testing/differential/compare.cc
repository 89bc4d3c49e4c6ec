// SPDX-License-Identifier: Apache-2.0
// What two kernels may answer differently.

#include "testing/differential/compare.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "dm/uapi.h"
#include "loop/uapi.h"

namespace dmkit::differential {
namespace {

constexpr absl::string_view kPoolType = "thin-pool";

bool IsStatus(unsigned long request) {
  return request == DM_TABLE_STATUS || request == DM_DEV_WAIT;
}

// "1 116/1024 0/256 46 rw ..." with the number of used metadata blocks and that of the held root
// made "0". The text as it is when it is none of these: a table, or "Fail".
std::string WithoutMetadataBlocks(absl::string_view text) {
  std::vector<std::string> words = absl::StrSplit(text, ' ');
  if (words.size() < 4) return std::string(text);
  const size_t slash = words[1].find('/');
  if (slash == std::string::npos) return std::string(text);
  words[1].replace(0, slash, "0");
  if (words[3] != "-") words[3] = "0";
  return absl::StrJoin(words, " ");
}

// A pool is the only target of its table, so its record is the first and the last.
void NormalisePoolStatus(std::string* bytes) {
  constexpr size_t kText = sizeof(dm_ioctl) + sizeof(dm_target_spec);
  if (bytes->size() < kText) return;
  const char* const type = bytes->data() + sizeof(dm_ioctl) + offsetof(dm_target_spec, target_type);
  if (absl::string_view(type, strnlen(type, DM_MAX_TYPE_NAME)) != kPoolType) return;
  const std::string text =
      bytes->substr(kText, strnlen(bytes->data() + kText, bytes->size() - kText));
  const std::string normalised = WithoutMetadataBlocks(text);
  if (normalised == text) return;
  bytes->resize(kText);
  bytes->append(normalised);
  std::memset(&(*bytes)[offsetof(dm_ioctl, data_size)], 0, sizeof(uint32_t));
  std::memset(&(*bytes)[sizeof(dm_ioctl) + offsetof(dm_target_spec, next)], 0, sizeof(uint32_t));
}

void Zero(std::string* bytes, size_t offset, size_t length) {
  if (bytes->size() >= offset + length) std::memset(&(*bytes)[offset], 0, length);
}

}  // namespace

Outcome Normalised(const Operation& operation, const Outcome& outcome) {
  Outcome normalised = outcome;
  if (operation.writable_bytes.has_value() && outcome.result == -EFAULT) normalised.bytes.clear();
  if (operation.kind != Kind::kIoctl || outcome.result < 0) return normalised;
  if (IsStatus(operation.request)) {
    NormalisePoolStatus(&normalised.bytes);
  } else if (operation.request == LOOP_GET_STATUS64) {
    Zero(&normalised.bytes, offsetof(loop_info64, lo_device), sizeof(loop_info64::lo_device));
    Zero(&normalised.bytes, offsetof(loop_info64, lo_inode), sizeof(loop_info64::lo_inode));
  } else if (operation.request == LOOP_GET_STATUS) {
    Zero(&normalised.bytes, offsetof(loop_info, lo_device), sizeof(loop_info::lo_device));
    Zero(&normalised.bytes, offsetof(loop_info, lo_inode), sizeof(loop_info::lo_inode));
  }
  return normalised;
}

bool IsRepeatable(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kOpen:
    case Kind::kRead:
    case Kind::kReadable:
      return true;
    case Kind::kIoctl:
      return operation.request == DM_DEV_STATUS || operation.request == DM_TABLE_STATUS ||
             operation.request == DM_LIST_DEVICES || operation.request == DM_TABLE_DEPS ||
             operation.request == LOOP_GET_STATUS64 || operation.request == LOOP_GET_STATUS;
    default:
      return false;
  }
}

}  // namespace dmkit::differential
