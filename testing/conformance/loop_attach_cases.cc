// SPDX-License-Identifier: Apache-2.0
// LOOP_SET_FD and LOOP_CONFIGURE.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "testing/conformance/guarded_ioctl.h"
#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopAttach : public LoopTest {
 protected:
  // The result of attaching a file of `bytes` to loop0 with `config`, and the size after it.
  int Try(loop_config config, uint64_t bytes = kMiB) {
    const FilePtr loop = Loop(0);
    const int result = Configure(*loop, *Open(File("f", bytes), kReadWrite), config);
    size_ = SizeOf(*loop);
    block_bytes_ = BlockBytesOf(*loop);
    return result;
  }

  uint64_t size_ = 0;
  uint32_t block_bytes_ = 0;
};

TEST_F(LoopAttach, SetFdTakesTheWholeFile) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(File("f", kMiB), kReadWrite)), 0);
  EXPECT_EQ(SizeOf(*loop), kMiB);
  EXPECT_EQ(FlagsOf(*loop), 0u);
}

TEST_F(LoopAttach, SetFdLeavesTheFileNameEmpty) {
  const std::string path = File("f", kMiB);
  Attach(0, path);
  loop_info64 info{};
  ASSERT_EQ(GetStatus(*Loop(0), &info), 0);
  EXPECT_EQ(info.lo_file_name[0], 0);
  EXPECT_EQ(Attribute(0, "loop/backing_file"), path);
}

TEST_F(LoopAttach, ConfigureTakesOffsetAndSizeLimit) {
  loop_config config{};
  config.info.lo_offset = 4096;
  config.info.lo_sizelimit = 8192;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(size_, 8192u);
}

TEST_F(LoopAttach, ALimitBeyondTheEndIsNoLimit) {
  loop_config config{};
  config.info.lo_offset = 4096;
  config.info.lo_sizelimit = 2 * kMiB;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(size_, kMiB - 4096);
}

TEST_F(LoopAttach, AnOffsetNeedsNoAlignment) {
  loop_config config{};
  config.info.lo_offset = 1000;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(size_, (kMiB - 1000) / 512 * 512);
}

TEST_F(LoopAttach, AnOffsetBehindTheEndGivesSizeZero) {
  loop_config config{};
  config.info.lo_offset = 2 * kMiB;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(size_, 0u);
}

TEST_F(LoopAttach, ATailShorterThanASectorIsLeftOut) {
  ASSERT_EQ(Try({}, 1000), 0);
  EXPECT_EQ(size_, 512u);
}

TEST_F(LoopAttach, AnOffsetBeyondTheLargestFileGivesEoverflow) {
  loop_config config{};
  config.info.lo_offset = uint64_t{1} << 63;
  EXPECT_EQ(Try(config), -EOVERFLOW);
  --config.info.lo_offset;
  EXPECT_EQ(Try(config), 0);
}

TEST_F(LoopAttach, ASizeLimitBeyondTheLargestFileGivesEoverflow) {
  loop_config config{};
  config.info.lo_sizelimit = uint64_t{1} << 63;
  EXPECT_EQ(Try(config), -EOVERFLOW);
  --config.info.lo_sizelimit;
  EXPECT_EQ(Try(config), 0);
}

TEST_F(LoopAttach, AnUnknownFlagGivesEinval) {
  loop_config config{};
  config.info.lo_flags = 2;
  EXPECT_EQ(Try(config), -EINVAL);
  config.info.lo_flags = 32;
  EXPECT_EQ(Try(config), -EINVAL);
}

TEST_F(LoopAttach, AnEncryptionTypeGivesEinval) {
  loop_config config{};
  config.info.lo_encrypt_type = 1;
  EXPECT_EQ(Try(config), -EINVAL);
}

TEST_F(LoopAttach, AKeyTooLongGivesEinval) {
  loop_config config{};
  config.info.lo_encrypt_key_size = 33;
  EXPECT_EQ(Try(config), -EINVAL);
  config.info.lo_encrypt_key_size = LO_KEY_SIZE;
  EXPECT_EQ(Try(config), 0);
}

TEST_F(LoopAttach, ABlockSizeIsAPowerOfTwoUpToAPage) {
  for (const uint32_t wrong : {1u, 256u, 511u, 1000u, 8192u}) {
    loop_config config{};
    config.block_size = wrong;
    EXPECT_EQ(Try(config), -EINVAL) << wrong;
  }
}

TEST_F(LoopAttach, TheBlockSizeIsTheDevices) {
  loop_config config{};
  config.block_size = 4096;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(block_bytes_, 4096u);
}

TEST_F(LoopAttach, TheDefaultBlockSizeIsASector) {
  ASSERT_EQ(Try({}), 0);
  EXPECT_EQ(block_bytes_, 512u);
}

TEST_F(LoopAttach, ReservedBytesAreNotLookedAt) {
  loop_config config{};
  std::memset(config.__reserved, 0x5a, sizeof(config.__reserved));
  EXPECT_EQ(Try(config), 0);
}

