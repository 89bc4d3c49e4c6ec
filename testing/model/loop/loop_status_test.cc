// SPDX-License-Identifier: Apache-2.0
// What can be set and read of a bound device.

#include "testing/model/loop/loop_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::Values;

// struct loop_info.
constexpr size_t kOldBytes = 168;

class LoopStatusTest : public BothLoopTest {};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopStatusTest, Values(&Linux61(), &Linux612()), ProfileName);

TEST_P(LoopStatusTest, UnboundIsEnxioAndNullIsEinvalBefore) {
  ASSERT_EQ(Open(0), 0);
  InfoBytes info;
  EXPECT_EQ(GetStatus(&info), -ENXIO);
  EXPECT_EQ(Call(0x4C05, 0), -EINVAL);
  EXPECT_EQ(Call(0x4C03, 0), -EINVAL);
  EXPECT_EQ(SetStatus(info), -ENXIO);
  EXPECT_EQ(Call(0x4C07, 0), -ENXIO);
  EXPECT_EQ(Call(0x4C08, 1), -ENXIO);
  EXPECT_EQ(Call(0x4C09, 512), -ENXIO);
}

TEST_P(LoopStatusTest, GetStatusFillsTheWholeStruct) {
  ASSERT_EQ(Open(3), 0);
  const std::string long_name(64, 'n');
  ASSERT_EQ(Configure(ConfigBytes(kFile).Offset(512).SizeLimit(1024).Name(long_name)), 0);
  InfoBytes info;
  info.bytes.assign(232, '\x5a');
  ASSERT_EQ(GetStatus(&info), 0);
  InfoBytes expected;
  expected.Put<uint64_t>(0, (300 & 0xff) | (259 << 8) | ((300 & ~0xff) << 12));
  expected.Put<uint64_t>(8, 77).Offset(512).SizeLimit(1024).Put<uint32_t>(40, 3);
  expected.Name(std::string(63, 'n'));
  EXPECT_EQ(info.bytes, expected.bytes);
}

TEST_P(LoopStatusTest, TheOldStructHoldsTheSame) {
  ASSERT_EQ(Open(3), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Offset(512).Flags(4).Name("name")), 0);
  InfoBytes old(kOldBytes);
  old.bytes.assign(kOldBytes, '\x5a');
  ASSERT_EQ(CallBytes(0x4C03, old), 0);
  InfoBytes expected(kOldBytes);
  expected.Put<uint32_t>(0, 3).Put<uint64_t>(16, 77).Put<uint32_t>(32, 512).Put<uint32_t>(44, 4);
  expected.Put<uint64_t>(8, (300 & 0xff) | (259 << 8) | ((300 & ~0xff) << 12));
  expected.bytes.replace(48, 4, "name");
  EXPECT_EQ(old.bytes, expected.bytes);
}

TEST_P(LoopStatusTest, TheOldStructCannotHoldLargeOffsets) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Offset(uint64_t{1} << 31)), 0);
  InfoBytes old(kOldBytes);
  EXPECT_EQ(CallBytes(0x4C03, old), -EOVERFLOW);
}

TEST_P(LoopStatusTest, SetStatusOfTheOldStructSignExtendsAndIgnoresEncryption) {
  Bind();
  InfoBytes old(kOldBytes);
  old.Put<int32_t>(32, -1);
  EXPECT_EQ(CallBytes(0x4C02, old), -EOVERFLOW);
  old.Put<int32_t>(32, 1024).Put<int32_t>(36, 5).Put<int32_t>(40, 99);
  EXPECT_EQ(CallBytes(0x4C02, old), 0);
  EXPECT_EQ(device().sectors(), kFileBytes / 512 - 2);
}

TEST_P(LoopStatusTest, MemoryThatIsNotThereIsEfault) {
  Bind();
  InfoBytes cut(231);
  EXPECT_EQ(CallBytes(0x4C04, cut), -EFAULT);
  EXPECT_EQ(CallBytes(0x4C05, cut), -EFAULT);
  InfoBytes old_cut(167);
  EXPECT_EQ(CallBytes(0x4C02, old_cut), -EFAULT);
  EXPECT_EQ(CallBytes(0x4C03, old_cut), -EFAULT);
}

