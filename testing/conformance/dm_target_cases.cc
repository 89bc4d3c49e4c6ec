// SPDX-License-Identifier: Apache-2.0
// The targets linear, zero, error and striped: arguments, texts and bytes; and how arguments are
// split into words.

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmWords : public DmTest {
 protected:
  void SetUp() override {
    DmTest::SetUp();
    ASSERT_EQ(Create("a"), 0);
    disk_ = Device(64);
  }
  int Linear(absl::string_view params) { return Load("a", 8, "linear", params); }
  int Striped(absl::string_view params) { return Load("a", 64, "striped", params); }
  // All bytes of the device; "EIO" and such when that fails.
  std::string Read(absl::string_view name, uint64_t sector, uint64_t sectors) {
    const auto file = Open(Node(name));
    std::string bytes(sectors * kSectorBytes, '?');
    const auto got = file->ReadAt(sector * kSectorBytes, absl::MakeSpan(&bytes[0], bytes.size()));
    if (!got.ok()) return sys::ErrnoName(sys::GetErrno(got.status()));
    return bytes.substr(0, *got);
  }
  // 0 or a negative errno of writing and of making it durable.
  int Write(absl::string_view path, uint64_t sector, absl::string_view bytes) {
    const auto file = Open(path, sys::Access::kReadWrite);
    const absl::Status written = file->WriteAt(sector * kSectorBytes, bytes);
    return -sys::GetErrno(written.ok() ? file->Sync() : written);
  }
  // 0 or a negative errno of BLKDISCARD over the first eight sectors.
  int Discard(absl::string_view path) {
    constexpr unsigned long kDiscard = 0x1277;
    const uint64_t range[2] = {0, 8 * kSectorBytes};
    char bytes[sizeof(range)];
    std::memcpy(bytes, range, sizeof(bytes));
    const auto file = Open(path, sys::Access::kReadWrite);
    return -sys::GetErrno(file->Ioctl(kDiscard, absl::MakeSpan(bytes)).status());
  }
  static std::string Sectors(char c, size_t count) { return std::string(count * kSectorBytes, c); }

  ScratchDevice disk_;
};

class DmLinear : public DmWords {};
class DmZero : public DmWords {};
class DmErrorTarget : public DmWords {};
class DmStriped : public DmWords {};

TEST_F(DmWords, AreSplitAtAnySpace) { EXPECT_EQ(Linear(" \t\n" + disk_.number + "\v\f\r0 "), 0); }

TEST_F(DmWords, AreSplitAtByteA0) { EXPECT_EQ(Linear(disk_.number + "\xa0" + "0"), 0); }

TEST_F(DmWords, BackslashTakesTheNextByteAsItIs) {
  std::string escaped = disk_.number;
  escaped.insert(escaped.find(':'), "\\");
  EXPECT_EQ(Linear(escaped + " 0"), 0);
  // A space that is escaped does not end a word.
  EXPECT_EQ(Linear(disk_.number + "\\ 0"), -EINVAL);
}

TEST_F(DmWords, BackslashAtTheEndIsAWord) {
  EXPECT_EQ(Linear(disk_.number + " 0 \\"), -EINVAL);
  EXPECT_EQ(Load("a", 8, "error", "\\"), 0);
}

TEST_F(DmLinear, NeedsADeviceAndAnOffset) {
  EXPECT_EQ(Linear(""), -EINVAL);
  EXPECT_EQ(Linear(disk_.number), -EINVAL);
  EXPECT_EQ(Linear(disk_.number + " 0 0"), -EINVAL);
}

TEST_F(DmLinear, OffsetIsDecimalDigits) {
  for (const char* offset : {"-1", "+1", "0x8", "8s", "8.", "x"}) {
    EXPECT_EQ(Linear(disk_.number + " " + offset), -EINVAL) << offset;
  }
  EXPECT_EQ(Linear(disk_.number + " 0008"), 0);
}

TEST_F(DmLinear, OffsetWrapsAt64Bits) {
  ASSERT_EQ(Linear(disk_.number + " 18446744073709551616"), 0);
  EXPECT_EQ(Table("a", DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG),
            Lines{"0 8 linear " + disk_.number + " 0"});
}

TEST_F(DmLinear, OffsetIsLookedAtBeforeTheDevice) {
  EXPECT_EQ(Linear("240:0 x"), -EINVAL);
  EXPECT_EQ(Linear("240:0 0"), -ENXIO);
}

