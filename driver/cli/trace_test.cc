// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/trace.h"

#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::EndsWith;

class StreamTraceTest : public ::testing::Test {
 protected:
  ~StreamTraceTest() override { std::fclose(stream_); }

  std::string Written() {
    std::string text(size_t{1} << 20, '\0');
    std::rewind(stream_);
    text.resize(std::fread(&text[0], 1, text.size(), stream_));
    return text;
  }

  std::FILE* stream_ = std::tmpfile();
  StreamTrace trace_{stream_};
};

TEST_F(StreamTraceTest, LinesAreWrittenAtOnceWithAPrefix) {
  trace_.Line("DM_VERSION");
  EXPECT_EQ(Written(), "trace: DM_VERSION\n");
}

TEST_F(StreamTraceTest, NothingIsWrittenWhileHeld) {
  trace_.Line("first");
  trace_.Hold();
  trace_.Line("second");
  trace_.Line("third");
  EXPECT_EQ(Written(), "trace: first\n");
  trace_.Release();
  EXPECT_EQ(Written(), "trace: first\ntrace: second\ntrace: third\n");
}

TEST_F(StreamTraceTest, HoldsNest) {
  trace_.Hold();
  trace_.Hold();
  trace_.Line("x");
  trace_.Release();
  EXPECT_EQ(Written(), "");
  trace_.Line("y");
  trace_.Release();
  EXPECT_EQ(Written(), "trace: x\ntrace: y\n");
}

TEST_F(StreamTraceTest, ReleaseWithoutHoldDoesNothing) {
  trace_.Release();
  trace_.Hold();
  trace_.Line("x");
  EXPECT_EQ(Written(), "");
  trace_.Release();
  EXPECT_EQ(Written(), "trace: x\n");
}

TEST_F(StreamTraceTest, WhatDoesNotFitIsCountedAndTheRestIsWhole) {
  const std::string line(1000, 'x');
  trace_.Hold();
  const size_t fit = StreamTrace::kHeldBytesMax / (line.size() + 8);
  for (size_t i = 0; i < fit + 3; ++i) trace_.Line(line);
  trace_.Release();
  const std::string text = Written();
  EXPECT_EQ(text.size(), fit * (line.size() + 8) +
                             absl::string_view("trace: lines that did not fit while a device was "
                                               "suspended: 3\n")
                                 .size());
  EXPECT_THAT(text, EndsWith("\ntrace: lines that did not fit while a device was suspended: 3\n"));
}

TEST_F(StreamTraceTest, DropsAreCountedPerHold) {
  trace_.Hold();
  trace_.Line(std::string(StreamTrace::kHeldBytesMax, 'x'));
  trace_.Release();
  trace_.Hold();
  trace_.Release();
  EXPECT_EQ(Written(), "trace: lines that did not fit while a device was suspended: 1\n");
}

}  // namespace
}  // namespace dmkit::driver::cli
