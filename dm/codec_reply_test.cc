// SPDX-License-Identifier: Apache-2.0
// Tests of replies of every command, through the door that knows them all.

#include "dm/codec_reply.h"

#include <string>
#include <utility>
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
using testing::kKernel;
using testing::Line;
using testing::Name;
using testing::Target;
using testing::Type;

// One request and one reply of each command.
std::vector<std::pair<Request, Reply>> SomePairs() {
  DeviceInfo info;
  info.name = "web";
  info.device = {253, 1};
  info.target_count = 1;
  DeviceInfo removed;
  removed.name = "web";
  removed.exists = false;
  DeviceInfo renamed = info;
  renamed.name = "";
  return {
      {VersionRequest{}, VersionReply{kKernel}},
      {RemoveAllRequest{}, DoneReply{}},
      {ListDevicesRequest{}, ListDevicesReply{{{{253, 1}, "web", 0, std::nullopt}}}},
      {CreateRequest{Name("web"), std::nullopt, std::nullopt}, info},
      {RemoveRequest{Name("web")}, removed},
      {RenameRequest{Name("web"), Name("new"), {}}, renamed},
      {ResumeRequest{Name("web")}, info},
      {InfoRequest{Name("web")}, info},
      {WaitRequest{Name("web"), 1}, TableReply{info, {Target(0, 8, "zero", "")}}},
      {LoadRequest{Name("web"), {Line(0, 8, "zero", "")}}, info},
      {ClearRequest{Name("web")}, info},
      {DependenciesRequest{Name("web")}, DependenciesReply{info, {{7, 0}}}},
      {StatusRequest{Name("web")}, TableReply{info, {Target(0, 8, "zero", "")}}},
      {ListVersionsRequest{}, TargetVersionsReply{{{"zero", {1, 1, 0}}}}},
      {MessageRequest{Name("web"), sys::Sectors(0), "m"}, MessageReply{info, "a longer answer"}},
      {SetGeometryRequest{Name("web"), 1, 2, 3, 4}, DoneReply{}},
      {ArmPollRequest{}, DoneReply{}},
      {TargetVersionRequest{Type("zero")}, TargetVersionsReply{{{"zero", {1, 1, 0}}}}},
  };
}

TEST(ReplyTest, DecodingGivesBackWhatWasEncoded) {
  for (const auto& [request, reply] : SomePairs()) {
    SCOPED_TRACE(FactsOf(CommandOf(request)).name);
    const auto decoded = DecodeBytes(CommandOf(request), Answer(request, reply));
    ASSERT_THAT(decoded, IsOk());
    EXPECT_TRUE(*decoded == reply);
  }
}

TEST(ReplyTest, EveryCommandHasAPair) { EXPECT_EQ(SomePairs().size(), AllCommands().size()); }

TEST(ReplyTest, AnswersOfAnotherKindAreRefused) {
  for (const auto& [request, own] : SomePairs()) {
    const std::string buffer = EncodeRequest(request, 1024).value();
    for (const auto& [other_request, other] : SomePairs()) {
      const auto encoded = EncodeReply(CommandOf(request), other, kKernel, buffer);
      EXPECT_EQ(encoded.ok(), other.index() == own.index()) << FactsOf(CommandOf(request)).name;
    }
  }
}

TEST(ReplyTest, ABufferThatHoldsNoRequestIsRefused) {
  EXPECT_THAT(EncodeReply(Command::kDevStatus, DeviceInfo(), kKernel, std::string(304, '\0')),
              FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(ReplyTest, BytesThatTheKernelDoesNotWriteStayTheCallers) {
  std::string buffer = EncodeRequest(InfoRequest{Name("web")}).value();
  buffer.replace(kHeaderBytes, 7, 7, 'x');
  const std::string answer =
      EncodeReply(Command::kDevStatus, DeviceInfo(), kKernel, buffer).value();
  EXPECT_EQ(answer.substr(kHeaderBytes), std::string(7, 'x'));
}

TEST(ReplyTest, APayloadThatDoesNotFitIsMarkedAndLeftOut) {
  for (const auto& [request, reply] : SomePairs()) {
    const CommandFacts& facts = FactsOf(CommandOf(request));
    if (facts.reply != ReplyForm::kPayload) continue;
    SCOPED_TRACE(facts.name);
    const std::string small = Answer(request, reply, 0);
    EXPECT_TRUE(RawReply::Parse(facts.command, small)->buffer_full());
    EXPECT_THAT(DecodeBytes(facts.command, small),
                FailsWithCode(absl::StatusCode::kResourceExhausted));
  }
}

}  // namespace
}  // namespace dmkit::dm
