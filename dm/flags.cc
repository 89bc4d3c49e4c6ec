// SPDX-License-Identifier: Apache-2.0
// Prints header flags. Pure: no file descriptors, no clock, no logging.

#include "dm/flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/uapi.h"

namespace dmkit::dm {
namespace {

struct NamedFlag {
  uint32_t bit;
  absl::string_view name;
};

constexpr NamedFlag kNamedFlags[] = {
    {DM_READONLY_FLAG, "READONLY"},
    {DM_SUSPEND_FLAG, "SUSPEND"},
    {DM_PERSISTENT_DEV_FLAG, "PERSISTENT_DEV"},
    {DM_STATUS_TABLE_FLAG, "STATUS_TABLE"},
    {DM_ACTIVE_PRESENT_FLAG, "ACTIVE_PRESENT"},
    {DM_INACTIVE_PRESENT_FLAG, "INACTIVE_PRESENT"},
    {DM_BUFFER_FULL_FLAG, "BUFFER_FULL"},
    {DM_SKIP_BDGET_FLAG, "SKIP_BDGET"},
    {DM_SKIP_LOCKFS_FLAG, "SKIP_LOCKFS"},
    {DM_NOFLUSH_FLAG, "NOFLUSH"},
    {DM_QUERY_INACTIVE_TABLE_FLAG, "QUERY_INACTIVE_TABLE"},
    {DM_UEVENT_GENERATED_FLAG, "UEVENT_GENERATED"},
    {DM_UUID_FLAG, "UUID"},
    {DM_SECURE_DATA_FLAG, "SECURE_DATA"},
    {DM_DATA_OUT_FLAG, "DATA_OUT"},
    {DM_DEFERRED_REMOVE, "DEFERRED_REMOVE"},
    {DM_INTERNAL_SUSPEND_FLAG, "INTERNAL_SUSPEND"},
    {DM_IMA_MEASUREMENT_FLAG, "IMA_MEASUREMENT"},
};

}  // namespace

uint32_t KnownFlags() {
  uint32_t known = 0;
  for (const NamedFlag& flag : kNamedFlags) known |= flag.bit;
  return known;
}

std::string FormatFlags(uint32_t flags) {
  std::string text;
  for (const NamedFlag& flag : kNamedFlags) {
    if ((flags & flag.bit) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : "|", flag.name);
  }
  const uint32_t unknown = flags & ~KnownFlags();
  if (unknown != 0) {
    absl::StrAppend(&text, text.empty() ? "" : "|", "0x", absl::Hex(unknown));
  }
  return text.empty() ? "0" : text;
}

}  // namespace dmkit::dm
