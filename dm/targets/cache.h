// SPDX-License-Identifier: Apache-2.0
// The cache target: a fast device in front of a slow one. Pure text, no system calls.
// Mirrors drivers/md/dm-cache-target.c: parse_cache_args(), set_config_values(), cache_status();
// dm-cache-policy-smq.c: mq_set_config_value(), mq_emit_config_values(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_CACHE_H_
#define DMKIT_DM_TARGETS_CACHE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

enum class CacheMode { kWriteback, kWritethrough, kPassthrough };

struct CacheArgs {
  sys::DeviceNumber metadata;
  sys::DeviceNumber cache;
  sys::DeviceNumber origin;
  sys::Sectors block_size;        // 64 to 2097152, a multiple of 64
  std::optional<CacheMode> mode;  // nothing: writeback
  bool metadata2 = false;
  bool no_discard_passdown = false;
  std::string policy = "smq";  // "smq", "mq", "cleaner" or "default"
  // Names and values: "migration_threshold" and what the policy knows.
  std::vector<std::pair<std::string, std::string>> settings;

  auto Fields() const {
    return std::tie(metadata, cache, origin, block_size, mode, metadata2, no_discard_passdown,
                    policy, settings);
  }
};

class CacheTarget {
 public:
  static constexpr absl::string_view kType = "cache";

  // INVALID_ARGUMENT for what the kernel refuses: another block size, a policy's name over 15
  // bytes, more than 512 settings, a setting that the four policies do not know or that is no
  // number. And for a device given twice, which the kernel would take, and overwrite.
  static absl::StatusOr<CacheTarget> Create(CacheArgs args);
  // The parameters in the string that the kernel prints, which are those of the load, word by word;
  // only the devices are MAJOR:MINOR. DATA_LOSS when it is not understood.
  static absl::StatusOr<CacheTarget> Parse(absl::string_view params);

  const CacheArgs& args() const { return args_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // A zeroed metadata device is formatted by the load.
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit CacheTarget(CacheArgs args);

  CacheArgs args_;
};

enum class CacheState {
  kReadWrite,
  kReadOnly,
  kFailed,  // "Fail": metadata cannot be used any more
  kError,   // "Error": metadata could not be read for the status
};

struct CacheStatus {
  CacheState state = CacheState::kReadWrite;
  // All below but the tail mean nothing in states kFailed and kError, of which the kernel prints
  // one word only.
  sys::Sectors metadata_block_size;
  uint64_t used_metadata_blocks = 0;  // never over the total
  uint64_t total_metadata_blocks = 0;
  sys::Sectors block_size;
  uint64_t used_blocks = 0;  // never over the total
  uint64_t total_blocks = 0;
  uint64_t read_hits = 0, read_misses = 0, write_hits = 0, write_misses = 0;
  uint64_t demotions = 0, promotions = 0;
  uint64_t dirty_blocks = 0;
  std::optional<CacheMode> mode;  // nothing when it is one that is not known here
  bool metadata2 = false;
  bool no_discard_passdown = false;
  std::vector<std::string> other_features;
  std::vector<std::pair<std::string, std::string>> core_settings;
  std::string policy;
  std::vector<std::pair<std::string, std::string>> policy_settings;
  bool needs_check = false;
  // Words that newer kernels append.
  std::string unknown_tail;

  auto Fields() const {
    return std::tie(state, metadata_block_size, used_metadata_blocks, total_metadata_blocks,
                    block_size, used_blocks, total_blocks, read_hits, read_misses, write_hits,
                    write_misses, demotions, promotions, dirty_blocks, mode, metadata2,
                    no_discard_passdown, other_features, core_settings, policy, policy_settings,
                    needs_check, unknown_tail);
  }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<CacheStatus> ParseCacheStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_CACHE_H_
