// SPDX-License-Identifier: Apache-2.0
// crypt, verity, integrity, cache, writecache and multipath on a real kernel: what is built is
// loaded, read back and asked for its status, and what is refused here the kernel refuses too.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dm/codec_testing.h"
#include "dm/targets/cache.h"
#include "dm/targets/crypt.h"
#include "dm/targets/integrity.h"
#include "dm/targets/multipath.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/targets_vm_fixture.h"
#include "dm/targets/verity.h"
#include "dm/targets/writecache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/secret.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using testing::Line;

// Of 4096 zeros.
constexpr absl::string_view kZerosSha256 =
    "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7";
constexpr absl::string_view kKey = "000102030405060708090a0b0c0d0e0f";

class OptionTargetsVmTest : public testing::TargetsVmTest {
 protected:
  // A device of `mib` that starts with zeros, at `mib_offset` of one of the two disks.
  sys::DeviceNumber Piece(absl::string_view name, uint32_t disk, uint64_t mib_offset,
                          uint64_t mib) {
    return TargetsVmTest::Piece(name, {1, disk}, mib_offset * 2048, mib * 2048);
  }
  // The first block of the device.
  absl::Status ReadBlock(absl::string_view name) {
    const auto node = OpenNode(NumberOf(name), sys::Access::kReadOnly);
    if (!node.ok()) return node.status();
    char block[4096];
    return (*node)->ReadAt(0, absl::MakeSpan(block)).status();
  }
  // Neither the target nor the kernel takes `params`.
  template <typename Target>
  void ExpectRefused(const std::string& params, bool read_only = false) {
    EXPECT_FALSE(Target::Parse(params).ok()) << params;
    TargetsVmTest::ExpectRefused(Target::kType, 8, params, EINVAL, read_only);
  }
};

CryptArgs Crypt(sys::DeviceNumber device) {
  CryptArgs args;
  args.cipher = "capi:cbc(aes)-plain64";
  args.key_digits = sys::Secret(kKey);
  args.device = device;
  return args;
}

TEST_F(OptionTargetsVmTest, CryptIsReadBackAsItWasLoaded) {
  CryptArgs args = Crypt(kRam);
  EXPECT_EQ(CryptTarget::Parse(
                Table("plain", CryptTarget::Create(args)->Line({}, sys::Sectors(64)).value()))
                ->args(),
            args);
  EXPECT_EQ(ParsePlainStatus(Status("plain")), PlainStatus());
  Remove("plain");

  args.iv_offset = 8;
  args.offset = sys::Sectors(16);
  args.allow_discards = args.same_cpu_crypt = args.submit_from_crypt_cpus = true;
  args.no_read_workqueue = args.no_write_workqueue = args.iv_large_sectors = true;
  args.high_priority = !IsKernel61();
  args.sector_bytes = 4096;
  const CryptTarget target = CryptTarget::Create(args).value();
  const std::string table = Table("all", target.Line({}, sys::Sectors(64)).value());
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(CryptTarget::Parse(table)->args(), args);
}

TEST_F(OptionTargetsVmTest, CryptTakesAnotherKeyByAMessage) {
  Table("key", CryptTarget::Create(Crypt(kRam))->Line({}, sys::Sectors(64)).value());
  ASSERT_THAT(dm_.Suspend(TestName("key"), {}), IsOk());
  const std::string other(32, 'f');
  EXPECT_THAT(dm_.Message(TestName("key"), {}, absl::StrCat("key set ", other)), IsOk());
  ASSERT_THAT(dm_.Resume(TestName("key"), {}, {}), IsOk());
  const auto table = dm_.Table(TestName("key"), {});
  EXPECT_EQ(CryptTarget::Parse(table->targets.at(0).text)->args().key_digits.Reveal(), other);
}

TEST_F(OptionTargetsVmTest, CryptLooksForAKeyInAKeyring) {
  CryptArgs args = Crypt(kRam);
  args.key_digits = sys::Secret();
  args.keyring_key = KeyringKey{16, "logon", "dmkit:nobody-added-it"};
  const TableLine line = CryptTarget::Create(args)->Line({}, sys::Sectors(64)).value();
  EXPECT_THAT(dm_.Load(MakeBare("ring"), {line}, {}), FailsWithErrno(ENOKEY));
}

