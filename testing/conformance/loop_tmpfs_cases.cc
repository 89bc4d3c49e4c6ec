// SPDX-License-Identifier: Apache-2.0
// Backing files on a filesystem without a disk, where direct io is another one on each kernel.

#include <cerrno>
#include <string>

#include "sys/status.h"
#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopTmpfs : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    directory_ = machine().Directory() + "/tmpfs";
    ASSERT_TRUE(host().root->MakeDir(directory_, 0700).ok());
    sys::MountRequest request;
    request.source = "none";
    request.target = directory_;
    request.filesystem = "tmpfs";
    const auto mount = host().mounts->Mount(request);
    ASSERT_TRUE(mount.ok()) << mount.status();
    path_ = directory_ + "/f";
    sys::OpenOptions options;
    options.access = kReadWrite;
    options.create = true;
    const auto file = host().root->OpenFile(path_, options);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Truncate(kMiB).ok());
  }
  void TearDown() override {
    Detach(*Loop(0));
    EXPECT_TRUE(IsDetachedInTime(0));
    EXPECT_TRUE(host().mounts->Unmount(directory_, sys::UnmountMode::kNormal).ok());
    EXPECT_TRUE(host().root->RemoveDir(directory_).ok());
    LoopTest::TearDown();
  }

  // Flags that the device has when it was attached with DIRECT_IO.
  uint32_t FlagsAt(uint64_t offset) {
    const FilePtr loop = Loop(0);
    loop_config config{};
    config.info.lo_flags = LO_FLAGS_DIRECT_IO;
    config.info.lo_offset = offset;
    EXPECT_EQ(Configure(*loop, *Open(path_, kReadWrite), config), 0);
    return FlagsOf(*loop);
  }

  std::string directory_;
  std::string path_;
};

TEST_F(LoopTmpfs, TheDirectIoFlagIsDroppedAndSince612Taken) {
  EXPECT_EQ(FlagsAt(0), is_6_1() ? 0u : uint32_t{LO_FLAGS_DIRECT_IO});
  EXPECT_EQ(BlockBytesOf(*Loop(0)), 512u);
}

TEST_F(LoopTmpfs, AnOffsetThatIsNotAlignedIsFineForDirectIoSince612) {
  EXPECT_EQ(FlagsAt(100), is_6_1() ? 0u : uint32_t{LO_FLAGS_DIRECT_IO});
}

TEST_F(LoopTmpfs, SettingDirectIoGivesEinvalAndSince612Success) {
  Attach(0, path_);
  const FilePtr loop = Loop(0);
  EXPECT_EQ(Value(*loop, LOOP_SET_DIRECT_IO, 1), is_6_1() ? -EINVAL : 0);
  EXPECT_EQ(Attribute(0, "loop/dio"), is_6_1() ? "0" : "1");
}

TEST_F(LoopTmpfs, AFileCanBeOpenedForDirectIoSince612) {
  sys::OpenOptions options;
  options.access = kReadWrite;
  options.direct = true;
  const auto backing = host().root->OpenFile(path_, options);
  if (is_6_1()) {
    EXPECT_EQ(sys::GetErrno(backing.status()), EINVAL);
    return;
  }
  ASSERT_TRUE(backing.ok()) << backing.status();
  EXPECT_TRUE((*backing)->WriteAt(1, "x").ok());
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, **backing), 0);
  EXPECT_EQ(FlagsOf(*loop), uint32_t{LO_FLAGS_DIRECT_IO});
  EXPECT_EQ(BlockBytesOf(*loop), 512u);
}

TEST_F(LoopTmpfs, ReadsAndWritesGoThrough) {
  FlagsAt(0);
  const FilePtr loop = Loop(0);
  EXPECT_TRUE(loop->WriteAt(4096, std::string(512, 'x')).ok());
  EXPECT_TRUE(loop->Sync().ok());
  std::string back(512, '\0');
  const auto got = Open(path_)->ReadAt(4096, absl::MakeSpan(&back[0], back.size()));
  EXPECT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(back, std::string(512, 'x'));
}

}  // namespace
}  // namespace dmkit::conformance
