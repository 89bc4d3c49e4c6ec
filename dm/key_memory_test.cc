// SPDX-License-Identifier: Apache-2.0
// What a key leaves behind in the memory of this process: tests that search all of it, by way of
// /proc/self/mem, while the client has passed the key on. The control device is a stand-in that
// makes no copy.

#include <string.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "dm/codec_testing.h"
#include "dm/device_mapper.h"
#include "dm/keys.h"
#include "dm/scripted_host.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "sys/secret.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOk;
using testing::Line;
using testing::Name;
using testing::ScriptedHost;
using testing::ScriptedRoot;

// The last digits of the key, each with a bit turned: the key itself is not in the program.
constexpr char kTurned[] = "sqtquyrvusuxywysrsxtvrvtssxsrwyuprxxtqyw";
constexpr size_t kTurnedBytes = sizeof(kTurned) - 1;
// Long enough that its memory, once given back, is not soon taken for something else.
constexpr size_t kKeyBytes = 700;
char KeyDigit(size_t i) {
  const size_t left = kKeyBytes - i;
  return left > kTurnedBytes ? '7' : static_cast<char>(kTurned[kTurnedBytes - left] ^ 0x40);
}
// What is searched for: memory that was given back has other things at its start.
constexpr size_t kTailBytes = 20;

// `before` KEY `after`, in one piece of memory.
std::string AroundKey(absl::string_view before, absl::string_view after) {
  std::string text;
  text.reserve(before.size() + kKeyBytes + after.size());
  text.append(before.data(), before.size());
  for (size_t i = 0; i < kKeyBytes; ++i) text.push_back(KeyDigit(i));
  text.append(after.data(), after.size());
  return text;
}

// Looks for the key in what this process has mapped, and has a room of its own to look in, which it
// leaves out.
class Memory {
 public:
  size_t CountKeys() {
    size_t count = 0;
    const auto list = Open("/proc/self/maps");
    const absl::string_view maps(maps_.data(), list->ReadAt(0, absl::MakeSpan(maps_)).value());
    const auto memory = Open("/proc/self/mem");
    for (absl::string_view line : absl::StrSplit(maps, '\n', absl::SkipEmpty())) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      const std::vector<absl::string_view> ends = absl::StrSplit(words[0], '-');
      uint64_t begin = 0, end = 0;
      EXPECT_TRUE(absl::SimpleHexAtoi(ends[0], &begin) && absl::SimpleHexAtoi(ends[1], &end));
      // A sanitizer's shadow is larger than any memory and holds no bytes of the program.
      if (words[1].substr(0, 2) != "rw" || end - begin > (uint64_t{1} << 28)) continue;
      count += CountIn(*memory, begin, end);
    }
    return count;
  }

 private:
  std::unique_ptr<sys::File> Open(absl::string_view path) {
    return linux_.host().root->OpenFile(path, {}).value();
  }

  size_t CountIn(sys::File& memory, uint64_t begin, uint64_t end) {
    char* const tail = piece_.data();
    char* const bytes = tail + kTailBytes;
    const size_t room = piece_.size() - kTailBytes;
    for (size_t i = 0; i < kTailBytes; ++i) tail[i] = KeyDigit(kKeyBytes - kTailBytes + i);
    size_t count = 0;
    // Pieces overlap, so that a key that crosses a border is found.
    for (uint64_t at = begin; at < end; at += room - kTailBytes + 1) {
      const size_t want = std::min<uint64_t>(room, end - at);
      const auto got = memory.ReadAt(at, absl::MakeSpan(bytes, want));
      if (!got.ok()) break;  // a page that cannot be read
      const char* const last = bytes + *got;
      const void* found = memmem(bytes, *got, tail, kTailBytes);
      while (found != nullptr) {
        const char* const here = static_cast<const char*>(found);
        const char* const place =
            reinterpret_cast<const char*>(at + static_cast<uint64_t>(here - bytes));
        const bool ours = place >= piece_.data() && place < piece_.data() + piece_.size();
        if (!ours) ++count;
        found = memmem(here + 1, static_cast<size_t>(last - here - 1), tail, kTailBytes);
      }
    }
    std::fill(piece_.begin(), piece_.end(), '\0');
    return count;
  }

  sys::LinuxHost linux_;
  // Made before any key is: room that is taken later would be taken where one was.
  std::vector<char> maps_ = std::vector<char>(size_t{1} << 20);
  std::vector<char> piece_ = std::vector<char>(size_t{1} << 20);
};

