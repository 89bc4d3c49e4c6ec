// SPDX-License-Identifier: Apache-2.0
// Tests of the host that fails on purpose, over this machine's files.

#include "sys/faulty_host.h"

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CountingClock : public Clock {
 public:
  absl::Time Now() override { return absl::UnixEpoch() + absl::Seconds(1); }
  absl::Time WallTime() override { return absl::UnixEpoch() + absl::Seconds(2); }
  void Sleep(absl::Duration) override { ++sleeps; }
  int sleeps = 0;
};

class CountingMounts : public Mounts {
 public:
  explicit CountingMounts(Dir& root) : root_(root) {}
  absl::StatusOr<std::unique_ptr<Dir>> Mount(const MountRequest& request) override {
    ++calls;
    return root_.OpenDir(request.target);
  }
  absl::Status Unmount(absl::string_view, UnmountMode) override {
    ++calls;
    return absl::OkStatus();
  }
  int calls = 0;

 private:
  Dir& root_;
};

class FaultyHostTest : public ::testing::Test {
 protected:
  FaultyHostTest() : mounts_(*linux_.host().root), faulty_(Inner()), host_(faulty_.host()) {}

  Host Inner() {
    Host host = linux_.host();
    host.clock = &clock_;
    host.mounts = &mounts_;
    return host;
  }
  std::unique_ptr<File> Make(absl::string_view name) {
    OpenOptions options;
    options.access = Access::kReadWrite;
    options.create = true;
    return *host_.root->OpenFile(Path(name), options);
  }
  std::string Path(absl::string_view name) { return absl::StrCat(temp_.path(), "/", name); }

  TempDir temp_;
  LinuxHost linux_;
  CountingClock clock_;
  CountingMounts mounts_;
  FaultyHost faulty_;
  Host host_;
};

TEST_F(FaultyHostTest, WithoutAPlanEverythingWorks) {
  const auto file = Make("file");
  EXPECT_THAT(file->WriteAt(0, "hello"), IsOk());
  std::string buffer(10, '?');
  EXPECT_THAT(file->ReadAt(0, absl::MakeSpan(buffer)), IsOkAndHolds(5u));
  EXPECT_GE(file->descriptor(), 0);
  EXPECT_EQ(faulty_.calls(), 3u);
  EXPECT_EQ(host_.trace, nullptr);
}

// Every call of every interface, each able to fail. The names are those of host.h.
struct Call {
  std::string line;
  std::function<absl::Status(const Host&, Dir&, File&)> make;
};

