// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/tar_reader.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/chunks.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;

struct Read {
  TarEntry entry;
  std::string data;  // without holes
  std::vector<uint64_t> offsets;
};

absl::StatusOr<std::vector<Read>> ReadAll(const std::string& archive, bool with_data = true) {
  sys::StringSource in(archive);
  PlainChunks chunks(in, nullptr);
  const std::unique_ptr<TarReader> reader = TarReader::Create(chunks);
  std::vector<Read> all;
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const TarEntry* const entry, reader->Next());
    if (entry == nullptr) return all;
    all.push_back({*entry, "", {}});
    if (!with_data) continue;
    DMKIT_RETURN_IF_ERROR(reader->ReadData([&all](uint64_t offset, absl::string_view bytes) {
      all.back().data.append(bytes.data(), bytes.size());
      all.back().offsets.push_back(offset);
      return absl::OkStatus();
    }));
  }
}

absl::StatusOr<TarEntry> ReadOne(const TarItem& item) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<Read> all, ReadAll(TarBuilder().Add(item).Finish()));
  if (all.size() != 1) return absl::InternalError(absl::StrCat(all.size(), " entries"));
  return all[0].entry;
}

TarItem Item(std::string name, char type = '0') {
  TarItem item;
  item.name = std::move(name);
  item.type = type;
  return item;
}

TEST(TarReaderTest, EveryTypeIsRead) {
  TarItem device = Item("b", '4');
  device.device_major = 8;
  device.device_minor = 3;
  const auto all = ReadAll(TarBuilder()
                               .File("f", "data")
                               .Directory("d/")
                               .Symlink("s", "f")
                               .HardLink("h", "f")
                               .Add(device)
                               .Add(Item("c", '3'))
                               .Add(Item("p", '6'))
                               .Add(Item("old/"))
                               .Finish());
  ASSERT_THAT(all, IsOk());
  std::vector<TarType> types;
  for (const Read& read : *all) types.push_back(read.entry.type);
  EXPECT_THAT(types, ElementsAre(TarType::kRegular, TarType::kDirectory, TarType::kSymlink,
                                 TarType::kHardLink, TarType::kBlockDevice, TarType::kCharDevice,
                                 TarType::kFifo, TarType::kDirectory));
  EXPECT_EQ((*all)[0].data, "data");
  EXPECT_EQ((*all)[0].entry.size_bytes, 4u);
  EXPECT_EQ((*all)[2].entry.link, "f");
  EXPECT_EQ((*all)[3].entry.link, "f");
  EXPECT_EQ((*all)[4].entry.device, (sys::DeviceNumber{8, 3}));
}

TEST(TarReaderTest, NamesAndTargetsAreBytes) {
  // UTF-8, composed and decomposed; Latin-1; a sign whose normal form is an ASCII letter.
  for (const std::string name : {"caf\xc3\xa9", "cafe\xcc\x81", "caf\xe9", "\xe2\x84\xaa",
                                 "\xff\xfe", "\xe6\x97\xa5\xe6\x9c\xac"}) {
    for (const std::string& text : {name, std::string(120, 'x') + name}) {
      EXPECT_EQ(ReadOne(Item(text))->name, text);
      TarItem link = Item(text, '2');
      link.link = text;
      EXPECT_EQ(ReadOne(link)->link, text);
      link.type = '1';
      EXPECT_EQ(ReadOne(link)->link, text);
      TarItem pax = Item("short");
      pax.pax = {{"path", text}, {"uname", text}};
      EXPECT_EQ(ReadOne(pax)->name, text);
      pax.pax.push_back({"hdrcharset", "BINARY"});
      EXPECT_EQ(ReadOne(pax)->name, text);
    }
  }
}

TEST(TarReaderTest, ATargetThatOnlyThePaxHeaderHasIsFound) {
  for (const char type : {'1', '2'}) {
    TarItem link = Item("name", type);
    link.pax = {{"linkpath", "target"}};
    const auto entry = ReadOne(link);
    ASSERT_THAT(entry, IsOk());
    EXPECT_EQ(entry->link, "target");
    EXPECT_EQ(entry->type, type == '1' ? TarType::kHardLink : TarType::kSymlink);
  }
}

TEST(TarReaderTest, TimesAreRead) {
  TarItem item = Item("f");
  EXPECT_EQ(ReadOne(item)->modified, absl::FromUnixSeconds(1000000000));
  EXPECT_EQ(ReadOne(item)->accessed, absl::FromUnixSeconds(1000000000));
  item.pax = {{"mtime", "1500000000.123456789"}, {"atime", "1600000000.5"}};
  EXPECT_EQ(ReadOne(item)->modified, absl::FromUnixNanos(1500000000123456789));
  EXPECT_EQ(ReadOne(item)->accessed, absl::FromUnixMillis(1600000000500));
  item.pax = {{"mtime", "1500000000"}, {"atime", "1400000000"}};
  EXPECT_EQ(ReadOne(item)->accessed, absl::FromUnixSeconds(1500000000));
  for (const char* time : {"-1", "-1.5", "9223372037", "99999999999999999999", "-9999999999"}) {
    item.pax = {{"mtime", time}};
    EXPECT_EQ(ReadOne(item)->modified, absl::UnixEpoch()) << time;
  }
}

