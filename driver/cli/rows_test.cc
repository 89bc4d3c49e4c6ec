// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/rows.h"

#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

TEST(RowsTest, ColumnsAreAlignedAndNoLineEndsWithABlank) {
  EXPECT_EQ(FormatColumns({{"A", "LONGER", "C"}, {"wide", "b", "c"}, {"", "b", ""}}),
            "A     LONGER  C\n"
            "wide  b       c\n"
            "      b\n");
}

TEST(RowsTest, RowsMayBeShorter) {
  EXPECT_EQ(FormatColumns({{"a"}, {"bb", "c"}, {}}), "a\nbb  c\n\n");
}

TEST(RowsTest, NoRowsAreNoText) { EXPECT_EQ(FormatColumns({}), ""); }

TEST(RowsTest, WidthCountsCharacters) {
  EXPECT_EQ(Width("gr\xc3\xbc\xc3\x9f"), 4u);
  EXPECT_EQ(FormatColumns({{"\xc3\xbc", "x"}, {"ab", "y"}}), "\xc3\xbc   x\nab  y\n");
}

}  // namespace
}  // namespace dmkit::driver::cli
