// SPDX-License-Identifier: Apache-2.0
// What the udevd of this host, if there is one, does for device-mapper: whether it makes links, and
// whether it counts cookies down where this process can see it. Reads files only, changes nothing.

#ifndef DMKIT_DM_UDEV_HOST_H_
#define DMKIT_DM_UDEV_HOST_H_

#include <string>

#include "sys/host.h"

namespace dmkit::dm {

// The socket of a udevd; one that was killed leaves it behind.
inline constexpr char kUdevdSocket[] = "/run/udev/control";

// Why nobody would count the semaphore of a cookie down, as a part of a sentence ("no udevd runs");
// empty when udevd will. Looked at: kUdevdSocket; the rule 95-dm-notify.rules in the places where
// udevd looks, and the program that it runs; the IPC namespaces of this process and of udevd, since
// semaphores are not seen across them; whether a udevd lives. What cannot be found out counts as
// fine: the waiting has a deadline. Does not block.
std::string WhyUdevCannotNotify(const sys::Host& host);

// Whether a udevd runs whose rules make the links in /dev/mapper. No for one in another IPC
// namespace, which is that of a host around this container and has a /dev of its own. Without its
// socket or its rule in sight it is no, too: then the caller makes the node.
bool UdevMakesLinks(const sys::Host& host);

// Whether the udevd that there was when a wait began has ended. False when that cannot be told.
bool UdevdHasEnded(const sys::Host& host);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UDEV_HOST_H_
