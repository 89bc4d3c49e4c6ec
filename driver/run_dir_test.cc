// SPDX-License-Identifier: Apache-2.0

#include "driver/run_dir.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

class RunDirTest : public ::testing::Test {
 protected:
  sys::TempDir temp_;
  sys::LinuxHost linux_;
  const sys::Host host_ = linux_.host();
  const std::string run_ = absl::StrCat(temp_.path(), "/a/b");
};

TEST_F(RunDirTest, IsMadeWithItsParentsForItsOwnerAlone) {
  EXPECT_THAT(OpenRunDir(host_, run_, "locks"), sys::IsOk());
  for (const std::string& path : {run_, run_ + "/locks"}) {
    const auto stat = host_.root->StatLink(path);
    ASSERT_THAT(stat, sys::IsOk());
    EXPECT_EQ(stat->type, sys::FileType::kDirectory);
    EXPECT_EQ(stat->mode, 0700u);
  }
}

TEST_F(RunDirTest, IsOpenedWithWhatIsInIt) {
  ASSERT_THAT(OpenRunDir(host_, run_, "locks"), sys::IsOk());
  ASSERT_THAT(host_.root->MakeDir(run_ + "/locks/web", 0700), sys::IsOk());
  const auto again = OpenRunDir(host_, run_, "locks");
  ASSERT_THAT(again, sys::IsOk());
  EXPECT_THAT((*again)->Stat("web"), sys::IsOk());
}

TEST_F(RunDirTest, FileInItsPlaceOrAboveItIsAnError) {
  ASSERT_THAT(OpenRunDir(host_, run_, "locks"), sys::IsOk());
  sys::OpenOptions create;
  create.access = sys::Access::kReadWrite;
  create.create = true;
  ASSERT_THAT(host_.root->OpenFile(run_ + "/file", create), sys::IsOk());
  EXPECT_THAT(OpenRunDir(host_, run_, "file"), sys::FailsWithErrno(ENOTDIR));
  EXPECT_THAT(OpenRunDir(host_, run_ + "/file", "locks"), sys::FailsWithErrno(ENOTDIR));
}

TEST_F(RunDirTest, EveryCallThatFailsIsTold) {
  for (const char* method : {"MakeDir", "OpenDir"}) {
    sys::FaultyHost faulty(host_);
    faulty.SetPlan(sys::FaultyHost::FailMatching(method, run_, EIO));
    EXPECT_THAT(OpenRunDir(faulty.host(), run_, method), sys::FailsWithErrno(EIO)) << method;
  }
}

}  // namespace
}  // namespace dmkit::driver
