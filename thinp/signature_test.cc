// SPDX-License-Identifier: Apache-2.0
// The bytes are from images made by mkfs.ext4 1.47.0, mkfs.xfs 6.1.0, mkfs.btrfs 6.2, mkswap and
// sfdisk 2.38.1, mkfs.fat, and cryptsetup 2.6.1, cut to what is looked at. The LVM label, and all
// boot sectors but that of FAT16, are made by hand.

#include "thinp/signature.h"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "thinp/testdata/memory_file.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithErrno;

constexpr size_t kDeviceBytes = size_t{128} * 1024;

struct Piece {
  size_t offset;
  std::string bytes;
};

std::string Hex(absl::string_view hex) { return absl::HexStringToBytes(hex); }

std::string Device(const std::vector<Piece>& pieces) {
  std::string device(kDeviceBytes, '\0');
  for (const Piece& piece : pieces) {
    device.replace(piece.offset, piece.bytes.size(), piece.bytes);
  }
  return device;
}

std::optional<Signature> Probe(const std::string& device) {
  MemoryFile file(device);
  file.RequireAlignment();
  const absl::StatusOr<std::optional<Signature>> signature = ProbeSignature(file);
  EXPECT_TRUE(signature.ok()) << signature.status();
  return signature.value_or(std::nullopt);
}

std::optional<SignatureKind> KindOf(const std::string& device) {
  const std::optional<Signature> signature = Probe(device);
  if (!signature.has_value()) return std::nullopt;
  return signature->kind;
}

Piece ExtSuperblock() {
  return {1024, Hex("0040000000000100cc0c0000d7da0000f53f0000010000000000000000000000"
                    "002000000020000000080000000000008003016b0000ffff53ef010001000000"
                    "8003016b000000000000000001000000000000000b000000000100003c000000"
                    "c20200006b0400000aff95b8fc3b42f7a2755c7a82e45b460000000000000000")};
}
Piece XfsSuperblock() {
  return {0, Hex("5846534200001000000000000001400000000000000000000000000000000000"
                 "199a53410f4e4e9197bf4519c87f8e35")};
}
Piece BtrfsSuperblock() {
  return {65536, Hex("54a65d0000000000000000000000000000000000000000000000000000000000"
                     "85e93c065a5740648556e5d2a869869d00000100000000000100000000000000"
                     "5f42485266535f4d")};
}
// From the disk's identity to the end of the first sector.
Piece MbrTable() {
  return {440, Hex("fe4fabb3000000202100832820080008000000f80100") + std::string(48, '\0') +
                   Hex("55aa")};
}
Piece ProtectiveMbr() {
  return {440, Hex("00000000000000000200eeffffff01000000ffff0100") + std::string(48, '\0') +
                   Hex("55aa")};
}
// From the name of the formatter to the type; what ends the sector is a piece of its own.
Piece FatBootSector() {
  return {0, Hex("eb3c906d6b66732e66617400020404000200020080f820002000020000000000"
                 "000000008000296adf14384e4f204e414d4520202020464154313620202020")};
}
Piece SectorEnd() { return {510, "\x55\xaa"}; }
Piece GptHeader(size_t sector_bytes) {
  return {sector_bytes, Hex("4546492050415254000001005c000000d6712791000000000100000000000000")};
}
Piece LvmLabel(size_t sector) {
  return {sector * 512, "LABELONE" + std::string(1, static_cast<char>(sector)) +
                            std::string(7, '\0') + Hex("a756d1ac20000000") + "LVM2 001" +
                            "0123456789abcdefghijABCDEFGHIJxy"};
}
Piece Luks1Header() { return {0, Hex("4c554b53babe0001") + "aes"}; }
Piece Luks2Header() { return {0, Hex("4c554b53babe00020000000000004000")}; }
Piece SecondLuks2Header(size_t offset) { return {offset, Hex("534b554cbabe0002000000000000")}; }
Piece ThinSuperblock() {
  return {0, Hex("a4fe25c300000000000000000000000000000000000000000000000000000000"
                 "ba529c0100000000020000000700000009000000000000000000000000000000")};
}
Piece PageEnd(size_t page_bytes, const std::string& magic) {
  return {page_bytes - magic.size(), magic};
}

