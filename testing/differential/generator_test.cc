// SPDX-License-Identifier: Apache-2.0
// What generators promise of every history.

#include "testing/differential/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "dm/uapi.h"
#include "loop/uapi.h"

namespace dmkit::differential {
namespace {

constexpr Profile kProfiles[] = {Profile::kDm, Profile::kThin, Profile::kLoop};
constexpr uint64_t kSeeds = 300;

Setting TestSetting() { return {"/scratch", 254}; }

TEST(GeneratorTest, TheSameSeedGivesTheSameHistory) {
  for (const Profile profile : kProfiles) {
    const History one = MakeHistory(profile, 7, 100, TestSetting());
    const History other = MakeHistory(profile, 7, 100, TestSetting());
    ASSERT_EQ(one.size(), other.size());
    for (size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(Show(one[i]), Show(other[i]));
      EXPECT_EQ(one[i].bytes, other[i].bytes);
    }
  }
}

TEST(GeneratorTest, OtherSeedsGiveOtherHistories) {
  for (const Profile profile : kProfiles) {
    std::set<std::string> texts;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      std::string text;
      for (const Operation& operation : MakeHistory(profile, seed, 30, TestSetting())) {
        text += Show(operation);
      }
      texts.insert(text);
    }
    EXPECT_EQ(texts.size(), 20u);
  }
}

TEST(GeneratorTest, NoHistoryClearsATableAndRenames) {
  bool has_clear = false;
  bool has_rename = false;
  for (const Profile profile : kProfiles) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      bool clears = false;
      bool renames = false;
      for (const Operation& operation : MakeHistory(profile, seed, 150, TestSetting())) {
        clears |= operation.request == DM_TABLE_CLEAR;
        renames |= operation.request == DM_DEV_RENAME;
      }
      EXPECT_FALSE(clears && renames) << NameOf(profile) << " " << seed;
      has_clear |= clears;
      has_rename |= renames;
    }
  }
  EXPECT_TRUE(has_clear);
  EXPECT_TRUE(has_rename);
}

TEST(GeneratorTest, NoHistoryAsksForAScanOfPartitions) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Operation& operation : MakeHistory(Profile::kLoop, seed, 150, TestSetting())) {
      if (operation.kind != Kind::kIoctl) continue;
      if (operation.request == LOOP_SET_STATUS) {
        const auto flags = static_cast<uint8_t>(operation.bytes[offsetof(loop_info, lo_flags)]);
        EXPECT_EQ(flags & LO_FLAGS_PARTSCAN, 0);
      }
      if (operation.request != LOOP_SET_STATUS64 && operation.request != LOOP_CONFIGURE) continue;
      const size_t at = operation.request == LOOP_CONFIGURE ? offsetof(loop_config, info) : 0;
      const auto flags =
          static_cast<uint8_t>(operation.bytes[at + offsetof(loop_info64, lo_flags)]);
      EXPECT_EQ(flags & LO_FLAGS_PARTSCAN, 0);
    }
  }
}

// Else two devices could stand on each other, and io would never end.
TEST(GeneratorTest, TablesReferToLowerMinorsOnly) {
  size_t references = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Operation& operation : MakeHistory(Profile::kDm, seed, 150, TestSetting())) {
      if (operation.request != DM_TABLE_LOAD) continue;
      const char name = operation.bytes[offsetof(dm_ioctl, name)];
      for (int minor = 0; minor < 6; ++minor) {
        if (operation.bytes.find("254:" + std::to_string(minor)) == std::string::npos) continue;
        ++references;
        // Odd names share the minor behind those.
        const int own =
            name >= 'a' && name <= 'd' && operation.bytes[offsetof(dm_ioctl, name) + 1] == '\0'
                ? name - 'a'
                : 4;
        EXPECT_LT(minor, own) << Show(operation);
      }
    }
  }
  EXPECT_GT(references, 0u);
}

TEST(GeneratorTest, NoTableOpensTheOriginOfAThinTargetForWriting) {
  bool has_origin = false;
  bool has_writer = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Operation& operation : MakeHistory(Profile::kThin, seed, 150, TestSetting())) {
      if (operation.request != DM_TABLE_LOAD) continue;
      const bool has_its_origin = absl::StrContains(operation.bytes, " 7:3");
      const bool writes = absl::StrContains(operation.bytes, "7:3 0");  // a linear target
      EXPECT_FALSE(has_its_origin && writes) << Show(operation);
      has_origin |= has_its_origin;
      has_writer |= writes;
    }
  }
  EXPECT_TRUE(has_origin);
  EXPECT_TRUE(has_writer);
}

TEST(GeneratorTest, EachCommandComesInSomeHistory) {
  std::set<unsigned int> numbers;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Operation& operation : MakeHistory(Profile::kDm, seed, 150, TestSetting())) {
      if (operation.slot == kControlSlot && operation.kind == Kind::kIoctl) {
        numbers.insert(_IOC_NR(operation.request));
      }
    }
  }
  for (unsigned int number = 0; number < 18; ++number)
    EXPECT_EQ(numbers.count(number), 1u) << number;
}

TEST(GeneratorTest, EachRequestOfLoopDevicesComesInSomeHistory) {
  std::set<unsigned long> requests;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const Operation& operation : MakeHistory(Profile::kLoop, seed, 150, TestSetting())) {
      requests.insert(operation.request);
    }
  }
  for (unsigned long request = LOOP_SET_FD; request <= LOOP_CONFIGURE; ++request) {
    EXPECT_EQ(requests.count(request), 1u) << std::hex << request;
  }
  for (unsigned long request = LOOP_CTL_ADD; request <= LOOP_CTL_GET_FREE; ++request) {
    EXPECT_EQ(requests.count(request), 1u) << std::hex << request;
  }
}

TEST(GeneratorTest, NamesOfProfilesAreReadBack) {
  for (const Profile profile : kProfiles) EXPECT_EQ(ParseProfile(NameOf(profile)), profile);
  EXPECT_EQ(ParseProfile(""), std::nullopt);
  EXPECT_EQ(ParseProfile("all"), std::nullopt);
}

}  // namespace
}  // namespace dmkit::differential
