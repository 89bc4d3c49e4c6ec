// SPDX-License-Identifier: Apache-2.0
// DM_TARGET_MSG: what is looked at, how words are split, the core's messages and answers; and
// DM_DEV_SET_GEOMETRY.

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmMessage : public DmTest {
 protected:
  void SetUp() override {
    DmTest::SetUp();
    Activate("a", 64, "zero", "");
  }
};

class DmStats : public DmMessage {};

class DmGeometry : public DmTest {
 protected:
  int Set(absl::string_view name, absl::string_view text) {
    return Call(DM_DEV_SET_GEOMETRY_CMD, DmRequest().Name(name).Text(text));
  }
  // "cylinders heads sectors start" of HDIO_GETGEO, or its errno.
  std::string Get(absl::string_view name) {
    constexpr unsigned long kGetGeometry = 0x0301;
    struct {
      uint8_t heads;
      uint8_t sectors;
      uint16_t cylinders;
      unsigned long start;
    } geometry = {};
    char bytes[sizeof(geometry)] = {};
    const auto file = Open(Node(name));
    const auto result = file->Ioctl(kGetGeometry, absl::MakeSpan(bytes));
    if (!result.ok()) return sys::ErrnoName(sys::GetErrno(result.status()));
    std::memcpy(&geometry, bytes, sizeof(geometry));
    return absl::StrCat(geometry.cylinders, " ", geometry.heads, " ", geometry.sectors, " ",
                        geometry.start);
  }
};

TEST_F(DmMessage, TargetWithoutMessagesGivesEinval) { EXPECT_EQ(Message("a", "hello"), -EINVAL); }

TEST_F(DmMessage, SectorBehindTheTableGivesEinval) {
  EXPECT_EQ(Message("a", "hello", 64), -EINVAL);
  EXPECT_EQ(Message("a", "hello", ~uint64_t{0}), -EINVAL);
}

TEST_F(DmMessage, WithoutALiveTableGivesEinval) {
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Message("b", "hello"), -EINVAL);
  ASSERT_EQ(Load("b", 8, "zero", ""), 0);
  EXPECT_EQ(Message("b", "hello"), -EINVAL);
}

TEST_F(DmMessage, EmptyOneGivesEinval) {
  EXPECT_EQ(Message("a", ""), -EINVAL);
  EXPECT_EQ(Message("a", " \t\n"), -EINVAL);
}

TEST_F(DmMessage, DeviceIsLookedForBeforeTheText) { EXPECT_EQ(Message("nosuch", ""), -ENXIO); }

TEST_F(DmMessage, PayloadMustLieBehindTheHeader) {
  for (const uint32_t start : {0u, 304u}) {
    DmRequest request;
    request.Name("a").Message(0, "@stats_list").DataStart(start);
    EXPECT_EQ(Call(DM_TARGET_MSG_CMD, request), -EINVAL) << start;
  }
  DmRequest early;
  early.Name("a").DataStart(305).At(305).Message(0, "@stats_list");
  EXPECT_EQ(Call(DM_TARGET_MSG_CMD, early), 0);
}

TEST_F(DmMessage, PayloadMustEndInsideTheBuffer) {
  DmRequest unterminated(kResultAt + 12);
  EXPECT_EQ(Call(DM_TARGET_MSG_CMD, unterminated.Name("a").Raw("12345678@sta")), -EINVAL);
  for (const uint32_t start : {1024u, 0xffffffffu}) {
    DmRequest request(1024);
    request.Name("a").Message(0, "@stats_list").DataStart(start);
    EXPECT_EQ(Call(DM_TARGET_MSG_CMD, request), -EINVAL) << start;
  }
}

TEST_F(DmMessage, UnknownOneToTheCoreGivesEinval) {
  for (const char* text : {"@", "@nosuch", "@stats", "@stats_nosuch", "@cancel"}) {
    EXPECT_EQ(Message("a", text), -EINVAL) << text;
  }
}

