// SPDX-License-Identifier: Apache-2.0
// Calls of loop devices as bytes.

#include "testing/conformance/loop_fixture.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "testing/conformance/guarded_ioctl.h"

namespace dmkit::conformance {
namespace {

// As many as a kernel makes at start.
constexpr uint32_t kLoops = 8;

template <typename T>
std::string BytesOf(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Query(sys::File& file, unsigned long request) {
  std::string bytes(sizeof(T), '\0');
  EXPECT_EQ(GuardedIoctl(file, request, bytes), 0);
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

}  // namespace

void LoopTest::SetUp() {
  ConformanceTest::SetUp();
  Sweep();
}

void LoopTest::TearDown() {
  Sweep();
  for (const std::string& path : files_) host().root->Unlink(path).IgnoreError();
  ConformanceTest::TearDown();
}

void LoopTest::Sweep() {
  const auto names = host().root->List("/dev");
  ASSERT_TRUE(names.ok()) << names.status();
  const FilePtr control = Control();
  std::set<uint32_t> missing = {0, 1, 2, 3, 4, 5, 6, 7};
  for (const sys::DirEntry& entry : *names) {
    absl::string_view digits = entry.name;
    uint32_t number = 0;
    if (!absl::ConsumePrefix(&digits, "loop") || !absl::SimpleAtoi(digits, &number)) continue;
    EXPECT_TRUE(InTime([&] { return IsSwept(*control, number); })) << entry.name;
    missing.erase(number);
  }
  for (const uint32_t number : missing) Value(*control, LOOP_CTL_ADD, number);
}

bool LoopTest::IsSwept(sys::File& control, uint32_t number) {
  {
    const auto loop = host().root->OpenFile(absl::StrCat("/dev/loop", number), {});
    if (!loop.ok()) return false;
    const int detached = Detach(**loop);
    if (detached != -ENXIO) return false;
  }
  return number < kLoops || Value(control, LOOP_CTL_REMOVE, number) == 0;
}

std::string LoopTest::File(absl::string_view name, uint64_t bytes) {
  const std::string path = absl::StrCat(machine().Directory(), "/loop-", name);
  files_.push_back(path);
  sys::OpenOptions options;
  options.access = kReadWrite;
  options.create = true;
  const auto file = host().root->OpenFile(path, options);
  EXPECT_TRUE(file.ok()) << file.status();
  if (file.ok()) {
    EXPECT_TRUE((*file)->Truncate(0).ok());
    EXPECT_TRUE((*file)->Truncate(bytes).ok());
  }
  return path;
}

void LoopTest::Resize(const std::string& path, uint64_t bytes) {
  const FilePtr file = Open(path, kReadWrite);
  ASSERT_NE(file, nullptr);
  EXPECT_TRUE(file->Truncate(bytes).ok());
}

FilePtr LoopTest::Loop(uint32_t number, sys::Access access) {
  return Open(absl::StrCat("/dev/loop", number), access);
}

FilePtr LoopTest::HeldLoop(uint32_t number) {
  sys::OpenOptions options;
  options.access = kReadWrite;
  options.exclusive = true;
  auto loop = host().root->OpenFile(absl::StrCat("/dev/loop", number), options);
  EXPECT_TRUE(loop.ok()) << loop.status();
  return loop.ok() ? *std::move(loop) : nullptr;
}

void LoopTest::AsNobody(const std::string& node, sys::Access access,
                        const std::function<void(sys::File& file)>& body) {
  const auto before = host().root->Stat(node);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(host().root->SetMode(node, 0666).ok());
  machine().AsNobody([&](const sys::Host& nobody) {
    sys::OpenOptions options;
    options.access = access;
    const auto file = nobody.root->OpenFile(node, options);
    ASSERT_TRUE(file.ok()) << file.status();
    body(**file);
  });
  EXPECT_TRUE(host().root->SetMode(node, before->mode).ok());
}

int LoopTest::Value(sys::File& file, unsigned long request, uint64_t value) {
  const auto result = file.IoctlValue(request, value);
  return result.ok() ? *result : -sys::GetErrno(result.status());
}

int LoopTest::SetFd(sys::File& loop, const sys::File& backing) {
  return Value(loop, LOOP_SET_FD, static_cast<uint64_t>(backing.descriptor()));
}

int LoopTest::Configure(sys::File& loop, const sys::File& backing, loop_config config) {
  config.fd = static_cast<uint32_t>(backing.descriptor());
  std::string bytes = BytesOf(config);
  return GuardedIoctl(loop, LOOP_CONFIGURE, bytes);
}

int LoopTest::SetStatus(sys::File& loop, const loop_info64& info) {
  std::string bytes = BytesOf(info);
  return GuardedIoctl(loop, LOOP_SET_STATUS64, bytes);
}

int LoopTest::GetStatus(sys::File& loop, loop_info64* info) {
  std::string bytes(sizeof(*info), '\xa5');
  const int result = GuardedIoctl(loop, LOOP_GET_STATUS64, bytes);
  std::memcpy(info, bytes.data(), sizeof(*info));
  return result;
}

int LoopTest::StatusError(sys::File& loop) {
  loop_info64 info{};
  return GetStatus(loop, &info);
}

uint64_t LoopTest::SizeOf(sys::File& device) { return Query<uint64_t>(device, BLKGETSIZE64); }

uint32_t LoopTest::BlockBytesOf(sys::File& device) { return Query<uint32_t>(device, BLKSSZGET); }

bool LoopTest::IsReadOnly(sys::File& device) { return Query<uint32_t>(device, BLKROGET) != 0; }

uint32_t LoopTest::FlagsOf(sys::File& loop) {
  loop_info64 info{};
  EXPECT_EQ(GetStatus(loop, &info), 0);
  return info.lo_flags;
}

bool LoopTest::IsDetachedInTime(uint32_t number) {
  return InTime([&] {
    const auto loop = host().root->OpenFile(absl::StrCat("/dev/loop", number), {});
    if (!loop.ok()) return sys::GetErrno(loop.status()) == ENXIO;
    return StatusError(**loop) == -ENXIO;
  });
}

std::string LoopTest::Attribute(uint32_t number, absl::string_view name) {
  const auto text =
      sys::ReadFile(*host().root, absl::StrCat("/sys/block/loop", number, "/", name), 4096);
  return text.ok() ? std::string(absl::StripSuffix(*text, "\n")) : "";
}

void LoopTest::Attach(uint32_t number, const std::string& path) {
  const FilePtr loop = Loop(number);
  const FilePtr backing = Open(path, kReadWrite);
  ASSERT_TRUE(loop != nullptr && backing != nullptr);
  ASSERT_EQ(SetFd(*loop, *backing), 0);
}

}  // namespace dmkit::conformance
