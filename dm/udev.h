// SPDX-License-Identifier: Apache-2.0
// The 32 bits that tell udev what to do with the uevent of a resume, rename or remove. Bits only:
// the semaphore half of the cookie protocol does not belong here.

#ifndef DMKIT_DM_UDEV_H_
#define DMKIT_DM_UDEV_H_

#include <cstdint>

namespace dmkit::dm {

// Flags and cookie that go to udev with the uevent of resume, rename and remove: the 32 bits that
// the kernel passes on as DM_COOKIE. 0: no variable at all.
struct UdevCookie {
  uint32_t value = 0;
  friend bool operator==(UdevCookie a, UdevCookie b) { return a.value == b.value; }
};

// The flags, in the upper 16 bits of a cookie. The rules that come with libdevmapper (10-dm.rules)
// read them; the lower 16 bits name the semaphore, 0 for none.
inline constexpr uint32_t kUdevDisableDmRules = 0x0001u << 16;
inline constexpr uint32_t kUdevDisableSubsystemRules = 0x0002u << 16;
inline constexpr uint32_t kUdevDisableDiskRules = 0x0004u << 16;
inline constexpr uint32_t kUdevDisableOtherRules = 0x0008u << 16;
inline constexpr uint32_t kUdevLowPriority = 0x0010u << 16;
inline constexpr uint32_t kUdevDisableLibraryFallback = 0x0020u << 16;
inline constexpr uint32_t kUdevPrimarySource = 0x0040u << 16;

// The cookie with no semaphore and only the flags that a layer device wants, so that udevd's rules
// do not probe it: DISABLE_SUBSYSTEM_RULES, DISABLE_DISK_RULES, DISABLE_OTHER_RULES,
// PRIMARY_SOURCE. Without the last one the rules take the event for a spurious one and make no
// link.
inline UdevCookie QuietCookie() {
  return UdevCookie{kUdevDisableSubsystemRules | kUdevDisableDiskRules | kUdevDisableOtherRules |
                    kUdevPrimarySource};
}

}  // namespace dmkit::dm

#endif  // DMKIT_DM_UDEV_H_
