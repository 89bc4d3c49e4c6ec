// SPDX-License-Identifier: Apache-2.0
// Tests of the integrity target's line and status.

#include "dm/targets/integrity.h"

#include <functional>

#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/secret.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using sys::Secret;
using testing::ExpectNotUnderstood;
using testing::ExpectRefused;
using testing::Good;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ParamsOf;

IntegrityArgs Plain() {
  IntegrityArgs args;
  args.device = {7, 0};
  args.tag_bytes = 4;
  return args;
}

IntegrityArgs With(const std::function<void(IntegrityArgs&)>& change) {
  IntegrityArgs args = Plain();
  change(args);
  return args;
}

IntegrityArgs WithHash(const std::function<void(IntegrityArgs&)>& change) {
  IntegrityArgs args = Plain();
  args.internal_hash = IntegrityAlgorithm{"crc32c", {}};
  change(args);
  return args;
}

IntegrityAlgorithm Keyed(absl::string_view name) { return {std::string(name), Secret("c0ffee")}; }

IntegrityArgs All() {
  return With([](IntegrityArgs& args) {
    args.reserved = sys::Sectors(16);
    args.tag_bytes.reset();
    args.mode = IntegrityMode::kBitmap;
    args.meta_device = sys::DeviceNumber{7, 1};
    args.block_bytes = 4096;
    args.recalculate = args.reset_recalculate = args.allow_discards = true;
    args.journal_sectors = 1000;
    args.interleave_sectors = 32768;
    args.buffer_sectors = 128;
    args.journal_watermark = 100;
    args.commit_time_ms = 0;
    args.sectors_per_bit = uint64_t{1} << 40;
    args.bitmap_flush_ms = 10000;
    args.fix_padding = args.fix_hmac = args.legacy_recalculate = true;
    args.internal_hash = Keyed("hmac(sha256)");
    args.journal_crypt = Keyed("ctr(aes)");
    args.journal_mac = Keyed("hmac(sha1)");
  });
}

TEST(IntegrityTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<IntegrityArgs>> goods = {
      {Plain(), "7:0 0 4 J 0"},
      {With([](IntegrityArgs& a) { a.mode = IntegrityMode::kDirect; }), "7:0 0 4 D 0"},
      {With([](IntegrityArgs& a) { a.mode = IntegrityMode::kRecovery; }), "7:0 0 4 R 0"},
      {WithHash([](IntegrityArgs& a) { a.tag_bytes.reset(); }), "7:0 0 - J 1 internal_hash:crc32c"},
      {WithHash([](IntegrityArgs& a) { a.mode = IntegrityMode::kInline; }),
       "7:0 0 4 I 1 internal_hash:crc32c"},
      {WithHash([](IntegrityArgs& a) {
         a.tag_bytes = 255;
         a.allow_discards_keyed = true;
         a.internal_hash = Keyed("hmac(sha256)");
         a.other_options = {"new:5"};
       }),
       "7:0 0 255 J 3 allow_discards_keyed internal_hash:hmac(sha256):c0ffee new:5"},
      {All(),
       "7:0 16 - B 18 meta_device:7:1 block_size:4096 recalculate reset_recalculate "
       "allow_discards journal_sectors:1000 interleave_sectors:32768 buffer_sectors:128 "
       "journal_watermark:100 commit_time:0 sectors_per_bit:1099511627776 "
       "bitmap_flush_interval:10000 fix_padding fix_hmac legacy_recalculate "
       "internal_hash:hmac(sha256):c0ffee journal_crypt:ctr(aes):c0ffee "
       "journal_mac:hmac(sha1):c0ffee"},
  };
  for (const Good<IntegrityArgs>& good : goods) {
    EXPECT_EQ(ParamsOf<IntegrityTarget>(good.args), good.params);
    EXPECT_THAT(IntegrityTarget::Create(good.args)->DebugString(), Not(HasSubstr("c0ffee")));
  }
}

TEST(IntegrityTargetTest, WhatAnOptionImpliesIsSaidAsTheKernelSaysIt) {
  EXPECT_EQ(IntegrityTarget::Create(WithHash([](IntegrityArgs& a) {
              a.reset_recalculate = true;
            }))->Params(),
            "7:0 0 4 J 3 recalculate reset_recalculate internal_hash:crc32c");
  EXPECT_EQ(IntegrityTarget::Create(With([](IntegrityArgs& a) {
              a.allow_discards = a.allow_discards_keyed = true;
              a.internal_hash = Keyed("x");
            }))->Params(),
            "7:0 0 4 J 2 allow_discards_keyed internal_hash:x:c0ffee");
}