TEST(TarReaderTest, XattrsAreReadOnceEach) {
  TarItem item = Item("f");
  item.pax = {{"SCHILY.xattr.user.a", "1"},
              {"LIBARCHIVE.xattr.user.b", "Mg"},
              {"LIBARCHIVE.xattr.user.c", "eA"},
              {"SCHILY.xattr.user.c", std::string("3\n\0=3", 5)}};
  const auto entry = ReadOne(item);
  ASSERT_THAT(entry, IsOk());
  ASSERT_EQ(entry->xattrs.size(), 3u);
  EXPECT_EQ(entry->xattrs[0].name, "user.a");
  EXPECT_EQ(entry->xattrs[0].value, "1");
  EXPECT_EQ(entry->xattrs[1].name, "user.b");
  EXPECT_EQ(entry->xattrs[1].value, "2");
  EXPECT_EQ(entry->xattrs[2].name, "user.c");
  EXPECT_EQ(entry->xattrs[2].value, std::string("3\n\0=3", 5));
}

TEST(TarReaderTest, EncodedXattrNamesAreDecoded) {
  const std::pair<const char*, const char*> kNames[] = {
      {"user.a%3Db%25c", "user.a=b%c"}, {"user.%c3%A9%20", "user.\xc3\xa9 "},
      {"user.%41", "user.%41"},         {"user.%", "user.%"},
      {"user.%2", "user.%2"},           {"user.%xx", "user.%xx"},
      {"user.%00", "user.%00"},         {"user.%253D", "user.%3D"},
  };
  for (const auto& [encoded, name] : kNames) {
    TarItem item = Item("f");
    item.pax = {{std::string("SCHILY.xattr.") + encoded, "v"}};
    const auto entry = ReadOne(item);
    ASSERT_THAT(entry, IsOk());
    ASSERT_EQ(entry->xattrs.size(), 1u);
    EXPECT_EQ(entry->xattrs[0].name, name);
  }
}

TEST(TarReaderTest, GlobalHeadersAndGnuLongNamesAreUnderstood) {
  TarItem global = Item("pax_global_header", 'g');
  global.data = PaxRecord("comment", "0123456789");
  TarItem long_name = Item("././@LongLink", 'L');
  long_name.data = std::string(300, 'n') + '\0';
  TarItem long_link = Item("././@LongLink", 'K');
  long_link.data = std::string(300, 'l') + '\0';
  const auto all = ReadAll(
      TarBuilder().Add(global).Add(long_link).Add(long_name).Symlink("short", "short").Finish());
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].entry.name, std::string(300, 'n'));
  EXPECT_EQ((*all)[0].entry.link, std::string(300, 'l'));
}

TEST(TarReaderTest, HolesAreLeftOut) {
  TarItem sparse = Item("GNUSparseFile/f");
  sparse.pax = {{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.name", "f"},
                {"GNU.sparse.realsize", "3000000"}};
  sparse.data = "2\n1000000\n4\n2000000\n3\n";
  sparse.data.resize(512, '\0');
  sparse.data += "ABCDabc";
  const auto all = ReadAll(TarBuilder().Add(sparse).File("g", "after").Finish());
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].entry.name, "f");
  EXPECT_EQ((*all)[0].entry.size_bytes, 3000000u);
  EXPECT_EQ((*all)[0].data, "ABCDabc");
  EXPECT_THAT((*all)[0].offsets, ElementsAre(1000000, 2000000));
  EXPECT_EQ((*all)[1].data, "after");
}

TEST(TarReaderTest, DataThatIsNotReadIsSkipped) {
  const auto all =
      ReadAll(TarBuilder().File("a", std::string(700000, 'a')).File("b", "b").Finish(), false);
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->size(), 2u);
}

TEST(TarReaderTest, WhatFollowsTheEndMarkerIsRead) {
  sys::StringSource in(TarBuilder().File("f").Finish() + std::string(3000000, 'x'));
  PlainChunks chunks(in, nullptr);
  const std::unique_ptr<TarReader> reader = TarReader::Create(chunks);
  ASSERT_THAT(reader->Next(), IsOk());
  ASSERT_EQ(*reader->Next(), nullptr);
  EXPECT_TRUE(chunks.Next()->empty());
}

TEST(TarReaderTest, AnArchiveWithoutEntriesIsEmpty) {
  EXPECT_EQ(ReadAll(std::string(512, '\0'))->size(), 0u);
  EXPECT_EQ(ReadAll(std::string(10240, '\0'))->size(), 0u);
}

// ---- What is refused.

