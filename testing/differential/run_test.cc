// SPDX-License-Identifier: Apache-2.0
// Running, comparing and shrinking, with sides that answer as a test says.

#include "testing/differential/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "dm/uapi.h"
#include "loop/uapi.h"
#include "testing/differential/compare.h"

namespace dmkit::differential {
namespace {

using ::testing::HasSubstr;

// Answers each operation with what `answer` says of it and of how many came before.
class ScriptedSide : public Side {
 public:
  using Answer = std::function<Outcome(const Operation&, size_t)>;

  explicit ScriptedSide(Answer answer) : answer_(std::move(answer)) {}

  absl::Status Begin(const Start&) override {
    ++begun;
    done.clear();
    return absl::OkStatus();
  }
  Outcome Run(const Operation& operation) override {
    done.push_back(operation.value);
    waited_ = operation.value == wait_at ? wait : Wait::kNone;
    return answer_(operation, done.size() - 1);
  }
  Wait waited() const override { return waited_; }
  bool Settle() override {
    ++settled;
    return settled < settles;
  }

  int begun = 0;
  int settled = 0;
  int settles = 0;
  uint64_t wait_at = ~uint64_t{0};
  Wait wait = Wait::kNone;
  std::vector<uint64_t> done;

 private:
  const Answer answer_;
  Wait waited_ = Wait::kNone;
};

Operation Number(uint64_t value, Kind kind = Kind::kIoctlValue) {
  Operation operation;
  operation.kind = kind;
  operation.value = value;
  return operation;
}

History Numbers(uint64_t count) {
  History history;
  for (uint64_t i = 0; i < count; ++i) history.push_back(Number(i));
  return history;
}

Outcome Fine(const Operation&, size_t) { return {}; }

TEST(RunHistoryTest, EqualAnswersAreNoDivergence) {
  ScriptedSide model(Fine);
  ScriptedSide kernel(Fine);
  Coverage coverage;
  const auto result = RunHistory(model, kernel, {}, Numbers(5), &coverage);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->compared, 5u);
  EXPECT_FALSE(result->divergence.has_value());
  EXPECT_EQ(model.begun, 1);
  EXPECT_EQ(kernel.begun, 1);
}

TEST(RunHistoryTest, StopsAtTheFirstOtherErrno) {
  ScriptedSide model(Fine);
  ScriptedSide kernel([](const Operation& operation, size_t) {
    return Outcome{operation.value == 3 ? -EBUSY : 0, ""};
  });
  Coverage coverage;
  const auto result = RunHistory(model, kernel, {}, Numbers(10), &coverage);
  ASSERT_TRUE(result.ok() && result->divergence.has_value());
  EXPECT_EQ(result->divergence->index, 3u);
  EXPECT_EQ(result->divergence->kernel.result, -EBUSY);
  EXPECT_EQ(model.done.size(), 4u);
}

TEST(RunHistoryTest, OneByteIsEnoughForADivergence) {
  ScriptedSide model([](const Operation&, size_t) { return Outcome{0, "abc"}; });
  ScriptedSide kernel([](const Operation&, size_t) { return Outcome{0, "abd"}; });
  Coverage coverage;
  const auto result = RunHistory(model, kernel, {}, Numbers(1), &coverage);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->divergence.has_value());
}

TEST(RunHistoryTest, AReadThatWouldWaitForEverIsLeftOutOnTheKernel) {
  ScriptedSide model(Fine);
  model.wait_at = 2;
  model.wait = Wait::kEndless;
  ScriptedSide kernel(Fine);
  Coverage coverage;
  History history = Numbers(5);
  history[2].kind = Kind::kRead;
  const auto result = RunHistory(model, kernel, {}, history, &coverage);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->compared, 4u);
  EXPECT_THAT(kernel.done, ::testing::ElementsAre(0, 1, 3, 4));
}

TEST(RunHistoryTest, AnyOtherWaitEndsTheHistory) {
  for (const Wait wait : {Wait::kEndless, Wait::kLong}) {
    ScriptedSide model(Fine);
    model.wait_at = 2;
    model.wait = wait;
    ScriptedSide kernel(Fine);
    Coverage coverage;
    const auto result = RunHistory(model, kernel, {}, Numbers(5), &coverage);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->compared, 2u);
    EXPECT_THAT(kernel.done, ::testing::ElementsAre(0, 1));
  }
}

TEST(RunHistoryTest, ALookIsRepeatedUntilTheKernelHasSettled) {
  ScriptedSide model([](const Operation&, size_t) { return Outcome{1, ""}; });
  ScriptedSide kernel([](const Operation&, size_t done) { return Outcome{done < 3 ? 0 : 1, ""}; });
  kernel.settles = 10;
  Coverage coverage;
  const auto result = RunHistory(model, kernel, {}, {Number(0, Kind::kReadable)}, &coverage);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->divergence.has_value());
  EXPECT_EQ(kernel.settled, 3);
}

