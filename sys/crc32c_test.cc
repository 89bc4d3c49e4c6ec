// SPDX-License-Identifier: Apache-2.0
// Tests of the checksum against published values.

#include "sys/crc32c.h"

#include <cstddef>
#include <string>

#include "gtest/gtest.h"

namespace dmkit::sys {
namespace {

TEST(Crc32cTest, CheckValueOfTheAlgorithm) { EXPECT_EQ(Crc32c("123456789"), 0xe3069283); }

// RFC 3720, B.4.
TEST(Crc32cTest, ExamplesOfIscsi) {
  std::string up;
  std::string down;
  for (char i = 0; i < 32; ++i) {
    up.push_back(i);
    down.push_back(static_cast<char>(31 - i));
  }
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aa);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43);
  EXPECT_EQ(Crc32c(up), 0x46dd794e);
  EXPECT_EQ(Crc32c(down), 0x113fdb5c);
}

TEST(Crc32cTest, NothingIsZero) { EXPECT_EQ(Crc32c(""), 0u); }

TEST(Crc32cTest, EveryFlippedBitShows) {
  const std::string text = "dev_id: 7\ntransaction_id: 12\n";
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string changed = text;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
    EXPECT_NE(Crc32c(changed), Crc32c(text)) << "bit " << i;
  }
}

TEST(Crc32cTest, ACutOffTailShows) {
  const std::string text = "dev_id: 12\n";
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_NE(Crc32c(text.substr(0, size)), Crc32c(text)) << size;
  }
}

}  // namespace
}  // namespace dmkit::sys