std::vector<Call> AllCalls(const std::string& path) {
  const std::string file = path + "/file";
  char byte = 0;
  const auto span = [&byte] { return absl::MakeSpan(&byte, 0); };
  return {
      {"ReadAt " + file, [=](auto&, auto&, File& f) { return f.ReadAt(0, span()).status(); }},
      {"WriteAt " + file, [](auto&, auto&, File& f) { return f.WriteAt(0, "x"); }},
      {"Truncate " + file, [](auto&, auto&, File& f) { return f.Truncate(1); }},
      {"Sync " + file, [](auto&, auto&, File& f) { return f.Sync(); }},
      {"Stat " + file, [](auto&, auto&, File& f) { return f.Stat().status(); }},
      {"NextData " + file, [](auto&, auto&, File& f) { return f.NextData(0).status(); }},
      {"Ioctl 0xfd42 " + file,
       [=](auto&, auto&, File& f) { return f.Ioctl(0xfd42, span()).status(); }},
      {"IoctlValue 0x4c01 " + file,
       [](auto&, auto&, File& f) { return f.IoctlValue(0x4c01, 0).status(); }},
      {"WaitReadable " + file,
       [](auto&, auto&, File& f) { return f.WaitReadable(absl::InfinitePast()).status(); }},
      {"TryLock " + file,
       [](auto&, auto&, File& f) { return f.TryLock(LockMode::kShared).status(); }},
      {"Unlock " + file, [](auto&, auto&, File& f) { return f.Unlock(); }},
      {"OpenFile " + file,
       [](auto&, Dir& d, auto&) { return d.OpenFile("file", OpenOptions()).status(); }},
      {"OpenDir " + path + "/sub", [](auto&, Dir& d, auto&) { return d.OpenDir("sub").status(); }},
      {"OpenDirNoFollow " + path + "/sub",
       [](auto&, Dir& d, auto&) { return d.OpenDirNoFollow("sub").status(); }},
      {"OpenDirInRoot " + path + "/sub",
       [](auto&, Dir& d, auto&) { return d.OpenDirInRoot("sub").status(); }},
      {"MakeDir " + path + "/sub", [](auto&, Dir& d, auto&) { return d.MakeDir("sub", 0700); }},
      {"List " + path, [](auto&, Dir& d, auto&) { return d.List(".").status(); }},
      {"Stat " + file, [](auto&, Dir& d, auto&) { return d.Stat("file").status(); }},
      {"StatLink " + file, [](auto&, Dir& d, auto&) { return d.StatLink("file").status(); }},
      {"ReadLink /x", [](auto&, Dir& d, auto&) { return d.ReadLink("/x").status(); }},
      {"Rename " + file + " to " + path + "/b",
       [](auto&, Dir& d, auto&) { return d.Rename("file", "b"); }},
      {"Unlink " + path + "/b", [](auto&, Dir& d, auto&) { return d.Unlink("b"); }},
      {"RemoveDir " + path + "/sub", [](auto&, Dir& d, auto&) { return d.RemoveDir("sub"); }},
      {"MakeLink " + file + " to " + path + "/b",
       [](auto&, Dir& d, auto&) { return d.MakeLink("file", "b"); }},
      {"SetTimes " + file,
       [](auto&, Dir& d, auto&) {
         return d.SetTimes("file", absl::UnixEpoch(), absl::UnixEpoch());
       }},
      {"ListXattrs " + file, [](auto&, Dir& d, auto&) { return d.ListXattrs("file").status(); }},
      {"GetXattr " + file + " user.a",
       [](auto&, Dir& d, auto&) { return d.GetXattr("file", "user.a").status(); }},
      {"SetXattr " + file + " user.a",
       [](auto&, Dir& d, auto&) { return d.SetXattr("file", "user.a", "v"); }},
      {"RemoveXattr " + file + " user.a",
       [](auto&, Dir& d, auto&) { return d.RemoveXattr("file", "user.a"); }},
      {"MakeSymlink " + path + "/link",
       [](auto&, Dir& d, auto&) { return d.MakeSymlink("target", "link"); }},
      {"MakeNode " + path + "/fifo",
       [](auto&, Dir& d, auto&) { return d.MakeNode("fifo", FileType::kFifo, {}, 0600); }},
      {"SetMode " + file, [](auto&, Dir& d, auto&) { return d.SetMode("file", 0600); }},
      {"SetOwner " + file, [](auto&, Dir& d, auto&) { return d.SetOwner("file", 0, 0); }},
      {"Space " + path, [](auto&, Dir& d, auto&) { return d.Space().status(); }},
      {"Sync " + path, [](auto&, Dir& d, auto&) { return d.Sync(); }},
      {"SyncFilesystem " + path, [](auto&, Dir& d, auto&) { return d.SyncFilesystem(); }},
      {"Mount /dev/x on " + path,
       [=](const Host& h, auto&, auto&) {
         return h.mounts->Mount({"/dev/x", path, "ext4", 0, ""}).status();
       }},
      {"Unmount " + path,
       [=](const Host& h, auto&, auto&) { return h.mounts->Unmount(path, UnmountMode::kNormal); }},
      {"Run true", [](const Host& h, auto&,
                      auto&) { return h.processes->Run({"true"}, absl::Minutes(10)).status(); }},
      {"Run", [](const Host& h, auto&, auto&) { return h.processes->Run({}, {}).status(); }},
      {"Find true", [](const Host& h, auto&, auto&) { return h.processes->Find("true").status(); }},
      {"LockMemory", [](const Host& h, auto&, auto&) { return h.processes->LockMemory(); }},
      {"UnlockMemory", [](const Host& h, auto&, auto&) { return h.processes->UnlockMemory(); }},
      {"Create key 0x0",
       [](const Host& h, auto&, auto&) { return h.semaphores->Create(0).status(); }},
      {"Find key 0xd4d1234",
       [](const Host& h, auto&, auto&) { return h.semaphores->Find(0xd4d1234).status(); }},
      {"Value id -1", [](const Host& h, auto&, auto&) { return h.semaphores->Value(-1).status(); }},
      {"SetValue id -1", [](const Host& h, auto&, auto&) { return h.semaphores->SetValue(-1, 0); }},
      {"Add id -1", [](const Host& h, auto&, auto&) { return h.semaphores->Add(-1, 1); }},
      {"WaitForZero id -1",
       [](const Host& h, auto&, auto&) { return h.semaphores->WaitForZero(-1, {}).status(); }},
      {"Remove id -1", [](const Host& h, auto&, auto&) { return h.semaphores->Remove(-1); }},
      {"ListSets", [](const Host& h, auto&, auto&) { return h.semaphores->ListSets().status(); }},
      {"Fill", [=](const Host& h, auto&, auto&) { return h.random->Fill(span()); }},
  };
}

