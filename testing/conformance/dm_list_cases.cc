// SPDX-License-Identifier: Apache-2.0
// DM_LIST_DEVICES, DM_LIST_VERSIONS and DM_GET_TARGET_VERSION.

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmList : public DmTest {
 protected:
  // "name event flags uuid" of each entry, the uuid only when there is one.
  static Lines Entries(const DmRequest& reply) {
    Lines lines;
    if (reply.data_size() <= kResultAt) return lines;
    for (size_t at = kResultAt;;) {
      const std::string name = reply.TextAt(at + 12);
      const size_t event = at + Align8(12 + name.size() + 1);
      const uint32_t flags = reply.U32(event + 4);
      lines.push_back(absl::StrCat(name, " ", reply.U32(event), " ", flags,
                                   flags == 1 ? " " + reply.TextAt(event + 8) : ""));
      const uint32_t next = reply.U32(at + 8);
      if (next == 0) return lines;
      at += next;
    }
  }
  Lines List(absl::string_view name = "", absl::string_view uuid = "", uint32_t flags = 0) {
    DmRequest request(1 << 16);
    EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request.Name(name).Uuid(uuid).Flags(flags)), 0);
    return Entries(request);
  }
};

class DmVersions : public DmTest {
 protected:
  // "name 1.2.3" of each; `end` is where the last one's NUL is, and one more.
  static Lines Versions(const DmRequest& reply, size_t* end) {
    Lines lines;
    for (size_t at = kResultAt;;) {
      const std::string name = reply.TextAt(at + 16);
      lines.push_back(absl::StrCat(name, " ", reply.U32(at + 4), ".", reply.U32(at + 8), ".",
                                   reply.U32(at + 12)));
      *end = at + 16 + name.size() + 1;
      const uint32_t next = reply.U32(at);
      if (next == 0) return lines;
      at += next;
    }
  }
  Lines List() {
    DmRequest request(1 << 16);
    size_t end = 0;
    EXPECT_EQ(Call(DM_LIST_VERSIONS_CMD, request), 0);
    return Versions(request, &end);
  }
  std::string VersionOf(absl::string_view type) {
    DmRequest request;
    size_t end = 0;
    EXPECT_EQ(Call(DM_GET_TARGET_VERSION_CMD, request.Name(type)), 0) << type;
    const Lines lines = Versions(request, &end);
    EXPECT_EQ(lines.size(), 1u);
    return lines[0];
  }
  static std::string Text(absl::string_view type, const model::Version& version) {
    return absl::StrCat(type, " ", version[0], ".", version[1], ".", version[2]);
  }
};

TEST_F(DmList, EntriesAreInTheOrderOfTheirBytes) {
  for (const char* name : {"b", "a", "\xff", "B", "ab"}) ASSERT_EQ(Create(name), 0);
  EXPECT_EQ(List(), (Lines{"B 0 0", "a 0 0", "ab 0 0", "b 0 0", "\xff 0 0"}));
}

TEST_F(DmList, EntryTellsNumberAndEvents) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Rename("a", "b"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request), 0);
  EXPECT_EQ(request.U64(kResultAt), Status("b").device());
  EXPECT_EQ(Entries(request), Lines{"b 1 0"});
}

TEST_F(DmList, UuidsComeWithUuidFlagOnly) {
  ASSERT_EQ(Create("a", "UUID-of-a"), 0);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(List("", "", DM_UUID_FLAG), (Lines{"a 0 1 UUID-of-a", "b 0 2"}));
  EXPECT_EQ(List(), (Lines{"a 0 0", "b 0 0"}));
}

TEST_F(DmList, SizeIsTheSumOfAlignedParts) {
  ASSERT_EQ(Create("a", "UUID-of-a"), 0);
  ASSERT_EQ(Create("bbbb"), 0);
  DmRequest with, without;
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, with.Flags(DM_UUID_FLAG)), 0);
  EXPECT_EQ(with.data_size(), kResultAt + (16 + 8 + 16) + (24 + 8));
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, without), 0);
  EXPECT_EQ(without.data_size(), kResultAt + (16 + 8) + (24 + 8));
}

