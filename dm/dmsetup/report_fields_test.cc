// SPDX-License-Identifier: Apache-2.0
// The fields as Debian 12's `dmsetup info -c -o help` (1.02.185) lists them.
#include "dm/dmsetup/report_fields.h"

#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr absl::string_view kHelp =
    "Mapped Device Name Fields\n"
    "-------------------------\n"
    "  name_all              - All fields in this section.\n"
    "  name                  - Name of mapped device.\n"
    "  mangled_name          - Mangled name of mapped device.\n"
    "  unmangled_name        - Unmangled name of mapped device.\n"
    "  uuid                  - Unique (optional) identifier for mapped device.\n"
    "  mangled_uuid          - Mangled unique (optional) identifier for mapped device.\n"
    "  unmangled_uuid        - Unmangled unique (optional) identifier for mapped device.\n"
    "  read_ahead            - Read ahead value.\n"
    " \n"
    "Mapped Device Information Fields\n"
    "--------------------------------\n"
    "  info_all              - All fields in this section.\n"
    "  blkdevname            - Name of block device.\n"
    "  attr                  - (L)ive, (I)nactive, (s)uspended, (r)ead-only, read-(w)rite.\n"
    "  tables_loaded         - Which of the live and inactive table slots are filled.\n"
    "  suspended             - Whether the device is suspended.\n"
    "  readonly              - Whether the device is read-only or writeable.\n"
    "  devno                 - Device major and minor numbers\n"
    "  major                 - Block device major number.\n"
    "  minor                 - Block device minor number.\n"
    "  open                  - Number of references to open device, if requested.\n"
    "  segments              - Number of segments in live table, if present.\n"
    "  events                - Number of most recent event.\n"
    " \n"
    "Mapped Device Relationship Information Fields\n"
    "---------------------------------------------\n"
    "  deps_all              - All fields in this section.\n"
    "  device_count          - Number of devices used by this one.\n"
    "  devs_used             - List of names of mapped devices used by this one.\n"
    "  devnos_used           - List of device numbers of devices used by this one.\n"
    "  blkdevs_used          - List of names of block devices used by this one.\n"
    "  device_ref_count      - Number of mapped devices referencing this one.\n"
    "  names_using_dev       - List of names of mapped devices using this one.\n"
    "  devnos_using_dev      - List of device numbers of mapped devices using this one.\n"
    " \n"
    "Mapped Device Name Components Fields\n"
    "------------------------------------\n"
    "  splitname_all         - All fields in this section.\n"
    "  subsystem             - Userspace subsystem responsible for this device.\n"
    "  vg_name               - LVM Volume Group name.\n"
    "  lv_name               - LVM Logical Volume name.\n"
    "  lv_layer              - LVM device layer.\n"
    " \n"
    "Mapped Device Statistics Fields\n"
    "-------------------------------\n"
    "  stats_all             - All fields in this section.\n"
    "  read_count            - Count of reads completed.\n"
    "  reads_merged_count    - Count of read requests merged.\n"
    "  read_sector_count     - Count of sectors read.\n"
    "  read_time             - Accumulated duration of all read requests (ns).\n"
    "  write_count           - Count of writes completed.\n"
    "  writes_merged_count   - Count of write requests merged.\n"
    "  write_sector_count    - Count of sectors written.\n"
    "  write_time            - Accumulated duration of all writes (ns).\n"
    "  in_progress_count     - Count of requests currently in progress.\n"
    "  io_ticks              - Nanoseconds spent servicing requests.\n"
    "  queue_ticks           - Total nanoseconds spent in queue.\n"
    "  read_ticks            - Nanoseconds spent servicing reads.\n"
    "  write_ticks           - Nanoseconds spent servicing writes.\n"
    "  reads_merged_per_sec  - Read requests merged per second.\n"
    "  writes_merged_per_sec - Write requests merged per second.\n"
    "  reads_per_sec         - Reads per second.\n"
    "  writes_per_sec        - Writes per second.\n"
    "  read_size_per_sec     - Size of data read per second.\n"
    "  write_size_per_sec    - Size of data written per second.\n"
    "  avg_request_size      - Average request size.\n"
    "  queue_size            - Average queue size.\n"
    "  await                 - Averate wait time.\n"
    "  read_await            - Averate read wait time.\n"
    "  write_await           - Averate write wait time.\n"
    "  throughput            - Throughput.\n"
    "  service_time          - Service time.\n"
    "  util                  - Utilization.\n"
    "  hist_count            - Latency histogram counts.\n"
    "  hist_count_bounds     - Latency histogram counts with bin boundaries.\n"
    "  hist_count_ranges     - Latency histogram counts with bin ranges.\n"
    "  hist_percent          - Relative latency histogram.\n"
    "  hist_percent_bounds   - Relative latency histogram with bin boundaries.\n"
    "  hist_percent_ranges   - Relative latency histogram with bin ranges.\n"
    "  interval_ns           - Sampling interval in nanoseconds.\n"
    "  interval              - Sampling interval.\n"
    " \n"
    "Mapped Device Statistics Region Information Fields\n"
    "--------------------------------------------------\n"
    "  region_all            - All fields in this section.\n"
    "  region_id             - Region ID.\n"
    "  region_start          - Region start.\n"
    "  region_len            - Region length.\n"
    "  area_id               - Area ID.\n"
    "  area_start            - Area offset from start of device.\n"
    "  area_len              - Area length.\n"
    "  area_offset           - Area offset from start of region.\n"
    "  area_count            - Area count.\n"
    "  group_id              - Group ID.\n"
    "  program_id            - Program ID.\n"
    "  user_data             - Auxiliary data.\n"
    "  precise               - Set if nanosecond precision counters are enabled.\n"
    "  hist_bins             - The number of histogram bins configured.\n"
    "  hist_bounds           - Latency histogram bin boundaries.\n"
    "  hist_ranges           - Latency histogram bin ranges.\n"
    "  stats_name            - Stats name of current object.\n"
    "  obj_type              - Type of stats object being reported.\n"
    " \n"
    "Special Fields\n"
    "--------------\n"
    "  selected              - Set if item passes selection criteria.\n"
    "  help                  - Show help.\n"
    "  ?                     - Show help.\n"
    " \n";

TEST(ReportFieldsTest, HelpIsDmsetups) { EXPECT_EQ(FieldHelp(), kHelp); }

TEST(ReportFieldsTest, EachFieldIsFoundByItsName) {
  for (const Field& field : ReportFields()) {
    EXPECT_EQ(FindField(CanonicalFieldName(field.name)), &field) << field.name;
  }
  EXPECT_EQ(FindField("?")->id, kFieldHelp);
}

TEST(ReportFieldsTest, KnownFieldsStandInTheOrderOfTheirIds) {
  for (size_t i = 0; i < kFieldsKnown; ++i) EXPECT_EQ(ReportFields()[i].id, i);
}

TEST(ReportFieldsTest, WhatIsNoFieldIsNotFound) {
  for (absl::string_view word : {"", "nam", "names", "name_all", "all", "mangled_name"}) {
    EXPECT_EQ(FindField(word), nullptr) << word;
  }
}

TEST(ReportFieldsTest, AllBelongsToAPrefix) {
  EXPECT_EQ(GroupsOfAll("nameall"), kGroupName);
  EXPECT_EQ(GroupsOfAll("splitnameall"), kGroupSplit);
  for (absl::string_view word : {"", "all", "name", "specialall", "namesall", "nameallx"}) {
    EXPECT_EQ(GroupsOfAll(word), 0u) << word;
  }
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