TEST_F(OptionTargetsVmTest, WhatCryptRefusesTheKernelRefuses) {
  for (absl::string_view params :
       {"cbc(aes)-plain64 KEY 0 1:0 0", "aes-cbc KEY 0 1:0 0", "aes-cbc-essiv KEY 0 1:0 0",
        "aes:3-cbc-plain KEY 0 1:0 0", "capi:cbc(aes)-essiv KEY 0 1:0 0",
        "capi:cbc(aes)-plain64 000102030405060708090a0b0c0d0e0x 0 1:0 0",
        "capi:cbc(aes)-plain64 :16:keyring:a 0 1:0 0", "capi:cbc(aes)-plain64 :16:logon: 0 1:0 0",
        "capi:cbc(aes)-plain64 :x:logon:a 0 1:0 0",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 2 allow_discards",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 1 sector_size:513",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 1 sector_size:8192",
        "capi:cbc(aes)-plain64 KEY 1 1:0 0 1 sector_size:4096",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 1 integrity:0:none",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 1 integrity:481:none",
        "capi:cbc(aes)-plain64 KEY 0 1:0 0 10 a b c d e f g h i j"}) {
    ExpectRefused<CryptTarget>(absl::StrReplaceAll(params, {{"KEY", kKey}}));
  }
}

TEST_F(OptionTargetsVmTest, TheKernelDropsAnOddDigitOfAKey) {
  const std::string params = absl::StrCat("capi:cbc(aes)-plain64 ", kKey, "0 0 1:0 0");
  EXPECT_FALSE(CryptTarget::Parse(params).ok());
  EXPECT_EQ(Table("odd", Line(0, 64, "crypt", params)), CryptTarget::Create(Crypt(kRam))->Params());
}

VerityArgs Verity(sys::DeviceNumber data, sys::DeviceNumber hashes, absl::string_view digest) {
  VerityArgs args;
  args.data_device = data;
  args.hash_device = hashes;
  args.data_blocks = 1;
  args.algorithm = "sha256";
  args.root_digest = std::string(digest);
  return args;
}

TEST_F(OptionTargetsVmTest, VerityTellsOfCorruption) {
  const sys::DeviceNumber data = Piece("data", 0, 0, 4);
  const sys::DeviceNumber hashes = Piece("hashes", 1, 0, 4);
  const VerityTarget good = VerityTarget::Create(Verity(data, hashes, kZerosSha256)).value();
  EXPECT_EQ(Table("good", good.Line({}, sys::Sectors(8)).value(), true), good.Params());
  EXPECT_THAT(ReadBlock("good"), IsOk());
  EXPECT_EQ(ParseVerityStatus(Status("good")).value(), VerityStatus());

  const std::string wrong = absl::StrCat("00", kZerosSha256.substr(2));
  const VerityTarget bad = VerityTarget::Create(Verity(data, hashes, wrong)).value();
  EXPECT_EQ(Table("bad", bad.Line({}, sys::Sectors(8)).value(), true), bad.Params());
  EXPECT_FALSE(ParseVerityStatus(Status("bad"))->corrupted);
  EXPECT_THAT(ReadBlock("bad"), FailsWithErrno(EIO));
  EXPECT_TRUE(ParseVerityStatus(Status("bad"))->corrupted);
}

TEST_F(OptionTargetsVmTest, VerityIsReadBackWithAllItsOptions) {
  const sys::DeviceNumber data = Piece("data", 0, 0, 4);
  VerityArgs args = Verity(data, Piece("hashes", 1, 0, 4), kZerosSha256);
  args.salt = "00ff";
  args.on_corruption = VerityCorruption::kIgnore;
  if (!IsKernel61()) args.on_error = VerityError::kRestart;
  args.ignore_zero_blocks = args.check_at_most_once = args.try_verify_in_tasklet = true;
  args.fec = VerityFec{Piece("fec", 1, 4, 4), 1, 0, 2};
  const VerityTarget target = VerityTarget::Create(args).value();
  const std::string table = Table("all", target.Line({}, sys::Sectors(8)).value(), true);
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(VerityTarget::Parse(table)->args(), args);
}

