// SPDX-License-Identifier: Apache-2.0
// What two kernels may answer differently.

#include "testing/differential/compare.h"

#include <cstring>

#include "absl/strings/string_view.h"
#include "dm/uapi.h"
#include "loop/uapi.h"

namespace dmkit::differential {
namespace {

constexpr absl::string_view kPoolType = "thin-pool";

bool IsStatus(unsigned long request) {
  return request == DM_TABLE_STATUS || request == DM_DEV_WAIT;
}

// "1 116/1024 0/256 ..." with the number behind the first space made "0". False when it is no such
// text: a table, or "Fail".
bool ReplaceUsedMetadata(std::string* text) {
  const size_t begin = text->find(' ');
  if (begin == std::string::npos) return false;
  const size_t end = text->find_first_not_of("0123456789", begin + 1);
  if (end == std::string::npos || end == begin + 1 || (*text)[end] != '/') return false;
  text->replace(begin + 1, end - begin - 1, "0");
  return true;
}

// A pool is the only target of its table, so its record is the first and the last.
void NormalisePoolStatus(std::string* bytes) {
  constexpr size_t kText = sizeof(dm_ioctl) + sizeof(dm_target_spec);
  if (bytes->size() < kText) return;
  const char* const type = bytes->data() + sizeof(dm_ioctl) + offsetof(dm_target_spec, target_type);
  if (absl::string_view(type, strnlen(type, DM_MAX_TYPE_NAME)) != kPoolType) return;
  std::string text = bytes->substr(kText, strnlen(bytes->data() + kText, bytes->size() - kText));
  if (!ReplaceUsedMetadata(&text)) return;
  bytes->resize(kText);
  bytes->append(text);
  std::memset(&(*bytes)[offsetof(dm_ioctl, data_size)], 0, sizeof(uint32_t));
  std::memset(&(*bytes)[sizeof(dm_ioctl) + offsetof(dm_target_spec, next)], 0, sizeof(uint32_t));
}

void Zero(std::string* bytes, size_t offset, size_t length) {
  if (bytes->size() >= offset + length) std::memset(&(*bytes)[offset], 0, length);
}

}  // namespace

Outcome Normalised(const Operation& operation, const Outcome& outcome) {
  Outcome normalised = outcome;
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
