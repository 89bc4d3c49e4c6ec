// SPDX-License-Identifier: Apache-2.0
// Reports as Debian 12's dmsetup (1.02.185) printed them of the same devices.
#include "dm/dmsetup/report.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/dmsetup/report_fields.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::string_view kDefaultFields = "name,major,minor,attr,open,segments,events,uuid";

struct Device {
  std::string name;
  int minor;
  std::string attr;
  int open;
  int segments;
  std::string uuid;
};

const std::vector<Device>& Devices() {
  static const auto& devices = *new std::vector<Device>{
      {"notable", 5, "---w", 0, 0, ""},
      {"ro", 4, "L--r", 0, 1, "CRYPT-x"},
      {"top", 8, "L--w", 1, 3, ""},
      {"vg0-lv--one-real", 2, "L--w", 2, 1, "LVM-abcdefghij-real"},
      {"with blank", 1, "L--w", 0, 1, "uuid with blank"},
  };
  return devices;
}

ReportCell CellOf(const Device& device, FieldId field) {
  const auto number = [](int value) {
    return ReportCell{absl::StrCat(value), static_cast<uint64_t>(value)};
  };
  switch (field) {
    case kFieldName:
      return {device.name};
    case kFieldUuid:
      return {device.uuid};
    case kFieldAttr:
      return {device.attr};
    case kFieldMajor:
      return number(253);
    case kFieldMinor:
      return number(device.minor);
    case kFieldOpen:
      return number(device.open);
    case kFieldSegments:
      return number(device.segments);
    default:
      return number(0);
  }
}

void AddDevices(Report& report) {
  for (const Device& device : Devices()) {
    std::vector<ReportCell> row;
    for (const ReportColumn& column : report.columns()) {
      row.push_back(CellOf(device, column.field->id));
    }
    report.AddRow(std::move(row));
  }
}

std::string Text(absl::string_view fields, absl::string_view keys, ReportStyle style = {}) {
  Report report;
  std::string messages;
  EXPECT_TRUE(report.Parse(fields, keys, 0, &messages)) << messages;
  EXPECT_EQ(messages, "");
  report.style = std::move(style);
  AddDevices(report);
  return report.TakeText();
}

std::string Names(Report& report) {
  return absl::StrJoin(report.columns(), ",", [](std::string* out, const ReportColumn& column) {
    absl::StrAppend(out, column.hidden ? "-" : "", column.field->name);
  });
}

std::string ParsedNames(absl::string_view fields, absl::string_view keys = "",
                        uint32_t groups = 0) {
  Report report;
  std::string messages;
  EXPECT_TRUE(report.Parse(fields, keys, groups, &messages)) << messages;
  EXPECT_EQ(messages, "");
  return Names(report);
}

// The messages of words that are wrong.
std::string Refused(absl::string_view fields, absl::string_view keys = "") {
  Report report;
  std::string messages;
  EXPECT_FALSE(report.Parse(fields, keys, 0, &messages));
  return messages;
}

TEST(ReportTest, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(Text(kDefaultFields, ""),
            "Name             Maj Min Stat Open Targ Event  UUID                            \n"
            "notable          253   5 ---w    0    0      0                                 \n"
            "ro               253   4 L--r    0    1      0 CRYPT-x                         \n"
            "top              253   8 L--w    1    3      0                                 \n"
            "vg0-lv--one-real 253   2 L--w    2    1      0 LVM-abcdefghij-real             \n"
            "with blank       253   1 L--w    0    1      0 uuid with blank                 \n");
}

TEST(ReportTest, SeparatorTakesThePlaceOfAlignment) {
  ReportStyle style;
  style.separator = "/";
  style.aligned = false;
  EXPECT_EQ(Text("name,major,uuid", "", style),
            "Name/Maj/UUID\n"
            "notable/253/\n"
            "ro/253/CRYPT-x\n"
            "top/253/\n"
            "vg0-lv--one-real/253/LVM-abcdefghij-real\n"
            "with blank/253/uuid with blank\n");
  style.separator = "";
  style.headings = false;
  EXPECT_EQ(Text("name,major", "minor", style),
            "with blank253\nvg0-lv--one-real253\nro253\nnotable253\ntop253\n");
}

