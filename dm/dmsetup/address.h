// SPDX-License-Identifier: Apache-2.0
// Which device a command means, and how its refusal by the kernel is told.

#ifndef DMKIT_DM_DMSETUP_ADDRESS_H_
#define DMKIT_DM_DMSETUP_ADDRESS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/dmsetup/context.h"
#include "dm/types.h"

namespace dmkit::dm::dmsetup {

// What libdevmapper prints of a device: the name, uuid and number that the command was given, in
// the kernel's form. One of them is set, and `number` beside the name of a device just created.
struct Address {
  std::string name;
  std::string uuid;
  std::optional<sys::DeviceNumber> number;

  // The device number, else the uuid, else the name. What no device can have (an empty name, a name
  // "control") becomes the number 0:1, which no device has either: the kernel refuses it alike.
  DeviceKey Key() const;
};

// A name or a uuid as the kernel gets it; nothing after an error, which was told.
std::optional<std::string> KernelName(Context& context, const std::string& name);
std::optional<std::string> KernelUuid(Context& context, const std::string& uuid);

// The device that `argument` names: a device name, which is mangled, or a path, which leads to a
// name by its device number. Where there is no argument, the one of -u or -j and -m. Nothing when
// none is named or it cannot be found; the lines that say so were printed.
std::optional<Address> FindDevice(Context& context, const std::string* argument);
// The same with the first of `arguments`, if there is one.
std::optional<Address> FindDevice(Context& context, absl::Span<const std::string> arguments);

// What a problem with `device` is about: its name, else its uuid, else its number.
std::string ObjectOf(const Address& device);

// Whether findings leave the device out: it was in a list, and is gone.
bool IsLeftOut(const Context& context, const absl::Status& status);

// Tells of a failure as libdevmapper does: "device-mapper: VERB ioctl on NAME  failed: ...", with
// the text of the errno. VERB is libdevmapper's word for the command ("reload", "info",
// "waitevent"). A request that our own client found invalid is EINVAL, as the kernel would have
// answered; any other status without errno is told by its message. EINTR is told in findings alone.
void Refused(Context& context, absl::string_view verb, const Address& device,
             const absl::Status& status);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_ADDRESS_H_
