// SPDX-License-Identifier: Apache-2.0
// The kernel's own words for loop devices: the only file here that may include <linux/*.h>. Sizes
// and offsets that the codec relies on are asserted. Nothing in the interface is newer than
// LOOP_CONFIGURE (5.8), which Debian 12's headers (6.1) have.

#ifndef DMKIT_LOOP_UAPI_H_
#define DMKIT_LOOP_UAPI_H_

#include <sys/ioctl.h>
//
#include <linux/fs.h>
#include <linux/loop.h>

#include <cstddef>
#include <cstdint>

namespace dmkit::loop {

static_assert(sizeof(loop_info64) == 232);
static_assert(offsetof(loop_info64, lo_device) == 0);
static_assert(offsetof(loop_info64, lo_inode) == 8);
static_assert(offsetof(loop_info64, lo_rdevice) == 16);
static_assert(offsetof(loop_info64, lo_offset) == 24);
static_assert(offsetof(loop_info64, lo_sizelimit) == 32);
static_assert(offsetof(loop_info64, lo_number) == 40);
static_assert(offsetof(loop_info64, lo_encrypt_type) == 44);
static_assert(offsetof(loop_info64, lo_encrypt_key_size) == 48);
static_assert(offsetof(loop_info64, lo_flags) == 52);
static_assert(offsetof(loop_info64, lo_file_name) == 56);
static_assert(sizeof(loop_config) == 304);
static_assert(offsetof(loop_config, fd) == 0);
static_assert(offsetof(loop_config, block_size) == 4);
static_assert(offsetof(loop_config, info) == 8);
static_assert(LOOP_CONFIGURE == 0x4C0A);
static_assert(LOOP_CTL_GET_FREE == 0x4C82);

// LOOP_MAJOR of <linux/major.h>.
inline constexpr uint32_t kLoopMajor = 7;
// Minor numbers have 20 bits: LOOP_CTL_ADD refuses more.
inline constexpr uint32_t kNumberMax = 0xFFFFF;
// What fits into lo_file_name beside its NUL.
inline constexpr size_t kFileNameMax = LO_NAME_SIZE - 1;

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_UAPI_H_
