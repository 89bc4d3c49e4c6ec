// SPDX-License-Identifier: Apache-2.0
// LOOP_SET_FD, LOOP_CONFIGURE and LOOP_CHANGE_FD: which errno comes first, and what they leave.

#include "testing/model/loop/loop_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Values;

class LoopConfigureTest : public BothLoopTest {};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopConfigureTest, Values(&Linux61(), &Linux612()), ProfileName);

TEST_P(LoopConfigureTest, SetFdBindsWithOneChangeEventAndANewSequence) {
  ASSERT_EQ(Open(0), 0);
  const uint64_t sequence = device().disk_sequence();
  EXPECT_EQ(Call(0x4C00, kFile), 0);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0"));
  EXPECT_GT(device().disk_sequence(), sequence);
  EXPECT_EQ(device().sectors(), kFileBytes / 512);
  EXPECT_FALSE(device().read_only());
  EXPECT_EQ(FlagsOf(), 0u);
}

TEST_P(LoopConfigureTest, ConfigureThatCannotBeReadIsEfault) {
  ASSERT_EQ(Open(0), 0);
  InfoBytes cut(303);
  EXPECT_EQ(CallBytes(0x4C0A, cut), -EFAULT);
  EXPECT_EQ(Call(0x4C0A, 0), -EFAULT);
}

TEST_P(LoopConfigureTest, DescriptorThatIsNotOpenIsEbadfEvenOfABoundDevice) {
  Bind();
  EXPECT_EQ(Call(0x4C00, 99), -EBADF);
  EXPECT_EQ(Configure(ConfigBytes(99)), -EBADF);
}

TEST_P(LoopConfigureTest, BoundDeviceIsEbusyBeforeBadFlags) {
  Bind();
  EXPECT_EQ(Call(0x4C00, kFile), -EBUSY);
  EXPECT_EQ(Configure(ConfigBytes(kFile).Flags(2)), -EBUSY);
}

TEST_P(LoopConfigureTest, ClaimOfSomebodyElseIsEbusyEvenUnbound) {
  const int claim = 0;
  ASSERT_EQ(Open(0, true, &claim), 0);
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C00, kFile, 1), -EBUSY);
  EXPECT_EQ(Call(0x4C00, kFile, 0), 0) << "the claim's own descriptor";
}

TEST_P(LoopConfigureTest, LoopOnItselfIsEbadfAndOnAnUnboundOneEinval) {
  ASSERT_EQ(Open(0), 0);
  Opener opener;
  BlockHandle self;
  ASSERT_EQ(OpenBlockDevice(*core, {kLoopMajor, 0}, opener, &self), 0);
  process.files[11] = std::make_shared<FakeNode>(OpenMode{}, std::move(self));
  BlockHandle other;
  ASSERT_EQ(OpenBlockDevice(*core, {kLoopMajor, 1}, opener, &other), 0);
  process.files[12] = std::make_shared<FakeNode>(OpenMode{}, std::move(other));
  EXPECT_EQ(Call(0x4C00, 11), -EBADF);
  EXPECT_EQ(Call(0x4C00, 12), -EINVAL);
}

TEST_P(LoopConfigureTest, LoopOnABoundLoopWorksAndACircleDoesNot) {
  Bind();
  Opener opener;
  BlockHandle lower;
  ASSERT_EQ(OpenBlockDevice(*core, {kLoopMajor, 0}, opener, &lower), 0);
  process.files[11] = std::make_shared<FakeNode>(OpenMode{}, std::move(lower));
  ASSERT_EQ(Open(1), 0);
  EXPECT_EQ(Call(0x4C00, 11, 1), 0);
  EXPECT_EQ(device(1).sectors(), kFileBytes / 512);
}

TEST_P(LoopConfigureTest, NeitherFileNorBlockDeviceIsEinval) {
  ASSERT_EQ(Open(0), 0);
  for (const sys::FileType type : {sys::FileType::kDirectory, sys::FileType::kCharDevice,
                                   sys::FileType::kFifo, sys::FileType::kSocket}) {
    AddFile(20, 4096, {true, false, false, false})->stat.type = type;
    EXPECT_EQ(Call(0x4C00, 20), -EINVAL);
  }
}

TEST_P(LoopConfigureTest, DirectoryBeatsEbusyOnTheNewKernelOnly) {
  Bind();
  AddFile(20, 4096, {true, false, false, false})->stat.type = sys::FileType::kDirectory;
  EXPECT_EQ(Call(0x4C00, 20), is_new() ? -EINVAL : -EBUSY);
}

TEST_P(LoopConfigureTest, OnlyFourFlagsAreTaken) {
  ASSERT_EQ(Open(0), 0);
  for (const uint32_t flags : {2u, 32u, 0x80000000u, 0xffu}) {
    EXPECT_EQ(Configure(ConfigBytes(kFile).Flags(flags)), -EINVAL) << flags;
  }
  EXPECT_EQ(Configure(ConfigBytes(kFile).Flags(1 | 4 | 8)), 0);
  EXPECT_EQ(FlagsOf(), 1u | 4u | 8u);
}