TEST_F(OptionTargetsVmTest, WhatVerityRefusesTheKernelRefuses) {
  for (absl::string_view params :
       {"2 1:0 1:1 4096 4096 1 0 sha256 DIGEST -", "1 1:0 1:1 256 4096 1 0 sha256 DIGEST -",
        "1 1:0 1:1 4096 3072 1 0 sha256 DIGEST -",
        "1 1:0 1:1 4096 4096 18446744073709551615 0 sha256 DIGEST -",
        "1 1:0 1:1 4096 4096 1 18446744073709551615 sha256 DIGEST -",
        "1 1:0 1:1 4096 4096 1 0 sha256 DIGEST00 -", "FRONT 0", "FRONT 0x",
        "FRONT - 2 ignore_corruption", "FRONT - 1 fec_roots",
        "FRONT - 8 use_fec_from_device 1:1 fec_blocks 1 fec_start 0 fec_roots 1",
        "FRONT - 8 use_fec_from_device 1:1 fec_blocks 1 fec_start 0 fec_roots 25",
        "FRONT - 6 use_fec_from_device 1:1 fec_start 0 fec_roots 2"}) {
    const std::string whole =
        absl::StrReplaceAll(params, {{"FRONT", "1 1:0 1:1 4096 4096 1 0 sha256 DIGEST"}});
    ExpectRefused<VerityTarget>(absl::StrReplaceAll(whole, {{"DIGEST", kZerosSha256}}), true);
  }
}

TEST_F(OptionTargetsVmTest, IntegrityIsReadBackWithWhatTheKernelChose) {
  IntegrityArgs args;
  args.device = Piece("under", 0, 0, 8);
  args.internal_hash = IntegrityAlgorithm{"hmac(sha256)", sys::Secret(kKey)};
  args.journal_mac = IntegrityAlgorithm{"hmac(sha256)", sys::Secret(kKey)};
  args.commit_time_ms = 2000;
  const std::string table =
      Table("journal", IntegrityTarget::Create(args)->Line({}, sys::Sectors(1024)).value());
  const auto journal = IntegrityTarget::Parse(table);
  ASSERT_THAT(journal, IsOk());
  EXPECT_EQ(journal->Params(), table);
  EXPECT_EQ(journal->args().tag_bytes, 32u);
  EXPECT_EQ(journal->args().internal_hash, args.internal_hash);
  EXPECT_EQ(journal->args().journal_mac, args.journal_mac);
  EXPECT_EQ(journal->args().commit_time_ms, 2000u);
  EXPECT_TRUE(journal->args().journal_sectors.has_value());
  EXPECT_THAT(journal->args().other_options, ::testing::IsEmpty());
  const auto status = ParseIntegrityStatus(Status("journal"));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mismatches, 0u);
  EXPECT_GT(status->provided.count(), 1024u);
  EXPECT_EQ(status->recalculated, std::nullopt);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST_F(OptionTargetsVmTest, IntegrityCountsWhatDoesNotMatch) {
  IntegrityArgs args;
  args.device = Piece("under", 0, 0, 8);
  args.meta_device = Piece("meta", 1, 0, 8);
  args.mode = IntegrityMode::kDirect;
  args.tag_bytes = 4;
  args.block_bytes = 4096;
  args.internal_hash = IntegrityAlgorithm{"crc32c", {}};
  const std::string table =
      Table("direct", IntegrityTarget::Create(args)->Line({}, sys::Sectors(1024)).value());
  const auto direct = IntegrityTarget::Parse(table);
  ASSERT_THAT(direct, IsOk());
  EXPECT_EQ(direct->Params(), table);
  EXPECT_EQ(direct->args().meta_device, args.meta_device);
  EXPECT_EQ(direct->args().block_bytes, 4096u);
  // Nothing has been written, so no tag is right.
  EXPECT_FALSE(ReadBlock("direct").ok());
  EXPECT_GT(ParseIntegrityStatus(Status("direct"))->mismatches, 0u);
}

