// SPDX-License-Identifier: Apache-2.0
// Tests of messages and their answers.

#include "dm/codec_message.h"

#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using testing::Answer;
using testing::DecodeBytes;
using testing::Filled;
using testing::Name;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

std::string RequestBytes() {
  return EncodeRequest(MessageRequest{Name("p"), sys::Sectors(7), "create_thin 0"}).value();
}

absl::StatusOr<MessagePayload> DecodeSent(const std::string& bytes) {
  const auto request = RawRequest::Parse(Command::kTargetMsg, bytes);
  if (!request.ok()) return request.status();
  return DecodeMessage(*request);
}

TEST(MessageTest, DecodingGivesBackWhatWasEncoded) {
  const auto message = DecodeSent(RequestBytes());
  ASSERT_THAT(message, IsOk());
  EXPECT_EQ(message->sector, sys::Sectors(7));
  EXPECT_EQ(message->text, "create_thin 0");
}

TEST(MessageTest, EmptyMessagesAndNulsAreRefused) {
  for (absl::string_view text : {absl::string_view(), absl::string_view("a\0", 2)}) {
    EXPECT_THAT(EncodeMessage(sys::Sectors(0), text),
                FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST(MessageTest, UnintelligibleRequestsAreRefused) {
  const std::string good = RequestBytes();
  const size_t size = offsetof(dm_ioctl, data_size);
  const size_t start = offsetof(dm_ioctl, data_start);
  for (const std::string& bad :
       {With(good, size, static_cast<uint32_t>(good.size() - 1)), With(good, size, uint32_t{319}),
        With(good, size, uint32_t{320}), With(good, start, uint32_t{304}),
        With(good, start, uint32_t{0}), With(good, start, static_cast<uint32_t>(good.size())),
        With(good, start, uint32_t{0xffffffff}), Filled(good, good.size() - 1, 1, 'x')}) {
    EXPECT_THAT(DecodeSent(bad), FailsWithCode(kDataLoss));
  }
}

std::string ReplyBytes(std::optional<std::string> text, size_t room = 1024) {
  MessageReply reply;
  reply.info.name = "p";
  reply.text = std::move(text);
  return Answer(MessageRequest{Name("p"), sys::Sectors(0), "m"}, reply, room);
}

absl::StatusOr<MessageReply> DecodeAnswer(const std::string& bytes) {
  const auto reply = DecodeBytes(Command::kTargetMsg, bytes);
  if (!reply.ok()) return reply.status();
  return std::get<MessageReply>(*reply);
}

TEST(MessageReplyTest, TextEmptyTextAndNoneAreDifferentThings) {
  EXPECT_EQ(DecodeAnswer(ReplyBytes("answer"))->text, "answer");
  EXPECT_EQ(DecodeAnswer(ReplyBytes(""))->text, "");
  EXPECT_EQ(DecodeAnswer(ReplyBytes(std::nullopt))->text, std::nullopt);
  EXPECT_EQ(DecodeAnswer(ReplyBytes(std::nullopt))->info.name, "p");
}

TEST(MessageReplyTest, ATextThatJustFitsCountsAsCut) {
  EXPECT_THAT(DecodeAnswer(ReplyBytes("0123456789", kPayloadStart + 11)),
              FailsWithCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(DecodeAnswer(ReplyBytes("0123456789", kPayloadStart + 12)), IsOk());
}

TEST(MessageReplyTest, UnintelligibleAnswersAreRefused) {
  const std::string good = ReplyBytes("answer");
  const size_t size = offsetof(dm_ioctl, data_size);
  const size_t start = offsetof(dm_ioctl, data_start);
  for (const std::string& bad :
       {With(good, size, uint32_t{kPayloadStart + 6}), With(good, size, uint32_t{305}),
        With(good, size, uint32_t{312}), With(good, start, uint32_t{0}),
        With(good, start, uint32_t{304}), With(good, start, uint32_t{kPayloadStart + 7})}) {
    EXPECT_THAT(DecodeAnswer(bad), FailsWithCode(kDataLoss));
  }
}

}  // namespace
}  // namespace dmkit::dm