TEST_F(FaultyHostTest, EveryCallIsCountedOnceAndLogged) {
  const auto file = Make("file");
  const auto dir = host_.root->OpenDir(temp_.path());
  ASSERT_THAT(dir, IsOk());
  for (const Call& call : AllCalls(temp_.path())) {
    faulty_.SetPlan(nullptr);
    call.make(host_, **dir, *file).IgnoreError();
    EXPECT_THAT(faulty_.Log(), ElementsAre(call.line));
    EXPECT_EQ(faulty_.calls(), 1u);
    EXPECT_EQ(faulty_.CountOf(call.line.substr(0, call.line.find(' '))), 1u);
  }
}

TEST_F(FaultyHostTest, EveryCallCanFailAndIsNotMadeThen) {
  const auto file = Make("file");
  const auto dir = host_.root->OpenDir(temp_.path());
  ASSERT_THAT(dir, IsOk());
  for (const Call& call : AllCalls(temp_.path())) {
    faulty_.SetPlan(FaultyHost::FailCall(1, EXDEV));
    EXPECT_THAT(call.make(host_, **dir, *file), FailsWithErrno(EXDEV)) << call.line;
  }
  EXPECT_EQ(mounts_.calls, 0);
  faulty_.SetPlan(nullptr);
  const auto entries = (*dir)->List(".");
  ASSERT_THAT(entries, IsOk());
  ASSERT_EQ(entries->size(), 1u);
  EXPECT_EQ((*dir)->Stat("file")->size_bytes, 0u);
  EXPECT_EQ(faulty_.open_handles(), 2u);
}

TEST_F(FaultyHostTest, FailCallFailsOnce) {
  const auto file = Make("file");
  faulty_.SetPlan(FaultyHost::FailCall(2, ENOSPC));
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_THAT(file->Sync(), FailsWithErrno(ENOSPC));
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_EQ(faulty_.calls(), 3u);
}

TEST_F(FaultyHostTest, ErrorsNameTheCall) {
  const auto file = Make("file");
  faulty_.SetPlan(FaultyHost::FailCall(1, ENOSPC));
  EXPECT_THAT(std::string(file->Sync().message()),
              ::testing::AllOf(HasSubstr("Sync " + Path("file")), HasSubstr("call 1"),
                               HasSubstr("ENOSPC")));
}

