// SPDX-License-Identifier: Apache-2.0
// Tests of the crypt target's line.

#include "dm/targets/crypt.h"

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

// Each with a key that nothing may print.
constexpr absl::string_view kDigits = "c0ffee00c0ffee00";

CryptArgs Plain() {
  CryptArgs args;
  args.cipher = "aes-xts-plain64";
  args.key_digits = Secret(kDigits);
  args.device = {7, 0};
  args.offset = sys::Sectors(8);
  return args;
}

CryptArgs With(const std::function<void(CryptArgs&)>& change) {
  CryptArgs args = Plain();
  change(args);
  return args;
}

CryptArgs WithKeyring(KeyringKey key) {
  return With([&](CryptArgs& args) {
    args.key_digits = Secret();
    args.keyring_key = std::move(key);
  });
}

CryptArgs All() {
  return With([](CryptArgs& args) {
    args.cipher = "capi:authenc(hmac(sha256),xts(aes))-random";
    args.iv_offset = 16;
    args.allow_discards = args.same_cpu_crypt = args.high_priority = true;
    args.submit_from_crypt_cpus = args.no_read_workqueue = true;
    args.tag = CryptTag{28, true};
    args.sector_bytes = 4096;
    args.iv_large_sectors = true;
    args.integrity_key_bytes = 32;
  });
}

TEST(CryptTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<CryptArgs>> goods = {
      {Plain(), "aes-xts-plain64 c0ffee00c0ffee00 0 7:0 8"},
      {WithKeyring({32, "logon", "my:key"}), "aes-xts-plain64 :32:logon:my:key 0 7:0 8"},
      {WithKeyring({64, "encrypted", "k"}), "aes-xts-plain64 :64:encrypted:k 0 7:0 8"},
      {With([](CryptArgs& a) { a.key_digits = Secret(); }), "aes-xts-plain64 - 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "aes"; }), "aes c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "aes-ecb"; }), "aes-ecb c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "aes-plain"; }), "aes-plain c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "aes:64-cbc-lmk"; }),
       "aes:64-cbc-lmk c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "aes-cbc-essiv:sha256"; }),
       "aes-cbc-essiv:sha256 c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "capi:cbc(aes)-essiv:sha256"; }),
       "capi:cbc(aes)-essiv:sha256 c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) { a.cipher = "capi:ecb(cipher_null)"; }),
       "capi:ecb(cipher_null) c0ffee00c0ffee00 0 7:0 8"},
      {With([](CryptArgs& a) {
         a.no_write_workqueue = true;
         a.tag = CryptTag{480, false};
         a.other_options = {"new_option:5"};
       }),
       "aes-xts-plain64 c0ffee00c0ffee00 0 7:0 8 3 no_write_workqueue integrity:480:none "
       "new_option:5"},
      {All(),
       "capi:authenc(hmac(sha256),xts(aes))-random c0ffee00c0ffee00 16 7:0 8 9 allow_discards "
       "same_cpu_crypt high_priority submit_from_crypt_cpus no_read_workqueue integrity:28:aead "
       "sector_size:4096 iv_large_sectors integrity_key_size:32"},
  };
  for (const Good<CryptArgs>& good : goods) {
    EXPECT_EQ(ParamsOf<CryptTarget>(good.args), good.params);
    EXPECT_THAT(CryptTarget::Create(good.args)->DebugString(), Not(HasSubstr("c0ffee")));
  }
}

TEST(CryptTargetTest, DigitsComeOutInSmallLetters) {
  const auto target =
      CryptTarget::Create(With([](CryptArgs& a) { a.key_digits = Secret("C0FFEE"); }));
  EXPECT_EQ(target->args().key_digits, Secret("c0ffee"));
}