TEST(ReportTest, NamePrefixesAreUpperCaseAndQuoted) {
  ReportStyle style;
  style.aligned = false;
  style.prefixes = true;
  EXPECT_THAT(
      Text("name,uuid", "", style),
      StartsWith("Name UUID\nDM_NAME='notable' DM_UUID=''\nDM_NAME='ro' DM_UUID='CRYPT-x'\n"));
  style.quoted = false;
  style.headings = false;
  EXPECT_THAT(Text("name,uuid", "", style), StartsWith("DM_NAME=notable DM_UUID=\n"));
}

TEST(ReportTest, RowsMayBeColumns) {
  ReportStyle style;
  style.aligned = false;
  style.as_rows = true;
  EXPECT_EQ(Text("name,open,uuid", "-open", style),
            "Name vg0-lv--one-real top notable ro with blank\n"
            "Open 2 1 0 0 0\n"
            "UUID LVM-abcdefghij-real   CRYPT-x uuid with blank\n");
  style.headings = false;
  style.separator = ":";
  EXPECT_EQ(Text("minor", "name", style), "5:4:8:2:1\n");
}

TEST(ReportTest, NumbersAreSortedByValueAndEqualRowsKeepTheirOrder) {
  const ReportStyle bare = {":", false, false};
  EXPECT_EQ(Text("name", "open,-name", bare), "with blank\nro\nnotable\ntop\nvg0-lv--one-real\n");
  EXPECT_EQ(Text("name", "-open", bare), "vg0-lv--one-real\ntop\nnotable\nro\nwith blank\n");
  EXPECT_EQ(Text("name", "+uuid", bare), "notable\ntop\nro\nvg0-lv--one-real\nwith blank\n");
}

TEST(ReportTest, NegativeNumberIsSortedBehindAllOthers) {
  Report report;
  std::string messages;
  ASSERT_TRUE(report.Parse("open", "open", 0, &messages));
  report.style = {":", false, false};
  report.AddRow({{"-1", static_cast<uint64_t>(int64_t{-1})}});
  report.AddRow({{"10", 10}});
  report.AddRow({{"9", 9}});
  EXPECT_EQ(report.TakeText(), "9\n10\n-1\n");
}

TEST(ReportTest, ColumnOnlySortedByIsNotPrinted) {
  EXPECT_EQ(ParsedNames("subsystem", "vg_name"), "-vg_name,subsystem");
  EXPECT_EQ(ParsedNames("name,open", "open"), "name,open");
}

TEST(ReportTest, HeadingsArePrintedOnce) {
  Report report;
  std::string messages;
  ASSERT_TRUE(report.Parse("name", "", 0, &messages));
  EXPECT_EQ(report.TakeText(), "");
  report.AddRow({{"a"}});
  EXPECT_EQ(report.TakeText(), "Name            \na               \n");
  report.AddRow({{"b"}});
  EXPECT_EQ(report.TakeText(), "b               \n");
}

TEST(ReportTest, WithoutFieldsLinesAreEmpty) { EXPECT_EQ(Text("", ""), "\n\n\n\n\n\n"); }

TEST(ReportTest, FieldNamesAreFoundInAnyCaseAndWithAnyUnderscores) {
  EXPECT_EQ(ParsedNames("NAME,Uu_id,blk_dev_name,de_v_no,blkdevname_"),
            "name,uuid,blkdevname,devno,blkdevname");
  EXPECT_EQ(ParsedNames(",name,,uuid"), "name,uuid");
  EXPECT_EQ(ParsedNames("name,name"), "name,name");
}

TEST(ReportTest, AllMeansTheFieldsOfAGroup) {
  EXPECT_EQ(ParsedNames("splitname_all"), "subsystem,vg_name,lv_name,lv_layer");
  EXPECT_EQ(ParsedNames("depsall"), "device_count,devnos_used,blkdevs_used");
  EXPECT_EQ(ParsedNames("TREE_ALL"), "devs_used,device_ref_count,names_using_dev,devnos_using_dev");
}

TEST(ReportTest, AllAloneMeansTheGroupsOfTheOtherFields) {
  const std::string names =
      "name,mangled_name,unmangled_name,uuid,mangled_uuid,unmangled_uuid,"
      "read_ahead";
  EXPECT_EQ(ParsedNames("name,all"), "name," + names);
  EXPECT_EQ(ParsedNames("all", "", kGroupSplit), "subsystem,vg_name,lv_name,lv_layer");
  EXPECT_EQ(ParsedNames("uuid,all", "vg_name"),
            "uuid," + names + ",subsystem,vg_name,lv_name,lv_layer");
}

