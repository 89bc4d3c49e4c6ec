// SPDX-License-Identifier: Apache-2.0
// TARGET_MSG: the core's messages, statistics among them, and those for targets.

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class DmMessageTest : public DmTest {
 protected:
  void SetUp() override { machine_.Activate("a", 64, "zero", ""); }

  int Send(absl::string_view text, uint64_t sector = 0) {
    reply_ = DmBytes();
    return machine_.Call(kTargetMsg, reply_.Name("a").Message(sector, text));
  }
  std::string Answer(absl::string_view text) {
    EXPECT_EQ(Send(text), 0) << text;
    EXPECT_NE(reply_.flags() & kDataOutFlag, 0u) << text;
    return reply_.TextAt(kStructBytes);
  }

  DmBytes reply_;
};

TEST_P(DmMessageTest, CancelDeferredRemoveWorksWithNothingDeferred) {
  EXPECT_EQ(Send("@cancel_deferred_remove"), 0);
  EXPECT_EQ(reply_.data_size(), 305u);
  EXPECT_EQ(reply_.flags(), kActivePresentFlag);
  EXPECT_EQ(Send("@Cancel_Deferred_Remove"), 0);
  EXPECT_EQ(Send("\\@cancel_deferred_remove"), 0);
  EXPECT_EQ(Send("@cancel_deferred_remove x"), -EINVAL);
}

TEST_P(DmMessageTest, MessagesThatNobodyTakesAreEinval) {
  for (const char* text : {"", "   ", "@nosuch", "@", "hello", "@stats"}) {
    EXPECT_EQ(Send(text), -EINVAL) << text;
  }
  EXPECT_EQ(Send("hello", 64), -EINVAL);
  DmBytes missing, early, unterminated(kStructBytes + 12), tableless;
  EXPECT_EQ(machine_.Call(kTargetMsg, missing.Name("nosuch").Message(0, "")), -ENXIO);
  early.Name("a").Message(0, "@stats_list").Put32(kDataStartAt, 304);
  EXPECT_EQ(machine_.Call(kTargetMsg, early), -EINVAL);
  unterminated.Name("a").Raw("12345678abcd");
  EXPECT_EQ(machine_.Call(kTargetMsg, unterminated), -EINVAL);
  ASSERT_EQ(machine_.Create("b"), 0);
  EXPECT_EQ(machine_.Call(kTargetMsg, tableless.Name("b").Message(0, "hello")), -EINVAL);
}

TEST_P(DmMessageTest, CoreMessagesNeedNoTable) {
  ASSERT_EQ(machine_.Create("b"), 0);
  DmBytes cancel, list;
  EXPECT_EQ(machine_.Call(kTargetMsg, cancel.Name("b").Message(0, "@cancel_deferred_remove")), 0);
  EXPECT_EQ(machine_.Call(kTargetMsg, list.Name("b").Message(0, "@stats_list")), 0);
}

TEST_P(DmMessageTest, EmptyAnswerIsTheCallersOwnBytes) {
  EXPECT_EQ(Answer("@stats_list"), "");
  EXPECT_EQ(reply_.data_size(), 313u);
  EXPECT_EQ(reply_.U32(kDataStartAt), kStructBytes);
  // The sector stands where an answer would.
  EXPECT_EQ(Send("@stats_list", 0x4142), 0);
  EXPECT_EQ(reply_.TextAt(kStructBytes), "BA");
  EXPECT_EQ(reply_.data_size(), 315u);
}

