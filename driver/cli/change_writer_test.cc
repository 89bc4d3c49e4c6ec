// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/change_writer.h"

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/changes.h"
#include "driver/cli/json.h"
#include "driver/cli/request.h"
#include "driver/report.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ChangeWriterTest, TextHasALetterAndAPath) {
  sys::StringSink out;
  ChangeWriter writer(OutputFormat::kText, out, "web", "image");
  EXPECT_THAT(writer.Add({ChangeKind::kModify, "/etc"}), sys::IsOk());
  EXPECT_THAT(writer.Add({ChangeKind::kAdd, "/etc/new\nline\x1b"}), sys::IsOk());
  EXPECT_THAT(writer.Add({ChangeKind::kDelete, "/old name"}), sys::IsOk());
  EXPECT_THAT(out.data(), IsEmpty());
  EXPECT_THAT(writer.Finish(), sys::IsOk());
  EXPECT_EQ(out.data(), "C /etc\nA /etc/new\\x0aline\\x1b\nD /old name\n");
}

TEST(ChangeWriterTest, JsonIsThatOfTheWholeMessage) {
  report::ChangeList list;
  list.set_id("web");
  list.set_parent("image");
  sys::StringSink none;
  EXPECT_THAT(ChangeWriter(OutputFormat::kJson, none, "web", "image").Finish(), sys::IsOk());
  EXPECT_EQ(none.data(), ToJson(list));

  sys::StringSink out;
  ChangeWriter writer(OutputFormat::kJson, out, "web", "image");
  for (const char* path : {"/a", "/b\"", "/c\xff"}) {
    EXPECT_THAT(writer.Add({ChangeKind::kAdd, path}), sys::IsOk());
    report::Change& change = *list.add_changes();
    change.set_kind("A");
    change.set_path(path);
  }
  list.mutable_changes(2)->set_path_bytes("/c\xff");
  EXPECT_THAT(writer.Finish(), sys::IsOk());
  EXPECT_EQ(out.data(), ToJson(list));
  EXPECT_THAT(out.data(), HasSubstr("\"path\":\"/c\\\\xff\",\"path_bytes\":\"L2P/\""));
}

TEST(ChangeWriterTest, LongListsAreWrittenInPieces) {
  sys::StringSink out;
  ChangeWriter writer(OutputFormat::kText, out, "web", "");
  const std::string path = absl::StrCat("/", std::string(1000, 'x'));
  for (int i = 0; i < 100; ++i) EXPECT_THAT(writer.Add({ChangeKind::kAdd, path}), sys::IsOk());
  EXPECT_GT(out.data().size(), 60000u);
}

class FullSink : public sys::ByteSink {
 public:
  absl::Status Write(absl::string_view) override { return sys::ErrnoStatus(ENOSPC, "write"); }
};

TEST(ChangeWriterTest, ErrorsOfWritingAreReturned) {
  FullSink out;
  ChangeWriter writer(OutputFormat::kJson, out, "web", "");
  EXPECT_THAT(writer.Add({ChangeKind::kAdd, "/a"}), sys::IsOk());
  EXPECT_THAT(writer.Finish(), sys::FailsWithErrno(ENOSPC));
}

}  // namespace
}  // namespace dmkit::driver::cli
