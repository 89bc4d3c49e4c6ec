// SPDX-License-Identifier: Apache-2.0
// What the tests of pool metadata share: a disk of 1024 blocks with a pool of 64 KiB blocks on it.

#ifndef DMKIT_TESTING_MODEL_THIN_METADATA_FIXTURE_H_
#define DMKIT_TESTING_MODEL_THIN_METADATA_FIXTURE_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/device_number.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/profile.h"
#include "testing/model/thin/metadata_format.h"
#include "testing/model/thin/thin_check.h"
#include "testing/model/thin/thin_metadata.h"

namespace dmkit::model {

inline constexpr uint64_t kPoolBlockSectors = 128;

// A machine with a metadata device, and what stands on it.
class MetadataMachine {
 public:
  explicit MetadataMachine(uint64_t blocks = 1024)
      : core_(Linux61(), 1), disk_(core_, {8, 0}, "sda", blocks * kMetadataBlockBytes) {}

  Disk& disk() { return disk_; }
  PoolMetadata& metadata() { return *metadata_; }
  std::vector<std::string> Check() { return CheckThinMetadata(disk_); }

  int Open(bool format = true) {
    metadata_.reset();
    return PoolMetadata::Open(disk_, kPoolBlockSectors, format, &metadata_);
  }
  // Closes, and opens again.
  int Reopen() {
    const int result = metadata_->Close();
    return result == 0 ? Open(false) : result;
  }
  // Opens on a new disk, with room for data.
  void Make(uint64_t data_blocks = 10000) {
    ASSERT_EQ(Open(), 0);
    ASSERT_EQ(metadata_->ResizeDataDev(data_blocks), 0);
    ASSERT_EQ(metadata_->Commit(), 0);
  }
  void LosePower(Unsynced unsynced) {
    metadata_.reset();
    disk_.SetFault(nullptr);
    disk_.LosePower(unsynced);
  }

  // What a write to [begin, end) of a thin device does to the metadata.
  int Provision(uint32_t id, uint64_t begin, uint64_t end) {
    ThinDevice* device = nullptr;
    int result = metadata_->OpenThinDevice(id, &device);
    if (result != 0) return result;
    for (uint64_t block = begin; block < end && result == 0; ++block) {
      ThinLookup lookup;
      if (metadata_->FindBlock(*device, block, &lookup) == 0 && !lookup.shared) continue;
      uint64_t data_block = 0;
      result = metadata_->AllocDataBlock(&data_block);
      if (result == 0) result = metadata_->InsertBlock(*device, block, data_block);
    }
    metadata_->CloseThinDevice(*device);
    return result;
  }
  int Discard(uint32_t id, uint64_t begin, uint64_t end) {
    ThinDevice* device = nullptr;
    int result = metadata_->OpenThinDevice(id, &device);
    if (result != 0) return result;
    result = metadata_->RemoveRange(*device, begin, end);
    metadata_->CloseThinDevice(*device);
    return result;
  }
  // The data block of a block of a thin device; -1 when it is not mapped.
  int64_t Mapped(uint32_t id, uint64_t block) {
    ThinDevice* device = nullptr;
    if (metadata_->OpenThinDevice(id, &device) != 0) return -1;
    ThinLookup lookup;
    const int result = metadata_->FindBlock(*device, block, &lookup);
    metadata_->CloseThinDevice(*device);
    return result == 0 ? static_cast<int64_t>(lookup.block) : -1;
  }
  // All that a pool knows of its devices, as text: to compare states.
  std::string Describe() {
    uint64_t transaction = 0;
    EXPECT_EQ(metadata_->GetTransactionId(&transaction), 0);
    std::vector<ThinState> thins;
    EXPECT_EQ(metadata_->ListThins(&thins), 0);
    std::string text = absl::StrCat("transaction ", transaction, "\n");
    for (const ThinState& thin : thins) {
      absl::StrAppend(&text, thin.id, ": ", thin.mapped_blocks, " ", thin.creation_time, " ",
                      thin.snapshotted_time);
      ThinDevice* device = nullptr;
      EXPECT_EQ(metadata_->OpenThinDevice(thin.id, &device), 0);
      ThinRange range;
      while (metadata_->FindMappedRange(*device, range.end, ~uint64_t{0}, &range) == 0) {
        absl::StrAppend(&text, " ", range.begin, "-", range.end, "@", range.data_begin);
      }
      metadata_->CloseThinDevice(*device);
      absl::StrAppend(&text, "\n");
    }
    return text;
  }

  std::array<char, kMetadataBlockBytes> ReadBlock(uint64_t number) {
    std::array<char, kMetadataBlockBytes> block;
    EXPECT_EQ(disk_.Read(number * kMetadataBlockBytes, absl::MakeSpan(block)), 0);
    return block;
  }
  // As it is, or with its checksum made right.
  void WriteBlock(uint64_t number, const std::array<char, kMetadataBlockBytes>& block) {
    EXPECT_EQ(
        disk_.Write(number * kMetadataBlockBytes, absl::string_view(block.data(), block.size())),
        0);
  }
  void SealBlock(uint64_t number, BlockKind kind, std::array<char, kMetadataBlockBytes> block) {
    Put32(block.data(), BlockChecksum(kind, block.data()));
    WriteBlock(number, block);
  }
  uint64_t UsedMetadata() {
    uint64_t free = 0;
    uint64_t total = 0;
    EXPECT_EQ(metadata_->FreeMetadataBlockCount(&free), 0);
    EXPECT_EQ(metadata_->MetadataDevSize(&total), 0);
    return total - free;
  }
  uint64_t FreeData() {
    uint64_t free = 0;
    EXPECT_EQ(metadata_->FreeBlockCount(&free), 0);
    return free;
  }

 private:
  Core core_;
  Disk disk_;
  std::unique_ptr<PoolMetadata> metadata_;
};

class MetadataTest : public ::testing::Test {
 protected:
  MetadataMachine machine_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_METADATA_FIXTURE_H_
