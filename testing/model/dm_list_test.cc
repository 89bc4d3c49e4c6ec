// SPDX-License-Identifier: Apache-2.0
// LIST_DEVICES, LIST_VERSIONS and GET_TARGET_VERSION.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

using Lines = std::vector<std::string>;

class DmListTest : public DmTest {
 protected:
  // "name dev event flags uuid" of each entry.
  static Lines Entries(const DmBytes& bytes, bool with_uuid) {
    Lines lines;
    if (bytes.data_size() == kStructBytes) return lines;
    size_t at = kStructBytes;
    while (true) {
      const std::string name = bytes.TextAt(at + 12);
      const size_t event = at + Align8(12 + name.size() + 1);
      const uint32_t flags = bytes.U32(event + 4);
      lines.push_back(absl::StrCat(name, " ", bytes.U64(at), " ", bytes.U32(event), " ", flags,
                                   with_uuid && flags == 1 ? " " + bytes.TextAt(event + 8) : ""));
      if (bytes.U32(at + 8) == 0) return lines;
      at += bytes.U32(at + 8);
    }
  }
  static Lines Versions(const DmBytes& bytes, size_t* end) {
    Lines lines;
    size_t at = kStructBytes;
    while (true) {
      const std::string name = bytes.TextAt(at + 16);
      lines.push_back(absl::StrCat(name, " ", bytes.U32(at + 4), ".", bytes.U32(at + 8), ".",
                                   bytes.U32(at + 12)));
      *end = at + 16 + name.size() + 1;
      if (bytes.U32(at) == 0) return lines;
      at += bytes.U32(at);
    }
  }
  void CreateWithUuid(absl::string_view name, absl::string_view uuid) {
    DmBytes bytes(kStructBytes);
    ASSERT_EQ(machine_.Call(kDevCreate, bytes.Name(name).Uuid(uuid)), 0);
  }
};

TEST_P(DmListTest, EntriesComeInTheOrderOfTheirBytes) {
  for (const char* name : {"b", "a", "\xff", "B", "ab"}) ASSERT_EQ(machine_.Create(name), 0);
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kListDevices, bytes), 0);
  EXPECT_EQ(Entries(bytes, false),
            (Lines{"B 64771 0 0", "a 64769 0 0", "ab 64772 0 0", "b 64768 0 0", "\xff 64770 0 0"}));
}

TEST_P(DmListTest, UuidsComeWhenAskedFor) {
  CreateWithUuid("a", "UUID-of-a");
  ASSERT_EQ(machine_.Create("b"), 0);
  DmBytes with, without;
  ASSERT_EQ(machine_.Call(kListDevices, with.Flags(kUuidFlag)), 0);
  EXPECT_EQ(Entries(with, true), (Lines{"a 64768 0 1 UUID-of-a", "b 64769 0 2"}));
  EXPECT_EQ(with.data_size(), kStructBytes + 16 + 8 + 16 + 16 + 8);
  ASSERT_EQ(machine_.Call(kListDevices, without), 0);
  EXPECT_EQ(without.data_size(), kStructBytes + 2 * (16 + 8));
}

TEST_P(DmListTest, NameAndUuidArePrefixes) {
  CreateWithUuid("alpha", "U-1");
  CreateWithUuid("alps", "V-1");
  ASSERT_EQ(machine_.Create("beta"), 0);
  const auto names = [this](absl::string_view name, absl::string_view uuid) {
    DmBytes bytes;
    EXPECT_EQ(machine_.Call(kListDevices, bytes.Name(name).Uuid(uuid)), 0);
    return Entries(bytes, false).size();
  };
  EXPECT_EQ(names("", ""), 3u);
  EXPECT_EQ(names("al", ""), 2u);
  EXPECT_EQ(names("al", "V"), 1u);
  EXPECT_EQ(names("", "U"), 1u);
  EXPECT_EQ(names("beta", "U"), 0u);
  EXPECT_EQ(names("betas", ""), 0u);
  // Neither is cut or terminated.
  EXPECT_EQ(names(std::string(128, 'a'), std::string(129, 'U')), 0u);
}

