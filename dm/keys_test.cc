// SPDX-License-Identifier: Apache-2.0
// Tests of finding keys.

#include "dm/keys.h"

#include "dm/codec_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

using testing::Line;

struct Case {
  absl::string_view type;
  absl::string_view params;
  absl::string_view hidden;
};

TEST(KeysTest, DigitsAreFoundAndHidden) {
  for (const Case& c : {
           Case{"crypt", "aes-xts-plain64 00ff 0 7:0 0", "aes-xts-plain64 0000 0 7:0 0"},
           {"crypt", "aes ab", "aes 00"},
           {"crypt", " aes\t\tab\n0 7:0 0", " aes\t\t00\n0 7:0 0"},
           {"crypt", "aes\xa0ze\\ d 0",
            "aes\xa0"
            "00000 0"},
           {"crypt", "a\\ b key 0", "a\\ b 000 0"},
           {"crypt", "aes ab\\", "aes 000"},
           {"integrity", "1:0 0 - J 1 internal_hash:hmac(sha256):00ff",
            "1:0 0 - J 1 internal_hash:hmac(sha256):0000"},
           {"integrity", "1:0 0 - J 2 journal_crypt:ctr(aes):a1 journal_mac:hmac(sha1):b2",
            "1:0 0 - J 2 journal_crypt:ctr(aes):00 journal_mac:hmac(sha1):00"},
           {"integrity", "internal_hash:a:b:c", "internal_hash:a:000"},
           {"integrity", "3 internal_hash:a:0a0b journal_mac:b:0c0d journal_crypt:cbc(aes):0e0f",
            "3 internal_hash:a:0000 journal_mac:b:0000 journal_crypt:cbc(aes):0000"},
       }) {
    EXPECT_EQ(HideKeys(c.type, c.params), c.hidden);
    EXPECT_TRUE(HoldsKey(c.type, c.params)) << c.params;
    EXPECT_TRUE(HoldsKey({Line(0, 8, "zero", ""), Line(8, 8, c.type, c.params)}));
  }
}

TEST(KeysTest, WhatIsNoKeyStaysAsItIs) {
  for (const Case& c : {
           Case{"crypt", "", ""},
           {"crypt", "aes", "aes"},
           {"crypt", "aes :32:logon:a 0 7:0 0", ""},
           {"crypt", "aes-xts-plain64 :32:logon:my:key 0 253:0 0", ""},
           {"integrity", "1:0 0 - J 1 internal_hash:crc32c", ""},
           {"integrity", "1:0 0 - J 1 internal_hash:crc32c:", ""},
           {"integrity", "1:0 0 - J 1 journal_mac:hmac(sha1)::32:logon:a", ""},
           {"integrity", "1:0 0 - J 1 meta_device:7:1", ""},
           {"integrity", "1:0 0 - J 1 other:x:00ff", ""},
           {"linear", "aes 00ff 0 7:0 0", ""},
           {"zero", "internal_hash:a:b", ""},
       }) {
    EXPECT_EQ(HideKeys(c.type, c.params), c.params);
    EXPECT_FALSE(HoldsKey(c.type, c.params)) << c.params;
    EXPECT_FALSE(HoldsKey({Line(0, 8, c.type, c.params)}));
  }
}

TEST(KeysTest, NoKeyAtAllIsPrintedAsDmsetupDoes) {
  EXPECT_EQ(HideKeys("crypt", "capi:null - 0 7:0 0"), "capi:null 0 0 7:0 0");
  EXPECT_FALSE(HoldsKey("crypt", "capi:null - 0 7:0 0"));
}

TEST(KeysTest, AllTargetsOfATableAreHiddenInTheirPlace) {
  TableReply reply;
  reply.targets = {testing::Target(0, 8, "crypt", "aes-xts-plain64 00ff00ff00ff 0 7:0 0"),
                   testing::Target(8, 8, "linear", "7:0 00ff00ff00ff"),
                   testing::Target(16, 8, "crypt", "aes-xts-plain64 :32:logon:a 0 7:0 0")};
  const char* const place = reply.targets[0].text.data();
  HideKeys(reply);
  EXPECT_EQ(reply.targets[0].text, "aes-xts-plain64 000000000000 0 7:0 0");
  EXPECT_EQ(reply.targets[0].text.data(), place);
  EXPECT_EQ(reply.targets[1].text, "7:0 00ff00ff00ff");
  EXPECT_EQ(reply.targets[2].text, "aes-xts-plain64 :32:logon:a 0 7:0 0");
}

TEST(KeysTest, MessagesThatSetAKeyAreFound) {
  EXPECT_EQ(HideMessageKey("key set 00ff"), "key set 0000");
  EXPECT_EQ(HideMessageKey("KEY  Set\tabcd"), "KEY  Set\t0000");
  EXPECT_TRUE(MessageHoldsKey("key set 00ff"));
  for (absl::string_view message :
       {"", "key", "key set", "key wipe", "key set :32:logon:a", "akey set 00ff", "set key 00ff"}) {
    EXPECT_FALSE(MessageHoldsKey(message)) << message;
    EXPECT_EQ(HideMessageKey(message), message);
  }
}

TEST(KeysTest, ARequestIsSecureWhenItSaysSo) {
  const DmName name = testing::Name("a");
  const std::vector<TableLine> table = {Line(0, 8, "crypt", "aes 00")};
  EXPECT_TRUE(IsSecure(LoadRequest{name, table, false, true}));
  EXPECT_TRUE(IsSecure(StatusRequest{name, StatusKind::kTable, false, false, true}));
  EXPECT_TRUE(IsSecure(MessageRequest{name, sys::Sectors(0), "m", true}));
  EXPECT_FALSE(IsSecure(LoadRequest{name, table}));
  EXPECT_FALSE(IsSecure(StatusRequest{name}));
  EXPECT_FALSE(IsSecure(MessageRequest{name, sys::Sectors(0), "key set 00"}));
  EXPECT_FALSE(IsSecure(ClearRequest{name}));
}

TEST(KeysTest, WipingMakesTextsEmpty) {
  Request load = LoadRequest{testing::Name("a"), {Line(0, 8, "crypt", "aes 00")}};
  WipeKeys(load);
  EXPECT_EQ(std::get<LoadRequest>(load).table[0].params, "");
  Request message = MessageRequest{testing::Name("a"), sys::Sectors(0), "key set 00"};
  WipeKeys(message);
  EXPECT_EQ(std::get<MessageRequest>(message).message, "");

  std::vector<TableLine> table = {Line(0, 8, "crypt", "aes 00"), Line(8, 8, "zero", "")};
  WipeParams(table);
  EXPECT_EQ(table[0].params, "");
  TableReply reply;
  reply.targets = {testing::Target(0, 8, "crypt", "aes 00")};
  WipeTexts(reply);
  EXPECT_EQ(reply.targets[0].text, "");
}

}  // namespace
}  // namespace dmkit::dm
