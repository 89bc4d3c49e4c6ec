// SPDX-License-Identifier: Apache-2.0

#include "driver/init_layer.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;

class InitLayerTest : public ::testing::Test {
 protected:
  InitLayerTest() : faulty_(linux_.host()) {}

  std::unique_ptr<sys::Dir> Rootfs() {
    auto dir = faulty_.host().root->OpenDir(temp_.path());
    EXPECT_THAT(dir, IsOk());
    return *std::move(dir);
  }

  void ExpectAll(sys::Dir& rootfs) {
    for (const char* path : {"dev", "dev/pts", "dev/shm", "proc", "sys", "etc"}) {
      const auto stat = rootfs.StatLink(path);
      ASSERT_THAT(stat, IsOk()) << path;
      EXPECT_EQ(stat->type, sys::FileType::kDirectory) << path;
      EXPECT_EQ(stat->mode, 0755u) << path;
    }
    for (const char* path :
         {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"}) {
      const auto stat = rootfs.StatLink(path);
      ASSERT_THAT(stat, IsOk()) << path;
      EXPECT_EQ(stat->type, sys::FileType::kRegular) << path;
      EXPECT_EQ(stat->mode, 0755u) << path;
      EXPECT_EQ(stat->size_bytes, 0u) << path;
    }
    EXPECT_THAT(rootfs.ReadLink("etc/mtab"), IsOkAndHolds(std::string("/proc/mounts")));
  }

  sys::LinuxHost linux_;
  sys::FaultyHost faulty_;
  sys::TempDir temp_;
};

TEST_F(InitLayerTest, EmptyTreeGetsAll) {
  const auto rootfs = Rootfs();
  EXPECT_THAT(SetUpInitLayer(*rootfs), IsOk());
  ExpectAll(*rootfs);
  EXPECT_THAT(SetUpInitLayer(*rootfs), IsOk()) << "repeated";
  ExpectAll(*rootfs);
}

TEST_F(InitLayerTest, WhatTheImageHasThereIsReplacedAndTheRestLeft) {
  const auto rootfs = Rootfs();
  ASSERT_THAT(rootfs->MakeDir("etc", 0755), IsOk());
  ASSERT_THAT(sys::ReplaceFile(*rootfs->OpenDir("etc").value(), "hosts", "127.0.0.1"), IsOk());
  ASSERT_THAT(sys::ReplaceFile(*rootfs->OpenDir("etc").value(), "passwd", "root"), IsOk());
  EXPECT_THAT(SetUpInitLayer(*rootfs), IsOk());
  ExpectAll(*rootfs);
  EXPECT_THAT(sys::ReadFile(*rootfs, "etc/passwd", 100), IsOkAndHolds(std::string("root")));
}

TEST_F(InitLayerTest, SymbolicLinksOnTheWayAreReplacedAndNotFollowed) {
  const sys::TempDir outside;
  const auto rootfs = Rootfs();
  ASSERT_THAT(rootfs->MakeSymlink(outside.path(), "etc"), IsOk());
  ASSERT_THAT(rootfs->MakeSymlink(outside.path() + "/target", ".dockerenv"), IsOk());
  EXPECT_THAT(SetUpInitLayer(*rootfs), IsOk());
  ExpectAll(*rootfs);
  EXPECT_EQ(rootfs->List(outside.path())->size(), 0u);
}

TEST_F(InitLayerTest, DirectoryInThePlaceOfAFileStays) {
  const auto rootfs = Rootfs();
  ASSERT_THAT(rootfs->MakeDir("etc", 0700), IsOk());
  ASSERT_THAT(rootfs->MakeDir("etc/hosts", 0700), IsOk());
  EXPECT_THAT(SetUpInitLayer(*rootfs), IsOk());
  EXPECT_EQ(rootfs->StatLink("etc/hosts")->type, sys::FileType::kDirectory);
  EXPECT_EQ(rootfs->StatLink("etc")->mode, 0700u);
}

TEST_F(InitLayerTest, FirstErrorEndsItAndItCanBeRepeated) {
  const auto rootfs = Rootfs();
  for (uint64_t call = 1;; ++call) {
    faulty_.SetPlan(sys::FaultyHost::FailCall(call, ENOSPC));
    const absl::Status status = SetUpInitLayer(*rootfs);
    const bool reached = faulty_.calls() >= call;
    faulty_.SetPlan(nullptr);
    if (!reached) break;
    EXPECT_THAT(status, FailsWithErrno(ENOSPC)) << "call " << call;
    ASSERT_THAT(SetUpInitLayer(*rootfs), IsOk());
    ExpectAll(*rootfs);
  }
}

}  // namespace
}  // namespace dmkit::driver