struct Known {
  const char* name;
  SignatureKind kind;
  Piece piece;
  // Where in the device the bytes are by which it is recognised.
  size_t magic_offset;
  size_t magic_bytes;
};

std::vector<Known> AllKnown() {
  std::vector<Known> known = {
      {"ext", SignatureKind::kExt, ExtSuperblock(), 1080, 2},
      {"xfs", SignatureKind::kXfs, XfsSuperblock(), 0, 4},
      {"btrfs", SignatureKind::kBtrfs, BtrfsSuperblock(), 65600, 8},
      {"LUKS 1", SignatureKind::kLuks, Luks1Header(), 0, 8},
      {"LUKS 2", SignatureKind::kLuks, Luks2Header(), 0, 8},
      {"thin-pool", SignatureKind::kThinPool, ThinSuperblock(), 32, 8},
      {"GPT of 512", SignatureKind::kGpt, GptHeader(512), 512, 8},
      {"GPT of 4096", SignatureKind::kGpt, GptHeader(4096), 4096, 8},
      {"MBR", SignatureKind::kMbr, MbrTable(), 510, 2},
      {"FAT", SignatureKind::kFat, FatBootSector(), 54, 8},
      {"FAT12", SignatureKind::kFat, {54, "FAT12   "}, 54, 8},
      {"FAT of no size", SignatureKind::kFat, {54, "FAT     "}, 54, 8},
      {"FAT32", SignatureKind::kFat, {82, "FAT32   "}, 82, 8},
      {"exFAT", SignatureKind::kExfat, {0, Hex("eb7690") + "EXFAT   "}, 3, 8},
      {"NTFS", SignatureKind::kNtfs, {0, Hex("eb5290") + "NTFS    "}, 3, 8},
  };
  for (size_t sector = 0; sector < 4; ++sector) {
    known.push_back({"LVM", SignatureKind::kLvm, LvmLabel(sector), sector * 512, 8});
    known.push_back({"LVM type", SignatureKind::kLvm, LvmLabel(sector), sector * 512 + 24, 8});
  }
  for (const size_t offset : {0x4000u, 0x8000u, 0x10000u}) {
    known.push_back({"second LUKS 2", SignatureKind::kLuks, SecondLuks2Header(offset), offset, 8});
  }
  for (const size_t page : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    for (const std::string& magic :
         {std::string("SWAPSPACE2"), std::string("SWAP-SPACE"), std::string("S1SUSPEND\0", 10),
          std::string("S2SUSPEND\0", 10), std::string("ULSUSPEND\0", 10)}) {
      known.push_back({"swap", SignatureKind::kSwap, PageEnd(page, magic), page - 10, 10});
    }
  }
  return known;
}

TEST(SignatureTest, EveryKindIsRecognised) {
  for (const Known& known : AllKnown()) {
    EXPECT_EQ(KindOf(Device({known.piece})), known.kind) << known.name;
  }
}

TEST(SignatureTest, NoByteOfAMagicMayDiffer) {
  for (const Known& known : AllKnown()) {
    for (size_t i = 0; i < known.magic_bytes; ++i) {
      for (const char other : {'\x01', '\x20', '\x80'}) {
        std::string device = Device({known.piece});
        device[known.magic_offset + i] = static_cast<char>(device[known.magic_offset + i] ^ other);
        EXPECT_EQ(KindOf(device), std::nullopt) << known.name << " byte " << i;
      }
    }
  }
}

TEST(SignatureTest, NothingIsFoundOnADeviceThatEndsInsideTheMagic) {
  for (const Known& known : AllKnown()) {
    const std::string device = Device({known.piece});
    const size_t end = known.magic_offset + known.magic_bytes;
    for (size_t length : {size_t{0}, known.magic_offset, end - 1}) {
      EXPECT_EQ(KindOf(device.substr(0, length)), std::nullopt) << known.name << ' ' << length;
    }
  }
}

