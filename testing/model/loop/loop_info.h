// SPDX-License-Identifier: Apache-2.0
// The structs of the loop ioctls as bytes: struct loop_info64, its older form loop_info, and
// loop_config. By offsets, for x86-64; what the values mean is the device's business.

#ifndef DMKIT_TESTING_MODEL_LOOP_LOOP_INFO_H_
#define DMKIT_TESTING_MODEL_LOOP_LOOP_INFO_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "testing/model/user_memory.h"

namespace dmkit::model {

enum LoopRequest : uint32_t {
  kLoopSetFd = 0x4C00,
  kLoopClrFd = 0x4C01,
  kLoopSetStatus = 0x4C02,
  kLoopGetStatus = 0x4C03,
  kLoopSetStatus64 = 0x4C04,
  kLoopGetStatus64 = 0x4C05,
  kLoopChangeFd = 0x4C06,
  kLoopSetCapacity = 0x4C07,
  kLoopSetDirectIo = 0x4C08,
  kLoopSetBlockSize = 0x4C09,
  kLoopConfigure = 0x4C0A,
  kLoopCtlAdd = 0x4C80,
  kLoopCtlRemove = 0x4C81,
  kLoopCtlGetFree = 0x4C82,
};

enum LoopFlag : uint32_t {
  kLoopReadOnly = 1,
  kLoopAutoclear = 4,
  kLoopPartscan = 8,
  kLoopDirectIo = 16,
};

inline constexpr size_t kLoopInfo64Bytes = 232;
inline constexpr size_t kLoopInfoBytes = 168;
inline constexpr size_t kLoopConfigBytes = 304;
inline constexpr size_t kLoopNameBytes = 64;

struct LoopInfo {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t rdevice = 0;
  uint64_t offset = 0;
  uint64_t size_limit = 0;
  uint32_t number = 0;
  uint32_t encrypt_type = 0;
  uint32_t encrypt_key_size = 0;
  uint32_t flags = 0;
  std::string name;  // up to its NUL, at most 63 bytes
};

struct LoopConfig {
  uint32_t descriptor = 0;
  uint32_t block_size = 0;
  LoopInfo info;
};

// Each gives 0 or a negative errno: -EFAULT, and -EOVERFLOW where the older form is too small.
int ReadLoopInfo64(const UserMemory& memory, LoopInfo* info);
int ReadLoopInfo(const UserMemory& memory, LoopInfo* info);
int ReadLoopConfig(const UserMemory& memory, LoopConfig* config);
int WriteLoopInfo64(const LoopInfo& info, const UserMemory& memory);
int WriteLoopInfo(const LoopInfo& info, const UserMemory& memory);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_LOOP_LOOP_INFO_H_
