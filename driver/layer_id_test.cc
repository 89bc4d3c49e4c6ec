// SPDX-License-Identifier: Apache-2.0
// Tests of the rule for layer ids.

#include "driver/layer_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {
namespace {

using ::testing::HasSubstr;

TEST(LayerIdTest, PlainNamesAreKeptAsTheyAre) {
  for (const std::string& text :
       {std::string("a"), std::string("0"), std::string("web-1.2_x"), std::string("Base"),
        std::string("base2"), std::string("a..b"), std::string("a.tmp"), std::string(64, 'f'),
        std::string(85, 'x')}) {
    const absl::StatusOr<LayerId> id = LayerId::Create(text);
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(id->text(), text);
  }
}

TEST(LayerIdTest, WhatIsNotPlainIsRefused) {
  for (const absl::string_view text :
       {absl::string_view(""), absl::string_view("."), absl::string_view(".."),
        absl::string_view(".hidden"), absl::string_view("-option"), absl::string_view("_a"),
        absl::string_view("a/b"), absl::string_view("/"), absl::string_view("../x"),
        absl::string_view("a b"), absl::string_view(" a"), absl::string_view("a\n"),
        absl::string_view("a\0b", 3), absl::string_view("a:b"), absl::string_view("a\\b"),
        absl::string_view("caf\xc3\xa9"), absl::string_view("a*"), absl::string_view("base"),
        absl::string_view("pool")}) {
    const absl::StatusOr<LayerId> id = LayerId::Create(text);
    EXPECT_EQ(id.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(id.status().message()), HasSubstr("layer id")) << text;
  }
}

TEST(LayerIdTest, TooLongAnIdIsRefusedAndNotPrintedWhole) {
  EXPECT_FALSE(LayerId::Create(std::string(86, 'x')).ok());
  const absl::Status status = LayerId::Create(std::string(1000000, 'x')).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 400U);
}

TEST(LayerIdTest, AControlByteIsNotPrintedRaw) {
  const absl::Status status = LayerId::Create("a\x1b[2J").status();
  EXPECT_EQ(status.message().find('\x1b'), absl::string_view::npos);
}

}  // namespace
}  // namespace dmkit::driver