TEST_P(DmMessageTest, AnswerWithoutRoomSetsBufferFull) {
  ASSERT_EQ(Answer("@stats_create - 16"), "0");
  const std::string text = Answer("@stats_list");
  EXPECT_EQ(text, "0: 0+64 16 - -\n");
  for (const size_t room : {text.size() + 1, text.size() + 2, size_t{20}}) {
    DmBytes bytes(kStructBytes + std::max<size_t>(room, 20));
    bytes.Name("a").Message(0, "@stats_list");
    bytes.Put32(kDataSizeAt, static_cast<uint32_t>(kStructBytes + std::max<size_t>(room, 20)));
    ASSERT_EQ(machine_.Call(kTargetMsg, bytes), 0);
    EXPECT_EQ(bytes.flags() & kBufferFullFlag, 0u);
  }
  ASSERT_EQ(Answer("@stats_create - 16 program with\\ words"), "1");
  DmBytes tight(kStructBytes + 20);
  ASSERT_EQ(machine_.Call(kTargetMsg, tight.Name("a").Message(0, "@stats_list")), 0);
  EXPECT_EQ(tight.flags(), kActivePresentFlag | kDataOutFlag | kBufferFullFlag);
  EXPECT_EQ(tight.data_size(), 305u);
}

TEST_P(DmMessageTest, StatisticsRegionsAreMadeListedAndDeleted) {
  EXPECT_EQ(Answer("@stats_create - /4 dmstats aux"), "0");
  EXPECT_EQ(Answer("@stats_create 8+16 5 2 precise_timestamps histogram:10,20"), "1");
  EXPECT_EQ(Answer("@stats_create - 64 dmstats"), "2");
  EXPECT_EQ(Answer("@stats_list dmstats"), "0: 0+64 16 dmstats aux\n2: 0+64 64 dmstats -\n");
  EXPECT_EQ(Send("@stats_delete 0"), 0);
  EXPECT_EQ(reply_.data_size(), 305u);
  EXPECT_EQ(Send("@stats_delete 0"), -ENOENT);
  EXPECT_EQ(Send("@stats_set_aux 2 new"), 0);
  EXPECT_EQ(Answer("@stats_list"),
            "1: 8+16 5 - - precise_timestamps histogram:10,20\n2: 0+64 64 dmstats new\n");
  EXPECT_EQ(Answer("@stats_create - 64"), "0");
}

TEST_P(DmMessageTest, StatisticsRefuseBadWords) {
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
                           "@stats_create - 8 1 histogram:",
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
    EXPECT_EQ(Send(text), -EINVAL) << text;
  }
  for (const char* text : {"@stats_delete 0", "@stats_clear 0", "@stats_print 0",
                           "@stats_print_clear 0", "@stats_set_aux 0 x"}) {
    EXPECT_EQ(Send(text), -ENOENT) << text;
  }
  EXPECT_EQ(Send("@stats_create 0+9000000 1"), is_6_1() ? -ENOMEM : -EOVERFLOW);
}

TEST_P(DmMessageTest, StatisticsCountIo) {
  ASSERT_EQ(Answer("@stats_create - 32"), "0");
  std::string bytes(40 * 512, 'x');
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    DmDevice& device = machine_.device("a");
    ASSERT_EQ(device.Write(0, bytes), 0);
    ASSERT_EQ(device.Read(0, absl::MakeSpan(&bytes[0], 512)), 0);
  }
  EXPECT_EQ(Answer("@stats_print 0"),
            "0+32 1 0 1 0 1 0 32 0 0 0 0 0 0\n32+32 0 0 0 0 1 0 8 0 0 0 0 0 0\n");
  EXPECT_EQ(Answer("@stats_print_clear 0 1 1"), "32+32 0 0 0 0 1 0 8 0 0 0 0 0 0\n");
  EXPECT_EQ(Answer("@stats_print 0 1 -"), "32+32 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  EXPECT_EQ(Answer("@stats_clear 0"), "");
  EXPECT_EQ(Answer("@stats_print 0 0 1"), "0+32 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

TEST_P(DmMessageTest, AnAreaMayEndPastTheLastOfAllNumbers) {
  ASSERT_EQ(Answer("@stats_create 1+8 18446744073709551615"), "0");
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    ASSERT_EQ(machine_.device("a").Write(0, std::string(16 * 512, 'x')), 0);
  }
  EXPECT_EQ(Answer("@stats_print 0"), "1+18446744073709551615 0 0 0 0 1 0 8 0 0 0 0 0 0\n");
}

DMKIT_ON_BOTH_KERNELS(DmMessageTest);

}  // namespace
}  // namespace dmkit::model
