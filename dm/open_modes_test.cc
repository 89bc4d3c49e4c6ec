// SPDX-License-Identifier: Apache-2.0
// Tests of the look for devices that are opened in one mode and then in a further one.

#include "dm/open_modes.h"

#include <string>

#include "dm/codec_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using testing::Line;

using Table = std::vector<TableLine>;

const TableLine kThin = Line(0, 8, "thin", "253:0 5 7:3");
const TableLine kSnapshot = Line(0, 8, "snapshot", "7:3 7:4 P 8");
const TableLine kLinear = Line(0, 8, "linear", "7:3 0");

TEST(OpenModesTest, AnOriginThatALaterLineWritesIsRefused) {
  for (const Table& table : {
           Table{kThin, kLinear},
           Table{kSnapshot, kLinear},
           Table{kLinear, Line(8, 8, "thin", "253:0 5 7:4"), Line(16, 8, "linear", "7:4 0")},
           Table{kThin, kSnapshot, Line(16, 8, "striped", "2 8 7:5 0 7:3 0")},
           Table{kThin, Line(8, 8, "snapshot", "7:5 7:3 P 8")},
           Table{kThin, Line(8, 8, "thin", "7:3 1")},
           Table{kThin, Line(8, 8, "snapshot-merge", "7:3 7:4 P 8")},
           Table{Line(0, 8, "clone", "7:1 7:2 7:3 8"), kLinear},
           Table{Line(0, 8, "thin", "/dev/a  5  /dev/b"), Line(8, 8, "linear", " /dev/b 0")},
       }) {
    EXPECT_THAT(CheckOpenModes(table, /*read_only=*/false),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << table.back().params;
  }
  EXPECT_THAT(std::string(CheckOpenModes({kThin, kSnapshot, kLinear}, false).message()),
              HasSubstr("table line 3 opens 7:3 for writing behind line 1,"));
}

TEST(OpenModesTest, AMergeDoesNotReadItsOrigin) {
  const TableLine merge = Line(0, 8, "snapshot-merge", "7:3 7:4 P 8");
  EXPECT_THAT(std::string(CheckOpenModes({merge, kLinear}, /*read_only=*/false).message()),
              HasSubstr("table line 2 opens 7:3 for reading behind line 1,"));
  EXPECT_THAT(CheckOpenModes({kLinear, merge}, /*read_only=*/false), IsOk());
}

TEST(OpenModesTest, AReadOnlyTableMustNotHoldAWriterBehindAReader) {
  const Table bad[] = {
      {kLinear, Line(8, 8, "era", "7:1 7:3 8")},
      {kLinear, Line(8, 8, "era", "7:3 7:1 8")},
      {kLinear, Line(8, 8, "cache", "7:1 7:2 7:3 8 0 default 0")},
      {kLinear, Line(8, 8, "clone", "7:1 7:3 7:2 8")},
      {kLinear, Line(8, 8, "snapshot-merge", "7:3 7:4 P 8")},
  };
  for (const Table& table : bad) {
    EXPECT_THAT(CheckOpenModes(table, /*read_only=*/true),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << table.back().params;
  }
  for (const Table& table : {
           Table{kThin, kLinear},
           Table{kSnapshot, kLinear},
           Table{Line(0, 8, "era", "7:1 7:3 8"), kLinear},
           Table{kLinear, Line(8, 8, "era", "7:1 7:2 8")},
       }) {
    EXPECT_THAT(CheckOpenModes(table, /*read_only=*/true), IsOk());
  }
}

TEST(OpenModesTest, WhatTheKernelTakesIsTaken) {
  for (const Table& table : {
           Table{},
           Table{kThin},
           Table{kSnapshot},
           Table{kLinear, kLinear},
           Table{kLinear, kThin},
           Table{kLinear, kThin, kLinear},
           Table{kThin, kSnapshot, kThin},
           Table{kThin, Line(8, 8, "linear", "7:4 0"), Line(16, 8, "zero", "")},
           Table{Line(0, 8, "thin", "253:0 5"), Line(8, 8, "linear", "253:0 5")},
           Table{kLinear, Line(8, 8, "era", "7:1 7:3 8"), kLinear},
           Table{Line(0, 8, "thin", ""), Line(8, 8, "snapshot", "")},
       }) {
    EXPECT_THAT(CheckOpenModes(table, /*read_only=*/false), IsOk());
  }
}

TEST(OpenModesTest, WhatTheKernelItselfRefusesIsLeftToIt) {
  EXPECT_THAT(CheckOpenModes({Line(0, 8, "snapshot", "7:3 7:3 P 8")}, false), IsOk());
}

}  // namespace
}  // namespace dmkit::dm