TEST_F(LoopAttach, ABoundDeviceGivesEbusy) {
  const std::string path = File("f", kMiB);
  Attach(0, path);
  EXPECT_EQ(SetFd(*Loop(0), *Open(path, kReadWrite)), -EBUSY);
  EXPECT_EQ(Configure(*Loop(0), *Open(path, kReadWrite)), -EBUSY);
}

TEST_F(LoopAttach, AClosedDescriptorGivesEbadfEvenOnABoundDevice) {
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_FD, 4000), -EBADF);
  Attach(0, File("f", kMiB));
  EXPECT_EQ(Value(*Loop(0), LOOP_SET_FD, 4000), -EBADF);
}

TEST_F(LoopAttach, AConfigurationThatCannotBeReadGivesEfault) {
  EXPECT_EQ(Value(*Loop(0), LOOP_CONFIGURE, 0), -EFAULT);
}

TEST_F(LoopAttach, AFileAndADeviceAreTakenAndNothingElse) {
  EXPECT_EQ(SetFd(*Loop(0), *Open("/dev/null", kReadWrite)), -EINVAL);
  EXPECT_EQ(SetFd(*Loop(0), *Open("/dev/loop-control", kReadWrite)), -EINVAL);
}

TEST_F(LoopAttach, ALoopOnItselfGivesEbadf) {
  const FilePtr loop = Loop(0);
  EXPECT_EQ(SetFd(*loop, *loop), -EBADF);
}

TEST_F(LoopAttach, ALoopOnAnUnboundLoopGivesEinval) {
  EXPECT_EQ(SetFd(*Loop(0), *Loop(1)), -EINVAL);
}

TEST_F(LoopAttach, ALoopOnABoundLoopIsFine) {
  Attach(1, File("f", kMiB));
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Loop(1)), 0);
  EXPECT_EQ(SizeOf(*loop), kMiB);
  // The upper one goes first.
  EXPECT_EQ(Detach(*loop), 0);
}

TEST_F(LoopAttach, AReadOnlyFileMakesAReadOnlyDevice) {
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, *Open(File("f", kMiB), kRead)), 0);
  EXPECT_TRUE(IsReadOnly(*loop));
  EXPECT_EQ(FlagsOf(*loop), uint32_t{LO_FLAGS_READ_ONLY});
}

TEST_F(LoopAttach, AReadOnlyDescriptorOfTheLoopMakesAReadOnlyDevice) {
  const FilePtr loop = Loop(0, kRead);
  ASSERT_EQ(SetFd(*loop, *Open(File("f", kMiB), kReadWrite)), 0);
  EXPECT_TRUE(IsReadOnly(*loop));
}

TEST_F(LoopAttach, TheReadOnlyFlagMakesAReadOnlyDevice) {
  loop_config config{};
  config.info.lo_flags = LO_FLAGS_READ_ONLY;
  const FilePtr loop = Loop(0);
  ASSERT_EQ(Configure(*loop, *Open(File("f", kMiB), kReadWrite), config), 0);
  EXPECT_TRUE(IsReadOnly(*loop));
}

TEST_F(LoopAttach, ADeviceThatSomebodyElseHoldsGivesEbusy) {
  const FilePtr holder = HeldLoop(0);
  const FilePtr backing = Open(File("f", kMiB), kReadWrite);
  EXPECT_EQ(SetFd(*Loop(0), *backing), -EBUSY);
  EXPECT_EQ(Configure(*Loop(0), *backing), -EBUSY);
}

TEST_F(LoopAttach, TheExclusiveHolderItselfMayAttach) {
  const FilePtr holder = HeldLoop(0);
  EXPECT_EQ(SetFd(*holder, *Open(File("f", kMiB), kReadWrite)), 0);
}

TEST_F(LoopAttach, TheFileNameIsWhatTheCallerSays) {
  loop_config config{};
  std::memset(config.info.lo_file_name, 'n', LO_NAME_SIZE);
  ASSERT_EQ(Try(config), 0);
  loop_info64 info{};
  ASSERT_EQ(GetStatus(*Loop(0), &info), 0);
  // The last byte is a NUL whatever was given.
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(info.lo_file_name)),
            std::string(LO_NAME_SIZE - 1, 'n'));
}

TEST_F(LoopAttach, OneFileMayHaveTwoLoops) {
  const std::string path = File("f", kMiB);
  Attach(0, path);
  Attach(1, path);
  EXPECT_EQ(SizeOf(*Loop(1)), kMiB);
}

TEST_F(LoopAttach, AttachingSendsOneChangeEvent) {
  // Not one that another case's failed attempt has made silent.
  const FilePtr loop = Loop(3);
  const FilePtr backing = Open(File("f", kMiB), kReadWrite);
  machine().TakeUevents();
  ASSERT_EQ(SetFd(*loop, *backing), 0);
  std::vector<std::string> events;
  EXPECT_TRUE(InTime([&] {
    for (std::string& event : machine().TakeUevents()) events.push_back(std::move(event));
    return !events.empty();
  }));
  EXPECT_EQ(events, std::vector<std::string>{"change loop3"});
}