struct Seen {
  uint32_t flags = 0;
  // How often the key was in memory while the kernel had the request.
  size_t keys = 0;
  int error = 0;
  bool full_once = false;
};

class Control : public sys::File {
 public:
  Control(Memory& memory, Seen& seen) : memory_(memory), seen_(seen) {}

  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> buffer) override {
    dm_ioctl header;
    std::memcpy(&header, buffer.data(), sizeof(header));
    header.version[1] = 47;
    if (request != DM_VERSION) {
      seen_.flags |= header.flags;
      seen_.keys += memory_.CountKeys();
      if (seen_.error != 0) return sys::ErrnoStatus(seen_.error, "scripted");
      header.flags &= ~uint32_t{DM_SECURE_DATA_FLAG};
      if (request == DM_TABLE_STATUS) PutTable(header, buffer);
    }
    std::memcpy(buffer.data(), &header, sizeof(header));
    return 0;
  }
  absl::StatusOr<size_t> ReadAt(uint64_t, absl::Span<char>) override { return None(); }
  absl::Status WriteAt(uint64_t, absl::string_view) override { return None(); }
  absl::Status Truncate(uint64_t) override { return None(); }
  absl::Status Sync() override { return None(); }
  absl::StatusOr<sys::FileStat> Stat() override { return None(); }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t) override { return None(); }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return None(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return None(); }
  absl::StatusOr<bool> TryLock(sys::LockMode) override { return None(); }
  absl::Status Unlock() override { return None(); }
  int descriptor() const override { return -1; }

 private:
  static absl::Status None() { return sys::ErrnoStatus(ENOSYS, "not scripted"); }

  // One crypt target; the first time it does not fit, though the key is there already.
  void PutTable(dm_ioctl& header, absl::Span<char> buffer) {
    dm_target_spec spec = {};
    spec.length = 8;
    std::strcpy(spec.target_type, "crypt");
    char* at = buffer.data() + kPayloadStart;
    std::memcpy(at, &spec, sizeof(spec));
    at += sizeof(spec);
    std::memcpy(at, "aes ", 4);
    for (size_t i = 0; i < kKeyBytes; ++i) at[4 + i] = KeyDigit(i);
    std::memcpy(at + 4 + kKeyBytes, " 0 7:0 0", 9);
    header.target_count = 1;
    header.data_start = kPayloadStart;
    header.data_size = static_cast<uint32_t>(kPayloadStart + sizeof(spec) + 4 + kKeyBytes + 9);
    if (std::exchange(seen_.full_once, false)) header.flags |= DM_BUFFER_FULL_FLAG;
  }

  Memory& memory_;
  Seen& seen_;
};

class KeyMemoryTest : public ::testing::Test {
 protected:
  KeyMemoryTest() : root_([this] { return std::make_unique<Control>(memory_, seen_); }) {
    root_.nodes = scripted_.root.nodes;
    root_.texts = scripted_.root.texts;
  }
  DeviceMapper Open(bool trace) {
    sys::Host host = scripted_.host();
    host.root = &root_;
    if (trace) host.trace = &scripted_.trace;
    return DeviceMapper::Open(host).value();
  }

  Memory memory_;
  Seen seen_;
  ScriptedHost scripted_;
  ScriptedRoot root_;
};

TEST_F(KeyMemoryTest, TheSearchFindsAKeyThatIsThere) {
  EXPECT_EQ(memory_.CountKeys(), 0u);
  std::string text = AroundKey("a", "b");
  EXPECT_EQ(memory_.CountKeys(), 1u);
  std::string copy = text;
  EXPECT_EQ(memory_.CountKeys(), 2u);
  sys::Wipe(text);
  sys::Wipe(copy);
  EXPECT_EQ(memory_.CountKeys(), 0u);
}

