// SPDX-License-Identifier: Apache-2.0
// The offsets of the loop structs. Mirrors loop_info64_from_old() and loop_info64_to_old() of
// drivers/block/loop.c.

#include "testing/model/loop/loop_info.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace dmkit::model {
namespace {

// struct loop_info64.
constexpr size_t kDevice64At = 0;
constexpr size_t kInode64At = 8;
constexpr size_t kRdevice64At = 16;
constexpr size_t kOffset64At = 24;
constexpr size_t kSizeLimit64At = 32;
constexpr size_t kNumber64At = 40;
constexpr size_t kEncryptType64At = 44;
constexpr size_t kEncryptKeySize64At = 48;
constexpr size_t kFlags64At = 52;
constexpr size_t kName64At = 56;

// struct loop_info.
constexpr size_t kNumberAt = 0;
constexpr size_t kDeviceAt = 8;
constexpr size_t kInodeAt = 16;
constexpr size_t kRdeviceAt = 24;
constexpr size_t kOffsetAt = 32;
constexpr size_t kFlagsAt = 44;
constexpr size_t kNameAt = 48;

// struct loop_config.
constexpr size_t kDescriptorAt = 0;
constexpr size_t kBlockSizeAt = 4;
constexpr size_t kInfoAt = 8;

template <typename T>
T Take(const char* bytes, size_t at) {
  T value = 0;
  std::memcpy(&value, bytes + at, sizeof(value));
  return value;
}

template <typename T>
void Put(char* bytes, size_t at, T value) {
  std::memcpy(bytes + at, &value, sizeof(value));
}

// The last byte is forced to NUL.
std::string TakeName(const char* bytes, size_t at) {
  return std::string(bytes + at, strnlen(bytes + at, kLoopNameBytes - 1));
}

void PutName(char* bytes, size_t at, const std::string& name) {
  std::memcpy(bytes + at, name.data(), std::min(name.size(), kLoopNameBytes - 1));
}

LoopInfo Decode64(const char* bytes) {
  LoopInfo info;
  info.offset = Take<uint64_t>(bytes, kOffset64At);
  info.size_limit = Take<uint64_t>(bytes, kSizeLimit64At);
  info.encrypt_type = Take<uint32_t>(bytes, kEncryptType64At);
  info.encrypt_key_size = Take<uint32_t>(bytes, kEncryptKeySize64At);
  info.flags = Take<uint32_t>(bytes, kFlags64At);
  info.name = TakeName(bytes, kName64At);
  return info;
}

}  // namespace

int ReadLoopInfo64(const UserMemory& memory, LoopInfo* info) {
  char bytes[kLoopInfo64Bytes];
  const int error = memory.CopyIn(0, bytes, sizeof(bytes));
  if (error == 0) *info = Decode64(bytes);
  return error;
}

int ReadLoopInfo(const UserMemory& memory, LoopInfo* info) {
  char bytes[kLoopInfoBytes];
  const int error = memory.CopyIn(0, bytes, sizeof(bytes));
  if (error != 0) return error;
  *info = LoopInfo{};
  // A signed int: a negative offset becomes a huge one.
  info->offset = static_cast<uint64_t>(int64_t{Take<int32_t>(bytes, kOffsetAt)});
  info->flags = Take<uint32_t>(bytes, kFlagsAt);
  info->name = TakeName(bytes, kNameAt);
  return 0;
}

int ReadLoopConfig(const UserMemory& memory, LoopConfig* config) {
  char bytes[kLoopConfigBytes];
  const int error = memory.CopyIn(0, bytes, sizeof(bytes));
  if (error != 0) return error;
  config->descriptor = Take<uint32_t>(bytes, kDescriptorAt);
  config->block_size = Take<uint32_t>(bytes, kBlockSizeAt);
  config->info = Decode64(bytes + kInfoAt);
  return 0;
}

int WriteLoopInfo64(const LoopInfo& info, const UserMemory& memory) {
  char bytes[kLoopInfo64Bytes] = {};
  Put(bytes, kDevice64At, info.device);
  Put(bytes, kInode64At, info.inode);
  Put(bytes, kRdevice64At, info.rdevice);
  Put(bytes, kOffset64At, info.offset);
  Put(bytes, kSizeLimit64At, info.size_limit);
  Put(bytes, kNumber64At, info.number);
  Put(bytes, kFlags64At, info.flags);
  PutName(bytes, kName64At, info.name);
  return memory.CopyOut(0, bytes, sizeof(bytes));
}

int WriteLoopInfo(const LoopInfo& info, const UserMemory& memory) {
  if (info.offset > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) return -EOVERFLOW;
  char bytes[kLoopInfoBytes] = {};
  Put(bytes, kNumberAt, info.number);
  Put(bytes, kDeviceAt, info.device);
  Put(bytes, kInodeAt, info.inode);
  Put(bytes, kRdeviceAt, info.rdevice);
  Put(bytes, kOffsetAt, static_cast<uint32_t>(info.offset));
  Put(bytes, kFlagsAt, info.flags);
  PutName(bytes, kNameAt, info.name);
  return memory.CopyOut(0, bytes, sizeof(bytes));
}

}  // namespace dmkit::model
