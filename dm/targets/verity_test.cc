// SPDX-License-Identifier: Apache-2.0
// Tests of the verity target's line and status.

#include "dm/targets/verity.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ExpectRefused;
using testing::Good;
using testing::ParamsOf;

const std::string& Digest() {
  static const auto* const digest = new std::string(64, 'a');
  return *digest;
}

VerityArgs Plain() {
  VerityArgs args;
  args.data_device = {7, 0};
  args.hash_device = {7, 1};
  args.data_blocks = 100;
  args.hash_start = 1;
  args.algorithm = "sha256";
  args.root_digest = Digest();
  return args;
}

VerityArgs With(const std::function<void(VerityArgs&)>& change) {
  VerityArgs args = Plain();
  change(args);
  return args;
}

VerityArgs WithFec(VerityFec fec) {
  return With([&](VerityArgs& args) { args.fec = fec; });
}

std::string Front() { return absl::StrCat("1 7:0 7:1 4096 4096 100 1 sha256 ", Digest(), " "); }

TEST(VerityTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<VerityArgs>> goods = {
      {Plain(), Front() + "-"},
      {With([](VerityArgs& a) { a.salt = "00ff"; }), Front() + "00ff"},
      {With([](VerityArgs& a) {
         a.version = 0;
         a.data_block_bytes = 512;
         a.hash_block_bytes = 1024;
       }),
       absl::StrCat("0 7:0 7:1 512 1024 100 1 sha256 ", Digest(), " -")},
      {With([](VerityArgs& a) {
         a.algorithm = "sha256-other";
         a.root_digest = "00";
       }),
       "1 7:0 7:1 4096 4096 100 1 sha256-other 00 -"},
      {With([](VerityArgs& a) { a.on_corruption = VerityCorruption::kIgnore; }),
       Front() + "- 1 ignore_corruption"},
      {With([](VerityArgs& a) {
         a.on_corruption = VerityCorruption::kRestart;
         a.on_error = VerityError::kRestart;
       }),
       Front() + "- 2 restart_on_corruption restart_on_error"},
      {WithFec({{7, 2}, 100, 0, 2}),
       Front() + "- 8 use_fec_from_device 7:2 fec_blocks 100 fec_start 0 fec_roots 2"},
      {With([](VerityArgs& a) {
         a.on_corruption = VerityCorruption::kPanic;
         a.on_error = VerityError::kPanic;
         a.ignore_zero_blocks = a.check_at_most_once = a.try_verify_in_tasklet = true;
         a.fec = VerityFec{{7, 2}, 120, 3, 24};
         a.signature_key = "desc";
         a.other_options = {"new", "5"};
       }),
       Front() +
           "- 17 panic_on_corruption panic_on_error ignore_zero_blocks check_at_most_once "
           "try_verify_in_tasklet use_fec_from_device 7:2 fec_blocks 120 fec_start 3 fec_roots 24 "
           "root_hash_sig_key_desc desc new 5"},
  };
  for (const Good<VerityArgs>& good : goods)
    EXPECT_EQ(ParamsOf<VerityTarget>(good.args), good.params);
}

TEST(VerityTargetTest, DigitsComeOutInSmallLetters) {
  const auto target = VerityTarget::Create(With([](VerityArgs& a) {
    a.root_digest = std::string(64, 'A');
    a.salt = "FF";
  }));
  EXPECT_EQ(target->args().root_digest, Digest());
  EXPECT_EQ(target->args().salt, "ff");
}