TEST(TarReaderTest, AnArchiveThatIsCutOffAnywhereIsDataLoss) {
  TarItem pax = Item("p");
  pax.pax = {{"SCHILY.xattr.user.a", std::string(1000, 'v')}};
  pax.data = "data";
  const std::string archive =
      TarBuilder().File("a", std::string(1500, 'a')).Add(pax).Symlink("s", "t").bytes();
  for (size_t size = 0; size <= archive.size(); size += size % 512 == 511 ? 1 : 73) {
    for (const bool with_data : {true, false}) {
      EXPECT_THAT(ReadAll(archive.substr(0, size), with_data),
                  FailsWithCode(absl::StatusCode::kDataLoss))
          << size;
    }
  }
  for (size_t size = 0; size <= archive.size(); size += 512) {
    EXPECT_THAT(ReadAll(archive.substr(0, size)), FailsWithCode(absl::StatusCode::kDataLoss));
  }
}

TEST(TarReaderTest, AHeaderWithAWrongByteIsDataLossWithItsPosition) {
  const std::string archive = TarBuilder().File("first", "data").File("second").Finish();
  for (size_t at = 1024; at < 1024 + 350; at += 13) {
    std::string wrong = archive;
    wrong[at] = static_cast<char>(wrong[at] + 1);
    const auto all = ReadAll(wrong);
    EXPECT_THAT(all, FailsWithCode(absl::StatusCode::kDataLoss)) << at;
    EXPECT_THAT(all.status().message(), testing::HasSubstr("at byte 1536")) << at;
  }
}

TEST(TarReaderTest, WhatIsNoArchiveIsDataLoss) {
  for (const std::string& bytes :
       {std::string("x"), std::string(511, '\0'), std::string(512, 'x'), std::string(5000, 'x'),
        std::string("PK\3\4"), std::string("!<arch>\n") + std::string(2000, ' '),
        std::string("070701") + std::string(2000, '0'),
        std::string("\x7f"
                    "ELF")}) {
    EXPECT_THAT(ReadAll(bytes), FailsWithCode(absl::StatusCode::kDataLoss));
  }
}

TEST(TarReaderTest, UnknownTypesAreDataLoss) {
  for (const char type : {'7', '8', '9', 'Z', 'a', 'M', 'N', '?', '\x80'}) {
    TarItem item = Item("name", type);
    item.data = "data";
    EXPECT_THAT(ReadOne(item), FailsWithCode(absl::StatusCode::kDataLoss)) << type;
  }
}

TEST(TarReaderTest, EntriesThatMakeNoSenseAreDataLoss) {
  TarItem huge_owner = Item("f");
  huge_owner.pax = {{"uid", "4294967295"}};
  TarItem negative_owner = Item("f");
  negative_owner.pax = {{"gid", "-1"}};
  TarItem device = Item("f", '3');
  device.device_major = 4096;
  TarItem minor_device = Item("f", '4');
  minor_device.device_minor = 1 << 20;
  TarItem bad_record = Item("x", 'x');
  bad_record.data = "20 path=f\n";
  TarItem no_length = Item("x", 'x');
  no_length.data = "path=f\n";
  TarItem no_key = Item("x", 'x');
  no_key.data = "5 =f\n";
  for (const TarItem& item :
       {Item(""), Item("", '5'), Item("s", '2'), Item("h", '1'), huge_owner, negative_owner, device,
        minor_device, bad_record, no_length, no_key}) {
    EXPECT_THAT(ReadAll(TarBuilder().Add(item).File("f").Finish()),
                FailsWithCode(absl::StatusCode::kDataLoss))
        << item.name << item.data;
  }
}

TEST(TarReaderTest, BadMapsOfHolesAreDataLoss) {
  for (const char* map :
       {"1\n0\n", "1\n0\n9\n", "2\n0\n4\n", "x\n", "1\n-1\n4\n", "", "1\n2999999\n4\n",
        "1\n9223372036854775807\n4\n", "1\n0\n3000000\n", "99999999\n0\n1\n"}) {
    TarItem sparse = Item("f");
    sparse.pax = {
        {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "3000000"}};
    sparse.data = map;
    sparse.data.resize(512, '\0');
    sparse.data += "ABCD";
    EXPECT_THAT(ReadAll(TarBuilder().Add(sparse).Finish()),
                FailsWithCode(absl::StatusCode::kDataLoss))
        << map;
  }
}

TEST(TarReaderTest, HeadersWithoutEndAreDataLoss) {
  TarItem sparse = Item("f", 'S');
  std::string archive = TarBuilder().Add(sparse).bytes();
  archive.replace(257, 8, std::string("ustar  \0", 8));
  archive.replace(386, 24, "00000000000 00000000001 ");
  archive[482] = 1;
  FixChecksum(archive, 0);
  std::string more(512, '\0');
  more.replace(0, 24, "00000000000 00000000001 ");
  more[504] = 1;
  for (int i = 0; i < 40000; ++i) archive += more;
  EXPECT_THAT(ReadAll(archive), FailsWithCode(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace dmkit::driver