TEST_F(DmLinear, StatusIsEmptyAndTheTableHasItsNumber) {
  ASSERT_EQ(Linear(disk_.path + " 3"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Table("a", 0), Lines{"0 8 linear "});
  EXPECT_EQ(Table("a"), Lines{"0 8 linear " + disk_.number + " 3"});
}

TEST_F(DmLinear, MeasurementNamesVersionDeviceAndStart) {
  ASSERT_EQ(Linear(disk_.number + " 3"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Table("a", DM_IMA_MEASUREMENT_FLAG),
            Lines{absl::StrCat("0 8 linear target_name=linear,target_version=1.4.0,device_name=",
                               disk_.number, ",start=3;")});
}

TEST_F(DmLinear, MovesBytesByItsOffset) {
  ASSERT_EQ(Linear(disk_.number + " 16"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Write(Node("a"), 0, Sectors('x', 8)), 0);
  EXPECT_EQ(Read("a", 0, 8), Sectors('x', 8));
  const auto below = Open(disk_.path);
  std::string bytes(8 * kSectorBytes, '?');
  ASSERT_TRUE(below->ReadAt(16 * kSectorBytes, absl::MakeSpan(&bytes[0], bytes.size())).ok());
  EXPECT_EQ(bytes, Sectors('x', 8));
}

TEST_F(DmLinear, PassesDiscardsOn) {
  ASSERT_EQ(Linear(disk_.number + " 16"), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Write(Node("a"), 0, Sectors('x', 8)), 0);
  EXPECT_EQ(Discard(Node("a")), 0);
  EXPECT_EQ(Read("a", 0, 8), Sectors('\0', 8));
}

TEST_F(DmLinear, WriteThroughAWritableTableOnAReadOnlyDeviceGivesEio) {
  ScratchOptions options;
  options.is_read_only = true;
  const ScratchDevice disk = Device(64, options);
  ASSERT_EQ(Load("a", 8, "linear", disk.number + " 0"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Write(Node("a"), 0, Sectors('x', 8)), -EIO);
}

TEST_F(DmZero, TakesNoWord) {
  EXPECT_EQ(Load("a", 8, "zero", "x"), -EINVAL);
  EXPECT_EQ(Load("a", 8, "zero", " \t "), 0);
}

TEST_F(DmZero, TextsAreEmpty) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  for (const int flags : {0, DM_STATUS_TABLE_FLAG, DM_IMA_MEASUREMENT_FLAG}) {
    EXPECT_EQ(Table("a", static_cast<uint32_t>(flags)), Lines{"0 8 zero "}) << flags;
  }
}

TEST_F(DmZero, ReadsZerosAndForgetsWrites) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Write(Node("a"), 0, Sectors('x', 8)), 0);
  EXPECT_EQ(Read("a", 0, 8), Sectors('\0', 8));
}

TEST_F(DmZero, TakesDiscardsSince612) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Discard(Node("a")), is_6_1() ? -EOPNOTSUPP : 0);
}

TEST_F(DmErrorTarget, TakesAnyWords) {
  for (const char* params : {"", "one", "one two three"}) {
    EXPECT_EQ(Load("a", 8, "error", params), 0) << params;
  }
}

TEST_F(DmErrorTarget, TwoWordsAreADeviceSince612) {
  EXPECT_EQ(Load("a", 8, "error", "/dev/nosuch 0"), is_6_1() ? 0 : -ENOENT);
  EXPECT_EQ(Load("a", 8, "error", "240:0 0"), is_6_1() ? 0 : -ENXIO);
  EXPECT_EQ(Load("a", 8, "error", disk_.number + " x"), is_6_1() ? 0 : -EINVAL);
  ASSERT_EQ(Load("a", 8, "error", disk_.number + " 0"), 0);
  DmRequest deps;
  deps.Name("a").Flags(DM_QUERY_INACTIVE_TABLE_FLAG);
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, deps), 0);
  EXPECT_EQ(deps.U32(kResultAt), is_6_1() ? 0u : 1u);
}

TEST_F(DmErrorTarget, TextsAreEmpty) {
  ASSERT_EQ(Load("a", 8, "error", "one"), 0);
  ASSERT_EQ(Resume("a"), 0);
  for (const int flags : {0, DM_STATUS_TABLE_FLAG, DM_IMA_MEASUREMENT_FLAG}) {
    EXPECT_EQ(Table("a", static_cast<uint32_t>(flags)), Lines{"0 8 error "}) << flags;
  }
}

TEST_F(DmErrorTarget, ReadsAndWritesGiveEio) {
  ASSERT_EQ(Load("a", 8, "error", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 0, 8), "EIO");
  EXPECT_EQ(Write(Node("a"), 0, Sectors('x', 8)), -EIO);
}

TEST_F(DmErrorTarget, DiscardGivesEopnotsuppAndSince612Eio) {
  ASSERT_EQ(Load("a", 8, "error", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Discard(Node("a")), is_6_1() ? -EOPNOTSUPP : -EIO);
}

TEST_F(DmErrorTarget, PartsOfADeviceMayFail) {
  ASSERT_EQ(Load("a", {{0, 8, "zero", ""}, {8, 8, "error", ""}, {16, 8, "zero", ""}}), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 0, 8), Sectors('\0', 8));
  EXPECT_EQ(Read("a", 8, 8), "EIO");
  EXPECT_EQ(Read("a", 16, 8), Sectors('\0', 8));
}

