// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/archive_file.h"

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ArchiveFileTest : public ::testing::Test {
 protected:
  std::string Path(absl::string_view name) const { return absl::StrCat(temp_.path(), "/", name); }
  std::string Contents(absl::string_view name) const {
    return sys::ReadFile(*host_.root, Path(name), 1000).value_or("unreadable");
  }
  std::vector<sys::DirEntry> Entries() const { return *host_.root->List(temp_.path()); }

  sys::LinuxHost linux_;
  sys::TempDir temp_;
  const sys::Host host_ = linux_.host();
};

TEST_F(ArchiveFileTest, WrittenFileIsReadFromItsStart) {
  auto made = NewArchive::Make(host_, Path("web.tar"));
  ASSERT_THAT(made, sys::IsOk());
  EXPECT_THAT((*made)->Write("hello "), sys::IsOk());
  EXPECT_THAT((*made)->Write("world"), sys::IsOk());
  EXPECT_THAT((*made)->Commit(), sys::IsOk());
  made->reset();
  EXPECT_THAT(Entries(), SizeIs(1));

  auto source = OpenArchive(host_, Path("web.tar"));
  ASSERT_THAT(source, sys::IsOk());
  std::string got;
  char buffer[4];
  for (;;) {
    const absl::StatusOr<size_t> length = (*source)->Read(absl::MakeSpan(buffer));
    ASSERT_THAT(length, sys::IsOk());
    if (*length == 0) break;
    got.append(buffer, *length);
  }
  EXPECT_EQ(got, "hello world");
}

TEST_F(ArchiveFileTest, FileThatIsNotCommittedLeavesTheOldOne) {
  {
    auto made = NewArchive::Make(host_, Path("web.tar"));
    ASSERT_THAT(made, sys::IsOk());
    ASSERT_THAT((*made)->Write("old"), sys::IsOk());
    ASSERT_THAT((*made)->Commit(), sys::IsOk());
  }
  {
    auto made = NewArchive::Make(host_, Path("web.tar"));
    ASSERT_THAT(made, sys::IsOk());
    ASSERT_THAT((*made)->Write("new"), sys::IsOk());
  }
  EXPECT_EQ(Contents("web.tar"), "old");
  EXPECT_THAT(Entries(), SizeIs(1));
}

TEST_F(ArchiveFileTest, FailedWritesAndSyncsLeaveNothing) {
  for (const char* operation : {"WriteAt", "Sync", "Rename"}) {
    sys::FaultyHost faulty(host_);
    faulty.SetPlan(sys::FaultyHost::FailMatching(operation, "", ENOSPC));
    const sys::Host host = faulty.host();
    auto made = NewArchive::Make(host, Path("web.tar"));
    ASSERT_THAT(made, sys::IsOk());
    absl::Status status = (*made)->Write("new");
    if (status.ok()) status = (*made)->Commit();
    EXPECT_THAT(status, sys::FailsWithErrno(ENOSPC)) << operation;
    made->reset();
    EXPECT_THAT(Entries(), IsEmpty()) << operation;
  }
}

TEST_F(ArchiveFileTest, OnlyRegularFilesAreReplacedOrRead) {
  ASSERT_THAT(host_.root->MakeDir(Path("folder"), 0700), sys::IsOk());
  EXPECT_THAT(NewArchive::Make(host_, Path("folder")), sys::FailsWithErrno(EEXIST));
  EXPECT_THAT(NewArchive::Make(host_, "/dev/null"), sys::FailsWithErrno(EEXIST));
  EXPECT_THAT(NewArchive::Make(host_, Path("missing/web.tar")), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenArchive(host_, Path("folder")), sys::FailsWithErrno(EINVAL));
  EXPECT_THAT(OpenArchive(host_, "/dev/null"), sys::FailsWithErrno(EINVAL));
  EXPECT_THAT(OpenArchive(host_, Path("missing")), sys::FailsWithErrno(ENOENT));
}

}  // namespace
}  // namespace dmkit::driver::cli