TEST_P(DmListTest, EmptyListClaimsNothingAndNeedsEightBytes) {
  for (const size_t size : {305u, 312u, 319u, 320u}) {
    DmBytes bytes(std::max<size_t>(size, kStructBytes));
    bytes.Name("zzz").Poison().Put32(kDataSizeAt, static_cast<uint32_t>(size));
    ASSERT_EQ(machine_.Call(kListDevices, bytes), 0);
    EXPECT_EQ(bytes.data_size(), size < 320 ? 305u : 312u) << size;
    EXPECT_EQ((bytes.flags() & kBufferFullFlag) != 0, size < 320) << size;
    // The mark of an empty list is not copied out.
    EXPECT_EQ(bytes.bytes().substr(312), std::string(bytes.bytes().size() - 312, kPoison)) << size;
  }
}

TEST_P(DmListTest, ListThatDoesNotFitIsNotGivenInPart) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Create("b"), 0);
  for (size_t size = kStructBytes; size <= kStructBytes + 48; ++size) {
    DmBytes bytes(size);
    bytes.Poison();
    ASSERT_EQ(machine_.Call(kListDevices, bytes), 0);
    EXPECT_EQ((bytes.flags() & kBufferFullFlag) != 0, size < kStructBytes + 48) << size;
    EXPECT_EQ(bytes.data_size(), size < kStructBytes + 48 ? 305u : kStructBytes + 48) << size;
  }
}

TEST_P(DmListTest, VersionsListWhatIsLoadedTheNewestFirst) {
  DmBytes before, after, target;
  size_t end = 0;
  ASSERT_EQ(machine_.Call(kListVersions, before), 0);
  EXPECT_EQ(Versions(before, &end),
            (Lines{"striped 1.6.0", "linear 1.4.0", is_6_1() ? "error 1.5.0" : "error 1.7.0"}));
  ASSERT_EQ(machine_.Call(kGetTargetVersion, target.Name("zero")), 0);
  EXPECT_EQ(Versions(target, &end), Lines{is_6_1() ? "zero 1.1.0" : "zero 1.2.0"});
  ASSERT_EQ(machine_.Call(kListVersions, after), 0);
  EXPECT_EQ(Versions(after, &end)[0], is_6_1() ? "zero 1.1.0" : "zero 1.2.0");
}

TEST_P(DmListTest, VersionsClaimMoreThanTheyUse) {
  DmBytes bytes, zero;
  ASSERT_EQ(machine_.Call(kGetTargetVersion, zero.Name("zero")), 0);
  size_t end = 0;
  ASSERT_EQ(machine_.Call(kListVersions, bytes.Poison()), 0);
  Versions(bytes, &end);
  EXPECT_EQ(bytes.data_size(), kStructBytes + 118);
  EXPECT_EQ(Align8(end), kStructBytes + 96);
  // What is claimed too much is the caller's.
  EXPECT_EQ(bytes.bytes()[bytes.data_size() - 1], kPoison);
  for (const size_t room : {117u, 118u}) {
    DmBytes tight(kStructBytes + room);
    ASSERT_EQ(machine_.Call(kListVersions, tight), 0);
    EXPECT_EQ((tight.flags() & kBufferFullFlag) != 0, room == 117) << room;
  }
}

TEST_P(DmListTest, UnknownTargetHasNoVersion) {
  for (const char* name : {"", "nosuch", "Linear", "linear "}) {
    DmBytes bytes;
    EXPECT_EQ(machine_.Call(kGetTargetVersion, bytes.Name(name)), -EINVAL) << name;
  }
  DmBytes numbered;
  EXPECT_EQ(machine_.Call(kGetTargetVersion, numbered.Name("linear").Device(9)), 0);
}

DMKIT_ON_BOTH_KERNELS(DmListTest);

}  // namespace
}  // namespace dmkit::model
