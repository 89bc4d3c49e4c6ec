// SPDX-License-Identifier: Apache-2.0
// What cases of thin pools start from: a device for metadata and one for data, a pool "pool" on
// them, thin devices, and io that goes past the page cache. The metadata can be put behind the
// linear device "meta", which then grows, shrinks and fails.

#ifndef DMKIT_TESTING_CONFORMANCE_THIN_FIXTURE_H_
#define DMKIT_TESTING_CONFORMANCE_THIN_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {

inline constexpr uint64_t kBlock = 128;          // sectors of a block of data
inline constexpr uint64_t kMetadataBlock = 8;    // sectors
inline constexpr uint64_t kMetadataSize = 1024;  // blocks
inline constexpr size_t kSuperblockBytes = 4096;

class ThinTest : public DmTest {
 protected:
  // 1024 blocks for metadata, 512 for data.
  void SetUp() override;
  void TearDown() override;

  // ---- Pools.

  // "7:0 7:1 128 0" and what follows.
  std::string PoolLine(absl::string_view more = "") const;
  int LoadPool(uint64_t blocks = 16, absl::string_view more = "");
  // The pool "pool" of so many blocks of data, in use. A failure fails the case.
  void MakePool(uint64_t blocks = 16, absl::string_view more = "");
  // Loads and resumes.
  int ReloadPool(uint64_t blocks, absl::string_view more = "");
  int Send(absl::string_view message) { return Message("pool", message); }
  // How long writes wait for room, on this kernel until the case has ended. The model has no such
  // parameter, and its time costs nothing.
  void SetNoSpaceTimeout(uint32_t seconds);

  // ---- What is behind the metadata.

  // Puts "meta" before the first `blocks` of the metadata device. For pools that are made later.
  void PutMetaBetween(uint64_t blocks = kMetadataSize);
  void ResizeMeta(uint64_t blocks);
  void LoseMeta();  // all io to it fails
  void FailWritesOf(absl::string_view name, const ScratchDevice& disk, uint64_t sectors);
  void FailMetaWrites() { FailWritesOf("meta", meta_disk_, meta_blocks_ * kMetadataBlock); }
  void MendMeta() { ResizeMeta(meta_blocks_); }
  // The first bytes of the metadata, as the device has them.
  std::string Superblock() { return ReadBytes(meta_disk_.path, 0, kMetadataBlock); }
  // Writes them with a good checksum.
  void SealSuperblock(std::string bytes);
  void WriteSuperblock(const std::string& bytes);
  static uint64_t U64(const std::string& bytes, size_t at);
  static uint32_t U32(const std::string& bytes, size_t at);

  // ---- Thin devices.

  // "254:0 1".
  std::string ThinLine(absl::string_view id) { return Number("pool") + " " + std::string(id); }
  // A thin device in use, of 16 blocks, with an id that is made, or is there.
  void MakeThin(absl::string_view name, absl::string_view id, uint64_t blocks = 16);
  void UseThin(absl::string_view name, absl::string_view id, uint64_t blocks = 16);

  // ---- Texts.

  // Of the only target: status, table.
  std::string Info(absl::string_view name, uint32_t flags = 0);
  std::string TableLine(absl::string_view name) { return Info(name, DM_STATUS_TABLE_FLAG); }
  // A word of the pool's status; "" when there are not so many.
  std::string Word(size_t number, uint32_t flags = 0);
  std::string UsedData(uint32_t flags = 0) { return Word(2, flags); }  // "0/16"
  // "rw discard_passdown queue_if_no_space -".
  std::string Mode(uint32_t flags = 0);
  uint32_t Events() { return Status("pool").event(); }
  bool IsInternallySuspended(absl::string_view name) {
    return (FlagsOf(name) & DM_INTERNAL_SUSPEND_FLAG) != 0;
  }

  // ---- Io past the page cache, in sectors. 0 or a negative errno.
  int Write(absl::string_view name, uint64_t sector, uint64_t sectors, char fill);
  int Flush(absl::string_view name);
  int Discard(absl::string_view name, uint64_t sector, uint64_t sectors);
  // What the sectors hold: "aab" for two of a's and one of b's, '.' for zeros, '?' for what is not
  // the same byte all over; or "EIO".
  std::string Read(absl::string_view name, uint64_t sector, uint64_t sectors);
  int WriteBytes(absl::string_view path, uint64_t sector, absl::string_view bytes);
  std::string ReadBytes(absl::string_view path, uint64_t sector, uint64_t sectors);
  // All of the first `blocks` of the data device.
  void SoilData(uint64_t blocks = 16);

  ScratchDevice meta_disk_, data_disk_;
  // As the line of a pool has them.
  std::string metadata_, data_;

 private:
  uint64_t meta_blocks_ = kMetadataSize;
  std::string timeout_before_;
};

inline constexpr absl::string_view kReadyMode = "rw discard_passdown queue_if_no_space -";

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_THIN_FIXTURE_H_
