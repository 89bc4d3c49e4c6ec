// SPDX-License-Identifier: Apache-2.0
// What a key leaves behind in memory that is given back. Every piece that this program gives back
// is looked at while a command runs on a table with a key; what has the table in the end, the
// model of a kernel, is kept from getting it. What dm/ does with a table: key_memory_test.cc there.

#include <malloc.h>
#include <string.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/dmsetup/commands_fixture.h"
#include "dm/dmsetup/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/stream.h"
#include "sys/string_stream.h"

namespace {

constexpr absl::string_view kKey =
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0fe1d2c3b4a596877968574635241302f";
// How much of it is looked for: a text that grew too small may have held no more.
constexpr size_t kKeyStart = 12;

bool watching = false;
size_t keys_given_back = 0;

void Look(void* memory) {
  if (!watching || memory == nullptr) return;
  if (memmem(memory, malloc_usable_size(memory), kKey.data(), kKeyStart) == nullptr) return;
  ++keys_given_back;
}

}  // namespace

void* operator new(size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept {
  Look(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  Look(memory);
  std::free(memory);
}

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::HasSubstr;

// Gives its bytes, and then an error.
class BrokenSource : public sys::ByteSource {
 public:
  explicit BrokenSource(absl::string_view data) : data_(data) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (data_.empty()) return sys::ErrnoStatus(EIO, "read");
    const size_t length = data_.copy(buffer.data(), buffer.size());
    data_.remove_prefix(length);
    return length;
  }

 private:
  absl::string_view data_;
};

class KeyTest : public testing::CommandsTest {
 protected:
  KeyTest() {
    faulty_.SetPlan([](const sys::SeamCall& call) {
      // DM_TABLE_LOAD
      return call.method == "Ioctl" && absl::StartsWith(call.object, "0xc138fd09") ? EIO : 0;
    });
  }

  // How many pieces with the key `dmsetup WORDS...`, which fails, gives back.
  size_t Leaves(const std::vector<std::string>& words, sys::ByteSource& in) {
    sys::StringSink out;
    sys::StringSink err;
    const Streams streams = {&in, &out, &err};
    const sys::Host host = faulty_.host();
    keys_given_back = 0;
    watching = true;
    const int status = dmsetup::Run("dmsetup", words, environment_, host, streams);
    watching = false;
    EXPECT_EQ(status, 1);
    err_ = err.data();
    EXPECT_THAT(err_, ::testing::Not(HasSubstr(std::string(kKey))));
    return keys_given_back;
  }
  size_t Leaves(const std::vector<std::string>& words, const std::string& input) {
    // In small pieces, so that the room for them has to grow.
    sys::StringSource in(input, 1000);
    return Leaves(words, in);
  }

  sys::FaultyHost faulty_{host_};
  const std::string line_ = absl::StrCat("0 8 crypt a\\b ", kKey, " 0 1:0 0\n");
};

TEST_F(KeyTest, TheLookFindsAKeyThatIsGivenBack) {
  keys_given_back = 0;
  watching = true;
  { const std::string key(kKey); }
  watching = false;
  EXPECT_EQ(keys_given_back, 1u);
}

TEST_F(KeyTest, ATableOfStandardInputLeavesNone) {
  EXPECT_EQ(Leaves({"create", "a"}, line_), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on a (253:0) failed: Input/output error"));
  // Much of it, with the key in front.
  EXPECT_EQ(Leaves({"create", "a"}, absl::StrCat(line_, std::string(100000, '\n'))), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on a (253:0) failed: Input/output error"));
  Quiet({"create", "b", "--notable"});
  EXPECT_EQ(Leaves({"load", "b"}, line_), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on b  failed: Input/output error"));
  CleanUp();
}

TEST_F(KeyTest, ATableOfAFileLeavesNone) {
  ASSERT_THAT(sys::ReplaceFile(*host_.root, "table", line_), sys::IsOk());
  EXPECT_EQ(Leaves({"create", "a", "/table"}, ""), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on a (253:0) failed: Input/output error"));
  ASSERT_THAT(host_.root->Unlink("/table"), sys::IsOk());
}

TEST_F(KeyTest, ATableWithAMistakeLeavesNone) {
  EXPECT_EQ(Leaves({"create", "a"}, absl::StrCat(line_, "9 8 zero\n")), 0u);
  EXPECT_THAT(err_, HasSubstr("Invalid target on line 2 of table on stdin"));
  EXPECT_EQ(Leaves({"create", "control"}, line_), 0u);
  EXPECT_THAT(err_, HasSubstr("create ioctl on control  failed: Invalid argument"));
}

TEST_F(KeyTest, ATableThatCannotBeReadToItsEndLeavesNone) {
  BrokenSource in(line_);
  EXPECT_EQ(Leaves({"create", "a"}, in), 0u);
  EXPECT_THAT(err_, HasSubstr("Read from stdin aborted: Input/output error"));
}

TEST_F(KeyTest, TablesInOneLineLeaveNone) {
  const std::string key(kKey);
  const std::string device = absl::StrCat("a,,,,0 8 crypt a\\\\b ", key, " 0 1:0 0,8 8 zero");
  EXPECT_EQ(Leaves({"create", "--concise"}, absl::StrCat("b,,,,;", device, ";c", device)), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on a (253:1) failed: Input/output error"));
  CleanUp();
  EXPECT_EQ(Leaves({"create", "--concise"}, absl::StrCat(device, ";b,,,x,0 8 zero")), 0u);
  EXPECT_THAT(err_, HasSubstr("reload ioctl on a (253:0) failed: Input/output error"));
}

TEST_F(KeyTest, TablesInOneLineWithAMistakeLeaveAndShowNone) {
  const std::string table = absl::StrCat("0 8 crypt c ", kKey, " 0 1:0 0");
  const std::string hidden =
      absl::StrCat("0 8 crypt c ", std::string(kKey.size(), '0'), " 0 1:0 0");
  EXPECT_EQ(Leaves({"create", "--concise"}, absl::StrCat("a,,,", table)), 0u);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat("Parsed 4 fields: name: a uuid:  minor:  flags: ",
                                           hidden, " table: (null)")));
  EXPECT_EQ(Leaves({"create", "--concise"}, absl::StrCat("a,,,", table, ",8 8 zero")), 0u);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat("Invalid flags parameter '", hidden, "'")));
  EXPECT_EQ(Leaves({"create", "--concise"}, absl::StrCat("a,,,,", table, ",")), 0u);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat("table: ", hidden, "\n")));
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