TEST_P(LoopStatusTest, OtherUsersNeedAWritableDescriptor) {
  Bind();
  process.user = 1000;
  ASSERT_EQ(Open(0, /*write=*/false), 0);
  InfoBytes cut(1);
  EXPECT_EQ(CallBytes(0x4C04, cut, 1), -EPERM);
  EXPECT_EQ(CallBytes(0x4C02, cut, 1), -EPERM);
  EXPECT_EQ(Call(0x4C07, 0, 1), -EPERM);
  EXPECT_EQ(Call(0x4C08, 0, 1), -EPERM);
  EXPECT_EQ(Call(0x4C09, 512, 1), -EPERM);
  EXPECT_EQ(Call(0x4C07, 0, 0), 0);
  process.user = 0;
  EXPECT_EQ(Call(0x4C07, 0, 1), 0);
}

TEST_P(LoopStatusTest, SetStatusTakesTwoFlagsAndClearsOne) {
  ASSERT_EQ(Open(0), 0);
  file->direct_io_bytes = 512;
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(1 | 16)), 0);
  EXPECT_EQ(SetStatus(InfoBytes().Flags(0xff)), 0);
  EXPECT_EQ(FlagsOf(), 1u | 4u | 8u | 16u);
  EXPECT_EQ(SetStatus(InfoBytes()), 0);
  EXPECT_EQ(FlagsOf(), 1u | 8u | 16u);
}

TEST_P(LoopStatusTest, SetStatusRefusesWhatConfigureRefuses) {
  Bind();
  EXPECT_EQ(SetStatus(InfoBytes().KeySize(33)), -EINVAL);
  EXPECT_EQ(SetStatus(InfoBytes().EncryptType(18)), -EINVAL);
  EXPECT_EQ(SetStatus(InfoBytes().Offset(uint64_t{1} << 63)), -EOVERFLOW);
  EXPECT_EQ(SetStatus(InfoBytes().SizeLimit(~uint64_t{0})), -EOVERFLOW);
  EXPECT_EQ(device().sectors(), kFileBytes / 512);
}

TEST_P(LoopStatusTest, SetStatusReplacesOffsetAndLimitAndSaysThatTheSizeChanged) {
  Bind();
  EXPECT_EQ(SetStatus(InfoBytes().Offset(1024).SizeLimit(4096)), 0);
  EXPECT_EQ(device().sectors(), 8u);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0 RESIZE=1"));
  EXPECT_EQ(SetStatus(InfoBytes().Offset(1024).SizeLimit(4096).Flags(8)), 0);
  EXPECT_THAT(TakeUevents(), IsEmpty());
  EXPECT_EQ(SetStatus(InfoBytes()), 0);
  EXPECT_EQ(device().sectors(), kFileBytes / 512);
}

TEST_P(LoopStatusTest, AChangedOffsetWritesBackAndForgetsThePageCache) {
  Bind();
  ASSERT_EQ(device().BufferedWrite(0, "here"), 0);
  ASSERT_EQ(SetStatus(InfoBytes().Offset(512)), 0);
  char seen[4];
  ASSERT_EQ(device().BufferedRead(0, absl::MakeSpan(seen)), 0);
  EXPECT_EQ(absl::string_view(seen, 4), absl::string_view("\0\0\0\0", 4));
  file->bytes.Read(0, absl::MakeSpan(seen));
  EXPECT_EQ(absl::string_view(seen, 4), "here");
}

TEST_P(LoopStatusTest, SetCapacityTakesTheSizeOfTheFile) {
  Bind();
  file->bytes.Resize(2 * kFileBytes);
  EXPECT_EQ(device().sectors(), kFileBytes / 512);
  EXPECT_EQ(Call(0x4C07, 0), 0);
  EXPECT_EQ(device().sectors(), 2 * kFileBytes / 512);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0 RESIZE=1"));
  EXPECT_EQ(Call(0x4C07, 0), 0);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0"));
  file->bytes.Resize(512);
  EXPECT_EQ(Call(0x4C07, 0), 0);
  EXPECT_EQ(device().sectors(), 1u);
  file->bytes.Resize(0);
  TakeUevents();
  EXPECT_EQ(Call(0x4C07, 0), 0);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0")) << "to nothing is no resize";
}