TEST_F(DmMessage, CoreTakesTheFirstWordInAnyCase) {
  EXPECT_EQ(Message("a", "@Cancel_DEFERRED_remove"), 0);
  EXPECT_EQ(Message("a", "@STATS_list"), 0);
}

TEST_F(DmMessage, CoreTakesAnEscapedAtSign) {
  EXPECT_EQ(Message("a", "\\@stats_list"), 0);
  EXPECT_EQ(Message("a", "  @stats_list"), 0);
}

TEST_F(DmMessage, CoreNeedsNoTable) {
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Message("b", "@cancel_deferred_remove"), 0);
  EXPECT_EQ(Message("b", "@stats_list"), 0);
}

TEST_F(DmMessage, CoreIgnoresTheSector) { EXPECT_EQ(Message("a", "@stats_list", 999), 0); }

TEST_F(DmMessage, CancelWithNothingDeferredIsSuccess) {
  DmRequest request(400);
  request.Name("a").Message(0, "@cancel_deferred_remove").Poison();
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request), 0);
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmMessage, CancelWithAnArgumentGivesEinval) {
  EXPECT_EQ(Message("a", "@cancel_deferred_remove x"), -EINVAL);
}

TEST_F(DmMessage, ReplyWithoutAnAnswerIsTheHeader) {
  DmRequest request(400);
  request.Name("a").Event(77).DataStart(320).At(320).Message(0, "@cancel_deferred_remove");
  request.Poison().TargetCount(kPoison32);
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size data_start target_count open_count flags event_nr dev "
            "name[127-127] uuid[128-128]");
  EXPECT_EQ(request.data_start(), 312u);
}

TEST_F(DmMessage, ReplyWithAnAnswerHasItsTextAt312) {
  DmRequest request(400);
  request.Name("a").Message(0, "@stats_create - 8").Poison();
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request), 0);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG | DM_DATA_OUT_FLAG);
  EXPECT_EQ(request.data_start(), 312u);
  EXPECT_EQ(request.data_size(), 314u);
  EXPECT_EQ(request.TextAt(312), "0");
}

TEST_F(DmMessage, EmptyAnswerIsTheCallersOwnBytes) {
  // The sector stands where an answer would.
  DmRequest empty, letters;
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, empty.Name("a").Message(0, "@stats_list")), 0);
  EXPECT_EQ(empty.data_size(), 313u);
  EXPECT_EQ(empty.TextAt(312), "");
  EXPECT_TRUE(empty.Has(DM_DATA_OUT_FLAG));
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, letters.Name("a").Message(0x4142, "@stats_list")), 0);
  EXPECT_EQ(letters.TextAt(312), "BA");
  EXPECT_EQ(letters.data_size(), 315u);
}

TEST_F(DmMessage, AnswerThatDoesNotFitSetsBufferFull) {
  ASSERT_EQ(Answer("a", "@stats_create - 16 program_with_a_long_name"), "0");
  DmRequest request(kResultAt + 20);
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request.Name("a").Message(0, "@stats_list")), 0);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG | DM_DATA_OUT_FLAG | DM_BUFFER_FULL_FLAG);
  EXPECT_EQ(request.data_size(), 305u);
}

TEST_F(DmMessage, AnswerMustBeShorterThanItsRoom) {
  ASSERT_EQ(Answer("a", "@stats_create - 16 p auxiliary"), "0");
  const size_t length = Answer("a", "@stats_list").size();
  for (const size_t room : {length, length + 1, length + 2}) {
    DmRequest request(kResultAt + room);
    request.Name("a").Message(0, "@stats_list");
    ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request), 0);
    EXPECT_EQ(request.is_full(), room <= length + 1) << room;
    EXPECT_EQ(request.data_size(), room <= length + 1 ? 305 : kResultAt + length + 1) << room;
  }
}

TEST_F(DmStats, ListIsEmptyAtFirst) { EXPECT_EQ(Answer("a", "@stats_list"), ""); }

