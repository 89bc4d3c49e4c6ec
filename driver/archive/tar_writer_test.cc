// SPDX-License-Identifier: Apache-2.0
// Tests of the tar writer where an export does not lead: limits, and calls in a wrong order.

#include "driver/archive/tar_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "driver/archive/test_archive.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::FileType;
using ::dmkit::sys::IsOk;
using ::testing::IsEmpty;

class TarWriterTest : public ::testing::Test {
 protected:
  TarWriterTest() : tar_(*TarWriter::Create(sink_, nullptr)) {}

  static TarHead Head(const std::string& name, FileType type, uint64_t size = 0) {
    TarHead head;
    head.name = name;
    head.stat.type = type;
    head.stat.size_bytes = size;
    return head;
  }
  TestArchive Read(bool with_data = true) { return ReadTestArchive(sink_.data(), with_data); }

  sys::StringSink sink_;
  std::unique_ptr<TarWriter> tar_;
};

TEST_F(TarWriterTest, LargeNumbersAreKept) {
  TarHead head = Head("n", FileType::kCharDevice);
  head.stat.uid = 4294967294;
  head.stat.gid = 4294967293;
  head.stat.rdevice = {4095, 1048575};
  head.stat.modified = absl::FromUnixSeconds(int64_t{1} << 34);
  ASSERT_THAT(tar_->Begin(head), IsOk());
  ASSERT_THAT(tar_->Finish(), IsOk());
  const TestArchive archive = Read();
  ASSERT_EQ(archive.entries.size(), 1u) << archive.error;
  EXPECT_EQ(archive.entries[0].uid, 4294967294);
  EXPECT_EQ(archive.entries[0].gid, 4294967293);
  EXPECT_EQ(archive.entries[0].major, 4095);
  EXPECT_EQ(archive.entries[0].minor, 1048575);
  EXPECT_EQ(archive.entries[0].mtime, int64_t{1} << 34);
}

TEST_F(TarWriterTest, ALinkHasNoDataHoweverLongItsFileIs) {
  TarHead head = Head("b", FileType::kRegular, 100);
  head.hard_link = "a";
  ASSERT_THAT(tar_->Begin(head), IsOk());
  ASSERT_THAT(tar_->Finish(), IsOk());
  EXPECT_EQ(Read().entries[0].hard_link, "a");
}

TEST_F(TarWriterTest, MissingDataIsRefusedAndNothingMoreIsWritten) {
  ASSERT_THAT(tar_->Begin(Head("f", FileType::kRegular, 4)), IsOk());
  ASSERT_THAT(tar_->Data("abc"), IsOk());
  EXPECT_THAT(tar_->Begin(Head("g", FileType::kRegular)), FailsWithErrno(EINVAL));
  EXPECT_THAT(tar_->Data("d"), FailsWithErrno(EINVAL));
  EXPECT_THAT(tar_->Finish(), FailsWithErrno(EINVAL));
  tar_.reset();
  EXPECT_THAT(sink_.data(), IsEmpty());
}

TEST_F(TarWriterTest, FinishRefusesAnEntryWithoutItsData) {
  ASSERT_THAT(tar_->Begin(Head("f", FileType::kRegular, 1)), IsOk());
  EXPECT_THAT(tar_->Finish(), FailsWithErrno(EINVAL));
  tar_.reset();
  EXPECT_THAT(sink_.data(), IsEmpty());
}

TEST_F(TarWriterTest, MoreDataThanTheSizeIsRefused) {
  ASSERT_THAT(tar_->Begin(Head("f", FileType::kRegular, 2)), IsOk());
  EXPECT_THAT(tar_->Data("abc"), FailsWithErrno(EINVAL));
}

TEST_F(TarWriterTest, WhatIsNotFinishedHasNoEnd) {
  ASSERT_THAT(tar_->Begin(Head("f", FileType::kRegular, 100 << 10)), IsOk());
  ASSERT_THAT(tar_->Data(std::string(100 << 10, 'x')), IsOk());
  tar_.reset();
  EXPECT_NE(Read().error, "");
}

TEST_F(TarWriterTest, ASocketIsRefused) {
  EXPECT_THAT(tar_->Begin(Head("s", FileType::kSocket)), FailsWithErrno(EINVAL));
}

TEST_F(TarWriterTest, XattrsThatNoReaderTakesAreRefused) {
  TarHead head = Head("f", FileType::kRegular);
  for (int i = 0; i < 15; ++i)
    head.xattrs.push_back(
        {"user." + std::string(1, static_cast<char>('a' + i)), std::string(65536, 'v')});
  ASSERT_THAT(tar_->Begin(head), IsOk());
  head.xattrs.push_back({"user.z", std::string(65536, 'v')});
  EXPECT_THAT(tar_->Begin(head), FailsWithErrno(E2BIG));
}

TEST_F(TarWriterTest, TheMostXattrsThatAreWrittenCanBeRead) {
  TarHead head = Head("f", FileType::kRegular);
  for (int i = 0; i < 15; ++i)
    head.xattrs.push_back(
        {"user." + std::string(1, static_cast<char>('a' + i)), std::string(65536, 'v')});
  ASSERT_THAT(tar_->Begin(head), IsOk());
  ASSERT_THAT(tar_->Finish(), IsOk());
  const TestArchive archive = Read();
  ASSERT_EQ(archive.error, "");
  EXPECT_EQ(archive.entries[0].xattrs.size(), 15u);
}

}  // namespace
}  // namespace dmkit::driver