TEST(SignatureTest, NothingIsFoundOneByteOff) {
  for (const Known& known : AllKnown()) {
    const std::string device = Device({known.piece});
    EXPECT_EQ(KindOf(std::string(1, '\0') + device), std::nullopt) << known.name;
    if (known.magic_offset > 0) {
      EXPECT_EQ(KindOf(device.substr(1)), std::nullopt) << known.name;
    }
  }
}

TEST(SignatureTest, BlankDeviceHasNone) {
  EXPECT_EQ(KindOf(Device({})), std::nullopt);
  EXPECT_EQ(KindOf(std::string(kDeviceBytes, '\xff')), std::nullopt);
  EXPECT_EQ(KindOf(""), std::nullopt);
}

TEST(SignatureTest, FilesystemsTellTheirUuid) {
  EXPECT_EQ(Probe(Device({ExtSuperblock()}))->uuid, "0aff95b8-fc3b-42f7-a275-5c7a82e45b46");
  EXPECT_EQ(Probe(Device({XfsSuperblock()}))->uuid, "199a5341-0f4e-4e91-97bf-4519c87f8e35");
  EXPECT_EQ(Probe(Device({BtrfsSuperblock()}))->uuid, "85e93c06-5a57-4064-8556-e5d2a869869d");
}

TEST(SignatureTest, OtherKindsTellNoUuid) {
  for (const Known& known : AllKnown()) {
    const bool filesystem = known.kind == SignatureKind::kExt ||
                            known.kind == SignatureKind::kXfs ||
                            known.kind == SignatureKind::kBtrfs;
    EXPECT_EQ(Probe(Device({known.piece}))->uuid.empty(), !filesystem) << known.name;
  }
}

TEST(SignatureTest, UuidThatIsMissingOrZeroIsEmpty) {
  const std::string zero(16, '\0');
  EXPECT_EQ(Probe(Device({ExtSuperblock(), {1024 + 104, zero}}))->uuid, "");
  EXPECT_EQ(Probe(Device({XfsSuperblock(), {32, zero}}))->uuid, "");
  EXPECT_EQ(Probe(Device({BtrfsSuperblock(), {65536 + 32, zero}}))->uuid, "");
  EXPECT_EQ(Probe(Device({ExtSuperblock()}).substr(0, 1024 + 119))->uuid, "");
  EXPECT_EQ(Probe(Device({XfsSuperblock()}).substr(0, 47))->uuid, "");
}

// A boot loader in the first sector ends it with 55 AA.
TEST(SignatureTest, ExtWithABootSectorIsExt) {
  EXPECT_EQ(KindOf(Device({MbrTable(), ExtSuperblock()})), SignatureKind::kExt);
}

TEST(SignatureTest, ProtectiveMbrBeforeAGptIsGpt) {
  EXPECT_EQ(KindOf(Device({ProtectiveMbr(), GptHeader(512)})), SignatureKind::kGpt);
  EXPECT_EQ(KindOf(Device({ProtectiveMbr(), GptHeader(4096)})), SignatureKind::kGpt);
}

TEST(SignatureTest, ProtectiveMbrWhoseGptIsDamagedIsAPartitionTableStill) {
  EXPECT_EQ(KindOf(Device({ProtectiveMbr()})), SignatureKind::kMbr);
}

TEST(SignatureTest, FilesystemWinsOverWhatItsDataLooksLike) {
  for (const Piece& other :
       {PageEnd(16384, "SWAPSPACE2"), SecondLuks2Header(0x8000), GptHeader(4096)}) {
    EXPECT_EQ(KindOf(Device({ExtSuperblock(), other})), SignatureKind::kExt);
    EXPECT_EQ(KindOf(Device({XfsSuperblock(), other})), SignatureKind::kXfs);
    EXPECT_EQ(KindOf(Device({BtrfsSuperblock(), other})), SignatureKind::kBtrfs);
  }
}