TEST_F(DmStats, RegionsAreNumberedFromZeroAndListed) {
  EXPECT_EQ(Answer("a", "@stats_create - 16"), "0");
  EXPECT_EQ(Answer("a", "@stats_create 8+16 5"), "1");
  EXPECT_EQ(Answer("a", "@stats_list"), "0: 0+64 16 - -\n1: 8+16 5 - -\n");
}

TEST_F(DmStats, LowestFreeNumberIsTakenAgain) {
  EXPECT_EQ(Answer("a", "@stats_create - 16"), "0");
  EXPECT_EQ(Answer("a", "@stats_create - 16"), "1");
  EXPECT_EQ(Message("a", "@stats_delete 0"), 0);
  EXPECT_EQ(Answer("a", "@stats_create - 64"), "0");
}

TEST_F(DmStats, SlashDividesIntoAreas) {
  EXPECT_EQ(Answer("a", "@stats_create - /4"), "0");
  EXPECT_EQ(Answer("a", "@stats_list"), "0: 0+64 16 - -\n");
}

TEST_F(DmStats, ListTakesAProgram) {
  EXPECT_EQ(Answer("a", "@stats_create - 16 dmstats aux"), "0");
  EXPECT_EQ(Answer("a", "@stats_create - 16 other"), "1");
  EXPECT_EQ(Answer("a", "@stats_list dmstats"), "0: 0+64 16 dmstats aux\n");
}

TEST_F(DmStats, OptionalArgumentsAreListed) {
  EXPECT_EQ(Answer("a", "@stats_create - 64 2 precise_timestamps histogram:10,20"), "0");
  EXPECT_EQ(Answer("a", "@stats_list"), "0: 0+64 64 - - precise_timestamps histogram:10,20\n");
}

TEST_F(DmStats, AuxiliaryTextCanBeSet) {
  EXPECT_EQ(Answer("a", "@stats_create - 64 p"), "0");
  EXPECT_EQ(Message("a", "@stats_set_aux 0 new"), 0);
  EXPECT_EQ(Answer("a", "@stats_list"), "0: 0+64 64 p new\n");
}

TEST_F(DmStats, MissingRegionGivesEnoent) {
  for (const char* text : {"@stats_delete 0", "@stats_clear 0", "@stats_print 0",
                           "@stats_print_clear 0", "@stats_set_aux 0 x"}) {
    EXPECT_EQ(Message("a", text), -ENOENT) << text;
  }
}

TEST_F(DmStats, WrongWordsGiveEinval) {
  for (const char* text : {"@stats_create",
                           "@stats_create -",
                           "@stats_create - 0",
                           "@stats_create - x",
                           "@stats_create 8 8",
                           "@stats_create 8+0 8",
                           "@stats_create - /0",
                           "@stats_create - 8 1",
                           "@stats_create - 8 1 bogus",
                           "@stats_create - 8 1 histogram:2,1",
                           "@stats_create - 8 p a more",
                           "@stats_delete",
                           "@stats_delete x",
                           "@stats_delete -1",
                           "@stats_delete 0 0",
                           "@stats_clear",
                           "@stats_list a b",
                           "@stats_print",
                           "@stats_print 0 0",
                           "@stats_print 0 x 1",
                           "@stats_set_aux 0"}) {
    EXPECT_EQ(Message("a", text), -EINVAL) << text;
  }
}

TEST_F(DmStats, PrintHasALinePerArea) {
  EXPECT_EQ(Answer("a", "@stats_create - 32"), "0");
  const std::string zeros = " 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
  EXPECT_EQ(Answer("a", "@stats_print 0"), "0+32" + zeros + "32+32" + zeros);
  EXPECT_EQ(Answer("a", "@stats_print 0 1 1"), "32+32" + zeros);
  EXPECT_EQ(Answer("a", "@stats_print_clear 0 0 1"), "0+32" + zeros);
}

