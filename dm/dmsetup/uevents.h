// SPDX-License-Identifier: Apache-2.0
// What every command that makes a uevent has in common: waiting for udevd as the options say, and
// the node in /dev/mapper afterwards. No ioctl that changes anything belongs here.

#ifndef DMKIT_DM_DMSETUP_UEVENTS_H_
#define DMKIT_DM_DMSETUP_UEVENTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "dm/dmsetup/context.h"
#include "dm/udev_nodes.h"
#include "dm/udev_sync.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

// The synchronisation that the options and the environment ask for. Nothing when they name a cookie
// that there is none of; the lines that say so were printed, and no ioctl is to follow. That there
// is no semaphore is said once, and is no reason to stop.
std::optional<UdevSync> OpenSync(Context& context);

// Says, once, that udevd is there and DM_DISABLE_UDEV is set, where it is so.
void TellUdevDisabled(Context& context);

// A cookie as messages have it, "223154740 (0xd4d1234)".
std::string DescribeCookie(uint32_t cookie);

// Tells why the semaphore of `cookie` cannot be used: the status is FindUdevCookie's or
// CompleteUdevCookie's.
void TellWrongCookie(Context& context, uint32_t cookie, const absl::Status& status);

// Tells why no semaphore could be made: the status is CreateUdevCookie's.
void TellNoSemaphore(Context& context, const absl::Status& status);

// Waits, and brings the node in line. Warnings and errors are printed; they are no failure of the
// command, since the device is as it should be.
void Settle(Context& context, UdevSync& sync, const NodeChange& change);

// Waits only: for an operation after which nodes are nobody's business here. A warning is printed.
void AwaitUdevd(Context& context, UdevSync& sync);

// Tells why the node of the device `name` could not be made or renamed.
void TellNodeError(Context& context, const std::string& name, const absl::Status& status);

// The node of a device that was made or resumed, with the owner and mode that the options ask for.
NodeChange MadeNode(const Context& context, const std::string& name, sys::DeviceNumber device);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_UEVENTS_H_
