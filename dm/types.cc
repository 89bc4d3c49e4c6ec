// SPDX-License-Identifier: Apache-2.0
// Checks of names, and how things are called in messages. Pure: no file descriptors, no clock.

#include "dm/types.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

// What is wrong with `text` as a name of `what` for a kernel field of `field_bytes`, which has to
// hold a terminator too.
absl::Status CheckLength(absl::string_view what, absl::string_view text, size_t field_bytes) {
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " must not be empty"));
  if (text.size() >= field_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(what, " \"", sys::Printable(text), "\" has ",
                                                   text.size(), " bytes; at most ", field_bytes - 1,
                                                   " are allowed"));
  }
  if (text.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " \"", sys::Printable(text), "\" holds a NUL byte"));
  }
  return absl::OkStatus();
}

struct KeyDescriber {
  std::string operator()(const DmName& name) const {
    return absl::StrCat("dm device \"", sys::Printable(name.text()), "\"");
  }
  std::string operator()(const DmUuid& uuid) const {
    return absl::StrCat("dm device with uuid \"", sys::Printable(uuid.text()), "\"");
  }
  std::string operator()(sys::DeviceNumber device) const {
    return absl::StrCat("dm device ", sys::FormatDeviceNumber(device));
  }
};

}  // namespace

absl::StatusOr<DmName> DmName::Create(absl::string_view text) {
  const absl::Status length = CheckLength("dm device name", text, DM_NAME_LEN);
  if (!length.ok()) return length;
  if (text.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("dm device name \"", sys::Printable(text), "\" holds a '/'"));
  }
  if (text == DM_CONTROL_NODE || text == "." || text == "..") {
    return absl::InvalidArgumentError(absl::StrCat(
        "dm device name \"", text, "\" is reserved: it means something else under /dev/mapper"));
  }
  return DmName(std::string(text));
}

absl::StatusOr<DmUuid> DmUuid::Create(absl::string_view text) {
  const absl::Status length = CheckLength("dm device uuid", text, DM_UUID_LEN);
  if (!length.ok()) return length;
  return DmUuid(std::string(text));
}

absl::StatusOr<TargetType> TargetType::Create(absl::string_view text) {
  const absl::Status length = CheckLength("target type", text, DM_MAX_TYPE_NAME);
  if (!length.ok()) return length;
  return TargetType(std::string(text));
}

std::string Describe(const DeviceKey& key) { return std::visit(KeyDescriber{}, key); }

bool Version::IsAtLeast(uint32_t want_major, uint32_t want_minor, uint32_t want_patch) const {
  return std::tie(major, minor, patch) >= std::tie(want_major, want_minor, want_patch);
}

std::string FormatVersion(const Version& version) {
  return absl::StrCat(version.major, ".", version.minor, ".", version.patch);
}

}  // namespace dmkit::dm
