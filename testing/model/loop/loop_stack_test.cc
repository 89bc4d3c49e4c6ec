// SPDX-License-Identifier: Apache-2.0
// Loop devices in the whole model: a filesystem in a file, through the seam.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/status_matchers.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"

namespace dmkit::model {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr unsigned long kSetFd = 0x4C00;
constexpr unsigned long kClearFd = 0x4C01;
constexpr uint64_t kImageBytes = uint64_t{64} << 20;

class LoopStackTest : public ::testing::TestWithParam<const Profile*> {
 protected:
  std::unique_ptr<sys::File> Open(const std::string& path, bool create = false) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = create;
    auto file = kernel_.host().root->OpenFile(path, options);
    EXPECT_THAT(file.status(), IsOk()) << path;
    return file.ok() ? *std::move(file) : nullptr;
  }
  std::string Read(const std::string& path) {
    auto file = kernel_.host().root->OpenFile(path, {});
    if (!file.ok()) return std::string(file.status().message());
    char bytes[64];
    return std::string(bytes, *(*file)->ReadAt(0, absl::MakeSpan(bytes)));
  }
  void Bind() {
    const auto image = Open("/image", /*create=*/true);
    ASSERT_THAT(image->Truncate(kImageBytes), IsOk());
    ASSERT_THAT(image->Sync(), IsOk());
    ASSERT_THAT((*kernel_.host().root->OpenDir("/"))->Sync(), IsOk());
    BindAgain();
  }
  void BindAgain() {
    const auto image = Open("/image");
    ASSERT_THAT(Open("/dev/loop0")->IoctlValue(kSetFd, static_cast<uint64_t>(image->descriptor())),
                IsOkAndHolds(0));
  }
  absl::Status Mount() {
    return kernel_.host().mounts->Mount({"/dev/loop0", "/mnt", "ext4", 0, ""}).status();
  }
  absl::Status Unmount(sys::UnmountMode mode = sys::UnmountMode::kNormal) {
    return kernel_.host().mounts->Unmount("/mnt", mode);
  }
  void MakeFilesystem() {
    const auto made =
        kernel_.host().processes->Run({"mkfs.ext4", "-q", "/dev/loop0"}, absl::Minutes(1));
    ASSERT_THAT(made.status(), IsOk());
    ASSERT_EQ(made->exit_status, 0) << made->output;
  }

  ModelKernel kernel_{*GetParam(), 1};
};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopStackTest, ::testing::Values(&Linux61(), &Linux612()),
                         [](const auto& param) {
                           return param.param == &Linux612() ? "v6_12" : "v6_1";
                         });

TEST_P(LoopStackTest, AFilesystemInAFileKeepsWhatWasSyncedOverAPowerLoss) {
  Bind();
  MakeFilesystem();
  ASSERT_THAT(Mount(), IsOk());
  {
    const auto file = Open("/mnt/kept", /*create=*/true);
    ASSERT_THAT(file->WriteAt(0, "kept"), IsOk());
    ASSERT_THAT(file->Sync(), IsOk());
    ASSERT_THAT(file->WriteAt(0, "lost"), IsOk());
  }
  kernel_.Reboot();
  EXPECT_THAT(kernel_.BoundLoops(), IsEmpty());
  BindAgain();
  ASSERT_THAT(Mount(), IsOk());
  EXPECT_EQ(Read("/mnt/kept"), "kept");
}

TEST_P(LoopStackTest, AMountHoldsTheLoopDeviceUntilItsLastUserIsGone) {
  Bind();
  MakeFilesystem();
  ASSERT_THAT(Mount(), IsOk());
  EXPECT_THAT(Open("/dev/loop0")->IoctlValue(kClearFd, 0), IsOkAndHolds(0));
  EXPECT_THAT(kernel_.BoundLoops(), ElementsAre("loop0 /image open 1"));
  auto file = Open("/mnt/a", /*create=*/true);
  EXPECT_THAT(Unmount(), FailsWithErrno(EBUSY));
  EXPECT_THAT(Unmount(sys::UnmountMode::kDetach), IsOk());
  ASSERT_THAT(file->WriteAt(0, "late"), IsOk());
  EXPECT_FALSE(kernel_.BoundLoops().empty());
  file = nullptr;
  EXPECT_THAT(kernel_.BoundLoops(), IsEmpty());
  EXPECT_THAT(kernel_.Leaks(), IsEmpty());
  BindAgain();
  ASSERT_THAT(Mount(), IsOk());
  EXPECT_EQ(Read("/mnt/a"), "late");
}

TEST_P(LoopStackTest, SysfsNamesTheBackingFileWhileItIsBound) {
  Bind();
  EXPECT_EQ(Read("/sys/block/loop0/loop/backing_file"), "/image\n");
  ASSERT_THAT(kernel_.host().root->Unlink("/image"), IsOk());
  EXPECT_EQ(Read("/sys/block/loop0/loop/backing_file"), "/image (deleted)\n");
  ASSERT_THAT(Open("/dev/loop0")->IoctlValue(kClearFd, 0), IsOkAndHolds(0));
  EXPECT_THAT(kernel_.host().root->Stat("/sys/block/loop0/loop").status(), FailsWithErrno(ENOENT));
}

TEST_P(LoopStackTest, AFileOnALoopFilesystemCanBeALoopDeviceToo) {
  Bind();
  MakeFilesystem();
  ASSERT_THAT(Mount(), IsOk());
  {
    const auto inner = Open("/mnt/inner", /*create=*/true);
    ASSERT_THAT(inner->Truncate(uint64_t{8} << 20), IsOk());
    const auto loop = Open("/dev/loop1");
    ASSERT_THAT(loop->IoctlValue(kSetFd, static_cast<uint64_t>(inner->descriptor())),
                IsOkAndHolds(0));
    ASSERT_THAT(loop->WriteAt(4096, "inner"), IsOk());
    ASSERT_THAT(loop->Sync(), IsOk());
  }
  kernel_.Reboot();
  BindAgain();
  ASSERT_THAT(Mount(), IsOk());
  char seen[5];
  ASSERT_THAT(Open("/mnt/inner")->ReadAt(4096, absl::MakeSpan(seen)), IsOkAndHolds(5u));
  EXPECT_EQ(absl::string_view(seen, 5), "inner");
}

}  // namespace
}  // namespace dmkit::model
