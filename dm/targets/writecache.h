// SPDX-License-Identifier: Apache-2.0
// The writecache target: writes go to a fast device first. Pure text, no system calls.
// Mirrors drivers/md/dm-writecache.c: writecache_ctr(), writecache_status(); read in v6.1 and
// v6.12.

#ifndef DMKIT_DM_TARGETS_WRITECACHE_H_
#define DMKIT_DM_TARGETS_WRITECACHE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

struct WritecacheArgs {
  // What kind of device the cache is: "p" or "s". Only for one that is mapped into memory (DAX):
  // with another one Linux 6.1 dereferences a null pointer in the load (seen on 6.1.192), and later
  // ones answer EOPNOTSUPP.
  bool persistent_memory = false;
  sys::DeviceNumber origin;
  sys::DeviceNumber cache;
  uint32_t block_bytes = 4096;  // 512 up to a page, a power of two

  std::optional<uint64_t> start_sector;    // where the cache starts on its device
  std::optional<uint32_t> high_watermark;  // in percent; 50
  std::optional<uint32_t> low_watermark;   // in percent; 45
  std::optional<uint32_t> writeback_jobs;
  std::optional<uint32_t> autocommit_blocks;
  std::optional<uint32_t> autocommit_ms;  // up to an hour
  std::optional<uint32_t> max_age_ms;     // up to a day
  bool cleaner = false;
  std::optional<bool> fua;  // with persistent memory only
  bool metadata_only = false;
  std::optional<uint32_t> pause_writeback_ms;  // up to a minute; not with persistent memory
  // Words of newer kernels. They come last.
  std::vector<std::string> other_options;

  auto Fields() const {
    return std::tie(persistent_memory, origin, cache, block_bytes, start_sector, high_watermark,
                    low_watermark, writeback_jobs, autocommit_blocks, autocommit_ms, max_age_ms,
                    cleaner, fua, metadata_only, pause_writeback_ms, other_options);
  }
};

class WritecacheTarget {
 public:
  static constexpr absl::string_view kType = "writecache";

  // INVALID_ARGUMENT for what the kernel refuses: blocks of other sizes (the largest page there is
  // has 64 KiB), percentages over 100 or a high watermark below the low one, times out of range,
  // options of the other kind of device, more than 18 words of options.
  static absl::StatusOr<WritecacheTarget> Create(WritecacheArgs args);
  // The parameters in the string that the kernel prints. DATA_LOSS when it is not understood.
  static absl::StatusOr<WritecacheTarget> Parse(absl::string_view params);

  const WritecacheArgs& args() const { return args_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // A cache device that starts with zeros is formatted by the load.
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit WritecacheTarget(WritecacheArgs args);

  WritecacheArgs args_;
};

// How often what happened since the table was loaded.
struct WritecacheCounters {
  uint64_t reads = 0, read_hits = 0;
  uint64_t writes = 0, write_hits_uncommitted = 0, write_hits_committed = 0;
  uint64_t writes_around = 0, writes_allocated = 0, writes_blocked = 0;
  uint64_t flushes = 0, discards = 0;
  auto Fields() const {
    return std::tie(reads, read_hits, writes, write_hits_uncommitted, write_hits_committed,
                    writes_around, writes_allocated, writes_blocked, flushes, discards);
  }
};

struct WritecacheStatus {
  bool has_error = false;
  uint64_t total_blocks = 0;
  uint64_t free_blocks = 0;
  uint64_t writeback_blocks = 0;               // being written back
  std::optional<WritecacheCounters> counters;  // since 5.15 (target version 1.6)
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const {
    return std::tie(has_error, total_blocks, free_blocks, writeback_blocks, counters, unknown_tail);
  }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<WritecacheStatus> ParseWritecacheStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_WRITECACHE_H_