TEST_F(OptionTargetsVmTest, WhatIntegrityRefusesTheKernelRefuses) {
  Piece("zeros", 0, 0, 4);
  for (const char* params :
       {"1:0 0 0 J 0", "1:0 0 256 J 0", "1:0 0 - J 0", "1:0 0 4 X 0", "1:0 x 4 J 0", "1:0 0 4 J 1",
        "1:0 0 4 J 1 block_size:513", "1:0 0 4 J 1 block_size:8192", "1:0 0 4 B 0",
        "1:0 0 4 J 1 allow_discards", "1:0 0 4 J 1 internal_hash:crc32c:0",
        "1:0 0 4 J 1 internal_hash:crc32c:0x"}) {
    ExpectRefused<IntegrityTarget>(params);
  }
}

TEST_F(OptionTargetsVmTest, CacheIsReadBackAndCountsReads) {
  CacheArgs args;
  args.metadata = Piece("metadata", 0, 0, 4);
  args.cache = Piece("fast", 0, 4, 4);
  args.origin = Piece("slow", 1, 0, 8);
  args.block_size = sys::Sectors(128);
  args.mode = CacheMode::kWritethrough;
  args.metadata2 = true;
  args.settings = {{"migration_threshold", "4096"}};
  const CacheTarget target = CacheTarget::Create(args).value();
  const std::string table = Table("cache", target.Line({}, sys::Sectors(8 * 2048)));
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(CacheTarget::Parse(table)->args(), args);
  EXPECT_THAT(ReadBlock("cache"), IsOk());
  const auto status = ParseCacheStatus(Status("cache"));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->state, CacheState::kReadWrite);
  EXPECT_EQ(status->block_size, args.block_size);
  EXPECT_EQ(status->total_metadata_blocks, 1024u);
  EXPECT_EQ(status->total_blocks, 64u);
  EXPECT_GT(status->read_misses + status->read_hits, 0u);
  EXPECT_EQ(status->mode, args.mode);
  EXPECT_TRUE(status->metadata2);
  EXPECT_EQ(status->core_settings, args.settings);
  EXPECT_EQ(status->policy, "smq");
  EXPECT_FALSE(status->needs_check);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST_F(OptionTargetsVmTest, WhatCacheRefusesTheKernelRefuses) {
  const std::string front = absl::StrCat(sys::FormatDeviceNumber(Piece("metadata", 0, 0, 4)), " ",
                                         sys::FormatDeviceNumber(Piece("fast", 0, 4, 4)), " ",
                                         sys::FormatDeviceNumber(Piece("slow", 1, 0, 8)), " ");
  for (const char* rest :
       {"0 0 smq 0", "32 0 smq 0", "100 0 smq 0", "2097216 0 smq 0", "128 1 new smq 0",
        "128 2 writeback writethrough", "128 0 smq 1 a", "128 0 smq 2 random_threshold 4",
        "128 0 smq 2 migration_threshold x", "128 0 mq 2 other 4", "128 0 cleaner 2 other 4"}) {
    ExpectRefused<CacheTarget>(absl::StrCat(front, rest));
  }
}