TEST_F(KeyMemoryTest, ALoadedTableLeavesNoKey) {
  for (bool trace : {false, true}) {
    for (int error : {0, EINVAL}) {
      seen_ = Seen();
      seen_.error = error;
      DeviceMapper dm = Open(trace);
      std::vector<TableLine> table = {Line(0, 8, "zero", ""), Line(8, 8, "crypt", ""),
                                      Line(16, 8, "integrity", "")};
      table[1].params = AroundKey("aes-xts-plain64 ", " 0 7:0 0");
      table[2].params = AroundKey("7:0 0 - J 1 internal_hash:hmac(sha256):", "");
      const auto loaded = dm.Load(Name("a"), table, {});
      EXPECT_EQ(sys::GetErrno(loaded.status()), error);
      EXPECT_NE(seen_.flags & DM_SECURE_DATA_FLAG, 0u);
      // The caller's, the request's and the buffer's: two each.
      EXPECT_GE(seen_.keys, 6u);
      WipeParams(table);
      EXPECT_EQ(memory_.CountKeys(), 0u) << "traced " << trace << " errno " << error;
    }
  }
}

TEST_F(KeyMemoryTest, AMessageLeavesNoKey) {
  for (bool trace : {false, true}) {
    for (int error : {0, EINVAL}) {
      seen_ = Seen();
      seen_.error = error;
      DeviceMapper dm = Open(trace);
      std::string message = AroundKey("key set ", "");
      const auto sent = dm.Message(Name("a"), sys::Sectors(0), message);
      EXPECT_EQ(sys::GetErrno(sent.status()), error);
      EXPECT_NE(seen_.flags & DM_SECURE_DATA_FLAG, 0u);
      EXPECT_GE(seen_.keys, 3u);
      sys::Wipe(message);
      EXPECT_EQ(memory_.CountKeys(), 0u) << "traced " << trace << " errno " << error;
    }
  }
}

TEST_F(KeyMemoryTest, ATableThatWasReadLeavesNoKeyButTheCallers) {
  for (bool full_once : {false, true}) {
    seen_ = Seen();
    seen_.full_once = full_once;
    DeviceMapper dm = Open(true);
    TableReply table = dm.Table(Name("a"), {}).value();
    EXPECT_NE(seen_.flags & DM_SECURE_DATA_FLAG, 0u);
    EXPECT_EQ(memory_.CountKeys(), 1u);
    ASSERT_EQ(table.targets.size(), 1u);
    WipeTexts(table);
    EXPECT_EQ(memory_.CountKeys(), 0u) << full_once;
  }
}

TEST_F(KeyMemoryTest, NoLineOfATraceShowsAKey) {
  DeviceMapper dm = Open(true);
  std::vector<TableLine> table = {Line(0, 8, "crypt", "")};
  table[0].params = AroundKey("aes ", " 0 7:0 0");
  EXPECT_THAT(dm.Load(Name("a"), table, {}), IsOk());
  EXPECT_THAT(dm.Table(Name("a"), {}), IsOk());
  EXPECT_THAT(dm.Message(Name("a"), sys::Sectors(0), AroundKey("key set ", "")), IsOk());
  const std::string zeros(kKeyBytes, '0');
  ASSERT_EQ(scripted_.trace.lines.size(), 4u);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_THAT(scripted_.trace.lines[i], ::testing::HasSubstr(zeros));
    EXPECT_THAT(scripted_.trace.lines[i], ::testing::HasSubstr("SECURE_DATA"));
  }
  EXPECT_THAT(scripted_.trace.lines[1], ::testing::HasSubstr("crypt aes " + zeros + " 0 7:0 0"));
}

TEST_F(KeyMemoryTest, WithoutAKeyTheKernelIsAskedForNothingSpecial) {
  DeviceMapper dm = Open(false);
  EXPECT_THAT(dm.Load(Name("a"), {Line(0, 8, "crypt", "aes :32:logon:k 0 7:0 0")}, {}), IsOk());
  EXPECT_THAT(dm.Message(Name("a"), sys::Sectors(0), "key wipe"), IsOk());
  EXPECT_THAT(dm.Status(Name("a"), {}), IsOk());
  EXPECT_EQ(seen_.flags & DM_SECURE_DATA_FLAG, 0u);
}

}  // namespace
}  // namespace dmkit::dm
