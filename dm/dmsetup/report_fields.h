// SPDX-License-Identifier: Apache-2.0
// The fields of `dmsetup info -c`: their names, headings and widths, and the text that -o help
// prints. Pure: what a field's value is for a device does not belong here.

#ifndef DMKIT_DM_DMSETUP_REPORT_FIELDS_H_
#define DMKIT_DM_DMSETUP_REPORT_FIELDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::dm::dmsetup {

// What must be asked for a field to be known: bits of a mask.
enum FieldGroup : uint32_t {
  kGroupName = 1,     // what the device is called
  kGroupInfo = 2,     // its state
  kGroupDeps = 4,     // the devices it uses
  kGroupTree = 8,     // the whole tree of devices
  kGroupSplit = 16,   // the parts of its name
  kGroupStats = 32,   // counters of `dmsetup stats`
  kGroupRegion = 64,  // its regions
  kGroupSpecial = 128
};
inline constexpr uint32_t kGroupsAll = 127;

// The fields that dmkit knows the value of; those of the statistics come behind them in the table,
// by name only.
enum FieldId : uint8_t {
  kFieldName,
  kFieldMangledName,
  kFieldUnmangledName,
  kFieldUuid,
  kFieldMangledUuid,
  kFieldUnmangledUuid,
  kFieldReadAhead,
  kFieldBlkDevName,
  kFieldAttr,
  kFieldTablesLoaded,
  kFieldSuspended,
  kFieldReadOnly,
  kFieldDevNo,
  kFieldMajor,
  kFieldMinor,
  kFieldOpen,
  kFieldSegments,
  kFieldEvents,
  kFieldDeviceCount,
  kFieldDevsUsed,
  kFieldDevNosUsed,
  kFieldBlkDevsUsed,
  kFieldDeviceRefCount,
  kFieldNamesUsingDev,
  kFieldDevNosUsingDev,
  kFieldSubsystem,
  kFieldVgName,
  kFieldLvName,
  kFieldLvLayer,
  kFieldsKnown,
  kFieldStats = kFieldsKnown,
  kFieldSelected,
  kFieldHelp
};

struct Field {
  FieldId id;
  FieldGroup group;
  bool number;    // printed to the right, sorted by value
  uint8_t width;  // at least
  absl::string_view name;
  absl::string_view heading;
  absl::string_view description;
};

// The fields in the order of the help, which is that of "all" too; without the special ones.
absl::Span<const Field> ReportFields();

// The field that `canonical` names, special ones included; null when there is none.
const Field* FindField(absl::string_view canonical);

// `word` without its underscores, as field names are compared; in lower case.
std::string CanonicalFieldName(absl::string_view word);

// The groups whose "PREFIX_all" `canonical` is; 0 for none.
uint32_t GroupsOfAll(absl::string_view canonical);

// What -o help prints, line by line; the last one is followed by a line with a blank.
std::string FieldHelp();

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_REPORT_FIELDS_H_