TEST_F(LoopAttach, ADirectoryGivesEinval) {
  EXPECT_EQ(SetFd(*Loop(0), *Open(machine().Directory())), -EINVAL);
}

TEST_F(LoopAttach, AFailureLeavesItUnbound) {
  loop_config config{};
  config.info.lo_flags = 2;
  EXPECT_EQ(Try(config), -EINVAL);
  EXPECT_EQ(StatusError(*Loop(0)), -ENXIO);
  EXPECT_EQ(size_, 0u);
  config.info.lo_flags = 0;
  EXPECT_EQ(Try(config), 0);
}

TEST_F(LoopAttach, AWrongBlockSizeSilencesItsUeventsSince612) {
  const FilePtr control = Control();
  ASSERT_EQ(Value(*control, LOOP_CTL_ADD, 11), 11);
  loop_config config{};
  config.block_size = 1000;
  const std::string path = File("f", kMiB);
  EXPECT_EQ(Configure(*Loop(11), *Open(path, kReadWrite), config), -EINVAL);
  EXPECT_EQ(StatusError(*Loop(11)), -ENXIO);
  TakeUevents();
  ASSERT_EQ(Value(*control, LOOP_CTL_REMOVE, 11), 0);
  const std::vector<std::string> events = {"remove loop11"};
  EXPECT_EQ(TakeUevents(), is_6_1() ? events : std::vector<std::string>{});
}

TEST_F(LoopAttach, SuccessEndsTheSilence) {
  loop_config config{};
  config.block_size = 1000;
  EXPECT_EQ(Try(config), -EINVAL);
  TakeUevents();
  EXPECT_EQ(Try({}), 0);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"change loop0"});
}

TEST_F(LoopAttach, AutoclearAndPartscanAreTaken) {
  loop_config config{};
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
  {
    const FilePtr loop = Loop(0);
    ASSERT_EQ(Configure(*loop, *Open(File("f", kMiB), kReadWrite), config), 0);
    EXPECT_EQ(FlagsOf(*loop), config.info.lo_flags);
  }
  EXPECT_TRUE(IsDetachedInTime(0));
}

TEST_F(LoopAttach, TheDirectIoFlagIsTaken) {
  loop_config config{};
  config.info.lo_flags = LO_FLAGS_DIRECT_IO;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(FlagsOf(*Loop(0)), uint32_t{LO_FLAGS_DIRECT_IO});
}

TEST_F(LoopAttach, TheDirectIoFlagIsDroppedWhereItCannotBe) {
  loop_config config{};
  config.info.lo_flags = LO_FLAGS_DIRECT_IO;
  config.info.lo_offset = 100;
  ASSERT_EQ(Try(config), 0);
  EXPECT_EQ(FlagsOf(*Loop(0)), 0u);
}

TEST_F(LoopAttach, AFileThatIsOpenForDirectIoSetsTheFlag) {
  sys::OpenOptions options;
  options.access = kReadWrite;
  options.direct = true;
  const auto backing = host().root->OpenFile(File("f", kMiB), options);
  ASSERT_TRUE(backing.ok()) << backing.status();
  const FilePtr loop = Loop(0);
  ASSERT_EQ(SetFd(*loop, **backing), 0);
  EXPECT_EQ(FlagsOf(*loop), uint32_t{LO_FLAGS_DIRECT_IO});
}

TEST_F(LoopAttach, TheSequenceNumberOfTheDiskGrows) {
  const auto sequence = [this] {
    uint64_t number = 0;
    EXPECT_TRUE(absl::SimpleAtoi(Attribute(0, "diskseq"), &number));
    return number;
  };
  const uint64_t before = sequence();
  Attach(0, File("f", kMiB));
  EXPECT_GT(sequence(), before);
}

TEST_F(LoopAttach, ABoundDeviceComesBeforeTheFile) {
  Attach(0, File("f", kMiB));
  EXPECT_EQ(SetFd(*Loop(0), *Loop(1)), -EBUSY);
}

TEST_F(LoopAttach, TheFileComesBeforeTheFlags) {
  loop_config config{};
  config.info.lo_offset = uint64_t{1} << 63;
  const FilePtr loop = Loop(0);
  EXPECT_EQ(Configure(*loop, *loop, config), -EBADF);
  config.info.lo_flags = 2;
  EXPECT_EQ(Try(config), -EINVAL);
}

TEST_F(LoopAttach, AFileWithoutReadsComesBeforeTheStateSince612) {
  Attach(0, File("f", kMiB));
  EXPECT_EQ(SetFd(*Loop(0), *Open("/dev/loop-control", kReadWrite)), is_6_1() ? -EBUSY : -EINVAL);
}

}  // namespace
}  // namespace dmkit::conformance