TEST_F(DmStriped, NeedsCountChunkAndADeviceWithAnOffsetEach) {
  const std::string one = disk_.number + " 0";
  EXPECT_EQ(Striped("1 8 " + one), 0);
  for (const std::string& params : {std::string(), std::string("1"), std::string("1 8"),
                                    "1 8 " + disk_.number, "2 8 " + one, "1 8 " + one + " x"}) {
    EXPECT_EQ(Striped(params), -EINVAL) << params;
  }
}

TEST_F(DmStriped, CountAndChunkAreNumbersOverZero) {
  const std::string two = disk_.number + " 0 " + disk_.number + " 32";
  for (const char* words : {"0 8", "2 0", "x 8", "2 x", "-2 8", "99999999999 8", "2 99999999999"}) {
    EXPECT_EQ(Striped(absl::StrCat(words, " ", two)), -EINVAL) << words;
  }
  EXPECT_EQ(Striped("+2 8 " + two), 0);
}

TEST_F(DmStriped, LengthMustBeWholeChunksForEachStripe) {
  const std::string one = " " + disk_.number + " 0";
  EXPECT_EQ(Striped("3 8" + one + one + one), -EINVAL);
  EXPECT_EQ(Striped("2 7" + one + one), -EINVAL);
  EXPECT_EQ(Striped("2 32" + one + one), 0);
}

TEST_F(DmStriped, OffsetIsADecimalNumber) {
  EXPECT_EQ(Striped("1 8 " + disk_.number + " x"), -EINVAL);
  EXPECT_EQ(Striped("1 8 240:0 x"), -EINVAL);
}

TEST_F(DmStriped, MissingDeviceGivesEnxio) { EXPECT_EQ(Striped("1 8 240:0 0"), -ENXIO); }

TEST_F(DmStriped, TextsNameItsDevicesAndTheirState) {
  const std::string& n = disk_.number;
  ASSERT_EQ(Striped(absl::StrCat("2 8 ", n, " 0 ", n, " 32")), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Table("a"), Lines{absl::StrCat("0 64 striped 2 8 ", n, " 0 ", n, " 32")});
  EXPECT_EQ(Table("a", 0), Lines{absl::StrCat("0 64 striped 2 ", n, " ", n, " 1 AA")});
}

TEST_F(DmStriped, MeasurementNamesEachStripe) {
  const std::string& n = disk_.number;
  ASSERT_EQ(Striped(absl::StrCat("2 8 ", n, " 0 ", n, " 32")), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Table("a", DM_IMA_MEASUREMENT_FLAG),
            Lines{absl::StrCat(
                "0 64 striped target_name=striped,target_version=1.6.0,stripes=2,chunk_size=8,"
                "stripe_0_device_name=",
                n, ",stripe_0_physical_start=0,stripe_0_status=A,stripe_1_device_name=", n,
                ",stripe_1_physical_start=32,stripe_1_status=A;")});
}

TEST_F(DmStriped, ChunksGoRoundItsDevices) {
  const ScratchDevice other = Device(64);
  ASSERT_EQ(Striped(absl::StrCat("2 8 ", disk_.number, " 0 ", other.number, " 16")), 0);
  ASSERT_EQ(Resume("a"), 0);
  const std::string all = Sectors('p', 8) + Sectors('q', 8) + Sectors('r', 8) + Sectors('s', 8);
  EXPECT_EQ(Write(Node("a"), 0, all), 0);
  std::string bytes(16 * kSectorBytes, '?');
  ASSERT_TRUE(Open(disk_.path)->ReadAt(0, absl::MakeSpan(&bytes[0], bytes.size())).ok());
  EXPECT_EQ(bytes, Sectors('p', 8) + Sectors('r', 8));
  const auto file = Open(other.path);
  ASSERT_TRUE(file->ReadAt(16 * kSectorBytes, absl::MakeSpan(&bytes[0], bytes.size())).ok());
  EXPECT_EQ(bytes, Sectors('q', 8) + Sectors('s', 8));
}

TEST_F(DmStriped, FailedDeviceIsCountedAndIsAnEvent) {
  Activate("bad", 64, "error", "");
  ASSERT_EQ(Striped(absl::StrCat("2 8 ", disk_.number, " 0 ", Number("bad"), " 0")), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 8, 8), "EIO");
  EXPECT_EQ(Table("a", 0),
            Lines{absl::StrCat("0 64 striped 2 ", disk_.number, " ", Number("bad"), " 1 AD")});
  EXPECT_TRUE(InTime([&] { return Status("a").event() > 0; }));
}

}  // namespace
}  // namespace dmkit::conformance
