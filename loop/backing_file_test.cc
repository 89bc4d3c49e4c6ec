// SPDX-License-Identifier: Apache-2.0
// Which files may be attached, and which are refused before any loop device is touched.

#include "loop/backing_file.h"

#include <cerrno>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/scripted_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class BackingFileTest : public ::testing::Test {
 protected:
  absl::StatusOr<BackingFile> Open(absl::string_view path = testing::ScriptedHost::kImage) {
    return OpenBackingFile(host_, path, options_);
  }
  std::string MessageOfOpen(absl::string_view path = testing::ScriptedHost::kImage) {
    return std::string(Open(path).status().message());
  }
  void AddSpecial(const std::string& path, sys::FileType type) {
    kernel_.AddFile(path, 7, 4096);
    kernel_.files[path].type = type;
  }

  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
  AttachOptions options_;
};

TEST_F(BackingFileTest, RegularFileIsKnownByDeviceAndInode) {
  const auto backing = Open();
  ASSERT_THAT(backing, IsOk());
  EXPECT_EQ(backing->identity.device, (sys::DeviceNumber{254, 1}));
  EXPECT_EQ(backing->identity.inode, 100u);
  EXPECT_EQ(backing->identity.rdevice, sys::DeviceNumber());
}

TEST_F(BackingFileTest, NameIsTheRealPath) {
  kernel_.links["/current"] = testing::ScriptedHost::kImage;
  const auto backing = Open("/current");
  ASSERT_THAT(backing, IsOk());
  EXPECT_EQ(backing->real_path, testing::ScriptedHost::kImage);
}

TEST_F(BackingFileTest, BlockDeviceIsKnownByItsNumber) {
  kernel_.AddNode("/dev/vdb", {254, 16});
  kernel_.files["/dev/vdb"].size_bytes = 1 << 20;
  const auto backing = Open("/dev/vdb");
  ASSERT_THAT(backing, IsOk());
  StatusReply status;
  status.device = {0, 99};
  status.inode = 12345;
  status.rdevice = {254, 16};
  EXPECT_TRUE(SameBackingFile(backing->identity, status));
  status.rdevice = {254, 17};
  EXPECT_FALSE(SameBackingFile(backing->identity, status));
}

TEST_F(BackingFileTest, FilesDifferByInodeDeviceAndKind) {
  const BackingIdentity file{{254, 1}, 100, {}};
  StatusReply status;
  status.device = {254, 1};
  status.inode = 100;
  EXPECT_TRUE(SameBackingFile(file, status));
  status.inode = 101;
  EXPECT_FALSE(SameBackingFile(file, status));
  status.inode = 100;
  status.device = {254, 2};
  EXPECT_FALSE(SameBackingFile(file, status));
  status.device = {254, 1};
  status.rdevice = {8, 0};
  EXPECT_FALSE(SameBackingFile(file, status));
}

TEST_F(BackingFileTest, OpensForWritingUnlessReadOnly) {
  kernel_.open_errors[testing::ScriptedHost::kImage] = EROFS;
  EXPECT_THAT(Open(), FailsWithErrno(EROFS));
  EXPECT_THAT(MessageOfOpen(), HasSubstr("attach it read-only"));
  kernel_.open_errors[testing::ScriptedHost::kImage] = EACCES;
  EXPECT_THAT(Open(), FailsWithErrno(EACCES));
  EXPECT_THAT(MessageOfOpen(), HasSubstr("attach it read-only"));
  options_.read_only = true;
  EXPECT_THAT(MessageOfOpen(), Not(HasSubstr("attach it read-only")));
}

TEST_F(BackingFileTest, FilesystemWithoutDirectIoIsEinvalWithTheReason) {
  options_.direct_io = true;
  EXPECT_THAT(Open(), IsOk());
  kernel_.open_errors[testing::ScriptedHost::kImage] = EINVAL;
  EXPECT_THAT(Open(), FailsWithErrno(EINVAL));
  EXPECT_THAT(MessageOfOpen(), HasSubstr("no direct I/O"));
}

TEST_F(BackingFileTest, MissingFileIsEnoent) {
  EXPECT_THAT(Open("/images/none"), FailsWithErrno(ENOENT));
  EXPECT_THAT(MessageOfOpen("/images/none"), HasSubstr("/images/none"));
  EXPECT_THAT(IdentifyBackingFile(host_, "/images/none"), FailsWithErrno(ENOENT));
}

TEST_F(BackingFileTest, DirectoryIsEisdirWhateverTheAccess) {
  AddSpecial("/images", sys::FileType::kDirectory);
  EXPECT_THAT(Open("/images"), FailsWithErrno(EISDIR));
  options_.read_only = true;
  EXPECT_THAT(Open("/images"), FailsWithErrno(EISDIR));
}

TEST_F(BackingFileTest, SpecialFilesAreEinvalAndNotOpened) {
  for (const auto type :
       {sys::FileType::kFifo, sys::FileType::kCharDevice, sys::FileType::kSocket}) {
    AddSpecial("/special", type);
    kernel_.open_errors["/special"] = EIO;
    EXPECT_THAT(Open("/special"), FailsWithErrno(EINVAL));
  }
}

TEST_F(BackingFileTest, EmptyFileIsRefusedAndSaysSo) {
  kernel_.AddFile("/images/empty", 7, 0);
  EXPECT_THAT(Open("/images/empty"), FailsWithCode(kInvalid));
  EXPECT_THAT(MessageOfOpen("/images/empty"), HasSubstr("/images/empty: is empty"));
  kernel_.AddNode("/dev/vdb", {254, 16});
  EXPECT_THAT(Open("/dev/vdb"), FailsWithCode(kInvalid));
}

TEST_F(BackingFileTest, FileWithoutASectorBehindTheOffsetIsRefused) {
  kernel_.AddFile("/images/small", 7, 511);
  EXPECT_THAT(Open("/images/small"), FailsWithCode(kInvalid));
  kernel_.AddFile("/images/small", 7, 512);
  EXPECT_THAT(Open("/images/small"), IsOk());
  options_.offset = sys::Bytes(1);
  EXPECT_THAT(Open("/images/small"), FailsWithCode(kInvalid));
  options_.offset = sys::Bytes(512);
  EXPECT_THAT(Open("/images/small"), FailsWithCode(kInvalid));
  options_.offset = sys::Bytes(~uint64_t{0});
  EXPECT_THAT(Open("/images/small"), FailsWithCode(kInvalid));
}

TEST_F(BackingFileTest, PathMustBeAbsolute) {
  EXPECT_THAT(CheckBackingPath("/a"), IsOk());
  for (const absl::string_view path : {absl::string_view(""), absl::string_view("a"),
                                       absl::string_view("./a"), absl::string_view("/a\0b", 4)}) {
    EXPECT_THAT(CheckBackingPath(path), FailsWithCode(kInvalid)) << path;
  }
}

}  // namespace
}  // namespace dmkit::loop