TEST_P(LoopConfigureTest, EncryptionIsEinvalAndHugeOffsetsEoverflow) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Configure(ConfigBytes(kFile).KeySize(33)), -EINVAL);
  EXPECT_EQ(Configure(ConfigBytes(kFile).EncryptType(1)), -EINVAL);
  EXPECT_EQ(Configure(ConfigBytes(kFile).Offset(uint64_t{1} << 63)), -EOVERFLOW);
  EXPECT_EQ(Configure(ConfigBytes(kFile).SizeLimit(uint64_t{1} << 63)), -EOVERFLOW);
  EXPECT_THAT(TakeUevents(), IsEmpty());
  EXPECT_EQ(Configure(ConfigBytes(kFile).KeySize(32)), 0);
}

TEST_P(LoopConfigureTest, BadBlockSizeIsEinvalAndMutesTheNewKernel) {
  ASSERT_EQ(Open(0), 0);
  for (const uint32_t size : {256u, 513u, 8192u, 0xffffffffu}) {
    EXPECT_EQ(Configure(ConfigBytes(kFile).BlockSize(size)), -EINVAL) << size;
  }
  EXPECT_EQ(device().sectors(), 0u);
  EXPECT_EQ(device().SendUevent("change", {}), !is_new());
  EXPECT_EQ(Configure(ConfigBytes(kFile).BlockSize(4096)), 0);
  EXPECT_TRUE(device().SendUevent("change", {}));
  EXPECT_EQ(device().limits().logical_block_bytes, 4096u);
}

TEST_P(LoopConfigureTest, ReadOnlyIsForcedByTheFileOrTheDescriptor) {
  AddFile(20, 4096, {true, false, false, false});
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Call(0x4C00, 20), 0);
  EXPECT_EQ(FlagsOf(), 1u);
  EXPECT_TRUE(device().read_only());
  ASSERT_EQ(Open(1, /*write=*/false), 0);
  ASSERT_EQ(Call(0x4C00, kFile, 1), 0);
  EXPECT_EQ(FlagsOf(1), 1u);
}

TEST_P(LoopConfigureTest, SizeIsWhatFollowsTheOffsetUpToTheLimitInWholeSectors) {
  const struct {
    uint64_t file, offset, limit, sectors;
  } kCases[] = {{1000, 0, 0, 1},       {4096, 100, 0, 7},  {4096, 4096, 0, 0},
                {4096, 5000, 0, 0},    {4096, 0, 1024, 2}, {4096, 0, 9000, 8},
                {4096, 3584, 1024, 1}, {511, 0, 0, 0},     {4096, 512, 1000, 1}};
  uint32_t number = 0;
  for (const auto& test : kCases) {
    AddFile(20, test.file, {true, true, false, false});
    ASSERT_EQ(Open(number), 0);
    EXPECT_EQ(Configure(ConfigBytes(20).Offset(test.offset).SizeLimit(test.limit), number), 0);
    EXPECT_EQ(device(number).sectors(), test.sectors) << number;
    ++number;
  }
}

TEST_P(LoopConfigureTest, DirectIoIsDroppedSilentlyWhenImpossible) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Configure(ConfigBytes(kFile).Flags(16)), 0);
  EXPECT_EQ(FlagsOf(), 0u);
  file->direct_io_bytes = 512;
  ASSERT_EQ(Open(1), 0);
  EXPECT_EQ(Configure(ConfigBytes(kFile).Flags(16), 1), 0);
  EXPECT_EQ(FlagsOf(1), 16u);
}

TEST_P(LoopConfigureTest, DirectIoChoosesTheBlockSizeOfTheFilesDevice) {
  const auto direct = AddFile(20, 1 << 20, {true, true, true, false});
  direct->direct_io_bytes = 4096;
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Call(0x4C00, 20), 0);
  EXPECT_EQ(device().limits().logical_block_bytes, is_new() ? 512u : 4096u);
  file->direct_io_bytes = 4096;
  ASSERT_EQ(Open(1), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(16), 1), 0);
  EXPECT_EQ(device(1).limits().logical_block_bytes, is_new() ? 4096u : 512u);
}

TEST_P(LoopConfigureTest, ChangeFdNeedsAReadOnlyDeviceAndAFileOfItsSize) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C06, 99), -EBADF);
  EXPECT_THAT(TakeUevents(), IsEmpty());
  EXPECT_EQ(Call(0x4C06, kFile), -ENXIO);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0"));
  ASSERT_EQ(Call(0x4C00, kFile), 0);
  EXPECT_EQ(Call(0x4C06, kFile), -EINVAL);
  ASSERT_EQ(Open(1), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(1), 1), 0);
  AddFile(20, kFileBytes - 512, {true, false, false, false});
  TakeUevents();
  EXPECT_EQ(Call(0x4C06, 20, 1), -EINVAL);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop1"));
}

TEST_P(LoopConfigureTest, ChangeFdShowsTheOtherFile) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(1)), 0);
  const auto other = AddFile(20, kFileBytes, {true, true, false, false});
  other->bytes.Write(0, "other");
  char seen[5];
  ASSERT_EQ(device().BufferedRead(0, absl::MakeSpan(seen)), 0);
  EXPECT_EQ(Call(0x4C06, 20), 0);
  ASSERT_EQ(device().BufferedRead(0, absl::MakeSpan(seen)), 0);
  EXPECT_EQ(absl::string_view(seen, 5), "other");
  EXPECT_EQ(FlagsOf(), 1u) << "a file that can be written changes nothing";
}

}  // namespace
}  // namespace dmkit::model