TEST_F(FaultyHostTest, StopAtStopsTheWorld) {
  auto file = Make("file");
  const auto dir = host_.root->OpenDir(temp_.path());
  ASSERT_THAT(file->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
  faulty_.SetPlan(FaultyHost::StopAt(2));
  EXPECT_THAT(file->WriteAt(0, "x"), IsOk());
  host_.clock->Sleep(absl::Seconds(1));
  EXPECT_EQ(clock_.sleeps, 1) << "not stopped yet";
  EXPECT_THAT(file->WriteAt(0, "yy"), FailsWithErrno(EIO));
  EXPECT_THAT(file->Unlock(), FailsWithErrno(EIO));
  for (const Call& call : AllCalls(temp_.path())) {
    EXPECT_THAT(call.make(host_, **dir, *file), FailsWithErrno(EIO)) << call.line;
  }
  host_.clock->Sleep(absl::Hours(1));
  EXPECT_EQ(clock_.sleeps, 1) << "a stopped world sleeps";
  EXPECT_EQ(host_.clock->Now(), clock_.Now());
  EXPECT_EQ(host_.clock->WallTime(), clock_.WallTime());
  EXPECT_EQ(host_.processes->ProcessId(), linux_.host().processes->ProcessId());

  // The lock was not given back, but the end of the process takes it.
  Dir& inner = *linux_.host().root;
  const auto other = inner.OpenFile(Path("file"), OpenOptions());
  ASSERT_THAT(other, IsOk());
  EXPECT_THAT((*other)->TryLock(LockMode::kShared), IsOkAndHolds(false));
  file.reset();
  EXPECT_THAT((*other)->TryLock(LockMode::kShared), IsOkAndHolds(true));
  EXPECT_EQ(inner.Stat(Path("file"))->size_bytes, 1u);
}

TEST_F(FaultyHostTest, FailMatchingLooksAtMethodAndObject) {
  const auto a = Make("matching");
  const auto b = Make("other");
  faulty_.SetPlan(FaultyHost::FailMatching("Sync", "/matching", EIO));
  EXPECT_THAT(a->Sync(), FailsWithErrno(EIO));
  EXPECT_THAT(a->Sync(), FailsWithErrno(EIO));
  EXPECT_THAT(a->Stat(), IsOk());
  EXPECT_THAT(b->Sync(), IsOk());
  faulty_.SetPlan(FaultyHost::FailMatching("Ioctl", "0xfd42", ENXIO));
  char byte = 0;
  EXPECT_THAT(b->Ioctl(0xfd42, absl::MakeSpan(&byte, 1)), FailsWithErrno(ENXIO));
  EXPECT_THAT(b->Ioctl(0xfd43, absl::MakeSpan(&byte, 1)), FailsWithErrno(ENOTTY));
}

TEST_F(FaultyHostTest, APlanMayMakeSleepsReturnAtOnce) {
  faulty_.SetPlan(FaultyHost::FailMatching("Sleep", "", EINTR));
  host_.clock->Sleep(absl::Hours(1));
  EXPECT_EQ(clock_.sleeps, 0);
  EXPECT_EQ(faulty_.calls(), 0u);
}

TEST_F(FaultyHostTest, SetPlanStartsTheCountAnew) {
  const auto file = Make("file");
  EXPECT_THAT(file->Sync(), IsOk());
  faulty_.SetPlan(nullptr);
  EXPECT_EQ(faulty_.calls(), 0u);
  EXPECT_EQ(faulty_.CountOf("Sync"), 0u);
  EXPECT_THAT(faulty_.Log(), ElementsAre());
  EXPECT_EQ(faulty_.open_handles(), 1u) << "handles are not calls";
}

TEST_F(FaultyHostTest, OpenHandlesAreCountedWhereverTheyComeFrom) {
  EXPECT_EQ(faulty_.open_handles(), 0u);
  {
    const auto file = Make("file");
    const auto dir = host_.root->OpenDir(temp_.path());
    const auto inner = (*dir)->OpenFile("file", OpenOptions());
    const auto mounted = host_.mounts->Mount({"/dev/x", temp_.path(), "ext4", 0, ""});
    ASSERT_THAT(mounted, IsOk());
    EXPECT_THAT(host_.root->OpenFile("/nonexistent", OpenOptions()), FailsWithErrno(ENOENT));
    EXPECT_EQ(faulty_.open_handles(), 4u);
  }
  EXPECT_EQ(faulty_.open_handles(), 0u);
}

TEST_F(FaultyHostTest, CallsThroughAMountAreCountedToo) {
  const auto mounted = host_.mounts->Mount({"/dev/x", temp_.path(), "ext4", 0, ""});
  ASSERT_THAT(mounted, IsOk());
  faulty_.SetPlan(FaultyHost::FailCall(1, EROFS));
  EXPECT_THAT((*mounted)->MakeDir("a", 0700), FailsWithErrno(EROFS));
  EXPECT_THAT(faulty_.Log(), ElementsAre("MakeDir " + Path("a")));
}

}  // namespace
}  // namespace dmkit::sys