TEST(VerityTargetTest, WhatTheKernelRefusesIsRefused) {
  const std::vector<VerityArgs> bads = {
      With([](VerityArgs& a) { a.version = 2; }),
      With([](VerityArgs& a) { a.data_block_bytes = 0; }),
      With([](VerityArgs& a) { a.data_block_bytes = 256; }),
      With([](VerityArgs& a) { a.data_block_bytes = 4095; }),
      With([](VerityArgs& a) { a.data_block_bytes = 131072; }),
      With([](VerityArgs& a) { a.hash_block_bytes = 0; }),
      With([](VerityArgs& a) { a.hash_block_bytes = 256; }),
      With([](VerityArgs& a) { a.hash_block_bytes = 3 * 512; }),
      With([](VerityArgs& a) { a.hash_block_bytes = 0x80000000; }),
      With([](VerityArgs& a) { a.data_blocks = ~uint64_t{0}; }),
      With([](VerityArgs& a) { a.data_blocks = uint64_t{1} << 61; }),
      With([](VerityArgs& a) { a.hash_start = uint64_t{1} << 61; }),
      With([](VerityArgs& a) { a.algorithm = ""; }),
      With([](VerityArgs& a) { a.algorithm = "sha 256"; }),
      With([](VerityArgs& a) { a.algorithm = "sha512"; }),
      With([](VerityArgs& a) { a.root_digest = ""; }),
      With([](VerityArgs& a) { a.root_digest += "aa"; }),
      With([](VerityArgs& a) { a.root_digest[5] = 'x'; }),
      With([](VerityArgs& a) { a.salt = "0"; }),
      With([](VerityArgs& a) { a.salt = "-"; }),
      With([](VerityArgs& a) { a.salt = "0x"; }),
      WithFec({{7, 2}, 100, 0, 1}),
      WithFec({{7, 2}, 100, 0, 25}),
      WithFec({{7, 2}, 99, 0, 2}),
      WithFec({{7, 2}, 0, 0, 2}),
      WithFec({{7, 2}, uint64_t{1} << 61, 0, 2}),
      WithFec({{7, 2}, 100, uint64_t{1} << 61, 2}),
      With([](VerityArgs& a) {
        a.fec = VerityFec{{7, 2}, 100, 0, 2};
        a.hash_block_bytes = 1024;
      }),
      With([](VerityArgs& a) { a.signature_key = ""; }),
      With([](VerityArgs& a) { a.signature_key = "a b"; }),
      With([](VerityArgs& a) { a.other_options = {""}; }),
  };
  ExpectRefused<VerityTarget>(bads);
}

TEST(VerityTargetTest, WhatTheKernelDoesNotPrintIsRefused) {
  const std::string front = Front();
  for (const std::string& text : {
           std::string(),
           std::string("1"),
           front.substr(0, front.size() - 1),
           front + "- 0 x",
           front + "- 1",
           front + "- 2 ignore_corruption",
           front + "- x",
           front + "0",
           front + "- 1 fec_start",
           front + "- 2 fec_start 0",
           front + "- 2 fec_start x",
           front + "- 6 use_fec_from_device 7:2 fec_blocks 100 fec_start 0",
           front + "- 8 use_fec_from_device 7 fec_blocks 100 fec_start 0 fec_roots 2",
           front + "- 8 use_fec_from_device 7:2 fec_blocks 100 fec_start 0 fec_roots 1",
           front + "- 1 root_hash_sig_key_desc",
           "2" + front.substr(1) + "-",
           "-1" + front.substr(1) + "-",
           " " + front + "-",
           front + " -",
           std::string("1 7:0 7:1 4096 4096 100 1 sha256 aa -"),
           std::string("1 7:0 /dev/b 4096 4096 100 1 x aa -"),
           std::string("1 7:0 7:1 4096 4096 100 x sha256 aa -"),
           std::string("1 7:0 7:1 4096 4096 100 18446744073709551616 x aa -"),
       }) {
    EXPECT_THAT(VerityTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(VerityTargetTest, ALineIsNotLongerThanItsData) {
  const VerityTarget target = VerityTarget::Create(Plain()).value();
  const TableLine line = target.Line(sys::Sectors(0), sys::Sectors(800)).value();
  EXPECT_EQ(line.type.text(), "verity");
  EXPECT_EQ(line.length, sys::Sectors(800));
  EXPECT_EQ(line.params, target.Params());
  EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(801)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(VerityStatusTest, TellsWhetherABlockWasCorrupted) {
  EXPECT_EQ(ParseVerityStatus("V").value(), (VerityStatus{false, ""}));
  EXPECT_EQ(ParseVerityStatus("C").value(), (VerityStatus{true, ""}));
  EXPECT_EQ(ParseVerityStatus("C 7 new").value(), (VerityStatus{true, "7 new"}));
  for (absl::string_view text : {"", " ", "v", "VC", "0", " V", "V  7", "Fail"}) {
    EXPECT_THAT(ParseVerityStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