TEST_F(OptionTargetsVmTest, WritecacheIsReadBackAndTellsItsBlocks) {
  WritecacheArgs args;
  args.origin = Piece("slow", 0, 0, 8);
  args.cache = Piece("fast", 1, 0, 4);
  args.high_watermark = 60;
  args.low_watermark = 10;
  args.writeback_jobs = 3;
  args.autocommit_blocks = 5;
  args.autocommit_ms = 7;
  args.max_age_ms = 1000;
  args.cleaner = args.metadata_only = true;
  args.pause_writeback_ms = 9;
  const WritecacheTarget target = WritecacheTarget::Create(args).value();
  const std::string table = Table("cache", target.Line({}, sys::Sectors(8 * 2048)));
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(WritecacheTarget::Parse(table)->args(), args);
  EXPECT_THAT(ReadBlock("cache"), IsOk());
  const auto status = ParseWritecacheStatus(Status("cache"));
  ASSERT_THAT(status, IsOk());
  EXPECT_FALSE(status->has_error);
  EXPECT_GT(status->total_blocks, 900u);
  EXPECT_EQ(status->free_blocks, status->total_blocks);
  ASSERT_TRUE(status->counters.has_value());
  EXPECT_GT(status->counters->reads, 0u);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST_F(OptionTargetsVmTest, WhatWritecacheRefusesTheKernelRefuses) {
  const std::string front = absl::StrCat("s ", sys::FormatDeviceNumber(Piece("slow", 0, 0, 8)), " ",
                                         sys::FormatDeviceNumber(Piece("fast", 1, 0, 4)), " ");
  for (const char* rest :
       {"256 0", "3000 0", "131072 0", "4096 x", "4096 1", "4096 2 high_watermark 101",
        "4096 2 high_watermark 44", "4096 2 low_watermark 51", "4096 2 autocommit_time 3600001",
        "4096 2 max_age 86400001", "4096 2 pause_writeback 60001", "4096 1 fua", "4096 1 nofua",
        "4096 1 max_age"}) {
    ExpectRefused<WritecacheTarget>(absl::StrCat(front, rest));
  }
}

TEST_F(OptionTargetsVmTest, MultipathTellsItsPathsAndWhichFailed) {
  MultipathArgs args;
  args.queue_if_no_path = args.bio_based = args.retain_attached_hw_handler = true;
  args.pg_init_retries = 5;
  args.pg_init_delay_ms = 100;
  args.initial_group = 1;
  args.groups = {{"queue-length", {}, {{{1, 0}, {"1"}}, {{1, 1}, {"1"}}}},
                 {"round-robin", {}, {{{1, 1}, {"1"}}}}};
  const MultipathTarget target = MultipathTarget::Create(args).value();
  const std::string table = Table("paths", target.Line({}, sys::Sectors(2048)));
  EXPECT_EQ(table, absl::StrCat(target.Params(), " "));
  EXPECT_EQ(MultipathTarget::Parse(table)->args(), args);

  EXPECT_THAT(ReadBlock("paths"), IsOk());
  EXPECT_THAT(dm_.Message(TestName("paths"), {}, "fail_path 1:0"), IsOk());
  EXPECT_THAT(dm_.Message(TestName("paths"), {}, "disable_group 2"), IsOk());
  const auto status = ParseMultipathStatus(Status("paths"));
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->groups.at(0).paths, (std::vector<MultipathPathStatus>{
                                            {{1, 0}, true, 1, {"0"}}, {{1, 1}, false, 0, {"0"}}}));
  EXPECT_EQ(status->groups.at(1).state, MultipathGroupState::kDisabled);
  EXPECT_EQ(status->groups.at(1).paths, (std::vector<MultipathPathStatus>{{{1, 1}, false, 0, {}}}));
  EXPECT_EQ(status->unknown_tail, "");
}

TEST_F(OptionTargetsVmTest, MultipathTakesTheArgumentsOfASelector) {
  MultipathArgs args;
  args.bio_based = args.retain_attached_hw_handler = true;
  args.initial_group = 1;
  args.groups = {{"service-time", {}, {{{1, 0}, {"1", "100"}}, {{1, 1}, {"1", "0"}}}}};
  const MultipathTarget target = MultipathTarget::Create(args).value();
  EXPECT_EQ(Table("weights", target.Line({}, sys::Sectors(2048))),
            absl::StrCat(target.Params(), " "));
  const auto status = ParseMultipathStatus(Status("weights"));
  ASSERT_THAT(status, IsOk());
  EXPECT_THAT(status->groups.at(0).paths.at(0).selector_words, ::testing::ElementsAre("0", "100"));
}

TEST_F(OptionTargetsVmTest, WhatMultipathRefusesTheKernelRefuses) {
  for (const char* params :
       {"0 0 0 1", "0 0 1 0", "0 0 2 1 round-robin 0 1 0 1:0", "0 0 1 1 round-robin 0 0 0",
        "0 0 1 1 round-robin 0 1 1 1:0 x", "0 0 1 1 round-robin 0 1 2 1:0 1 2",
        "0 0 1 1 queue-length 0 1 2 1:0 1 2", "0 0 1 1 service-time 0 1 2 1:0 1 101",
        "0 0 1 1 service-time 0 1 3 1:0 1 2 3", "2 pg_init_retries 0 0 0 0",
        "2 pg_init_retries 51 0 0 0", "2 pg_init_delay_msecs 60001 0 0 0", "2 queue_mode x 0 0 0",
        "9 a b c d e f g h i 0 0 0"}) {
    ExpectRefused<MultipathTarget>(params);
  }
}

}  // namespace
}  // namespace dmkit::dm