TEST(CryptTargetTest, WhatTheKernelRefusesIsRefused) {
  const std::vector<CryptArgs> bads = {
      With([](CryptArgs& a) { a.cipher = ""; }),
      With([](CryptArgs& a) { a.cipher = "aes cbc"; }),
      With([](CryptArgs& a) { a.cipher = "cbc(aes)-plain"; }),
      With([](CryptArgs& a) { a.cipher = "aes-cbc"; }),
      With([](CryptArgs& a) { a.cipher = "aes-cbc-essiv"; }),
      With([](CryptArgs& a) { a.cipher = "-cbc-plain"; }),
      With([](CryptArgs& a) { a.cipher = "aes:3-cbc-plain"; }),
      With([](CryptArgs& a) { a.cipher = "aes:0-cbc-plain"; }),
      With([](CryptArgs& a) { a.cipher = "aes:-cbc-plain"; }),
      With([](CryptArgs& a) { a.cipher = "aes:2x-cbc-plain"; }),
      With([](CryptArgs& a) { a.cipher = "capi:"; }),
      With([](CryptArgs& a) { a.cipher = "capi:-plain64"; }),
      With([](CryptArgs& a) { a.cipher = "capi:cbc(aes)-essiv"; }),
      With([](CryptArgs& a) {
        a.tag = CryptTag{16, true};
      }),
      With([](CryptArgs& a) { a.key_digits = Secret("c0ffe"); }),
      With([](CryptArgs& a) { a.key_digits = Secret("c0ffeg"); }),
      With([](CryptArgs& a) { a.key_digits = Secret(":32:logon:a"); }),
      With([](CryptArgs& a) { a.key_digits = Secret("-"); }),
      With([](CryptArgs& a) {
        a.keyring_key = KeyringKey{32, "logon", "a"};
      }),
      WithKeyring({0, "logon", "a"}),
      WithKeyring({0x80000000, "logon", "a"}),
      WithKeyring({32, "", "a"}),
      WithKeyring({32, "keyring", "a"}),
      WithKeyring({32, "logon", ""}),
      WithKeyring({32, "logon", "a b"}),
      With([](CryptArgs& a) {
        a.tag = CryptTag{0, false};
      }),
      With([](CryptArgs& a) {
        a.tag = CryptTag{481, false};
      }),
      With([](CryptArgs& a) { a.sector_bytes = 0; }),
      With([](CryptArgs& a) { a.sector_bytes = 256; }),
      With([](CryptArgs& a) { a.sector_bytes = 1536; }),
      With([](CryptArgs& a) { a.sector_bytes = 8192; }),
      With([](CryptArgs& a) {
        a.sector_bytes = 4096;
        a.iv_offset = 4;
      }),
      With([](CryptArgs& a) { a.integrity_key_bytes = 0; }),
      With([](CryptArgs& a) { a.other_options = {"a b"}; }),
      With([](CryptArgs& a) { a.other_options = std::vector<std::string>(10, "x"); }),
  };
  ExpectRefused<CryptTarget>(bads);
}

TEST(CryptTargetTest, WhatTheKernelDoesNotPrintIsRefusedWithoutShowingTheKey) {
  ExpectNotUnderstood<CryptTarget>({"",
                                    "aes",
                                    "aes c0ffee",
                                    "aes c0ffee 0",
                                    "aes c0ffee 0 7:0",
                                    "aes c0ffee x 7:0 0",
                                    "aes c0ffee -1 7:0 0",
                                    "aes c0ffee 0 /dev/loop0 0",
                                    "aes c0ffee 0 7:0 x",
                                    "aes c0ffee 0 7:0 0 1",
                                    "aes c0ffee 0 7:0 0 2 allow_discards",
                                    "aes c0ffee 0 7:0 0 1 allow_discards same_cpu_crypt",
                                    "aes c0ffee 0 7:0 0 c0ffee",
                                    "aes  c0ffee 0 7:0 0",
                                    " aes c0ffee 0 7:0 0",
                                    "c0ffee",
                                    "aes c0ffe 0 7:0 0",
                                    "aes c0ffeez 0 7:0 0",
                                    "aes :c0ffee 0 7:0 0",
                                    "aes :32:c0ffee 0 7:0 0",
                                    "aes :x:logon:c0ffee 0 7:0 0",
                                    "aes :32:logon: 0 7:0 0",
                                    "aes-cbc c0ffee 0 7:0 0",
                                    "aes c0ffee 1 7:0 0 1 sector_size:1024",
                                    "aes c0ffee 0 7:0 0 1 sector_size:513",
                                    "aes c0ffee 0 7:0 0 1 integrity:0:aead"});
}

TEST(CryptTargetTest, WhatIsNotKnownIsKept) {
  const auto target = CryptTarget::Parse(
      "aes c0ffee 0 7:0 0 5 zoned same_cpu_crypt sector_size:x integrity:4:hmac "
      "integrity_key_size:");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_TRUE(target->args().same_cpu_crypt);
  EXPECT_THAT(
      target->args().other_options,
      ::testing::ElementsAre("zoned", "sector_size:x", "integrity:4:hmac", "integrity_key_size:"));
}

TEST(CryptTargetTest, ForPeopleTheKeyIsZeros) {
  EXPECT_EQ(CryptTarget::Create(Plain())->DebugString(),
            "aes-xts-plain64 0000000000000000 0 7:0 8");
  EXPECT_EQ(CryptTarget::Create(WithKeyring({32, "logon", "a"}))->DebugString(),
            "aes-xts-plain64 :32:logon:a 0 7:0 8");
}

TEST(CryptTargetTest, ALineIsWholeSectors) {
  const CryptTarget target = CryptTarget::Create(All()).value();
  const TableLine line = target.Line(sys::Sectors(8), sys::Sectors(64)).value();
  EXPECT_EQ(line.type.text(), "crypt");
  EXPECT_EQ(line.start, sys::Sectors(8));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, target.Params());
  EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(63)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace dmkit::dm
