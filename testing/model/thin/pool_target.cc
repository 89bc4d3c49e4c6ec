// SPDX-License-Identifier: Apache-2.0
// The table line of a pool. Mirrors pool_ctr() of drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include "testing/model/thin/pool_target.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kBlockSectorsMin = 128;
constexpr uint64_t kBlockSectorsMax = 2097152;
constexpr uint32_t kFeaturesMax = 4;
constexpr uint64_t kMetadataBlockSectors = 8;
constexpr uint64_t kMetadataSectorsMax = uint64_t{255} * ((1 << 14) - 64) * kMetadataBlockSectors;
constexpr uint64_t kMetadataThresholdMax = 1024;

bool SetFeature(const std::string& word, PoolFeatures* features) {
  if (SameWord(word, "skip_block_zeroing")) {
    features->zero_new_blocks = false;
  } else if (SameWord(word, "ignore_discard")) {
    features->discard_enabled = false;
  } else if (SameWord(word, "no_discard_passdown")) {
    features->discard_passdown = false;
  } else if (SameWord(word, "read_only")) {
    features->mode = PoolMode::kReadOnly;
  } else if (SameWord(word, "error_if_no_space")) {
    features->error_if_no_space = true;
  } else {
    return false;
  }
  return true;
}

// parse_pool_features(). Words behind the declared ones are nobody's.
int ParseFeatures(const std::vector<std::string>& words, PoolFeatures* features) {
  constexpr size_t kCountAt = 4;
  if (words.size() == kCountAt) return 0;
  const std::optional<uint32_t> count = ScanWholeU32(words[kCountAt]);
  if (!count.has_value() || *count > kFeaturesMax) return -EINVAL;
  if (words.size() - kCountAt - 1 < *count) return -EINVAL;
  for (uint32_t i = 0; i < *count; ++i) {
    if (!SetFeature(words[kCountAt + 1 + i], features)) return -EINVAL;
  }
  return 0;
}

// The numbers behind the two devices.
int ParseSizes(const std::vector<std::string>& words, uint64_t* block_sectors,
               uint64_t* low_water_blocks) {
  const std::optional<uint64_t> block = KstrtoU64(words[2]);
  if (!block.has_value() || *block < kBlockSectorsMin || *block > kBlockSectorsMax ||
      *block % kBlockSectorsMin != 0) {
    return -EINVAL;
  }
  const std::optional<uint64_t> low_water = KstrtoU64(words[3]);
  if (!low_water.has_value()) return -EINVAL;
  *block_sectors = *block;
  *low_water_blocks = *low_water;
  return 0;
}

}  // namespace

uint64_t MetadataBlocks(const BlockDevice& metadata) {
  return std::min(metadata.sectors(), kMetadataSectorsMax) / kMetadataBlockSectors;
}

uint64_t MetadataThreshold(const BlockDevice& metadata) {
  return std::min(kMetadataThresholdMax, MetadataBlocks(metadata) / 4);
}

PoolTarget::PoolTarget(const TargetArguments& arguments, std::shared_ptr<Pool> pool,
                       std::shared_ptr<TableDevice> metadata, std::shared_ptr<TableDevice> data,
                       uint64_t low_water_blocks, const PoolFeatures& features)
    : Target(arguments),
      pool_(std::move(pool)),
      metadata_(std::move(metadata)),
      data_(std::move(data)),
      binding_{arguments.table, arguments.length, low_water_blocks, features, features} {}

PoolTarget::~PoolTarget() { pool_->Unbind(binding_); }

Discards PoolTarget::discards() const {
  const PoolFeatures& features = binding_.requested;
  return features.discard_enabled && features.discard_passdown ? Discards::kAlways
                                                               : Discards::kNever;
}

// pool_io_hints().
void PoolTarget::AdjustLimits(QueueLimits* limits) const {
  if (!binding_.adjusted.discard_enabled) {
    limits->discard_granularity_bytes = 0;
    return;
  }
  if (data_->device().limits().max_discard_sectors < pool_->block_sectors()) {
    binding_.adjusted.discard_passdown = false;
  }
  if (table().device().dm().profile().pool_discards_need_passdown &&
      !binding_.adjusted.discard_passdown) {
    limits->max_discard_sectors = 0;
  }
}

PoolType::PoolType(std::shared_ptr<PoolRegistry> registry)
    : TargetType("thin-pool", registry->dm.profile().thin_version,
                 kSingleton | kAlwaysWriteable | kImmutable | kMessages | kDevices),
      registry_(std::move(registry)) {}

int PoolType::Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const {
  const std::vector<std::string>& words = arguments.words;
  if (words.size() < 4 || words[0] == words[1]) return -EINVAL;
  PoolFeatures features;
  int error = ParseFeatures(words, &features);
  if (error != 0) return error;
  const bool read_only = features.mode == PoolMode::kReadOnly;
  std::shared_ptr<TableDevice> metadata;
  error = arguments.table.GetDevice(words[0], /*write=*/!read_only, &metadata);
  if (error != 0) return error;
  std::shared_ptr<TableDevice> data;
  error = arguments.table.GetDevice(words[1], /*write=*/true, &data);
  if (error != 0) return error;
  uint64_t block_sectors = 0;
  uint64_t low_water_blocks = 0;
  error = ParseSizes(words, &block_sectors, &low_water_blocks);
  if (error != 0) return error;
  const Pool::Parts parts{arguments.table.device(), metadata->device(), data->device(),
                          block_sectors, read_only};
  std::shared_ptr<Pool> pool;
  bool created = false;
  error = Pool::Find(registry_, parts, &pool, &created);
  if (error != 0) return error;
  if (!created && features.discard_enabled != pool->features().discard_enabled) return -EINVAL;
  error = pool->RegisterThreshold(MetadataThreshold(metadata->device()));
  if (error != 0) return error;
  *target = std::make_unique<PoolTarget>(arguments, std::move(pool), std::move(metadata),
                                         std::move(data), low_water_blocks, features);
  return 0;
}

}  // namespace dmkit::model