TEST_P(LoopStatusTest, ClaimsRefuseTheBlockSizeAndNothingElse) {
  Bind();
  const int claim = 0;
  ASSERT_EQ(Open(0, true, &claim), 0);
  EXPECT_EQ(Call(0x4C09, 512, 0), -EBUSY);
  EXPECT_EQ(Call(0x4C09, 512, 1), 0);
  EXPECT_EQ(Call(0x4C07, 0, 0), 0);
  EXPECT_EQ(Call(0x4C08, 0, 0), 0);
  EXPECT_EQ(SetStatus(InfoBytes(), 0), 0);
}

TEST_P(LoopStatusTest, BlockSizeIsAPowerOfTwoUpToAPage) {
  Bind();
  for (const uint64_t size : {256u, 1000u, 8192u}) EXPECT_EQ(Call(0x4C09, size), -EINVAL) << size;
  EXPECT_EQ(Call(0x4C09, 4096), 0);
  EXPECT_EQ(device().limits().logical_block_bytes, 4096u);
  EXPECT_THAT(TakeUevents(), IsEmpty());
}

TEST_P(LoopStatusTest, BlockSizeZeroAndBeyond32BitsAreTakenByTheNewKernel) {
  Bind();
  ASSERT_EQ(Call(0x4C09, 4096), 0);
  EXPECT_EQ(Call(0x4C09, 0), is_new() ? 0 : -EINVAL);
  EXPECT_EQ(device().limits().logical_block_bytes, is_new() ? 512u : 4096u);
  EXPECT_EQ(Call(0x4C09, (uint64_t{1} << 32) + 1024), is_new() ? 0 : -EINVAL);
  EXPECT_EQ(device().limits().logical_block_bytes, is_new() ? 1024u : 4096u);
}

TEST_P(LoopStatusTest, DirectIoIsEinvalWhenItCannotBeReached) {
  Bind();
  EXPECT_EQ(Call(0x4C08, 1), -EINVAL);
  EXPECT_EQ(Call(0x4C08, 0), 0);
  file->direct_io_bytes = 512;
  EXPECT_EQ(Call(0x4C08, 1), 0);
  EXPECT_EQ(FlagsOf(), 16u);
  ASSERT_EQ(SetStatus(InfoBytes().Offset(100)), 0);
  EXPECT_EQ(FlagsOf(), 0u) << "the offset is not aligned";
  file->direct_io_bytes = 4096;
  ASSERT_EQ(SetStatus(InfoBytes()), 0);
  EXPECT_EQ(Call(0x4C08, 1), -EINVAL) << "blocks of 512";
  EXPECT_EQ(Call(0x4C09, 4096), 0);
  EXPECT_EQ(Call(0x4C08, 1), 0);
}

TEST_P(LoopStatusTest, UnknownRequestIsEinval) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C0B, 0), -EINVAL);
  EXPECT_EQ(Call(0x1234, 0), -EINVAL);
}

TEST_P(LoopStatusTest, SysfsShowsABoundDeviceOnly) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_THAT(device().Attributes(), IsEmpty());
  ASSERT_EQ(Configure(ConfigBytes(kFile).Offset(512).SizeLimit(1024).Flags(4 | 8)), 0);
  EXPECT_THAT(device().Attributes(),
              ElementsAre(Pair("loop/backing_file", "/pool/data\n"), Pair("loop/offset", "512\n"),
                          Pair("loop/sizelimit", "1024\n"), Pair("loop/autoclear", "1\n"),
                          Pair("loop/partscan", "1\n"), Pair("loop/dio", "0\n")));
}

}  // namespace
}  // namespace dmkit::model
