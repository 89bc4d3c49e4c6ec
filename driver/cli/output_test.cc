// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/output.h"

#include <cerrno>

#include "absl/status/status.h"
#include "driver/cli/request.h"
#include "driver/report.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

report::Exists SomeReport() {
  report::Exists report;
  report.set_id("a");
  return report;
}

TEST(OutputTest, ResultIsInTheAskedFormat) {
  Output text(OutputFormat::kText, "x");
  text.Print("as text\n", SomeReport());
  EXPECT_EQ(text.Take().out, "as text\n");

  Output json(OutputFormat::kJson, "x");
  json.Print("as text\n", SomeReport());
  EXPECT_EQ(json.Take().out, "{\"id\":\"a\",\"exists\":false}\n");
}

TEST(OutputTest, SuccessWithoutAResultIsAnEmptyObjectInJsonOnly) {
  EXPECT_EQ(Output(OutputFormat::kText, "x").Take().out, "");
  const Outcome outcome = Output(OutputFormat::kJson, "x").Take();
  EXPECT_EQ(outcome.out, "{}\n");
  EXPECT_EQ(outcome.exit_status, kExitDone);
}

TEST(OutputTest, ErrorNamesCommandAndObject) {
  Output output(OutputFormat::kText, "dm status");
  output.Fail("a\nb", absl::NotFoundError("no such\ndevice \x1b"));
  const Outcome outcome = output.Take();
  EXPECT_EQ(outcome.err, "dmkit: dm status a\\x0ab: no such\ndevice \\x1b\n");
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.exit_status, kExitFailed);
}

TEST(OutputTest, ErrorWithoutAnObject) {
  Output output(OutputFormat::kText, "ls");
  output.Fail("", absl::NotFoundError("nothing"));
  EXPECT_EQ(output.Take().err, "dmkit: ls: nothing\n");
}

TEST(OutputTest, JsonErrorCarriesCodeAndErrno) {
  Output output(OutputFormat::kJson, "rm");
  output.Fail("web", sys::ErrnoStatus(EBUSY, "layer \"web\""));
  output.Fail("db", absl::InvalidArgumentError("bad"));
  const Outcome outcome = output.Take();
  EXPECT_EQ(outcome.err,
            "{\"error\":{\"command\":\"rm\",\"object\":\"web\",\"message\":\"layer \\\"web\\\": "
            "Device or resource busy (EBUSY)\",\"code\":\"FAILED_PRECONDITION\","
            "\"errno_name\":\"EBUSY\"}}\n"
            "{\"error\":{\"command\":\"rm\",\"object\":\"db\",\"message\":\"bad\","
            "\"code\":\"INVALID_ARGUMENT\"}}\n");
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.exit_status, kExitFailed);
}

TEST(OutputTest, WrongUsageShowsTheUsageAsTextOnly) {
  Output text(OutputFormat::kText, "");
  text.FailUsage(absl::InvalidArgumentError("bad"), "usage: dmkit\n");
  const Outcome outcome = text.Take();
  EXPECT_EQ(outcome.err, "dmkit: bad\nusage: dmkit\n");
  EXPECT_EQ(outcome.exit_status, kExitUsage);

  Output json(OutputFormat::kJson, "");
  json.FailUsage(absl::InvalidArgumentError("bad"), "usage: dmkit\n");
  EXPECT_EQ(json.Take().err,
            "{\"error\":{\"command\":\"\",\"object\":\"\",\"message\":\"bad\","
            "\"code\":\"INVALID_ARGUMENT\"}}\n");
}

TEST(OutputTest, NoteIsNoError) {
  Output text(OutputFormat::kText, "loop detach");
  text.Note("/dev/loop3", "still open");
  const Outcome outcome = text.Take();
  EXPECT_EQ(outcome.err, "dmkit: loop detach /dev/loop3: still open\n");
  EXPECT_EQ(outcome.exit_status, kExitDone);

  Output json(OutputFormat::kJson, "loop detach");
  json.Note("/dev/loop3", "still open");
  EXPECT_EQ(json.Take().err,
            "{\"note\":{\"command\":\"loop detach\",\"object\":\"/dev/loop3\","
            "\"message\":\"still open\"}}\n");
}

}  // namespace
}  // namespace dmkit::driver::cli