TEST(RunHistoryTest, AChangeIsNeverRepeated) {
  ScriptedSide model([](const Operation&, size_t) { return Outcome{1, ""}; });
  ScriptedSide kernel(Fine);
  kernel.settles = 10;
  Coverage coverage;
  const auto result = RunHistory(model, kernel, {}, Numbers(1), &coverage);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->divergence.has_value());
  EXPECT_EQ(kernel.done.size(), 1u);
}

// ---- Shrinking.

TEST(ShrinkTest, KeepsJustWhatIsNeeded) {
  const auto diverges = [](const History& history) {
    bool has_17 = false;
    for (const Operation& operation : history) {
      has_17 |= operation.value == 17;
      if (has_17 && operation.value == 90) return true;
    }
    return false;
  };
  const History shortest = Shrink(Numbers(120), diverges, 1000);
  ASSERT_EQ(shortest.size(), 2u);
  EXPECT_EQ(shortest[0].value, 17u);
  EXPECT_EQ(shortest[1].value, 90u);
}

TEST(ShrinkTest, StopsAfterSoManyTries) {
  int calls = 0;
  const auto diverges = [&](const History&) {
    ++calls;
    return false;
  };
  EXPECT_EQ(Shrink(Numbers(100), diverges, 7).size(), 100u);
  EXPECT_EQ(calls, 7);
}

TEST(ShrinkTest, OneOperationStays) {
  const auto diverges = [](const History& history) { return !history.empty(); };
  EXPECT_EQ(Shrink(Numbers(1), diverges, 10).size(), 1u);
}

// ---- What may differ.

std::string PoolStatus(const std::string& text) {
  std::string bytes(sizeof(dm_ioctl) + sizeof(dm_target_spec), '\0');
  bytes.replace(sizeof(dm_ioctl) + offsetof(dm_target_spec, target_type), 9, "thin-pool");
  return bytes + text + std::string(1, '\0') + "rest";
}

bool SameStatus(const std::string& one, const std::string& other) {
  Operation operation;
  operation.request = DM_TABLE_STATUS;
  return Same(operation, {0, PoolStatus(one)}, {0, PoolStatus(other)});
}

TEST(CompareTest, UsedMetadataAndHeldRootOfAPoolMayDiffer) {
  EXPECT_TRUE(SameStatus("1 9/1024 0/256 - rw ", "1 116/1024 0/256 - rw "));
  EXPECT_TRUE(SameStatus("1 9/1024 0/256 31 rw ", "1 9/1024 0/256 135 rw "));
}

TEST(CompareTest, NothingElseOfAPoolMayDiffer) {
  EXPECT_FALSE(SameStatus("1 9/1024 0/256 - rw ", "2 9/1024 0/256 - rw "));
  EXPECT_FALSE(SameStatus("1 9/1024 0/256 - rw ", "1 9/1025 0/256 - rw "));
  EXPECT_FALSE(SameStatus("1 9/1024 0/256 - rw ", "1 9/1024 1/256 - rw "));
  EXPECT_FALSE(SameStatus("1 9/1024 0/256 - rw ", "1 9/1024 0/256 - ro "));
  EXPECT_FALSE(SameStatus("1 9/1024 0/256 - rw ", "1 9/1024 0/256 31 rw "));
  EXPECT_FALSE(SameStatus("Fail", "Error"));
  EXPECT_FALSE(SameStatus("7:0 7:1 128 0 0 ", "7:0 7:1 128 1 0 "));
}

TEST(CompareTest, OfABackingFileDeviceAndInodeMayDiffer) {
  Operation operation;
  operation.request = LOOP_GET_STATUS64;
  loop_info64 one{};
  loop_info64 other{};
  one.lo_device = 1;
  one.lo_inode = 2;
  const auto bytes = [](const loop_info64& info) {
    return std::string(reinterpret_cast<const char*>(&info), sizeof(info));
  };
  EXPECT_TRUE(Same(operation, {0, bytes(one)}, {0, bytes(other)}));
  other.lo_offset = 512;
  EXPECT_FALSE(Same(operation, {0, bytes(one)}, {0, bytes(other)}));
}

TEST(ReportTest, ShowsEachOperationAndBothAnswers) {
  const std::string text = Report(Numbers(3), {1, Number(1), {0, ""}, {-EBUSY, ""}});
  EXPECT_THAT(text, HasSubstr("0. slot 0"));
  EXPECT_THAT(text, HasSubstr("model:  0"));
  EXPECT_THAT(text, HasSubstr("kernel: EBUSY"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("2. slot 0")));
}

}  // namespace
}  // namespace dmkit::differential