TEST(SignatureTest, BootSectorWithoutAPartitionTableIsNoMbr) {
  struct Case {
    const char* name;
    std::vector<Piece> changes;
  };
  const Case cases[] = {
      {"boot code where the table would be", {{446, std::string(64, 'n')}}},
      {"first entry neither active nor not", {{446, "\x01"}}},
      {"another entry neither active nor not", {{446 + 48, "\x7f"}}},
      {"no 55 AA", {{510, std::string(2, '\0')}}},
      {"55 AA turned round", {{510, "\xaa\x55"}}},
  };
  for (const Case& c : cases) {
    std::vector<Piece> pieces = {MbrTable()};
    pieces.insert(pieces.end(), c.changes.begin(), c.changes.end());
    EXPECT_EQ(KindOf(Device(pieces)), std::nullopt) << c.name;
  }
}

TEST(SignatureTest, AnyOfTheFourPartitionsMayBeActive) {
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(KindOf(Device({MbrTable(), {446 + 16 * i, "\x80"}})), SignatureKind::kMbr);
  }
}

TEST(SignatureTest, TableWithoutPartitionsIsAnMbr) {
  EXPECT_EQ(KindOf(Device({SectorEnd()})), SignatureKind::kMbr);
}

TEST(SignatureTest, BootSectorOfAFilesystemIsThatFilesystem) {
  EXPECT_EQ(KindOf(Device({FatBootSector(), SectorEnd()})), SignatureKind::kFat);
  EXPECT_EQ(KindOf(Device({{3, "NTFS    "}, SectorEnd()})), SignatureKind::kNtfs);
  EXPECT_EQ(KindOf(Device({{3, "EXFAT   "}, SectorEnd()})), SignatureKind::kExfat);
}

TEST(SignatureTest, LvmNeedsLabelAndTypeInOneSector) {
  EXPECT_EQ(KindOf(Device({{512, "LABELONE"}, {24, "LVM2 001"}})), std::nullopt);
  EXPECT_EQ(KindOf(Device({{512, "LABELONE"}})), std::nullopt);
  EXPECT_EQ(KindOf(Device({{536, "LVM2 001"}})), std::nullopt);
  EXPECT_EQ(KindOf(Device({LvmLabel(4)})), std::nullopt);
}

TEST(SignatureTest, LuksOfAnUnknownVersionIsNotKnown) {
  EXPECT_EQ(KindOf(Device({{0, Hex("4c554b53babe0000")}})), std::nullopt);
  EXPECT_EQ(KindOf(Device({{0, Hex("4c554b53babe0003")}})), std::nullopt);
}

TEST(SignatureTest, OneReadOfTheFirst68KiBIsEnough) {
  MemoryFile file(Device({BtrfsSuperblock()}));
  file.FailReadsAt(uint64_t{68} * 1024, EIO);
  ASSERT_TRUE(ProbeSignature(file).ok());
  EXPECT_EQ(file.reads(), 1u);
}

TEST(SignatureTest, ErrorsOfReadingKeepTheirErrno) {
  MemoryFile file(Device({ExtSuperblock()}));
  file.FailReadsAt(5000, EIO);
  EXPECT_THAT(ProbeSignature(file), FailsWithErrno(EIO));
}

TEST(SignatureTest, EveryKindHasAName) {
  for (const Known& known : AllKnown()) EXPECT_FALSE(SignatureName(known.kind).empty());
  EXPECT_EQ(SignatureName(SignatureKind::kThinPool), "thin-pool metadata");
}

TEST(SignatureTest, WipefsClearsAllButThinPoolMetadata) {
  EXPECT_EQ(ClearCommand(SignatureKind::kExt, "/dev/x"), "wipefs -a /dev/x");
  EXPECT_EQ(ClearCommand(SignatureKind::kThinPool, "/dev/x"),
            "dd if=/dev/zero of=/dev/x bs=4096 count=1");
}

}  // namespace
}  // namespace dmkit::thinp
