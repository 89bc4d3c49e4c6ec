// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Results TwoSamplesOfCreate() {
  Results results;
  results.kernel_release = "6.12.0";
  results.plan.layers = 2;
  results.plan.rounds = 1;
  OperationResult create;
  create.name = "create";
  create.dmkit = {{12, 3}, {14, 5}};
  create.floor = {{10, 2}, {10, 2}};
  create.dmkit_counts = {6, 4};
  create.floor_counts = {2, 4};
  create.dmkit_calls = {{"OpenFile /a", {{0.5, 0.25}}}, {"Sync /a", {{4, 1}, {6, 1}}}};
  results.operations.push_back(create);
  return results;
}

TEST(ReportTest, TextHasOneRowPerOperationInEachTable) {
  const std::string text = FormatText(TwoSamplesOfCreate());
  EXPECT_THAT(text, HasSubstr("Linux 6.12.0; 2 layers"));
  EXPECT_THAT(text, HasSubstr("2 samples of each"));
  EXPECT_THAT(text, HasSubstr("create         13.00    12.00    14.00     10.00    10.00    10.00"
                              "      1.30     1.30\n"));
  EXPECT_THAT(text, HasSubstr("create          4.00     3.00     5.00      2.00     2.00     2.00"
                              "      2.00     2.00\n"));
  EXPECT_THAT(text, HasSubstr("create             6        2         4        4         2\n"));
  EXPECT_THAT(text, Not(HasSubstr("OpenFile")));
}

TEST(ReportTest, CallsAreListedWithTheirMedianTimes) {
  EXPECT_EQ(FormatCalls(TwoSamplesOfCreate()),
            "\n wall ms   CPU ms  create\n"
            "    0.50     0.25  OpenFile /a\n"
            "    5.00     1.00  Sync /a\n");
}

TEST(ReportTest, JsonIsOneLineWithAllSamples) {
  EXPECT_EQ(FormatJson(TwoSamplesOfCreate()),
            "{\"kernel\":\"6.12.0\",\"layers\":2,\"rounds\":1,\"chain\":true,\"settle\":false,"
            "\"operations\":[{\"name\":\"create\","
            "\"wall_ms\":{\"dmkit\":{\"median\":13,\"min\":12,\"max\":14,\"samples\":[12,14]},"
            "\"floor\":{\"median\":10,\"min\":10,\"max\":10,\"samples\":[10,10]},"
            "\"ratio_of_medians\":1.3,\"median_of_ratios\":1.3},"
            "\"cpu_ms\":{\"dmkit\":{\"median\":4,\"min\":3,\"max\":5,\"samples\":[3,5]},"
            "\"floor\":{\"median\":2,\"min\":2,\"max\":2,\"samples\":[2,2]},"
            "\"ratio_of_medians\":2,\"median_of_ratios\":2},"
            "\"dmkit_counts\":{\"ioctls\":6,\"fsyncs\":4},"
            "\"floor_counts\":{\"ioctls\":2,\"fsyncs\":4},\"dmkit_calls\":2}]}\n");
}

}  // namespace
}  // namespace dmkit::bench