TEST_F(DmStats, SetAuxAndDeleteAnswerNothing) {
  EXPECT_EQ(Answer("a", "@stats_create - 64"), "0");
  for (const char* text : {"@stats_set_aux 0 x", "@stats_delete 0"}) {
    DmRequest request;
    EXPECT_EQ(Call(DM_TARGET_MSG_CMD, request.Name("a").Message(0, text)), 0) << text;
    EXPECT_FALSE(request.Has(DM_DATA_OUT_FLAG)) << text;
    EXPECT_EQ(request.data_size(), kHeaderSize) << text;
  }
}

TEST_F(DmStats, ClearHasAnEmptyAnswer) {
  EXPECT_EQ(Answer("a", "@stats_create - 64"), "0");
  DmRequest request;
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request.Name("a").Message(0, "@stats_clear 0")), 0);
  EXPECT_TRUE(request.Has(DM_DATA_OUT_FLAG));
  EXPECT_EQ(request.data_size(), kResultAt + 1);
}

TEST_F(DmStats, TooManyAreasGiveEnomemAndSince612Eoverflow) {
  EXPECT_EQ(Message("a", "@stats_create 0+9000000 1"), is_6_1() ? -ENOMEM : -EOVERFLOW);
}

TEST_F(DmGeometry, IsWhatTheDiskTells) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Set("a", "100 16 63 5"), 0);
  EXPECT_EQ(Get("a"), "100 16 63 5");
}

TEST_F(DmGeometry, OfANewDeviceIsZero) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Get("a"), "0 0 0 0");
}

TEST_F(DmGeometry, LimitsAre65535And255And255) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Set("a", "65535 255 255 0"), 0);
  EXPECT_EQ(Set("a", "65536 1 1 0"), -EINVAL);
  EXPECT_EQ(Set("a", "1 256 1 0"), -EINVAL);
  EXPECT_EQ(Set("a", "1 1 256 0"), -EINVAL);
}

TEST_F(DmGeometry, StartMayBeAtTheEndAndNotBehindIt) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Set("a", "1 2 3 6"), 0);
  EXPECT_EQ(Set("a", "1 2 3 7"), -EINVAL);
}

TEST_F(DmGeometry, TextIsFourNumbersAndNothingBehindThem) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Set("a", "  1  2 3\t6"), 0);
  for (const char* text :
       {"", "1 2 3", "1 2 3 4 ", "1 2 3 4x", "-1 2 3 4", "a 2 3 4", "0x1 2 3 4", "1,2,3,4"}) {
    EXPECT_EQ(Set("a", text), -EINVAL) << text;
  }
}

TEST_F(DmGeometry, PayloadMustLieBehindTheHeaderAndEndInTheBuffer) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest early, late(400), unterminated(kResultAt + 7);
  EXPECT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, early.Name("a").Text("1 2 3 4").DataStart(304)), -EINVAL);
  EXPECT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, late.Name("a").DataStart(400)), -EINVAL);
  EXPECT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, unterminated.Name("a").Raw("1 2 3 4")), -EINVAL);
  DmRequest at305;
  EXPECT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, at305.Name("a").DataStart(305).At(305).Text("1 2 3 4")),
            0);
}

TEST_F(DmGeometry, CopiesNothingBackButTheVersion) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request(400);
  request.Name("a").Flags(DM_BUFFER_FULL_FLAG).Event(77).Text("1 2 3 4").Poison();
  ASSERT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmGeometry, IsKeptByATableOfTheSameSizeAndWipedByAnother) {
  Activate("a", 64, "zero", "");
  ASSERT_EQ(Set("a", "9 2 3 4"), 0);
  ASSERT_EQ(Load("a", 64, "error", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Get("a"), "9 2 3 4");
  ASSERT_EQ(Load("a", 128, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Get("a"), "0 0 0 0");
}

}  // namespace
}  // namespace dmkit::conformance