TEST_F(DmList, WritesEntriesAndLeavesTheirGaps) {
  ASSERT_EQ(Create("a", "U"), 0);
  DmRequest request(400);
  request.Flags(DM_UUID_FLAG).DataStart(77).Event(77).Poison();
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version data_size data_start payload[0-13] payload[16-25]");
  EXPECT_EQ(request.data_start(), 312u);
  EXPECT_EQ(request.data_size(), 344u);
}

TEST_F(DmList, NameIsAPrefix) {
  for (const char* name : {"alpha", "alps", "beta"}) ASSERT_EQ(Create(name), 0);
  EXPECT_EQ(List("al").size(), 2u);
  EXPECT_EQ(List("alps").size(), 1u);
  EXPECT_EQ(List("alpss").size(), 0u);
  EXPECT_EQ(List("AL").size(), 0u);
}

TEST_F(DmList, UuidIsAPrefixThatADeviceWithoutOneHasNot) {
  ASSERT_EQ(Create("a", "U-1"), 0);
  ASSERT_EQ(Create("b", "V-1"), 0);
  ASSERT_EQ(Create("c"), 0);
  EXPECT_EQ(List("", "U"), Lines{"a 0 0"});
  EXPECT_EQ(List("", "").size(), 3u);
}

TEST_F(DmList, BothPrefixesMustMatch) {
  ASSERT_EQ(Create("alpha", "U-1"), 0);
  ASSERT_EQ(Create("alps", "V-1"), 0);
  EXPECT_EQ(List("al", "V"), Lines{"alps 0 0"});
  EXPECT_EQ(List("b", "V"), Lines());
}

TEST_F(DmList, NameAndUuidAreNeitherCheckedNorTerminated) {
  DmRequest request;
  request.Name(std::string(128, 'n')).Uuid(std::string(129, 'u'));
  ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version data_size");
}

TEST_F(DmList, EmptyOneEndsWhereItsMarkIs) {
  for (const size_t size : {320u, 400u}) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request.Poison()), 0);
    EXPECT_EQ(request.data_size(), 312u);
    EXPECT_FALSE(request.is_full());
    EXPECT_EQ(request.bytes().substr(312), std::string(size - 312, kPoison));
  }
}

TEST_F(DmList, EmptyOneNeedsEightBytes) {
  for (const size_t size : {305u, 312u, 319u}) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request), 0);
    EXPECT_EQ(request.data_size(), 305u) << size;
    EXPECT_TRUE(request.is_full()) << size;
    EXPECT_EQ(request.data_start(), std::min<size_t>(size, 312)) << size;
  }
}

TEST_F(DmList, WithoutRoomForAllThereIsNoPart) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Create("b"), 0);
  for (size_t size = kResultAt; size <= kResultAt + 49; ++size) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_LIST_DEVICES_CMD, request.Poison()), 0);
    EXPECT_EQ(request.is_full(), size < kResultAt + 48) << size;
    EXPECT_EQ(request.data_size(), size < kResultAt + 48 ? 305u : kResultAt + 48) << size;
  }
}

TEST_F(DmVersions, ThoseThatAreBuiltInComeLast) {
  const Lines lines = List();
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines[lines.size() - 3], Text("striped", profile().striped_version));
  EXPECT_EQ(lines[lines.size() - 2], Text("linear", profile().linear_version));
  EXPECT_EQ(lines[lines.size() - 1], Text("error", profile().error_version));
}

TEST_F(DmVersions, OfTheKernels) {
  EXPECT_EQ(VersionOf("linear"), "linear 1.4.0");
  EXPECT_EQ(VersionOf("striped"), "striped 1.6.0");
  EXPECT_EQ(VersionOf("error"), is_6_1() ? "error 1.5.0" : "error 1.7.0");
  EXPECT_EQ(VersionOf("zero"), is_6_1() ? "zero 1.1.0" : "zero 1.2.0");
  EXPECT_EQ(VersionOf("thin-pool"), is_6_1() ? "thin-pool 1.22.0" : "thin-pool 1.23.0");
  EXPECT_EQ(VersionOf("thin"), is_6_1() ? "thin 1.22.0" : "thin 1.23.0");
}

TEST_F(DmVersions, AskingForOneLoadsItsModule) {
  VersionOf("thin-pool");
  const Lines lines = List();
  // The module has two.
  const std::string thin = Text("thin", profile().thin_version);
  const std::string pool = Text("thin-pool", profile().thin_version);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), thin), 1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), pool), 1);
}