TEST(ReportTest, AllWithoutOthersMeansAllGroups) {
  Report report;
  std::string messages;
  ASSERT_TRUE(report.Parse("all", "", 0, &messages));
  EXPECT_EQ(report.columns().size(), ReportFields().size());
  EXPECT_EQ(report.groups(), kGroupsAll);
}

TEST(ReportTest, GroupsTellWhatMustBeAsked) {
  Report report;
  std::string messages;
  ASSERT_TRUE(report.Parse("devs_used,selected", "device_count", kGroupSplit, &messages));
  EXPECT_EQ(report.groups(), kGroupTree | kGroupDeps | kGroupSplit);
}

TEST(ReportTest, HelpIsToldAndEndsTheReport) {
  for (absl::string_view fields : {"help", "name,help", "?", "hel_p"}) {
    Report report;
    std::string messages;
    EXPECT_TRUE(report.Parse(fields, "", 0, &messages));
    EXPECT_TRUE(report.help_only()) << fields;
    EXPECT_EQ(messages, FieldHelp());
  }
  Report report;
  std::string messages;
  EXPECT_TRUE(report.Parse("name", "help", 0, &messages));
  EXPECT_TRUE(report.help_only());
}

TEST(ReportTest, UnknownFieldIsToldBelowTheHelp) {
  EXPECT_EQ(Refused("nosuch"), absl::StrCat(FieldHelp(), "Unrecognised field: nosuch\n"));
  EXPECT_EQ(Refused("name,nosuch,uuid"), absl::StrCat(FieldHelp(), "Unrecognised field: nosuch\n"));
  EXPECT_EQ(Refused("special_all"), absl::StrCat(FieldHelp(), "Unrecognised field: special_all\n"));
  EXPECT_EQ(Refused("namex"), absl::StrCat(FieldHelp(), "Unrecognised field: namex\n"));
  EXPECT_EQ(Refused("name_al"), absl::StrCat(FieldHelp(), "Unrecognised field: name_al\n"));
}

TEST(ReportTest, CommaAtTheEndNamesAFieldThatIsNone) {
  EXPECT_EQ(Refused("name,"), absl::StrCat(FieldHelp(), "Unrecognised field: \n"));
  EXPECT_EQ(Refused(","), absl::StrCat(FieldHelp(), "Unrecognised field: \n"));
  EXPECT_EQ(Refused("name", ","), absl::StrCat(FieldHelp(), "dm_report: Unrecognised field: \n"));
  EXPECT_EQ(Refused("name", "name,"),
            absl::StrCat(FieldHelp(), "dm_report: Unrecognised field: \n"));
}

TEST(ReportTest, UnknownKeyIsToldBelowTheHelp) {
  EXPECT_EQ(Refused("name", "-nosuch"),
            absl::StrCat(FieldHelp(), "dm_report: Unrecognised field: -nosuch\n"));
  EXPECT_EQ(Refused("name", "all"),
            absl::StrCat(FieldHelp(), "dm_report: Unrecognised field: all\n"));
  EXPECT_EQ(Refused("name", "--name"),
            absl::StrCat(FieldHelp(), "dm_report: Unrecognised field: --name\n"));
}

TEST(ReportTest, SignWithoutAKeyIsMissingAField) {
  EXPECT_EQ(Refused("name", "+"), absl::StrCat("dm_report: Missing sort field name\n", FieldHelp(),
                                               "dm_report: Unrecognised field: +\n"));
}

TEST(ReportTest, KeyNamedTwiceCountsOnce) {
  Report report;
  std::string messages;
  EXPECT_TRUE(report.Parse("name", "-open,open", 0, &messages));
  EXPECT_EQ(messages, "dm_report: Ignoring duplicate sort field: open.\n");
  report.style = {":", false, false};
  AddDevices(report);
  EXPECT_THAT(report.TakeText(), StartsWith("vg0-lv--one-real\n"));
}

TEST(ReportTest, NameBeyondLibdevmappersBufferIsTooLong) {
  const std::string word(32, 'x');
  EXPECT_THAT(Refused(word + "y,name"),
              StartsWith("xy,name: field name too long.\nxy,name: field name too long.\nMapped"));
  EXPECT_THAT(Refused("name", "-" + word), StartsWith("x: field name too long.\nMapped"));
  // Underscores do not count.
  EXPECT_THAT(Refused(std::string(20, '_') + std::string(31, 'x')), StartsWith("Mapped"));
  EXPECT_THAT(Refused(word), HasSubstr("Unrecognised field: " + word));
  EXPECT_THAT(Refused("name", word), EndsWith("dm_report: Unrecognised field: " + word + "\n"));
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