TEST(IntegrityTargetTest, WhatTheKernelRefusesIsRefused) {
  const std::vector<IntegrityArgs> bads = {
      With([](IntegrityArgs& a) { a.tag_bytes.reset(); }),
      With([](IntegrityArgs& a) { a.tag_bytes = 0; }),
      With([](IntegrityArgs& a) { a.tag_bytes = 256; }),
      With([](IntegrityArgs& a) { a.block_bytes = 0; }),
      With([](IntegrityArgs& a) { a.block_bytes = 256; }),
      With([](IntegrityArgs& a) { a.block_bytes = 1536; }),
      With([](IntegrityArgs& a) { a.block_bytes = 8192; }),
      With([](IntegrityArgs& a) { a.journal_watermark = 101; }),
      With([](IntegrityArgs& a) { a.mode = IntegrityMode::kBitmap; }),
      With([](IntegrityArgs& a) { a.mode = IntegrityMode::kInline; }),
      With([](IntegrityArgs& a) { a.allow_discards = true; }),
      With([](IntegrityArgs& a) { a.allow_discards_keyed = true; }),
      With([](IntegrityArgs& a) { a.recalculate = true; }),
      With([](IntegrityArgs& a) { a.reset_recalculate = true; }),
      WithHash([](IntegrityArgs& a) { a.allow_discards_keyed = true; }),
      WithHash([](IntegrityArgs& a) {
        a.mode = IntegrityMode::kInline;
        a.meta_device = sys::DeviceNumber{7, 1};
      }),
      WithHash([](IntegrityArgs& a) {
        a.mode = IntegrityMode::kInline;
        a.allow_discards = true;
      }),
      WithHash([](IntegrityArgs& a) {
        a.mode = IntegrityMode::kInline;
        a.journal_crypt = Keyed("x");
      }),
      WithHash([](IntegrityArgs& a) {
        a.mode = IntegrityMode::kInline;
        a.journal_mac = Keyed("x");
      }),
      With([](IntegrityArgs& a) { a.internal_hash = Keyed(""); }),
      With([](IntegrityArgs& a) { a.internal_hash = Keyed("a b"); }),
      With([](IntegrityArgs& a) { a.internal_hash = Keyed("a:b"); }),
      With([](IntegrityArgs& a) {
        a.internal_hash = IntegrityAlgorithm{"x", Secret("c0ffe")};
      }),
      With([](IntegrityArgs& a) {
        a.journal_mac = IntegrityAlgorithm{"x", Secret("c0ffex")};
      }),
      With([](IntegrityArgs& a) { a.other_options = {"a b"}; }),
      With([](IntegrityArgs& a) { a.other_options = std::vector<std::string>(19, "x"); }),
  };
  ExpectRefused<IntegrityTarget>(bads);
}

TEST(IntegrityTargetTest, WhatTheKernelDoesNotPrintIsRefusedWithoutShowingAKey) {
  ExpectNotUnderstood<IntegrityTarget>({"",
                                        "7:0",
                                        "7:0 0",
                                        "7:0 0 4",
                                        "7:0 0 4 J",
                                        "7:0 0 4 J 1",
                                        "7:0 0 4 J x",
                                        "7:0 0 4 X 0",
                                        "7:0 0 4 JB 0",
                                        "7:0 0 4 j 0",
                                        "7:0 x 4 J 0",
                                        "7:0 0 x J 0",
                                        "7:0 0 - J 0",
                                        "7:0 0 0 J 0",
                                        "c0ffee 0 4 J 0",
                                        "7:0 0 4 J 0 c0ffee",
                                        "7:0 0 4 J 1 internal_hash:a:c0ffe",
                                        "7:0 0 4 J 1 internal_hash:a:c0ffeex",
                                        "7:0 0 4 J 1 internal_hash::c0ffee",
                                        "7:0 0 4 J 1 block_size:513",
                                        "7:0 0 4 J 1 journal_watermark:101",
                                        "7:0 0 4 B 0",
                                        " 7:0 0 4 J 0",
                                        "7:0  0 4 J 0"});
}

TEST(IntegrityTargetTest, WhatIsNotKnownIsKept) {
  const auto target = IntegrityTarget::Parse(
      "7:0 0 4 J 5 new journal_sectors:x commit_time:7 meta_device:/dev/a sectors_per_bit:");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->args().commit_time_ms, 7u);
  EXPECT_THAT(
      target->args().other_options,
      ::testing::ElementsAre("new", "journal_sectors:x", "meta_device:/dev/a", "sectors_per_bit:"));
}

TEST(IntegrityTargetTest, ForPeopleKeysAreZeros) {
  const std::string text = IntegrityTarget::Create(All())->DebugString();
  EXPECT_THAT(text, HasSubstr(" internal_hash:hmac(sha256):000000 journal_crypt:ctr(aes):000000 "
                              "journal_mac:hmac(sha1):000000"));
}

TEST(IntegrityTargetTest, ALineIsWholeBlocks) {
  const IntegrityTarget target = IntegrityTarget::Create(All()).value();
  const TableLine line = target.Line(sys::Sectors(8), sys::Sectors(64)).value();
  EXPECT_EQ(line.type.text(), "integrity");
  EXPECT_EQ(line.start, sys::Sectors(8));
  EXPECT_EQ(line.params, target.Params());
  EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(63)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(IntegrityStatusTest, TellsMismatchesRoomAndRecalculation) {
  EXPECT_EQ(ParseIntegrityStatus("0 1000 -").value(),
            (IntegrityStatus{0, sys::Sectors(1000), std::nullopt, ""}));
  EXPECT_EQ(ParseIntegrityStatus("3 1000 512").value(),
            (IntegrityStatus{3, sys::Sectors(1000), sys::Sectors(512), ""}));
  EXPECT_EQ(ParseIntegrityStatus("3 1000 - new 7").value(),
            (IntegrityStatus{3, sys::Sectors(1000), std::nullopt, "new 7"}));
  for (absl::string_view text : {"", "0", "0 1000", "- 1000 -", "0 - -", "0 1000 x", "0 1000 -1",
                                 " 0 1000 -", "0  1000 -", "0 18446744073709551616 -"}) {
    EXPECT_THAT(ParseIntegrityStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
