// SPDX-License-Identifier: Apache-2.0

#include "testing/model/sparse_bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace dmkit::model {
namespace {

class SparseBytesTest : public ::testing::Test {
 protected:
  std::string Read(uint64_t offset, size_t length) const {
    std::string bytes(length, '?');
    bytes_.Read(offset, absl::MakeSpan(&bytes[0], length));
    return bytes;
  }
  void LosePower(Unsynced unsynced = Unsynced::kLost) { bytes_.LosePower(unsynced, random_); }

  SparseBytes bytes_;
  std::mt19937_64 random_{1};
};

TEST_F(SparseBytesTest, WhatWasNeverWrittenIsZero) {
  bytes_.Resize(uint64_t{1} << 50);
  bytes_.Write((uint64_t{1} << 49) - 2, "abcd");
  EXPECT_EQ(Read((uint64_t{1} << 49) - 3, 6), std::string("\0abcd\0", 6));
  EXPECT_EQ(bytes_.allocated(), 2 * 4096u);
}

TEST_F(SparseBytesTest, WritesGrow) {
  bytes_.Write(5000, "x");
  EXPECT_EQ(bytes_.size(), 5001u);
  bytes_.Write(0, "");
  EXPECT_EQ(bytes_.size(), 5001u);
}

TEST_F(SparseBytesTest, DataIsWherePagesAre) {
  const auto next = [this](uint64_t offset) {
    uint64_t begin = 0;
    uint64_t end = 0;
    return bytes_.NextData(offset, &begin, &end) ? absl::StrCat(begin, "-", end) : "none";
  };
  EXPECT_EQ(next(0), "none");
  bytes_.Write(5000, std::string(8000, 'x'));
  bytes_.Write(40000, "x");
  bytes_.Resize(100000);
  EXPECT_EQ(next(0), "4096-16384");
  EXPECT_EQ(next(5001), "5001-16384");
  EXPECT_EQ(next(16384), "36864-40960");
  EXPECT_EQ(next(40960), "none");
  bytes_.Resize(40001);
  EXPECT_EQ(next(40000), "40000-40001");
  EXPECT_EQ(next(40001), "none");
  EXPECT_EQ(next(~uint64_t{0}), "none");
}

TEST_F(SparseBytesTest, ZeroFreesWholePages) {
  bytes_.Write(0, std::string(3 * 4096, 'x'));
  bytes_.Zero(1, 2 * 4096);
  EXPECT_EQ(bytes_.allocated(), 2 * 4096u);
  EXPECT_EQ(Read(0, 1) + Read(2 * 4096 + 1, 1), "xx");
  EXPECT_EQ(Read(1, 2 * 4096), std::string(2 * 4096, '\0'));
  bytes_.Zero(0, ~uint64_t{0});
  EXPECT_EQ(bytes_.allocated(), 0u);
  EXPECT_EQ(bytes_.size(), 3 * 4096u);
}

TEST_F(SparseBytesTest, WhatIsCutOffStaysGone) {
  bytes_.Write(0, "abcdef");
  bytes_.Resize(3);
  bytes_.Resize(6);
  EXPECT_EQ(Read(0, 6), std::string("abc\0\0\0", 6));
}

TEST_F(SparseBytesTest, PowerLossKeepsWhatWasSynced) {
  bytes_.Write(0, "old");
  bytes_.Write(8192, "old");
  bytes_.Sync();
  EXPECT_TRUE(bytes_.is_synced());
  bytes_.Write(0, "new");
  bytes_.Zero(8192, 3);
  bytes_.Write(20000, "new");
  EXPECT_FALSE(bytes_.is_synced());
  LosePower();
  EXPECT_EQ(Read(0, 3) + Read(8192, 3), "oldold");
  EXPECT_EQ(bytes_.size(), 8195u);
  EXPECT_EQ(Read(20000, 3), std::string(3, '\0'));
}

TEST_F(SparseBytesTest, PowerLossBringsBackWhatWasCutOff) {
  bytes_.Write(0, std::string(5000, 'x'));
  bytes_.Sync();
  bytes_.Resize(10);
  LosePower();
  EXPECT_EQ(Read(0, 5000), std::string(5000, 'x'));
}

TEST_F(SparseBytesTest, SyncedRangeSurvivesAlone) {
  bytes_.Write(0, "aaaa");
  bytes_.Resize(20000);
  bytes_.Sync();
  bytes_.Write(0, "bbbb");
  bytes_.Write(8192, "bbbb");
  bytes_.SyncRange(8192, 4);
  bytes_.SyncRange(0, 0);
  LosePower();
  EXPECT_EQ(Read(0, 4) + Read(8192, 4), "aaaabbbb");
}

TEST_F(SparseBytesTest, PowerLossMayKeepAllOrAChoiceOfPages) {
  bytes_.Resize(64 * 4096);
  bytes_.Sync();
  for (uint64_t page = 0; page < 64; ++page) bytes_.Write(page * 4096, "x");
  SparseBytes all = bytes_;
  all.LosePower(Unsynced::kKept, random_);
  EXPECT_EQ(all.allocated(), 64 * 4096u);
  LosePower(Unsynced::kSomeKept);
  EXPECT_GT(bytes_.allocated(), 0u);
  EXPECT_LT(bytes_.allocated(), 64 * 4096u);
  EXPECT_TRUE(bytes_.is_synced());
}

TEST_F(SparseBytesTest, KeptPagesPastALostSizeAreCutOff) {
  bytes_.Write(0, "x");
  bytes_.Sync();
  for (int i = 0; i < 20; ++i) {
    bytes_.Write(100, "yyyy");
    bytes_.Write(9000, "z");
    LosePower(Unsynced::kSomeKept);
    const uint64_t size = bytes_.size();
    bytes_.Resize(10000);
    EXPECT_EQ(Read(size, 10000 - size), std::string(10000 - size, '\0'));
    bytes_.Resize(1);
    bytes_.Sync();
  }
}

TEST_F(SparseBytesTest, PagesThatChangedAreKnownUntilTheSync) {
  bytes_.Write(4096, "a");
  bytes_.Write(3 * 4096, "b");
  bytes_.Sync();
  EXPECT_TRUE(bytes_.UnsyncedPages().empty());
  bytes_.Zero(4096, 4096);
  bytes_.Write(2 * 4096, "c");
  EXPECT_EQ(bytes_.UnsyncedPages(), (std::vector<uint64_t>{1, 2}));
  EXPECT_FALSE(bytes_.HasPage(1));
  EXPECT_TRUE(bytes_.HasPage(2));
  EXPECT_TRUE(bytes_.HasPage(3));
}

}  // namespace
}  // namespace dmkit::model
