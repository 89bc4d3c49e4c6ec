// SPDX-License-Identifier: Apache-2.0
// Tests that no descriptor of ours reaches a program: one that does keeps a device busy as long as
// the program runs.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/lock_file.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

// Prints one line per descriptor that a shell hands on.
constexpr char kScript[] = "ls -l /proc/self/fd | grep -o '[0-9]* -> .*'";

// The descriptors of a shell, started not through our seam but by the C library.
std::string DescriptorsOfAShell() {
  FILE* const shell = popen(kScript, "re");
  std::string text;
  char buffer[4096];
  size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), shell)) > 0) text.append(buffer, got);
  pclose(shell);
  return text;
}

size_t Lines(const std::string& text) {
  size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  return lines;
}

TEST(LinuxExecTest, EveryDescriptorIsCloseOnExec) {
  const TempDir temp;
  const size_t before = Lines(DescriptorsOfAShell());
  ASSERT_GE(before, 3u) << "the test sees no descriptors at all";

  const LinuxHost linux_host;
  const Host host = linux_host.host();
  const auto dir = host.root->OpenDir(temp.path());
  ASSERT_THAT(dir, IsOk());
  OpenOptions options;
  options.access = Access::kReadWrite;
  options.create = true;
  std::vector<std::unique_ptr<File>> files;
  files.reserve(3);
  for (int i = 0; i < 3; ++i) files.push_back(*(*dir)->OpenFile(absl::StrCat("f", i), options));
  const auto lock = AcquireLock(host, **dir, "lock", "test", absl::ZeroDuration());
  ASSERT_THAT(lock, IsOk());
  ASSERT_THAT((*dir)->List("."), IsOk());

  const std::string descriptors = DescriptorsOfAShell();
  EXPECT_EQ(Lines(descriptors), before) << descriptors;
  EXPECT_THAT(descriptors, ::testing::Not(::testing::HasSubstr(temp.path())));
}

TEST(LinuxExecTest, AProgramGetsItsThreeStreamsAndNothingElseOfOurs) {
  const TempDir temp;
  const LinuxHost linux_host;
  const Host host = linux_host.host();
  const auto dir = host.root->OpenDir(temp.path());
  ASSERT_THAT(dir, IsOk());
  const auto result = host.processes->Run({"sh", "-c", kScript}, absl::Minutes(10));
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(Lines(result->output), Lines(DescriptorsOfAShell())) << result->output;
  EXPECT_THAT(result->output, ::testing::HasSubstr("0 -> /dev/null\n"));
  EXPECT_THAT(result->output, ::testing::HasSubstr("2 -> pipe:"));
  EXPECT_THAT(result->output, ::testing::Not(::testing::HasSubstr(temp.path())));
}

TEST(LinuxExecTest, AHandleThatEndsClosesItsDescriptor) {
  const TempDir temp;
  const LinuxHost linux_host;
  const Host host = linux_host.host();
  const auto count = [&host] { return host.root->List("/proc/self/fd")->size(); };
  const size_t before = count();
  for (int i = 0; i < 10; ++i) {
    const auto dir = host.root->OpenDir(temp.path());
    ASSERT_THAT(dir, IsOk());
    OpenOptions options;
    options.create = true;
    ASSERT_THAT((*dir)->OpenFile("file", options), IsOk());
    ASSERT_THAT((*dir)->List("."), IsOk());
    ASSERT_THAT((*dir)->List("missing"), FailsWithErrno(ENOENT));
    const LinuxHost another;
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace dmkit::sys