TEST_F(DmVersions, ModuleOfThinIsFoundByTheNameOfThinPoolOnly) {
  // dm-thin-pool has no alias; whether it is loaded is up to what this kernel did before.
  const Lines lines = List();
  const bool is_loaded =
      std::count(lines.begin(), lines.end(), Text("thin-pool", profile().thin_version)) != 0;
  EXPECT_EQ(Call(DM_GET_TARGET_VERSION_CMD, DmRequest().Name("thin")), is_loaded ? 0 : -EINVAL);
}

TEST_F(DmVersions, ATableLoadsTheModulesOfItsTypes) {
  ASSERT_EQ(Create("a"), 0);
  // Even when it is refused afterwards.
  EXPECT_EQ(Load("a", {{8, 8, "zero", ""}}), -EINVAL);
  const Lines lines = List();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), Text("zero", profile().zero_version)), 1);
}

TEST_F(DmVersions, ListClaimsMoreThanItUses) {
  VersionOf("zero");
  DmRequest request(1 << 16);
  ASSERT_EQ(Call(DM_LIST_VERSIONS_CMD, request.DataStart(77).Poison()), 0);
  size_t end = 0, claimed = 0;
  for (const std::string& line : Versions(request, &end)) {
    claimed += 16 + line.find(' ') + 1 + 7;
  }
  EXPECT_EQ(request.data_size(), kResultAt + claimed);
  EXPECT_LT(Align8(end), request.data_size());
  EXPECT_EQ(request.data_start(), kResultAt);
  // What is claimed too much is the caller's.
  EXPECT_EQ(request.bytes().substr(end, request.data_size() - end),
            std::string(request.data_size() - end, kPoison));
}

TEST_F(DmVersions, ListWritesNoOtherField) {
  DmRequest request(4096);
  request.Name("nosuch").Uuid("nosuch").Event(77).Poison();
  ASSERT_EQ(Call(DM_LIST_VERSIONS_CMD, request), 0);
  const std::string written = request.Written();
  EXPECT_EQ(written.substr(0, written.find(" payload")), "version data_size");
}

TEST_F(DmVersions, ListWithoutRoomForItsClaimSetsBufferFull) {
  DmRequest all(1 << 16);
  ASSERT_EQ(Call(DM_LIST_VERSIONS_CMD, all), 0);
  for (const size_t missing : {1u, 0u}) {
    DmRequest request(all.data_size() - missing);
    ASSERT_EQ(Call(DM_LIST_VERSIONS_CMD, request.Poison()), 0);
    EXPECT_EQ(request.is_full(), missing == 1);
    EXPECT_EQ(request.data_size(), missing == 1 ? 305u : all.data_size());
  }
}

TEST_F(DmVersions, UnknownTypeGivesEinval) {
  for (const char* type : {"", "nosuch", "Linear", "linear ", "dm-linear"}) {
    EXPECT_EQ(Call(DM_GET_TARGET_VERSION_CMD, DmRequest().Name(type)), -EINVAL) << type;
  }
}

TEST_F(DmVersions, OneIgnoresTheNumber) {
  EXPECT_EQ(Call(DM_GET_TARGET_VERSION_CMD, DmRequest().Name("linear").Device(9)), 0);
}

TEST_F(DmVersions, OneWritesItsEntryOnly) {
  DmRequest request(400);
  request.Name("linear").DataStart(77).Event(77).Poison();
  ASSERT_EQ(Call(DM_GET_TARGET_VERSION_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size data_start name[127-127] uuid[128-128] payload[0-22]");
  EXPECT_EQ(request.data_size(), kResultAt + 16 + 7 + 7);
  EXPECT_EQ(request.U32(kResultAt), 0u);
}

TEST_F(DmVersions, OneWithoutRoomSetsBufferFull) {
  for (const size_t size : {305u, 341u, 342u}) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_GET_TARGET_VERSION_CMD, request.Name("linear")), 0);
    EXPECT_EQ(request.is_full(), size < 342) << size;
    EXPECT_EQ(request.data_size(), size < 342 ? 305u : 342u) << size;
  }
}

}  // namespace
}  // namespace dmkit::conformance
